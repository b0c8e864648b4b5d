#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A console to look at: a cloud, five devices that are C programs, one finished job and one that runs.

    python3 tests/console/demo.py --cloud PROGRAM --build DIR

Prints the address and the password, and ends everything it started on Ctrl-C.
"""

import argparse
import os
import secrets
import signal
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from devices import Device  # noqa: E402
from server import PATIENCE, PRODUCT, SECRET, Server, wait_until  # noqa: E402

NAMES = [f"row-{n}" for n in range(1, 6)]


def main(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cloud", required=True)
    p.add_argument("--build", required=True)
    args = p.parse_args(argv)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    server = Server(args.cloud, secrets.token_urlsafe(9))
    boards = []
    try:
        program = os.path.join(args.build, "examples_c", "linkkit_ota_basic")
        for name in NAMES:
            server.run("device", "add", PRODUCT, name, SECRET)
            # The last one has no room, until the first job is over.
            image = "/dev/full" if name == NAMES[-1] else None
            boards.append(Device(program, server.mqtt, PRODUCT, name, SECRET, server.folder, image=image))
            boards[-1].start()
        jobs(server, boards, over)
        print(f"console: {server.url}/console\npassword: {server.password}\nCtrl-C ends it.", flush=True)
        while not over.wait(1):
            if not server.process.alive():
                raise AssertionError("otakit-cloud ended: " + server.process.tail())
    finally:
        for board in boards:
            board.stop()
        server.close()
    return 0


def jobs(server, boards, over):
    """A job that is over, with one device that failed; another that goes on for some minutes."""
    for version, size in (("2.0.0", 500_000), ("2.1.0", 4_000_000)):
        image = server.image(f"greenhouse-{version}.bin", size, version)
        server.run("firmware", "add", image, "--product", PRODUCT, "--version", version)
    first = job(server, "2.0.0", "--name", "Greenhouse 2.0.0")
    wait_until(lambda: over.is_set() or ", done" in server.run("job", "show", first).split("\n")[0], PATIENCE, "the first job's end", 0.2)
    boards[-1].stop()
    boards[-1].image = server.path(boards[-1].name + ".bin")
    boards[-1].start()
    job(server, "2.1.0", "--name", "Greenhouse 2.1.0", "--stage", "20:100", "--stage", "100", "--rate", "1")


def job(server, version, *options):
    number = server.run("job", "create", PRODUCT, "--version", version, *options).split()[1].rstrip(":")
    server.run("job", "approve", number)
    server.run("job", "start", number)
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
