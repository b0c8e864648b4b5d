# SPDX-License-Identifier: MIT OR Apache-2.0
"""A local cloud of a test's own; OTAKIT_CLOUD names the program."""

import json
import os
import socket
import subprocess
import time

PROGRAM = os.environ.get("OTAKIT_CLOUD")
PRODUCT, SECRET, PRODUCT_SECRET = "a1PyProdukt", "0123456789abcdef", "fedcba9876543210"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Cloud:
    def __init__(self, folder):
        self.data, self.mqtt, self.http = os.path.join(folder, "data"), free_port(), free_port()
        ready = os.path.join(folder, "ready")
        listen = ["--mqtt", "127.0.0.1:%d" % self.mqtt, "--http", "127.0.0.1:%d" % self.http]
        self.log = open(os.path.join(folder, "log"), "w")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--data", self.data, *listen, "--ready-file", ready],
            stdout=self.log, stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + 20
        while not os.path.exists(ready):
            assert self.process.poll() is None and time.monotonic() < end, "the cloud did not start"
            time.sleep(0.05)

    def run(self, *arguments):
        command = [PROGRAM, *arguments, "--data", self.data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def device(self, name):
        self.run("device", "add", PRODUCT, name, SECRET, "--ps", PRODUCT_SECRET)

    def add(self, file, version, *more):
        self.run("firmware", "add", file, "--product", PRODUCT, "--version", version, "--auto", *more)

    def updates(self, name):
        return json.loads(self.run("status", PRODUCT, name, "--json"))["devices"][0]["updates"]

    @property
    def environment(self):
        return {
            "OTAKIT_LAB_ALIYUN_MQTT": "127.0.0.1:%d" % self.mqtt,
            "OTAKIT_LAB_ALIYUN_HTTP": "127.0.0.1:%d" % self.http,
        }

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
