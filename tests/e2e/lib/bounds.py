# SPDX-License-Identifier: MIT OR Apache-2.0
"""How long calls take beyond their time, and a cancel from another thread until it is obeyed, in each state of a fetch."""

import dataclasses

from . import liars
from .bench import CHUNK

SIZE = 60_000


@dataclasses.dataclass
class Measured:
    """Milliseconds, for one state."""

    state: str
    overrun: float      # the worst of the timed calls, beyond their time
    call: str           # which one that was
    cancel: float       # from the cancel to the return of the call that waited
    code: int           # otakit_linkkit_ota_failure afterwards


def measure(bench):
    """Measures every state; yields a Measured each. The bench has a fault server."""
    digest = bench.faults.digest(SIZE)
    silent = liars.Listener(lambda connection, _: liars.hang(connection))
    bench.addCleanup(silent.close)

    def faults(case):
        return bench.faults.url(case, SIZE, bench.faults.token())

    states = [
        ("connect", "http://hang.test/image"),
        ("tls", f"https://localhost:{silent.port}/image"),
        ("header", faults("silent-always")),
        ("body, first byte", faults("stall-always")),
        ("body, later byte", faults("stall-long")),
        ("back-off", faults("503-retry-after-huge")),
        ("fresh URL awaited", faults("status-403")),
        ("slow", faults("drip-slow")),
        ("paused", faults("ok")),
    ]
    for state, url in states:
        device = bench.device(program="driver_over_shim", options={}).up()
        if state == "paused":
            device.call("pause", device.h)
        device.offer(_Image(digest), url=url)
        calls = [("FetchYield 0 s", 0, device.fetch(timeout_s=0)) for _ in range(3)]
        for _ in range(SIZE // CHUNK + 2):
            reply = device.fetch(timeout_s=1)
            calls.append(("FetchYield 1 s", 1000, reply))
            if reply.n == 0:
                break
        for wanted in (10, 100):
            calls.append((f"IOT_MQTT_Yield {wanted} ms", wanted, device.call("yield", device.m, wanted)))
        name, wanted, reply = max(calls, key=lambda each: each[2].ms - each[1])
        end = device.call("cancel-fetch", device.h, CHUNK, 10, 300)
        yield Measured(state, max(0.0, reply.ms - wanted), name, float(end.late), end.failure)
        device.driver.close()
        device.proxy.close()


class _Image:
    name = "image"

    def __init__(self, digest):
        self.size, self.md5 = digest["size"], digest["md5"]
