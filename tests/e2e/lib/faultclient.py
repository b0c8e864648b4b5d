# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fault client (tests/c/faults) as an object: updates at once in one process, each of its timed calls measured."""

import dataclasses
import itertools
import threading

from .context import CONTEXT
from .proc import Process, wait_until

# What the library promises, in ms; the client looks into what is beyond the first.
BOUND_MS, CANCEL_MS = 50, 100
# No call may take longer, whatever a server does.
DEADLINE_MS = 60_000


@dataclasses.dataclass
class Timed:
    """The timed calls of one job, in ms. `shared` is how much of `worst` a bare wait in the same process was late, too;
    `own` the most that no bare wait shared, among the calls that were late by more than 50 ms."""

    calls: int
    worst: float
    shared: float
    call: str
    own: float
    own_call: str

    @classmethod
    def read(cls, words):
        calls, worst, shared, call, own, own_call = words
        return cls(int(calls), float(worst), float(shared), call, float(own), own_call)


@dataclasses.dataclass
class Done:
    """One update that ended: otakit_download_file's code, or the failure of a device's session."""

    code: int
    bytes: int
    ms: float
    verdict: int = 1


@dataclasses.dataclass
class Cancelled:
    """What became of an update that another thread cancelled; `late` is the cancel as a call of no time."""

    code: int
    late: Timed
    timed: Timed


class Client:
    """A process of the client. Every method may be called from many threads."""

    def __init__(self, options=(), ca=None, keys=(), program="fault_client"):
        self._process = Process([CONTEXT.program(program)], stdin=True)
        self._lock, self._tags = threading.Lock(), itertools.count(1)
        self._results, self._taken = {}, 0
        for option, value in dict(options).items():
            self._say("option", option, value)
        if ca:
            self._say("ca", ca)
        for key in keys:
            self._say("trust", key)

    def _say(self, *words):
        try:
            self._process.child.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.child.stdin.flush()
        except OSError:
            raise AssertionError(f"the client is gone: {self._process.tail()}") from None

    def _run(self, name, *words, limit_s):
        with self._lock:
            tag = f"g{next(self._tags)}"
            self._say(name, tag, *words)
        return wait_until(lambda: self._result(tag), limit_s, f"the end of {name} {words}", step=0.02)

    def _result(self, tag):
        with self._lock:
            alive = self._process.alive()
            lines = self._process.out_lines
            while self._taken < len(lines):
                kind, *words = lines[self._taken].split()
                key = words.pop(0) if kind == "done" else kind
                self._results[key] = words
                self._taken += 1
            if tag not in self._results and not alive:
                raise AssertionError(f"the process died ({self._process.child.poll()}): {self._process.tail()}")
            return self._results.pop(tag, None)

    def get(self, url, size, digest, path):
        """otakit_download_file: (Done, Timed)."""
        words = self._run("get", url, size, digest, path, path + ".journal", limit_s=DEADLINE_MS / 1000 + 30)
        return Done(int(words[0]), int(words[1]), float(words[2])), Timed.read(words[3:])

    def fetch(self, port, name, path, first, second, attempts=4, repeat=1):
        """Two updates of a Link Kit device, each (URL, size, digest), by IOT_OTA_FetchYield: (Done, Done, Timed)."""
        words = self._run("fetch", port, name, attempts, repeat, path, *first, *second, limit_s=250)
        code, verdict, count, ms, *again = words
        return (Done(int(code), int(count), float(ms), int(verdict)),
                Done(int(again[0]), int(again[2]), 0, int(again[1])), Timed.read(again[3:]))

    def cancel(self, port, name, path, way, url, size, digest, after_ms=300, length=5000, signature="-"):
        """An update that another thread cancels after a while: Cancelled."""
        words = self._run("cancel", port, name, way, length, after_ms, path, url, size, digest, signature, limit_s=120)
        return Cancelled(int(words[0]), Timed.read(words[1:7]), Timed.read(words[7:]))

    def sweep(self, path, url, size, digest, reference, first, last, step):
        """Downloads with every step-th number from `first` to `last` in place of `@` in the URL: (number of them that
        went wrong, the first of those, its code, Timed)."""
        words = self._run("sweep", path, url, size, digest, reference, first, last, step, limit_s=3600)
        return int(words[0]), int(words[1]), int(words[2]), Timed.read(words[3:])

    def control(self):
        """The worst lateness of a bare wait in this process so far, in ms."""
        self._say("control")
        return float(wait_until(lambda: self._result("control"), 10, "the control's figure")[0])

    def close(self):
        """Ends it in good order."""
        if self._process.alive():
            self._process.child.stdin.close()
        code = self._process.wait(30)
        if code != 0:
            raise AssertionError(f"the client ended with {code}: {self._process.tail()}")
