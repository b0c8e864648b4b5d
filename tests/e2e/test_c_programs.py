# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs of HaaS's and QuecPython's APIs, unchanged, against the local cloud; under valgrind too."""

import errno
import hashlib
import json
import os
import re
import unittest

from lib.cloud import Cloud
from lib.context import CONTEXT
from lib.driver import valgrind
from lib.proc import Process, free_port, scratch

PK, SECRET, MODULE = "a1DoorsProd", "0123456789abcdef", "app"
IMAGE = bytes((at * 37 + (at >> 8)) & 255 for at in range(300_007))


class Programs(unittest.TestCase):
    """A cloud with one module's firmware; programs run in a folder of the test's own."""

    ENV, BUILD, UNDER_VALGRIND = {}, "build", False

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        cls._dir = scratch()
        cls.addClassCleanup(cls._dir.cleanup)
        image = os.path.join(cls._dir.name, "image")
        with open(image, "wb") as file:
            file.write(IMAGE)
        cls.cloud.run("firmware", "add", image, "--product", PK, "--version", "1.10.0", "--module", MODULE, "--auto",
                      "--sign", "sha256")

    def setUp(self):
        self._dir = scratch()
        self.addCleanup(self._dir.cleanup)
        self.dir = self._dir.name
        self.device = f"dev-{os.getpid()}-{self.id().rsplit('.', 1)[-1]}"
        self.cloud.run("device", "add", PK, self.device, SECRET)

    def start(self, program, *args):
        argv = [CONTEXT.program(program, getattr(CONTEXT, self.BUILD)), *args]
        process = Process(valgrind(argv) if self.UNDER_VALGRIND else argv, cwd=self.dir,
                          env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.cloud.mqtt_port}", **self.ENV})
        self.addCleanup(process.kill)
        return process

    def ended(self, process, code=0):
        self.assertEqual(process.wait(120), code, process.tail())
        self.assertNotIn("==", process.err)
        return process.out

    def haas(self, *, secret=SECRET, version="1.9.0"):
        return self.start("haas_ota", PK, self.device, secret, MODULE, version, "stored.bin")

    def update(self):
        return json.loads(self.cloud.run("status", PK, self.device, "--json"))["devices"][0]["updates"][-1]

    def url(self):
        """Where the cloud keeps the image, as its offer tells."""
        out = self.ended(self.haas())
        return json.loads(next(line for line in out.splitlines() if line.startswith("offer: "))[len("offer: "):])["url"]

    def stored(self, name):
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()

    def test_haas(self):
        """A module goes from 1.9.0 to 1.10.0: offer, download, verification, progress at the cloud."""
        self.assertIn("verified: stored.bin", self.ended(self.haas()))
        self.assertEqual(self.stored("stored.bin"), IMAGE)
        self.assertEqual(os.listdir(self.dir), ["stored.bin"])
        update = self.update()
        self.assertEqual((update["module"], update["from"], update["to"]), (MODULE, "1.9.0", "1.10.0"))
        self.assertEqual([step["step"] for step in update["steps"]], [1, 100])

    def test_quectel(self):
        """One package, two packages (mini FOTA), a wrong digest, nothing there."""
        url = self.url()
        out = self.ended(self.start("quectel_fota", url))
        self.assertIn("download status: 2, progress: 100\nthe module would restart now", out)
        self.assertIn("sha256 " + hashlib.sha256(IMAGE).hexdigest(), out)
        self.assertEqual(self.stored("fota_package.bin"), IMAGE)
        self.ended(self.start("quectel_fota", url, url))
        self.assertEqual(self.stored("fota_package.bin.2"), IMAGE)
        out = self.ended(self.start("quectel_fota", url + "#sha256=" + "0" * 64), 1)
        self.assertIn("download status: -1, progress: 1009", out)
        # A URL of the cloud's is signed: another path under the same signature is forbidden.
        out = self.ended(self.start("quectel_fota", url.replace("?", "x?")), 1)
        self.assertIn("download status: -1, progress: 1005", out)
        out = self.ended(self.start("quectel_fota", "/".join(url.split("/")[:3]) + "/absent"), 1)
        self.assertIn("download status: -1, progress: 1006", out)


class Plain(Programs):
    def test_haas_fails(self):
        """A wrong secret and a broker that is not there end it with code 1; nothing is stored."""
        self.assertIn("no connection", self.start_and_tail(self.haas(secret="wrong")))
        self.cloud_port, self.cloud.mqtt_port = self.cloud.mqtt_port, free_port()
        try:
            process = self.haas()
        finally:
            self.cloud.mqtt_port = self.cloud_port
        self.assertIn("no connection", self.start_and_tail(process))
        self.assertEqual(os.listdir(self.dir), [])

    def test_quectel_no_room(self):
        """The first write of the package finds the medium full: code 1012, and nothing stays."""
        url = self.url()
        for name in os.listdir(self.dir):
            os.remove(os.path.join(self.dir, name))
        shim = CONTEXT.program("kill_shim.so", CONTEXT.build)
        state = os.path.join(self._dir.name, "..", f"state-{os.getpid()}")
        with open(state, "wb") as file:
            file.truncate(64)
        self.addCleanup(os.remove, state)
        env = {"LD_PRELOAD": shim, "SHIM_STATE": state, "SHIM_DIR": os.path.join(os.path.realpath(self.dir), "fota_package.bin.part"), "SHIM_AT": "1", "SHIM_ONLY": "w",
               "SHIM_ACT": str(errno.ENOSPC)}
        process = Process([CONTEXT.program("quectel_fota", CONTEXT.build), url], cwd=self.dir, env=env)
        self.addCleanup(process.kill)
        self.assertIn("download status: -1, progress: 1012", self.ended(process, 1))
        self.assertEqual(os.listdir(self.dir), [])

    def test_quectel_99(self):
        """99 until the verdict: 100 comes with the last event alone, and with none when the package is not valid."""
        url = self.url()
        for more, code, last in (("", 0, (2, 100)), ("#sha256=" + "0" * 64, 1, (-1, 1009))):
            out = self.ended(self.start("quectel_fota", url + more), code)
            events = [tuple(map(int, pair)) for pair in re.findall(r"download status: (-?\d+), progress: (\d+)", out)]
            self.assertEqual((events[-2], events[-1]), ((1, 99), last))
            self.assertTrue(all(status == 1 and progress <= 99 for status, progress in events[:-1]), events)

    def start_and_tail(self, process):
        self.ended(process, 1)
        return process.tail()


class UnderValgrind(Programs):
    UNDER_VALGRIND = True

    def test_calls(self):
        for program in ("haas_calls", "quectel_calls"):
            with self.subTest(program=program):
                self.ended(self.start(program))


del Programs
