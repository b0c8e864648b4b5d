# SPDX-License-Identifier: MIT OR Apache-2.0
"""Faults of the signal channel: what an MQTT broker or the way to it may do while a device updates."""

import hashlib
import threading
import time

from .packets import FROM_BROKER

SIZE, CLEAN_SIZE = 60_000, 70_001


def offer_case(bench, device, case, size):
    device.push_fault(case, size, bench.faults.digest(size), bench.faults.token())


def outcome(bench, device, size):
    """`right bytes`, or what went wrong."""
    reply = device.fetch_all(limit_s=60)
    same = hashlib.md5(device.content()).hexdigest() == bench.faults.digest(size)["md5"]
    if reply.intact and reply.longest > 1500:
        return f"a call took {reply.longest:.0f} ms"
    return "right bytes" if same and device.verdict() == (0, 1) else f"n={reply.n} bytes={reply.bytes}"


def later(seconds, act):
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def reconnected(device, connections):
    """Waits until the device has signed in and subscribed once more."""
    def back():
        numbers = [p.connection for p in device.proxy.list("SUBACK", FROM_BROKER)]
        return device.proxy.connections > connections and numbers.count(max(numbers)) >= 4
    device.pump(back, "the device's return", 30)


def interrupted(disturb, mend=None):
    """A case whose broker link is disturbed in mid-download, and mended after it."""
    def run(bench, device):
        device.up()
        offer_case(bench, device, "drip", SIZE)
        before = device.proxy.connections
        timer = later(1.0, lambda: disturb(bench, device))
        got = outcome(bench, device, SIZE)
        timer.join()
        if mend:
            mend(bench, device)
        reconnected(device, before)
        return got
    return run


def frozen(state):
    def act(_, device):
        device.proxy.frozen = state
        if not state:
            device.proxy.drop_all()
    return act


def refuse_a_while(_, device):
    device.proxy.refusing = True
    device.proxy.drop_all()
    later(2.0, lambda: setattr(device.proxy, "refusing", False))


def restart(bench, _):
    bench.broker.stop()
    time.sleep(1)
    bench.broker.start()


def duplicate(bench, device):
    device.up()
    for _ in range(3):
        offer_case(bench, device, "ok", SIZE)
    return outcome(bench, device, SIZE)


def while_fetching(bench, device):
    device.up()
    offer_case(bench, device, "drip", SIZE)
    device.fetch(timeout_s=0)
    offer_case(bench, device, "ok", CLEAN_SIZE)
    return outcome(bench, device, SIZE)


def with_proxy(**attributes):
    def run(bench, device):
        for name, value in attributes.items():
            setattr(device.proxy, name, value)
        device.up()
        offer_case(bench, device, "ok", SIZE)
        return outcome(bench, device, SIZE)
    return run


def garbage(data):
    return interrupted(lambda _, device: device.proxy.inject(data))


# name: (what happens, function). Each has to end with the right bytes.
CASES = {
    "mqtt-drop": ("the link is cut in mid-download", interrupted(lambda _, d: d.proxy.drop_all())),
    "mqtt-drop-refused": ("the link is cut, and new ones are refused for 2 s", interrupted(refuse_a_while)),
    "mqtt-duplicate": ("the offer comes three times", duplicate),
    "mqtt-other-offer": ("another offer comes in mid-download: it waits its turn", while_fetching),
    "mqtt-delay": ("every packet is held back for 0.3 s", with_proxy(delay=0.3)),
    "mqtt-bytewise": ("every packet comes byte by byte", with_proxy(bytewise=True)),
    "mqtt-half-open": ("the link goes dead without an end, then is reset", interrupted(frozen(True), frozen(False))),
    "mqtt-garbage": ("bytes that are no MQTT", garbage(b"\xff" * 64)),
    "mqtt-endless-length": ("a remaining length that never ends", garbage(b"\x30" + b"\xff" * 8)),
    "mqtt-restart": ("the broker restarts in mid-download", interrupted(restart)),
}


def run(bench, name):
    """One case and a clean update after it: (got, again)."""
    device = bench.device()
    try:
        got = CASES[name][1](bench, device)
        device.proxy.delay = 0.0
        offer_case(bench, device, "ok", CLEAN_SIZE)
        return got, outcome(bench, device, CLEAN_SIZE)
    finally:
        device.driver.close()
        device.proxy.close()
