# SPDX-License-Identifier: MIT OR Apache-2.0
"""Faults of the signal channel: what an MQTT broker or the way to it may do while a device updates."""

import concurrent.futures
import dataclasses
import itertools
import os
import threading
import time
import typing

from . import liars
from .broker import offer, upgrade_topic
from .packets import FROM_BROKER
from .proc import wait_until
from .proxy import RecordingProxy

SIZE = 60_000
PRODUCT_KEY = "a1TestProdK"
numbers = itertools.count(1)


def names():
    """A device name that nothing else uses."""
    return f"fault-{os.getpid()}-{next(numbers)}"


@dataclasses.dataclass
class Fault:
    """What happens, 1 s after the first offer; the download then takes some seconds more where it `drips`."""

    about: str
    disturb: typing.Callable = None
    mend: typing.Callable = None
    proxy: dict = dataclasses.field(default_factory=dict)
    drips: bool = True
    repeat: int = 1
    # Whether the device has to connect and subscribe again.
    breaks: bool = True


class Link:
    """What a disturbance works on."""

    def __init__(self, bench, name):
        self.bench, self.name, self.proxy = bench, name, RecordingProxy(bench.broker.port)

    def subscribed_anew(self):
        """Whether the newest of several connections has subscribed all topics."""
        seen = [p.connection for p in self.proxy.list("SUBACK", FROM_BROKER)]
        return self.proxy.connections > 1 and seen.count(self.proxy.connections) >= 4


def frozen(state):
    def act(link):
        link.proxy.frozen = state
        if not state:
            link.proxy.drop_all()
    return act


def drop(link):
    link.proxy.drop_all()


def refuse_a_while(link):
    link.proxy.refusing = True
    link.proxy.drop_all()
    timer = threading.Timer(2.0, lambda: setattr(link.proxy, "refusing", False))
    timer.daemon = True
    timer.start()


def restart(link):
    link.bench.broker.stop()
    time.sleep(1)
    link.bench.broker.start()


def inject(data):
    return lambda link: link.proxy.inject(data)


def other_offer(link):
    """Of the image that is checked afterwards: the device fetches it once the first one is complete."""
    link.bench.broker.publish(upgrade_topic(PRODUCT_KEY, link.name), offer(len(link.next), "3.0.0", link.next_url,
                                                                           liars.md5(link.next)))


# Each has to end with the right bytes.
CASES = {
    "mqtt-drop": Fault("the link is cut in mid-download", drop),
    "mqtt-drop-refused": Fault("the link is cut, and new ones are refused for 2 s", refuse_a_while),
    "mqtt-duplicate": Fault("the offer comes three times", drips=False, repeat=3, breaks=False),
    "mqtt-other-offer": Fault("another offer comes in mid-download: it waits its turn", other_offer, breaks=False),
    "mqtt-delay": Fault("every packet is held back for 0.3 s", proxy={"delay": 0.3}, drips=False, breaks=False),
    "mqtt-bytewise": Fault("every packet comes byte by byte", proxy={"bytewise": True}, drips=False, breaks=False),
    "mqtt-half-open": Fault("the link goes dead without an end, then is reset", frozen(True), frozen(False)),
    "mqtt-garbage": Fault("bytes that are no MQTT", inject(b"\xff" * 64)),
    "mqtt-endless-length": Fault("a remaining length that never ends", inject(b"\x30" + b"\xff" * 8)),
    "mqtt-restart": Fault("the broker restarts in mid-download", restart),
}


def run(bench, client, fault, path, clean):
    """One case, and a clean update after it: (Done, Done, Timed)."""
    link = Link(bench, names())
    for name, value in fault.proxy.items():
        setattr(link.proxy, name, value)
    image, faults = liars.image(SIZE), bench.faults
    first = faults.url("drip" if fault.drips else "ok", SIZE, faults.token())
    second = faults.url("ok", len(clean), faults.token())
    link.next, link.next_url = clean, second
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            job = pool.submit(client.fetch, link.proxy.port, link.name, path, (first, SIZE, liars.md5(image)),
                              (second, len(clean), liars.md5(clean)), 4, fault.repeat)
            if fault.disturb:
                wait_until(lambda: link.proxy.list("PUBLISH", FROM_BROKER, topic=upgrade_topic(PRODUCT_KEY, link.name)),
                           30, "the offer")
                time.sleep(1)
                fault.disturb(link)
            if fault.mend:
                # The download, over another connection, ends meanwhile; the next offer needs the link again.
                time.sleep(8)
                fault.mend(link)
            done = job.result()
        if fault.breaks and not link.subscribed_anew():
            raise AssertionError("the device has not come back")
        return done
    finally:
        link.proxy.close()
