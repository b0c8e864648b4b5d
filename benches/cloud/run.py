#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures otakit-cloud, beside nginx and mosquitto where they do the same, in the same run.

    benches/cloud/run.py --cloud PROGRAM [--runs 5] [--only PART]... [--write FILE]

Parts: pages, origin, devices, start. Prints a table, and saves nothing unless --write names a document with the markers of
this table. Figures are medians of interleaved runs; a ratio is taken pair by pair. Needs chromium, nginx and mosquitto.
"""

import argparse
import datetime
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "e2e"))

from lib.proc import accepts, free_port, wait_until  # noqa: E402

import load  # noqa: E402
import pages  # noqa: E402

BEGIN, END = "<!-- cloud bench: begin, written by make bench-cloud -->", "<!-- cloud bench: end -->"
PRODUCT, SECRET = "a1Bench", "0123456789abcdef0123456789abcdef"
PATIENCE = 60
MIB = 1 << 20
IMAGE = 256 * MIB
DEVICES, LISTED, FILTERS = 5_000, 10_000, 10


class Table:
    """The figures, in the order in which they were taken."""

    def __init__(self):
        self.rows = []

    def add(self, figure, ours, unit, goal=None, peer=None, ratio=None, note=""):
        """`goal` is `≤ n` or `≥ n`, of the ratio where there is one and it is said, else of the figure."""
        measured = ours if ratio is None else ratio
        met = ""
        if goal:
            sign, limit = goal.split()
            good = measured <= float(limit) if sign == "≤" else measured >= float(limit)
            met = "met" if good else "not met"
        cells = [figure, f"{number(ours)} {unit}".strip(), number(peer), number(ratio), goal or "", met, note]
        self.rows.append("| " + " | ".join(cells) + " |")
        print(self.rows[-1], flush=True)

    def text(self):
        return "\n".join(["| figure | ours | peer | ratio | goal | | note |", "|---|---|---|---|---|---|---|", *self.rows])


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def memory(pid):
    """KiB that a process and those that it started hold."""
    pids, total = [pid], 0
    while pids:
        one = pids.pop()
        with open(f"/proc/{one}/status", encoding="utf-8") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        with open(f"/proc/{one}/task/{one}/children", encoding="utf-8") as file:
            pids += map(int, file.read().split())
    return total


class Cloud:
    """A server on loopback with a data directory of its own."""

    def __init__(self, program, folder, devices):
        self.program, self.data = program, os.path.join(folder, "data")
        self.ready, self.log = os.path.join(folder, "ready"), os.path.join(folder, "log")
        self.run("device", "add", PRODUCT, "first", SECRET)
        with sqlite3.connect(os.path.join(self.data, "cloud.db")) as db:
            rows = ((PRODUCT, f"dev-{n:05d}", SECRET, 0) for n in range(devices))
            db.executemany("INSERT INTO device (product, name, secret, created_at) VALUES (?, ?, ?, ?)", rows)
        db.close()

    def run(self, *words):
        done = subprocess.run([self.program, *words, "--data", self.data], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def __enter__(self):
        if os.path.exists(self.ready):
            os.remove(self.ready)
        with open(self.log, "a", encoding="utf-8") as log:
            begin = time.monotonic()
            options = ["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", self.ready, "--data", self.data]
            self.process = subprocess.Popen([self.program, "serve", *options], stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.ready) or self.process.poll() is not None, PATIENCE, "the cloud", 0.002)
        self.started = (time.monotonic() - begin) * 1000
        with open(self.ready, encoding="utf-8") as file:
            where = json.load(file)
        self.url = where["http"]
        self.http, self.mqtt = (int(where[name].rsplit(":", 1)[1]) for name in ("http", "mqtt"))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Peer:
    """nginx or mosquitto, as a process of ours."""

    def __init__(self, name, folder, words, port):
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        self.port, self.log = port, os.path.join(folder, name + ".log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([name, *words], stdout=log, stderr=log, env={**os.environ, "PATH": path})

    def __enter__(self):
        wait_until(lambda: accepts(self.port), PATIENCE, self.log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def nginx(folder, root):
    """With sendfile, as its documentation recommends for large files, and as many workers as processors."""
    port, conf = free_port(), os.path.join(folder, "nginx.conf")
    user = "user root;" if os.geteuid() == 0 else ""
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"daemon off; {user} worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/nginx.error;\n"
                   f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; sendfile on; tcp_nopush on;\n"
                   f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
    return Peer("nginx", folder, ["-p", folder, "-c", conf, "-e", f"{folder}/nginx.error"], port)


def mosquitto(folder):
    """Lets everybody in: it has less to do than a server that checks who signs in."""
    port, conf = free_port(), os.path.join(folder, "mosquitto.conf")
    user = "user root\n" if os.geteuid() == 0 else ""
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"{user}persistence false\nallow_anonymous true\nmax_connections -1\nlistener {port} 127.0.0.1\n")
    return Peer("mosquitto", folder, ["-c", conf], port)


def job(cloud, version):
    """A running job for one device; the number of it."""
    made = cloud.run("job", "create", PRODUCT, "--version", version, "--device", "dev-00000", "--name", "Bench")
    key = made.split()[1].rstrip(":")
    cloud.run("job", "approve", key)
    cloud.run("job", "start", key)
    return key


def measure_pages(table, args, folder):
    cloud = Cloud(args.cloud, folder, LISTED - 1)
    image = os.path.join(folder, "small.bin")
    with open(image, "wb") as file:
        file.write(os.urandom(100_000))
    for n in range(10):
        cloud.run("firmware", "add", image, "--product", PRODUCT, "--version", f"2.{n}.0")
    with cloud, pages.Browser() as browser:
        device = load.Devices(cloud.mqtt, PRODUCT, SECRET, 1)
        device.send(lambda _: load.publish(f"/ota/device/inform/{PRODUCT}/dev-00000", '{"params":{"version":"1.0.0"}}'))
        key = job(cloud, "2.9.0")
        for name, path in [("overview", "/console"), ("job, with its chart", f"/console/jobs/{key}"), (f"list of {LISTED:,} devices", "/console/devices")]:
            ms, words, size = pages.paint(browser, cloud.url + path, cloud.url + "/api/server", args.runs)
            table.add(f"First paint: {name}", ms, "ms", "≤ 200", words, note="nothing cached; beside it, a page of one line")
            table.add(f"Over the wire: {name}", size / 1000, "KB", "≤ 200", note="with styles and scripts")
        took = []
        for n in range(4 * args.runs):
            begin = time.monotonic()
            with urllib.request.urlopen(f"{cloud.url}/console/devices?q=dev-0{n}&page=2", timeout=PATIENCE) as answer:
                answer.read()
            took.append((time.monotonic() - begin) * 1000)
        table.add(f"A page of {LISTED:,} devices, searched: slowest", max(took), "ms", "≤ 300", note=f"of {len(took)} requests")
        topic = f"/ota/device/progress/{PRODUCT}/dev-00000"

        def report(percent):
            device.send(lambda _: load.publish(topic, json.dumps({"params": {"step": str(percent), "desc": ""}})))
        took = pages.bar(browser, f"{cloud.url}/console/jobs/{key}", report, range(5, 5 + 4 * args.runs))
        table.add("A report to the bar that shows it: median", statistics.median(took), "ms", note=f"{len(took)} reports, seen in Chromium")
        table.add("A report to the bar that shows it: slowest", max(took), "ms", "≤ 500")
        device.close()


def measure_origin(table, args, folder):
    cloud, root = Cloud(args.cloud, folder, 0), os.path.join(folder, "www")
    os.mkdir(root)
    image = os.path.join(root, "image.bin")
    with open(image, "wb") as file:
        for _ in range(IMAGE // MIB):
            file.write(os.urandom(MIB))
    os.chmod(folder, 0o755)
    cloud.run("firmware", "add", image, "--product", PRODUCT, "--version", "2.0.0")
    with cloud, nginx(folder, root) as peer:
        url = cloud.run("firmware", "url", "--product", PRODUCT, "--version", "2.0.0")
        target = "/" + url.split("/", 3)[3]
        for clients in (1, 8):
            pairs = []
            for n in range(args.runs + 1):
                size = IMAGE
                pairs.append((load.throughput(cloud.http, target, clients, size), load.throughput(peer.port, "/image.bin", clients, size)))
            # The first pair fills the caches.
            ours, theirs = (statistics.median(column) for column in zip(*pairs[1:]))
            ratio = statistics.median(a / b for a, b in pairs[1:])
            table.add(f"Origin, {clients} client{'s' * (clients > 1)}, {IMAGE // MIB} MiB", ours / MIB, "MiB/s", "≥ 0.8", theirs / MIB, ratio, "nginx with sendfile")


def measure_devices(table, args, folder):
    cloud = Cloud(args.cloud, folder, DEVICES)
    seconds, sizes = [], []
    for _ in range(min(args.runs, 3)):
        pair, held = [], []
        for server in (cloud, mosquitto(folder)):
            with server:
                before = memory(server.process.pid)
                devices = load.Devices(server.mqtt if server is cloud else server.port, PRODUCT, SECRET, DEVICES)
                pair.append(devices.seconds)
                held.append((memory(server.process.pid) - before) / DEVICES)
                devices.close()
        seconds.append(pair)
        sizes.append(held)
    for name, rows, unit, goal, digits in [(f"{DEVICES:,} devices signed in, {FILTERS} filters each", seconds, "s", "≤ 5", 1), ("Memory for each of them", sizes, "KiB", "≤ 30", 1)]:
        ours, theirs = (statistics.median(column) for column in zip(*rows))
        table.add(name, ours, unit, goal, theirs, note=f"{ours / theirs:.2f} of mosquitto's, which checks no sign-in")
    with cloud:
        devices = load.Devices(cloud.mqtt, PRODUCT, SECRET, 1_000)
        devices.send(lambda n: load.publish(f"/ota/device/inform/{PRODUCT}/dev-{n:05d}", '{"params":{"version":"1.0.0"}}'))
        table.add("Memory with 1,000 devices on line", memory(cloud.process.pid) / 1024, "MiB", "≤ 60", note="each has reported its version")
        devices.close()


def measure_start(table, args, folder):
    cloud = Cloud(args.cloud, folder, LISTED)
    took = []
    for _ in range(2 * args.runs):
        with cloud:
            took.append(cloud.started)
    table.add("Start, until everything is ready: slowest", max(took), "ms", "≤ 300", note=f"{LISTED:,} devices, {len(took)} starts")


PARTS = {"pages": measure_pages, "origin": measure_origin, "devices": measure_devices, "start": measure_start}


def write(path, table):
    with open(path, encoding="utf-8") as file:
        head, rest = file.read().split(BEGIN, 1)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, {datetime.date.today()}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n{machine}\n\n{table.text()}\n{END}{rest.split(END, 1)[1]}")


def main(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cloud", required=True)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--only", action="append", choices=list(PARTS), default=[])
    p.add_argument("--write", metavar="FILE")
    args = p.parse_args(argv)
    if args.write and args.only:
        p.error("--write needs all parts")
    args.cloud = os.path.abspath(args.cloud)
    table = Table()
    for name in args.only or PARTS:
        with tempfile.TemporaryDirectory(prefix="otakit-cloud-bench-") as folder:
            PARTS[name](table, args, folder)
    if args.write:
        write(args.write, table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
