#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends the library through every fault there is a server for, and prints what came of it.

Each case runs in a long-lived C process of its family, many at a time; then a clean update of another image, into the
same file with the same journal, has to work in the same process. `--write FILE` writes the table as a document."""

import argparse
import concurrent.futures
import dataclasses
import itertools
import os
import sys
import tempfile
import threading
import time

from lib import bounds, broker_faults, liars
from lib.bench import Bench
from lib.ca import Authority
from lib.cloud import FaultServer
from lib.context import CONTEXT
from lib.proc import Process, wait_until

SIZE, CLEAN_SIZE = 200_000, 70_001
AT_ONCE = 10
# No call may take longer, whatever the server does.
DEADLINE_MS = 60_000
# A watcher is called at least every 100 ms; what is beyond that is overrun. Asserted generously: machines are shared.
TICK_MS, SLACK_MS = 100, 1000
# Pauses of these cases are shortened to 1 s, below the patience of the client.
SHORTENED = {"silent", "stall-in-head", "stall-after-head", "stall"}
# OTAKIT_OPTION_*: attempts, base, cap, connect, answer, stall, minimum rate and its window, deadline.
OPTIONS = {0: 4, 1: 20, 2: 100, 3: 2500, 4: 2500, 5: 2000, 9: 20, 10: 1000, 11: DEADLINE_MS}
# A header that comes byte by byte takes its time.
OPTIONS_OF = {"header": {4: 8000}}

NAMES = {0: "OTAKIT_OK", -10: "OTAKIT_ERR_CONNECT", -11: "OTAKIT_ERR_TIMEOUT", -12: "OTAKIT_ERR_BROKEN",
         -13: "OTAKIT_ERR_CERTIFICATE", -14: "OTAKIT_ERR_TLS", -21: "OTAKIT_ERR_STATUS", -22: "OTAKIT_ERR_REDIRECT",
         -23: "OTAKIT_ERR_INSECURE_REDIRECT", -24: "OTAKIT_ERR_LENGTH", -25: "OTAKIT_ERR_RANGE",
         -26: "OTAKIT_ERR_PROTOCOL", -27: "OTAKIT_ERR_ENCODING", -28: "OTAKIT_ERR_TRUNCATED",
         -29: "OTAKIT_ERR_EXPIRED", -30: "OTAKIT_ERR_DIGEST", -33: "OTAKIT_ERR_TOO_SLOW"}
# Which codes an outcome of the fault server's table is, as a program sees it.
OUTCOMES = {
    "right bytes": [0],
    "error:status": [-21, -29],
    "error:unavailable": [-21, -10, -12, -28],
    "error:protocol": [-26, -27],
    "error:length": [-24],
    "error:range": [-25, -24, -26],
    "error:redirect": [-22],
    "error:stall": [-11, -33],
    "error:digest": [-30],
    "error:connect": [-10],
    "error:certificate": [-13],
    "error:tls": [-14],
}


@dataclasses.dataclass
class Done:
    """The end of one call."""

    code: int
    ms: float
    gap: float
    cancel: float
    fetched: int


@dataclasses.dataclass
class Case:
    """What to fetch, and what may come of it."""

    family: str
    name: str
    about: str
    expect: list
    url: str
    content: bytes


@dataclasses.dataclass
class Row:
    """A line of the table."""

    case: Case
    got: str = "-"
    done: Done = None
    again: str = "-"
    problem: str = ""


class Client:
    """A fault_client process: downloads at once, each with a tag."""

    def __init__(self, options, ca):
        self._process = Process([CONTEXT.program("fault_client")], stdin=True)
        self._lock, self._tags = threading.Lock(), itertools.count(1)
        self._results, self._taken = {}, 0
        for option, value in options.items():
            self._say(f"option {option} {value}")
        self._say(f"ca {ca}")

    def _say(self, line):
        try:
            self._process.child.stdin.write(line + "\n")
            self._process.child.stdin.flush()
        except OSError:
            raise AssertionError(f"the client is gone: {self._process.tail()}") from None

    def get(self, url, content, path, cancel_ms=-1):
        """One download; AssertionError when the process dies or the call does not come back."""
        with self._lock:
            tag = f"g{next(self._tags)}"
            self._say(f"get {tag} {url} {len(content)} {liars.md5(content)} {path} {path}.journal {cancel_ms}")
        return wait_until(lambda: self._done(tag), DEADLINE_MS / 1000 + 30, f"the end of {url}", step=0.02)

    def _done(self, tag):
        with self._lock:
            alive = self._process.alive()
            lines = self._process.out_lines
            while self._taken < len(lines):
                _, name, code, ms, gap, cancel, fetched = lines[self._taken].split()
                self._results[name] = Done(int(code), float(ms), float(gap), float(cancel), int(fetched))
                self._taken += 1
            if tag not in self._results and not alive:
                raise AssertionError(f"the process died ({self._process.child.poll()}): {self._process.tail()}")
            return self._results.pop(tag, None)

    def close(self):
        """Ends it in good order."""
        if self._process.alive():
            self._process.child.stdin.close()
        code = self._process.wait(30)
        if code != 0:
            raise AssertionError(f"the client ended with {code}: {self._process.tail()}")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def run(client, case, clean, folder):
    """One case and the clean update after it."""
    row = Row(case)
    path = os.path.join(folder, case.name)
    try:
        row.done = done = client.get(case.url, case.content, path)
        row.got = next((e for e in case.expect if done.code in OUTCOMES[e]), NAMES.get(done.code, str(done.code)))
        if row.got not in case.expect:
            row.problem = "another outcome"
        elif done.code == 0 and read(path) != case.content:
            row.problem = "wrong bytes are called valid"
        elif done.code != 0 and read(path) is not None:
            row.problem = "a failed download left an image"
        elif done.ms > DEADLINE_MS + SLACK_MS:
            row.problem = "longer than its deadline"
        elif done.gap > TICK_MS + SLACK_MS:
            row.problem = f"{done.gap:.0f} ms without a call of the watcher"
        second = client.get(clean.url, clean.content, path)
        row.again = "right bytes" if second.code == 0 and read(path) == clean.content else str(second.code)
        if row.again != "right bytes":
            row.problem = row.problem or "no clean update afterwards"
    except AssertionError as problem:
        row.problem = str(problem)
    return row


def run_family(cases, clean, folder, ca, pool):
    client = Client({**OPTIONS, **OPTIONS_OF.get(cases[0].family, {})}, ca)
    # The long ones first, so that they do not come last.
    slow = ("always", "black-hole", "stall", "silent", "slow", "drip")
    order = sorted(cases, key=lambda c: not any(word in c.name for word in slow))
    rows = {row.case.name: row for row in pool.map(lambda c: run(client, c, clean, folder), order)}
    try:
        client.close()
    except AssertionError as problem:
        rows[cases[-1].name].problem += f" {problem}"
    return [rows[case.name] for case in cases]


class Devices(Bench):
    """Devices over MQTT, with a broker and a fault server."""

    FAULTS = True


def run_devices(wanted):
    """The signal channel's faults through the Link Kit API, as rows; and, where all is wanted, the time bounds."""
    Devices.setUpClass()
    bench, rows, measured = Devices(), [], []
    try:
        for name, (about, _) in broker_faults.CASES.items():
            if not wanted(name):
                continue
            row = Row(Case("mqtt", name, about, ["right bytes"], "", b""))
            started = time.monotonic()
            try:
                row.got, row.again = broker_faults.run(bench, name)
            except AssertionError as problem:
                row.problem = str(problem)
            row.done = Done(0 if row.got == "right bytes" else -1, (time.monotonic() - started) * 1000, 0, -1, 0)
            if (row.got, row.again) != ("right bytes", "right bytes"):
                row.problem = row.problem or "another outcome"
            rows.append(row)
        if wanted("bounds"):
            measured = list(bounds.measure(bench))
    finally:
        bench.doCleanups()
        Devices.doClassCleanups()
    return rows, measured


def show_bounds(measured):
    """Prints the figures; returns how many states are beyond what a busy machine explains."""
    print(f"\n{'state of the fetch':20} {'worst overrun':>13}  {'of':22} {'cancel':>6}   (ms)")
    late = 0
    for m in measured:
        bad = m.overrun > SLACK_MS or not 0 <= m.cancel <= SLACK_MS or m.code != -5
        late += bad
        print(f"{m.state:20} {m.overrun:13.1f}  {m.call:22} {m.cancel:6.0f}{'   FAILED' if bad else ''}")
    print(f"worst overrun of a timed call: {max(m.overrun for m in measured):.1f} ms (goal 50); "
          f"worst cancel: {max(m.cancel for m in measured):.0f} ms (goal 100)")
    return late


def gather(authority, servers):
    """All cases by family."""
    faults = FaultServer()
    servers.append(faults)
    content = liars.image(SIZE)
    families = {}
    for each in faults.cases():
        more = {"seconds": 1} if each["name"] in SHORTENED else {}
        url = faults.url(each["name"], SIZE, faults.token(), **more)
        case = Case(each["family"], each["name"], each["about"], each["expect"], url, content)
        families.setdefault(case.family, []).append(case)
    for name, (about, expect, serve) in liars.tls_cases(authority, content).items():
        server = liars.Listener(serve)
        servers.append(server)
        url = f"https://localhost:{server.port}/image"
        families.setdefault("tls", []).append(Case("tls", name, about, expect, url, content))
    for name, (about, expect, (host, port), server) in liars.connect_cases(content).items():
        if server:
            servers.append(server)
        families.setdefault("connect", []).append(
            Case("connect", name, about, expect, f"http://{host}:{port}/image", content))
    clean = Case("", "ok", "", ["right bytes"], faults.url("ok", CLEAN_SIZE, faults.token()), liars.image(CLEAN_SIZE))
    return families, clean


def show(rows):
    print(f"{'case':36} {'expected':38} {'got':20} {'code':28} {'ms':>7} {'gap':>5} second update")
    for row in rows:
        done = row.done or Done(1, 0, 0, -1, 0)
        print(f"{row.case.name:36} {' | '.join(row.case.expect):38} {row.got:20} "
              f"{NAMES.get(done.code, str(done.code)):28} {done.ms:7.0f} {done.gap:5.0f} {row.again}"
              + (f"   FAILED: {row.problem}" if row.problem else ""))


DOCUMENT = """\
# What the library makes of faults

Written by `make faults`, which runs each of these {count} cases against the library through its C API: an image of
{size} bytes is fetched from a server that fails in one particular way. What has to come of it: the right bytes, or
the error that the case names. Never a crash, never a wrong image called valid, never a call beyond its time; and in
the same process a clean update of another image works afterwards, into the same file with the same journal.

The servers are for other clients too: `otakit-cloud faults` serves each case of the first six families at a URL of
its own.

What an outcome is in the native API (`include/otakit.h`):

| outcome | code |
|---|---|
{legend}
"""


def document(rows):
    """The table as Markdown, without anything that differs from run to run."""
    legend = "\n".join(f"| {name} | {', '.join(f'`{NAMES[code]}`' for code in codes)} |"
                       for name, codes in OUTCOMES.items())
    parts = [DOCUMENT.format(count=len(rows), size=SIZE, legend=legend)]
    for family, group in itertools.groupby(rows, key=lambda row: row.case.family):
        parts.append(f"## {family}\n\n| case | the server | expected | got | second update |\n|---|---|---|---|---|")
        for row in group:
            about = row.case.about.replace("|", "\\|")
            parts.append(f"| {row.case.name} | {about} | {' or '.join(row.case.expect)} | {row.got} | {row.again} |")
        parts.append("")
    return "\n".join(parts)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", required=True, help="build directory with fault_client, driver …")
    parser.add_argument("--cloud", help="otakit-cloud")
    parser.add_argument("--write", metavar="FILE", help="write the table as a document, if every case ran")
    parser.add_argument("patterns", nargs="*", help="only cases whose name contains one of these")
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    CONTEXT.build, CONTEXT.cloud = os.path.abspath(args.build), args.cloud and os.path.abspath(args.cloud)
    started, servers, rows = time.monotonic(), [], []
    # In memory: how long a busy disk takes for an fsync is no matter of the network.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="otakit-faults-", dir=memory) as folder:
        authority = Authority(folder)
        families, clean = gather(authority, servers)
        if args.patterns:
            families = {family: kept for family, cases in families.items()
                        if (kept := [c for c in cases if any(p in c.name for p in args.patterns)])}
        with concurrent.futures.ThreadPoolExecutor(len(families) + 1) as outer:
            devices = outer.submit(run_devices, lambda name: not args.patterns or any(p in name for p in args.patterns))
            def one(item):
                with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                    sub = os.path.join(folder, item[0])
                    os.mkdir(sub)
                    return run_family(item[1], clean, sub, authority.ca, pool)
            for group in outer.map(one, families.items()):
                rows += group
            more, measured = devices.result()
            rows += more
        for server in servers:
            server.close()
    show(rows)
    failed = [row for row in rows if row.problem]
    rows_ms = [row for row in rows if row.done and row.done.gap]
    gap = max(rows_ms, key=lambda row: row.done.gap, default=None)
    if gap:
        print(f"longest time between two calls of a watcher: {gap.done.gap:.0f} ms ({gap.case.name}), "
              f"{max(0, gap.done.gap - TICK_MS):.0f} ms beyond the promised {TICK_MS} ms")
    late = show_bounds(measured) if measured else 0
    if args.write and not args.patterns and not failed:
        with open(args.write, "w") as f:
            f.write(document(rows))
    for row in failed:
        print(f"FAILED {row.case.family}/{row.case.name} ({row.case.about}): {row.problem}")
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{len(rows) + len(measured) - len(failed) - late} passed, {len(failed) + late} failed")
    return 0 if rows and not failed and not late else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
