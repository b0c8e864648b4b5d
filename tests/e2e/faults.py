#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends the library through every fault there is a server for, and prints what came of it and how late calls were.

Each case runs in a long-lived C process of its family, many at a time; then a clean update of another image, into the
same file with the same journal and in the same session, has to work in the same process. What has to come of a case is
one code, listed in lib/faults.codes. `--write FILE` writes the table as a document."""

import argparse
import concurrent.futures
import itertools
import os
import sys
import tempfile
import time

from lib import bounds, broker_faults, liars
from lib.bench import Bench
from lib.ca import Authority
from lib.cloud import FaultServer
from lib.context import CONTEXT
from lib.faultclient import BOUND_MS, DEADLINE_MS, Client
from lib.faultreport import Case, Figures, Row, document, expected_codes, name_of, show

SIZE, CLEAN_SIZE, SWEPT_SIZE = 200_000, 70_001, 65_536
AT_ONCE = 10
# The fault server waits for 150 ms before a RST, so that what it has sent arrives.
SWEPT_AT_ONCE = 100
# How often a case whose calls were late is measured again, alone; the last time counts.
REPEATS = 2
# Pauses of these cases are shortened to 1 s, below the patience of the client.
SHORTENED = {"silent", "stall-in-head", "stall-after-head", "stall"}
# OTAKIT_OPTION_*: attempts, base, cap, connect, answer, stall, minimum rate and its window, deadline.
OPTIONS = {0: 4, 1: 20, 2: 100, 3: 2500, 4: 2500, 5: 2000, 9: 20, 10: 1000, 11: DEADLINE_MS}
# A header that comes byte by byte takes its time; HAL_TCP_Establish has a time of its own, 10 s for each attempt.
OPTIONS_OF = {"header": {4: 8000}, "connect": {0: 2}}
# Statuses of a URL that is not good any more: the platform, silent here, is asked for a fresh one before each new attempt,
# which takes its time. So a device has only one, and one more where the first connection breaks by itself.
REFUSED = ("401", "403", "410")
# Which codes an outcome of the fault server's table may be, as a program sees it.
OUTCOMES = {
    "right bytes": {"OTAKIT_OK"},
    "error:status": {"OTAKIT_ERR_STATUS", "OTAKIT_ERR_EXPIRED"},
    "error:unavailable": {"OTAKIT_ERR_STATUS", "OTAKIT_ERR_CONNECT", "OTAKIT_ERR_BROKEN", "OTAKIT_ERR_TRUNCATED"},
    "error:protocol": {"OTAKIT_ERR_PROTOCOL", "OTAKIT_ERR_ENCODING"},
    "error:length": {"OTAKIT_ERR_LENGTH"},
    "error:range": {"OTAKIT_ERR_RANGE", "OTAKIT_ERR_LENGTH", "OTAKIT_ERR_PROTOCOL"},
    "error:redirect": {"OTAKIT_ERR_REDIRECT"},
    "error:stall": {"OTAKIT_ERR_TIMEOUT", "OTAKIT_ERR_TOO_SLOW"},
    "error:digest": {"OTAKIT_ERR_DIGEST"},
    "error:connect": {"OTAKIT_ERR_CONNECT"},
    "error:certificate": {"OTAKIT_ERR_CERTIFICATE"},
    "error:tls": {"OTAKIT_ERR_TLS"},
}
names = broker_faults.names


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def judge(row, clean, native_again, device_again, path):
    """Fills in what is wrong with a row."""
    case, both = row.case, [done for done in (row.native, row.device) if done]
    for done in both:
        wanted = case.expect_device if done is row.device and case.expect_device else case.expect
        if name_of(done) != wanted:
            row.blame(f"{name_of(done)} in place of {wanted}")
    if row.native and row.native.ms > DEADLINE_MS + BOUND_MS + row.worst.shared:
        row.blame("longer than its deadline")
    if native_again and (native_again.code, read(path)) != (0, clean):
        row.blame(f"no clean update afterwards: {name_of(native_again)}")
    if row.device:
        right = read(path + ".device") == case.content
        if row.device.code == 0 and (row.device.verdict != 1 or not right):
            row.blame("wrong bytes are called valid")
        if row.device.code != 0 and row.device.verdict != 0:
            row.blame("a failed update has no verdict against it")
        if (device_again.code, device_again.verdict, read(path + ".device.again")) != (0, 1, clean):
            row.blame(f"no clean update of the device afterwards: {name_of(device_again)}")


def run(client, devices, case, clean, clean_url, folder, port):
    """One case and the clean update after it, through both APIs: in a process for downloads, and in one for devices."""
    row = Row(case)
    path = os.path.join(folder, f"{case.name}-{next(broker_faults.numbers)}")
    native_url, device_url = case.urls
    try:
        row.native, timed = client.get(native_url(), len(case.content), liars.md5(case.content), path)
        row.timed.append(timed)
        if row.native.code == 0 and read(path) != case.content:
            row.blame("wrong bytes are called valid")
        if row.native.code != 0 and read(path) is not None:
            row.blame("a failed download left an image")
        native_again, timed = client.get(clean_url(), len(clean), liars.md5(clean), path)
        row.timed.append(timed)
        row.device, device_again, timed = devices.fetch(
            port, names(), path + ".device", (device_url(), len(case.content), liars.md5(case.content)),
            (clean_url(), len(clean), liars.md5(clean)), case.attempts)
        row.timed.append(timed)
        judge(row, clean, native_again, device_again, path)
    except AssertionError as problem:
        row.problem = str(problem)
    return row


class Family:
    """The cases of a family, and the processes that they run in. Options are a process's: one for downloads, and one for
    the devices that bear as many failures."""

    def __init__(self, name, cases, authority, folder, clean, clean_url, port):
        self.name, self.cases = name, cases
        self._clean, self._clean_url, self._port = clean, clean_url, port
        self._folder = os.path.join(folder, name)
        os.mkdir(self._folder)
        options = {**OPTIONS, **OPTIONS_OF.get(name, {})}
        self._client = Client(options, authority.ca)
        self._devices = {attempts: Client({**options, 0: attempts}, authority.ca)
                         for attempts in {case.attempts for case in cases}}
        self.clients = [self._client, *self._devices.values()]

    def one(self, case):
        return run(self._client, self._devices[case.attempts], case, self._clean, self._clean_url, self._folder, self._port)

    def all(self):
        # The long ones first, so that they do not come last.
        slow = ("always", "black-hole", "stall", "silent", "slow", "drip", *REFUSED)
        order = sorted(self.cases, key=lambda c: not any(word in c.name for word in slow))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            rows = {row.case.name: row for row in pool.map(self.one, order)}
        return [rows[case.name] for case in self.cases]


class Devices(Bench):
    """A broker and a fault server for what is not HTTP."""

    FAULTS = True


def run_broker_faults(bench, client, wanted, clean, codes):
    """The signal channel's faults through the Link Kit API, as rows."""
    rows = []
    for name, fault in broker_faults.CASES.items():
        if wanted(name):
            row = Row(Case("mqtt", name, fault.about, codes.get(name, "?"), liars.image(broker_faults.SIZE)))
            path = os.path.join(bench.scratch, name)
            try:
                row.device, again, timed = broker_faults.run(bench, client, fault, path + ".device", clean)
                row.timed.append(timed)
                judge(row, clean, None, again, path)
            except AssertionError as problem:
                row.problem = str(problem)
            rows.append(row)
    return rows


def sweep(faults, folder, wanted, step):
    """Connections that break at every byte offset: (name, downloads, wrong ones), and what failed."""
    content = liars.image(SWEPT_SIZE)
    reference = os.path.join(folder, "reference")
    with open(reference, "wb") as f:
        f.write(content)
    client, done, failed = Client({**OPTIONS, 1: 0, 2: 0}), [], []
    parts = SWEPT_AT_ONCE
    head = faults.head_length("ok", SWEPT_SIZE)
    for name, case, last in (("RST at each byte of the answer's head", "reset-in-head", head),
                             (f"RST at {'every byte offset' if step == 1 else f'one in {step} byte offsets'} of 64 KiB", "rst",
                              SWEPT_SIZE),
                             (f"FIN at one in {61 * step} byte offsets of 64 KiB", "cut", SWEPT_SIZE)):
        if not wanted("sweep-" + case):
            continue
        stride = {"reset-in-head": 1, "rst": step, "cut": 61 * step}[case]
        token = f"sweep-{case}-@"
        url = faults.url(case, SWEPT_SIZE, token, at="@")
        with concurrent.futures.ThreadPoolExecutor(parts) as pool:
            results = list(pool.map(lambda n: client.sweep(
                os.path.join(folder, f"swept-{n}"), url, SWEPT_SIZE, liars.md5(content), reference, n * stride, last,
                parts * stride), range(parts)))
        wrong = sum(each[0] for each in results)
        done.append((name, last // stride + 1, wrong))
        failed += [f"{name}: offset {at}, code {code}" for bad, at, code, _ in results if bad]
    client.close()
    return done, failed


def gather(authority, servers, codes):
    """All cases by family, and the fault server."""
    faults = FaultServer()
    servers.append(faults)
    content = liars.image(SIZE)
    families = {}

    def add(family, name, about, urls, allowed):
        expect, _, on_device = codes.get(name, "?").partition(" ")
        if expect != "?" and not any(expect in OUTCOMES[each] for each in allowed):
            raise SystemExit(f"{name}: {expect} is none of {allowed}")
        attempts = (2 if name.endswith("-mid") else 1) if any(status in name for status in REFUSED) else \
            OPTIONS_OF.get(family, OPTIONS).get(0, OPTIONS[0])
        families.setdefault(family, []).append(Case(family, name, about, expect, content, urls, attempts, on_device))

    for each in faults.cases():
        more = {"seconds": 1} if each["name"] in SHORTENED else {}
        url = lambda name=each["name"], more=more: faults.url(name, SIZE, faults.token(), **more)
        add(each["family"], each["name"], each["about"], (url, url), each["expect"])

    def served(make):
        """The URL of a server of its own for each update."""
        def url():
            address, server = make()
            servers.append(server)
            return address
        return url
    for name, (about, expect, serve) in liars.tls_cases(authority, content).items():
        def tls(serve=serve):
            server = liars.Listener(serve)
            return f"https://localhost:{server.port}/image", server
        add("tls", name, about, (served(tls),) * 2, expect)
    for name, (about, expect, make) in liars.connect_cases(content).items():
        add("connect", name, about, (served(make),) * 2, expect)
    return families, faults


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True, help="build directory with fault_client …")
    parser.add_argument("--cloud", help="otakit-cloud")
    parser.add_argument("--write", metavar="FILE", help="write the table as a document, if every case ran")
    parser.add_argument("--sanitizer", action="store_true", help="the programs are slowed down: calls may be late")
    parser.add_argument("--step", type=int, default=1, help="break only at every so-manyth offset; 1: at every one")
    parser.add_argument("patterns", nargs="*", help="only cases whose name contains one of these")
    return parser.parse_args(argv)


def late(row):
    """Whether a case has to be measured once more, alone, to tell what the machine has to do with it."""
    return not row.problem and row.worst.worst > BOUND_MS and not CONTEXT.sanitizer


def everything(args, folder, servers):
    """Runs it all: (rows, states, the control's worst, sweeps, problems)."""
    codes = expected_codes()
    def wanted(name):
        return not args.patterns or any(pattern in name for pattern in args.patterns)
    authority = Authority(folder)
    families, faults = gather(authority, servers, codes)
    families = {family: kept for family, cases in families.items() if (kept := [c for c in cases if wanted(c.name)])}
    clean = liars.image(CLEAN_SIZE)
    clean_url = lambda: faults.url("ok", CLEAN_SIZE, faults.token())
    Devices.setUpClass()
    bench, rows, measured, problems = Devices(), [], [], []
    try:
        groups = [Family(name, cases, authority, folder, clean, clean_url, bench.broker.port)
                  for name, cases in families.items()]
        broker = Client({**OPTIONS, 3: 10_000, 4: 30_000, 5: 30_000, 9: 0, 11: 0})
        with concurrent.futures.ThreadPoolExecutor(len(groups) + 1) as pool:
            others = pool.submit(run_broker_faults, bench, broker, wanted, clean, codes)
            rows = list(itertools.chain(*pool.map(Family.all, groups), others.result()))
        by_name = {group.name: group for group in groups}
        for at, row in enumerate(rows):
            while late(row) and row.again < REPEATS:
                print(f"again, alone: {row.case.name}: {row.worst.call} was late by {row.worst.worst:.0f} ms, "
                      f"{row.own.own_call} by {row.own.own:.0f} ms of its own")
                again, name = row.again + 1, row.case.name
                if row.case.family == "mqtt":
                    [row] = run_broker_faults(bench, broker, lambda each: each == name, clean, codes)
                else:
                    row = by_name[row.case.family].one(row.case)
                row.again, rows[at] = again, row
            if late(row) and row.own.own > BOUND_MS:
                row.blame(f"{row.own.own_call} was late by {row.own.own:.0f} ms of its own")
        if wanted("bounds"):
            measured = list(bounds.measure(bench, names))
        swept, failed = sweep(faults, folder, wanted, args.step)
        problems += failed
        clients = [client for group in groups for client in group.clients] + [broker]
        control = max(client.control() for client in clients)
        for client in clients:
            client.close()
    finally:
        bench.doCleanups()
        Devices.doClassCleanups()
    return Figures(rows, measured, control, swept), problems


def main(argv):
    args = parse(argv)
    CONTEXT.build, CONTEXT.cloud = os.path.abspath(args.build), args.cloud and os.path.abspath(args.cloud)
    CONTEXT.sanitizer = args.sanitizer
    started, servers = time.monotonic(), []
    # In memory: how long a busy disk takes for an fsync is no matter of the network.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="otakit-faults-", dir=memory) as folder:
        figures, problems = everything(args, folder, servers)
        for server in filter(None, servers):
            server.close()
    show(figures.rows)
    late = bounds.show(figures.measured) if figures.measured else 0
    print()
    for line in figures.lines():
        print(line)
    failed = [row for row in figures.rows if row.problem]
    if args.write and not args.patterns and args.step == 1 and not failed and not late and not problems:
        with open(args.write, "w", encoding="utf-8") as f:
            f.write(document(figures, SIZE, bounds.TIMES, REPEATS))
    for row in failed:
        print(f"FAILED {row.case.family}/{row.case.name} ({row.case.about}): {row.problem}")
    for problem in problems:
        print(f"FAILED {problem}")
    print(f"{time.monotonic() - started:.0f} s")
    wrong = len(failed) + late + len(problems)
    print(f"{len(figures.rows) + len(figures.measured) + len(figures.sweeps) - wrong} passed, {wrong} failed")
    return 1 if wrong or not (figures.rows or figures.sweeps or figures.measured) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
