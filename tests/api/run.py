#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control API fuzzed from its own OpenAPI document, on SQLite and on PostgreSQL.

    python3 tests/api/run.py --cloud PROGRAM [--seconds N] [--seed N] [sqlite] [postgres]

Schemathesis (installed into build/api/venv at the first run) sends requests that follow the document and requests that break
it. What must hold: no answer is a 5xx, none has a status, a type or a form that the document does not have, a request that the
document forbids is refused, one without a right is too. Exit code 0 when all of that held. The reports are in build/api.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(ROOT, "build", "api")
TOOL = "schemathesis==4.32.5"
PATIENCE = 20
# Fewer requests say nothing.
LEAST = 500
# Whether a request that fits the document is accepted depends on what is there.
LEFT_OUT = "positive_data_acceptance"


def tool():
    """The program, installed when it is not there."""
    home = os.path.join(PLACE, "venv")
    program, stamp = os.path.join(home, "bin", "st"), os.path.join(home, "installed")
    if not os.path.exists(stamp) or open(stamp).read() != TOOL:
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        pip = [os.path.join(home, "bin", "pip"), "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, TOOL], check=True)
        with open(stamp, "w") as out:
            out.write(TOOL)
    return program


def until(what, ready):
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise SystemExit(f"api: {what} does not get ready")
        time.sleep(0.05)


class Postgres:
    """A server of our own; it refuses to run as root, and then runs as nobody."""

    def __init__(self, place):
        self.dir = os.path.join(place, "postgres")
        os.makedirs(self.dir)
        self.prefix = []
        if os.getuid() == 0:
            os.chmod(place, 0o755)
            shutil.chown(self.dir, 65534, 65534)
            self.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
        self.port = free_port()

    @staticmethod
    def program(name):
        top = "/usr/lib/postgresql"
        found = sorted(os.listdir(top))[-1:] if os.path.isdir(top) else []
        return os.path.join(top, found[0], "bin", name) if found else name

    def __enter__(self):
        data = os.path.join(self.dir, "data")
        init = [self.program("initdb"), "--auth", "trust", "--username", "cloud", "--encoding", "UTF8", "--locale", "C"]
        subprocess.run([*self.prefix, *init, "-D", data], cwd=self.dir, check=True, stdout=subprocess.DEVNULL)
        run = [self.program("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        log = open(os.path.join(PLACE, "postgres.log"), "w")
        self.process = subprocess.Popen([*self.prefix, *run], cwd=self.dir, stdout=log, stderr=log)
        make = [self.program("createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "cloud", "cloud"]
        until("PostgreSQL", lambda: subprocess.run(make, stderr=subprocess.DEVNULL).returncode == 0)
        return f"postgres://cloud@127.0.0.1:{self.port}/cloud"

    def __exit__(self, *_):
        self.process.send_signal(2)
        self.process.wait()


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """The cloud with a password, a device, a firmware, a configuration and jobs: otherwise every request would find nothing."""

    def __init__(self, cloud, place, db, log):
        self.cloud, self.place, self.log = cloud, place, log
        self.data = os.path.join(place, "data")
        self.env = dict(os.environ, **({"OTAKIT_CLOUD_DB": db} if db else {}))

    def run(self, *words):
        return subprocess.run([self.cloud, *words, "--data", self.data], env=self.env, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def __enter__(self):
        os.makedirs(self.data)
        password, image = os.path.join(self.place, "password"), os.path.join(self.place, "image.bin")
        ready = os.path.join(self.place, "ready.json")
        with open(password, "w") as out:
            out.write("a password of the test\n")
        with open(image, "wb") as out:
            out.write(b"image" * 1000)
        self.run("password", "--password-file", password)
        # A name that is tried early.
        for name in ("dev1", "0"):
            self.run("device", "add", "0", name, "secret")
        for version in ("0", "2.0.0"):
            self.run("firmware", "add", image, "--product", "0", "--version", version)
        options = ["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--ready-file", ready, "--data", self.data]
        self.process = subprocess.Popen([self.cloud, "serve", *options], env=self.env, stdout=self.log, stderr=self.log)
        until("the cloud", lambda: os.path.exists(ready) or self.process.poll() is not None)
        for _ in range(3):
            self.run("job", "create", "0", "--version", "2.0.0")
        self.run("job", "create", "0", "--config", image)
        self.run("job", "approve", "1")
        self.run("job", "start", "1")
        with open(ready) as f:
            return json.load(f)["http"], self.run("token", "create", "fuzz", "--scope", "admin")

    def __exit__(self, *_):
        self.died = self.process.poll() is not None
        self.process.terminate()
        self.process.wait()


def fuzz(program, kind, db, args, place):
    """Runs the tool against a server on a database; whether all held."""
    report = os.path.join(PLACE, f"{kind}.txt")
    seconds, cases = args.seconds, 0
    with open(os.path.join(PLACE, f"{kind}.server.log"), "w") as log:
        server = Server(args.cloud, place, db, log)
        with server as (http, token):
            # One thread: the parser that the tool uses to describe its own functions is not safe for two in Python 3.11
            # ("AST constructor recursion depth mismatch").
            command = [program, "run", f"{http}/api/openapi.json", "--seed", str(args.seed), "--workers", "1",
                       "--continue-on-failure", "--no-color", "--warnings", "off", "--exclude-checks", LEFT_OUT,
                       "-H", f"Authorization: Bearer {token}",
                       # The token would end itself.
                       "--exclude-operation-id", "revokeToken"]
            # A machine that is busy with other things gets more time.
            while True:
                with open(report, "w") as out:
                    result = subprocess.run([*command, "--max-time", str(seconds)], cwd=place, stdout=out,
                                            stderr=subprocess.STDOUT, timeout=seconds * 4 + 120)
                text = open(report, errors="replace").read()
                counted = re.search(r"^ *(\d+) generated", text, re.M)
                cases = int(counted[1]) if counted else 0
                wrong = cases and result.returncode != 0
                if cases >= LEAST or wrong or seconds > 16 * args.seconds:
                    break
                seconds *= 3
    if result.returncode != 0 or server.died or cases < LEAST:
        print(text)
        print(f"api on {kind}: FAILED after {cases} requests{', the server died' if server.died else ''}; see {report}")
        return False
    print(f"api on {kind}: {cases} requests in {seconds} s, nothing found")
    return True


def main(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cloud", required=True)
    p.add_argument("--seconds", type=int, default=20, help="for each database")
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("kinds", nargs="*", choices=[[], "sqlite", "postgres"])
    args = p.parse_args(argv)
    args.cloud = os.path.abspath(args.cloud)
    os.makedirs(PLACE, exist_ok=True)
    program = tool()
    print(f"api: seed {args.seed}", flush=True)
    good = True
    for kind in args.kinds or ["sqlite", "postgres"]:
        with tempfile.TemporaryDirectory(prefix="otakit-api-") as place:
            if kind == "postgres":
                with Postgres(place) as url:
                    good &= fuzz(program, kind, url, args, place)
            else:
                good &= fuzz(program, kind, None, args, place)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
