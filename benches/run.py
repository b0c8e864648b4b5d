#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures the library against what people would use instead, side by side on this machine.

    benches/run.py --build DIR [--runs 5] [--sizes FILE] [--gate BASELINE | --write-baseline BASELINE] [--only PART]...

DIR is a CMake build directory made with OTAKIT_BUILD_BENCHES=ON. Each figure of time is the median over interleaved
runs, ours and the peer's in turn, and each ratio is taken pair by pair: a machine whose speed drifts then hurts both
alike. Wall seconds of ours are those of the firmware's loop, from the offer's arrival to the verdict; CPU seconds those
of the whole process.
Prints one table and writes DIR/bench.json and, with --markdown, the table between the markers of that file.

--gate measures only what does not depend on the machine's load, instructions and sizes, and fails when a figure exceeds
the baseline's by more than 5 %.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "e2e"))

from lib.broker import Mosquitto  # noqa: E402
from lib.ca import GOOD, Authority  # noqa: E402
from lib.origin import Nginx  # noqa: E402

from memory import memory  # noqa: E402

MIB = 1 << 20
BEGIN, END = "<!-- bench begin -->", "<!-- bench end -->"
TOLERANCE = 1.05
# The reference SDK's figures, taken with the same loop on one machine: wall seconds of 256 MiB beside those of the same
# `curl | md5sum`. Only ratios carry over.
REFERENCE_CURL = {"HTTP": 0.48, "HTTPS": 0.70}
REFERENCE = [("HTTP", 1024, 2.28), ("HTTP", 5000, 2.13), ("HTTP", 65536, 2.11), ("HTTPS", 5000, 3.92)]
REFERENCE_FASTER = {"HTTP": 4.4, "HTTPS": 5.0}
REFERENCE_INSTRUCTIONS = 83 * MIB


class Table:
    """The figures, in the order in which they were taken."""

    def __init__(self):
        self.rows = []

    def add(self, figure, ours, peer=None, ratio=None, goal=None, unit="", note=""):
        """`goal` bounds the ratio where there is a peer, else the figure itself; None: nothing was promised."""
        if ratio is None and peer:
            ratio = ours / peer
        measured = ours if ratio is None else ratio
        met = None if goal is None else measured <= goal
        self.rows.append({"figure": figure, "ours": ours, "peer": peer, "ratio": ratio, "goal": goal, "met": met,
                          "unit": unit, "note": note})
        print(self.line(self.rows[-1]), flush=True)

    @staticmethod
    def line(row):
        def number(value):
            if value is None:
                return ""
            return f"{value:.3f}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"
        met = {None: "", True: "met", False: "not met"}[row["met"]]
        goal = "" if row["goal"] is None else f"≤ {number(row['goal'])}"
        cells = [row["figure"], f"{number(row['ours'])} {row['unit']}".strip(), number(row["peer"]),
                 number(row["ratio"]), goal, met, row["note"]]
        return "| " + " | ".join(cells) + " |"

    def markdown(self, figures=None):
        """All rows, or those of the figures named."""
        head = "| figure | ours | peer | ratio | goal | | note |\n|---|---|---|---|---|---|---|"
        return "\n".join([head] + [self.line(row) for row in self.rows if not figures or row["figure"] in figures])


class Rig:
    """The servers, the images and the program."""

    def __init__(self, build, sizes):
        self.program = os.path.join(build, "benches", "update")
        self.folder = tempfile.TemporaryDirectory(prefix="otakit-bench-")
        self.authority = Authority(self.folder.name)
        self.broker = Mosquitto()
        self.origin = Nginx(authority=self.authority)
        self.digests = {}
        for mib in sizes:
            self._image(mib)

    def _image(self, mib):
        md5, sha256 = hashlib.md5(), hashlib.sha256()
        with open(os.path.join(self.origin.root, f"{mib}.bin"), "wb") as file:
            for _ in range(mib):
                block = os.urandom(MIB)
                file.write(block)
                md5.update(block)
                sha256.update(block)
        self.digests[mib] = {"md5": md5.hexdigest(), "sha256": sha256.hexdigest()}

    def url(self, mib, secure=False):
        return self.origin.url(f"{mib}.bin", GOOD if secure else None)

    def update(self, mib, *options, digest="md5", secure=False):
        """The command line of one update."""
        trust = ["-c", self.authority.ca] if secure else []
        return [self.program, "-p", str(self.broker.port), "-u", self.url(mib, secure), "-z", str(mib * MIB),
                "-d", self.digests[mib][digest], *trust, *map(str, options)]

    def curl(self, mib, tool="md5sum", secure=False):
        """What a user would type."""
        trust = f"--cacert {self.authority.ca} " if secure else ""
        return ["sh", "-c", f"curl -sf {trust}{self.url(mib, secure)} | {tool}"]

    def close(self):
        self.origin.close()
        self.broker.close()
        self.folder.cleanup()


def run(argv):
    """One run: wall and CPU seconds of the whole process, children included, and the JSON lines that it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = [json.loads(line) for line in (done.stderr + done.stdout).splitlines() if line.startswith("{")]
    return wall, cpu, said


def pairs(ours, peer, runs):
    """Medians of interleaved runs after a warm-up: our wall and CPU, the peer's, and the ratios pair by pair."""
    def mine():
        _, cpu, said = run(ours)
        return said[-1]["wall"], cpu
    taken = [(mine(), run(peer)[:2]) for _ in range(runs + 1)][1:]

    def median(of):
        return statistics.median(of(pair) for pair in taken)
    return (median(lambda p: p[0][0]), median(lambda p: p[1][0]), median(lambda p: p[0][0] / p[1][0]),
            median(lambda p: p[0][1]), median(lambda p: p[1][1]), median(lambda p: p[0][1] / p[1][1]))


def throughput(rig, table, runs):
    big = ["-s", "16", "-S", MIB // 16]
    cases = [("HTTP, MD5", {}, "md5sum", (), 1.0, 1.1), ("HTTP, MD5, slots of 1 MiB in all", {}, "md5sum", big, 0.92, None),
             ("HTTP, SHA-256", {"digest": "sha256"}, "sha256sum", (), 1.05, None),
             ("HTTPS, MD5", {"secure": True}, "md5sum", (), 1.1, None)]
    for title, kind, tool, options, wall_goal, cpu_goal in cases:
        secure = kind.get("secure", False)
        wall, peer_wall, wall_ratio, cpu, peer_cpu, cpu_ratio = pairs(
            rig.update(256, *options, **kind), rig.curl(256, tool, secure), runs)
        peer = f"curl \\| {tool}"
        table.add(f"{title}, 256 MiB: wall", wall, peer_wall, wall_ratio, wall_goal, "s", peer)
        table.add(f"{title}, 256 MiB: user+sys", cpu, peer_cpu, cpu_ratio, cpu_goal, "s", peer)


def against_reference(rig, table, runs):
    """How much of the reference SDK's time ours takes, by way of the same peer on both machines."""
    for scheme, buffer, reference in REFERENCE:
        secure = scheme == "HTTPS"
        ratio = pairs(rig.update(256, "-b", buffer, secure=secure), rig.curl(256, secure=secure), runs)[2]
        theirs = reference / REFERENCE_CURL[scheme]
        table.add(f"{scheme}, MD5, buffer of {buffer:,} bytes: wall, in wall seconds of curl", ratio, theirs, None,
                  1 / REFERENCE_FASTER[scheme], note="the reference SDK")


def slow_flash(rig, table, runs):
    """Link and flash both do 2 MB/s: taken one after the other an update would take twice as long as either."""
    rate, mib = 2_000_000, 4
    update = rig.update(mib, "-w", rate)
    update[update.index("-u") + 1] += f"?rate={rate}"
    taken = [[run(argv)[2][-1]["wall"] for argv in (update, update + ["-f"])] for _ in range(max(3, runs // 2))]
    ours, alone = (statistics.median(pair[i] for pair in taken) for i in (0, 1))
    ratio = statistics.median(pair[0] / pair[1] for pair in taken)
    table.add("Link and flash of 2 MB/s, 4 MiB: wall", ours, alone, ratio, 1.15, "s", "the flash alone")


def instructions(rig, mib, secure=False):
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
                               *rig.update(mib, secure=secure)], capture_output=True, text=True, check=True)
    return int(re.search(r"refs:\s+([\d,]+)", done.stderr).group(1).replace(",", ""))


def instructions_per_mib(rig, secure=False):
    """The difference of two sizes: start and sign-in do not count."""
    return (instructions(rig, 17, secure) - instructions(rig, 1, secure)) / 16


def latency(rig, table):
    rounds = 100
    said = run(rig.update(1, "-r", rounds))[2]
    first = sorted(line["first_byte_ms"] for line in said if "first_byte_ms" in line)
    table.add("Push to first byte, p50", first[len(first) // 2], unit="ms", note="through a local broker")
    table.add("Push to first byte, p99", first[int(len(first) * 0.99) - 1], unit="ms")
    ready = sorted(run(rig.update(1))[2][0]["ready_ms"] for _ in range(50))
    table.add("Connect to subscribed, p50", ready[len(ready) // 2], unit="ms", note="sign-in, four topics acknowledged")
    table.add("Connect to subscribed, p99", ready[int(len(ready) * 0.99) - 1], unit="ms")


def scale(rig, table, runs):
    base_rss = base_rate = None
    for sessions in (1, 8, 64):
        taken = [run(rig.update(8, "-n", sessions))[2] for _ in range(max(3, runs // 2))]
        lines = [next(line for line in said if "wall" in line) for said in taken]
        rate = statistics.median(8 * sessions / line["wall"] for line in lines)
        rss = statistics.median(line["rss_kib"] for line in lines)
        base_rss, base_rate = base_rss or rss, base_rate or rate
        more = f"{(rss - base_rss) / (sessions - 1):.0f} KiB for each further session" if sessions > 1 else ""
        table.add(f"{sessions} session(s) of 8 MiB at once: total", rate, unit="MiB/s", note=more)


SIZE_GOALS = {("armv7", "size", "none"): 380_000, ("armv7", "build-std", "none"): 150_000}


def sizes(table, path):
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if len(words) == 4 and words[3].isdigit():
            arch, profile, features, size = words
            goal = SIZE_GOALS.get((arch, profile, features))
            table.add(f"Basic example, stripped: {arch}, profile {profile}, {features}", int(size), goal=goal, unit="B")


def gate_figures(rig, sizes_file):
    figures = {"instructions per MiB, HTTP, MD5": instructions_per_mib(rig)}
    if sizes_file:
        for line in open(sizes_file, encoding="utf-8"):
            words = line.split()
            if len(words) == 4 and words[3].isdigit():
                figures["size " + "/".join(words[:3])] = int(words[3])
    return figures


def gate(figures, baseline):
    """0 when nothing grew by more than the tolerance."""
    with open(baseline, encoding="utf-8") as file:
        allowed = json.load(file)
    worse = 0
    for name, before in sorted(allowed.items()):
        if name not in figures:
            print(f"not measured here: {name}")
            continue
        ratio = figures[name] / before
        verdict = "ok" if ratio <= TOLERANCE else "TOO MUCH"
        worse += ratio > TOLERANCE
        print(f"{verdict}: {name}: {figures[name]:,.0f}, baseline {before:,.0f}, ratio {ratio:.3f}")
    if len(figures.keys() & allowed.keys()) == 0:
        print("no figure of the baseline was measured")
        return 1
    return int(worse > 0)


def write_markdown(path, table, figures=None):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN, 1)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d')}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n{machine}\n\n{table.markdown(figures)}\n{END}{rest.split(END, 1)[1]}")


HEADLINES = {
    "HTTP, MD5, 256 MiB: wall", "HTTP, MD5, 256 MiB: user+sys", "HTTP, MD5, slots of 1 MiB in all, 256 MiB: wall",
    "HTTP, SHA-256, 256 MiB: wall", "HTTPS, MD5, 256 MiB: wall", "Link and flash of 2 MB/s, 4 MiB: wall",
    "HTTP: peak heap, 1 MiB image", "HTTP: peak heap, 2 slots of 1 KiB", "Push to first byte, p50",
    "Basic example, stripped: armv7, profile size, none",
}
PARTS = ("throughput", "reference", "flash", "instructions", "memory", "latency", "scale", "sizes")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--sizes", help="what benches/sizes.sh printed")
    p.add_argument("--markdown", help="write the table between the markers of this file")
    p.add_argument("--readme", help="write the most telling rows between the markers of this file")
    p.add_argument("--only", action="append", choices=PARTS)
    p.add_argument("--gate")
    p.add_argument("--write-baseline")
    args = p.parse_args()
    parts = args.only or PARTS
    short = args.gate or args.write_baseline
    rig = Rig(args.build, (1, 17) if short else (1, 4, 8, 17, 256))
    table = Table()
    try:
        if short:
            figures = gate_figures(rig, args.sizes)
            if args.write_baseline:
                with open(args.write_baseline, "w", encoding="utf-8") as file:
                    json.dump({name: round(value) for name, value in figures.items()}, file, indent=2, sort_keys=True)
                    file.write("\n")
                return 0
            return gate(figures, args.gate)
        if "throughput" in parts:
            throughput(rig, table, args.runs)
        if "reference" in parts:
            against_reference(rig, table, args.runs)
        if "flash" in parts:
            slow_flash(rig, table, args.runs)
        if "instructions" in parts:
            table.add("Instructions per MiB, HTTP, MD5", instructions_per_mib(rig), REFERENCE_INSTRUCTIONS, goal=1.0,
                      note="the reference SDK")
            table.add("Instructions per MiB, HTTPS, MD5", instructions_per_mib(rig, True))
        if "memory" in parts:
            memory(rig, table, run)
        if "latency" in parts:
            latency(rig, table)
        if "scale" in parts:
            scale(rig, table, args.runs)
        if "sizes" in parts and args.sizes:
            sizes(table, args.sizes)
    finally:
        rig.close()
    with open(os.path.join(args.build, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(table.rows, file, indent=2, ensure_ascii=False)
    if args.markdown:
        write_markdown(args.markdown, table)
    if args.readme:
        write_markdown(args.readme, table, HEADLINES)
    print("\n" + table.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
