# SPDX-License-Identifier: MIT OR Apache-2.0
"""A cloud with a password, and an image to publish."""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from lib.cloud import Cloud  # noqa: E402
from lib.context import CONTEXT  # noqa: E402
from lib.proc import Process, wait_until  # noqa: E402

PASSWORD = "only for this test"
PRODUCT = "a1Greenhouse"
SECRET = "0123456789abcdef0123456789abcdef"
# For a process to be ready on a busy machine, in seconds.
PATIENCE = 120


class Server(Cloud):
    READY = COMMAND = PATIENCE

    def __init__(self, program, password=PASSWORD):
        CONTEXT.cloud = program
        super().__init__(password=password)
        self.password = password
        self.folder = self._dir.name
        self.url, self.mqtt = f"http://127.0.0.1:{self.http_port}", f"127.0.0.1:{self.mqtt_port}"

    def path(self, name):
        return os.path.join(self.folder, name)

    def image(self, name, size, seed):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(random.Random(seed).randbytes(size))
        return path
