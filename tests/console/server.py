# SPDX-License-Identifier: MIT OR Apache-2.0
"""A cloud with a password in a temporary folder, commands for it, and an image to publish."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from lib.proc import Process, wait_until  # noqa: E402

PASSWORD = "only for this test"
PRODUCT = "a1Greenhouse"
SECRET = "0123456789abcdef0123456789abcdef"
# For a process to be ready on a busy machine.
PATIENCE = 120


class Server:
    def __init__(self, program, password=PASSWORD):
        self.program, self.password = program, password
        self.folder = tempfile.mkdtemp(prefix="otakit-console-")
        self.data = os.path.join(self.folder, "data")
        secret, ready = self.path("password"), self.path("ready")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(password + "\n")
        self.process = Process([program, "serve", "--data", self.data, "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                "--password-file", secret, "--ready-file", ready])

        def told():
            if not self.process.alive():
                raise AssertionError("otakit-cloud ended: " + self.process.tail())
            try:
                with open(ready, encoding="utf-8") as file:
                    return json.load(file)
            except (FileNotFoundError, ValueError):
                return None
        where = wait_until(told, PATIENCE, "the cloud's ready file", step=0.05)
        self.url = where["http"]
        self.mqtt = where["mqtt"].rsplit("/", 1)[-1]

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        """One command on this cloud's data; its output."""
        done = subprocess.run([self.program, *words, "--data", self.data], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"otakit-cloud {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def image(self, name, size, seed):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(random.Random(seed).randbytes(size))
        return path

    def close(self):
        self.process.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)
