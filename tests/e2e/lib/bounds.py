# SPDX-License-Identifier: MIT OR Apache-2.0
"""How long calls take beyond their time, and a cancel from another thread until it is obeyed, in each state of a fetch."""

import concurrent.futures
import dataclasses
import hashlib
import os
import tempfile
import time

from . import liars
from .context import CONTEXT
from .faultclient import BOUND_MS, CANCEL_MS, Client, Timed

SIZE, ENDLESS = 60_000, 1 << 32
CANCELLED, SIGNATURE = -5, -31
# How often each state is cancelled; where a cancel races with the last byte, more often.
TIMES, RACES = 3, 10
DATA = os.path.join(os.path.dirname(__file__), "..", "..", "data", "signature")


@dataclasses.dataclass
class Measured:
    """One state: its timed calls, and the worst of its cancels."""

    state: str
    timed: list
    cancels: list
    codes: set
    expect: set

    @property
    def worst(self):
        """The worst timed call, as a Timed."""
        return max(self.timed, key=lambda timed: timed.worst, default=Timed(0, 0, 0, "-", 0, "-"))

    @property
    def cancel(self):
        """The worst cancel, as a Timed."""
        return max(self.cancels, key=lambda timed: timed.worst)

    def problem(self):
        """What is wrong, or an empty text. Lateness that a bare wait shared is the machine's."""
        own = max(timed.own for timed in self.timed) if self.timed else 0
        late = max(timed.own for timed in self.cancels)
        if not self.codes <= self.expect:
            return f"codes {self.codes}"
        if CONTEXT.sanitizer:
            return ""
        if own > BOUND_MS:
            return f"a call was late by {own:.0f} ms of its own"
        return f"a cancel took {late:.0f} ms of its own" if late > CANCEL_MS else ""


def last_byte_later(content):
    """Serves all but the last byte, and 0.4 s later that one."""
    def serve(connection, _):
        if liars.request(connection) is not None:
            connection.sendall(liars.head(0, len(content)) + content[:-1])
            time.sleep(0.4)
            connection.sendall(content[-1:])
    return serve


def measure(bench, names):
    """Measures every state; yields a Measured each. The bench has a broker and a fault server; `names` makes the names
    of devices."""
    # In memory where there is such a place: what a disk takes for its work is no matter of the library.
    memory = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    folder = memory.name
    content = liars.image(SIZE)
    digest, signed = liars.md5(content), hashlib.sha256(content).hexdigest()
    silent = liars.Listener(lambda connection, _: liars.hang(connection))
    late = liars.Listener(last_byte_later(content))
    hole = liars.BlackHole()
    with open(os.path.join(DATA, "rsa3072.sig.b64"), encoding="ascii") as f:
        signature = f.read().strip()
    key = os.path.join(DATA, "rsa3072.pem")
    plain, shim = Client(), Client(program="fault_client_over_shim")
    strict = Client(keys=[key] * 8)

    def faults(case):
        return lambda: bench.faults.url(case, SIZE, bench.faults.token())

    def endless():
        return bench.faults.url("ok", ENDLESS, bench.faults.token())

    def fixed(url):
        return lambda: url

    one = {"size": SIZE, "digest": digest}
    many = {"size": ENDLESS, "digest": digest, "length": 1 << 20}
    # state: client, way, URL, arguments
    states = [
        ("name resolution", plain, "yield", fixed("http://dns-stall.test/image"), one),
        ("connect", plain, "yield", fixed(f"http://127.0.0.1:{hole.port}/image"), one),
        ("connect, a HAL that hangs", shim, "yield", fixed("http://hang.test/image"), one),
        ("TLS handshake", plain, "yield", fixed(f"https://localhost:{silent.port}/image"), one),
        ("header", plain, "yield", faults("silent-always"), one),
        ("body, first byte", plain, "yield", faults("stall-always"), one),
        ("body, later byte", plain, "yield", faults("stall-long"), one),
        ("back-off", plain, "yield", faults("503-retry-after-huge"), one),
        ("fresh URL awaited", plain, "yield", faults("status-403"), one),
        ("slow bytes", plain, "yield", faults("drip-slow"), one),
        ("paused", plain, "paused", faults("ok"), one),
        ("full speed", plain, "yield", endless, many),
        ("into a file, stalled", plain, "file", faults("stall-long"), one),
        ("into a file, full speed", plain, "file", endless, many),
    ]

    def state(name, client, way, url, arguments, times=TIMES, expect=(CANCELLED,)):
        def once(number):
            device = names()
            path = os.path.join(folder, device)
            return client.cancel(bench.broker.port, device, path, way, url(), after_ms=300 + 7 * number, **arguments)
        done = [once(number) for number in range(times)]
        return Measured(name, [each.timed for each in done], [each.late for each in done],
                        {each.code for each in done}, set(expect))

    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            yield from pool.map(lambda each: state(*each), states)
        verdict = {"size": SIZE, "digest": signed, "signature": signature, "length": 4999}
        yield state("verdict, eight RSA keys", strict, "yield", fixed(f"http://127.0.0.1:{late.port}/image"), verdict,
                    RACES, (CANCELLED, SIGNATURE))
    finally:
        for each in (plain, shim, strict, silent, late, hole):
            each.close()
        memory.cleanup()


def show(measured):
    """Prints the figures; returns how many states are wrong."""
    print(f"\n{'state of the fetch':26} {'worst':>6} {'machine':>7}  {'of':26} {'cancel':>6} {'machine':>7}   (ms)")
    for m in measured:
        worst, cancel = m.worst, m.cancel
        print(f"{m.state:26} {worst.worst:6.1f} {worst.shared:7.1f}  {worst.call:26} {cancel.worst:6.1f} "
              f"{cancel.shared:7.1f}" + (f"   FAILED: {m.problem()}" if m.problem() else ""))
    return sum(bool(m.problem()) for m in measured)
