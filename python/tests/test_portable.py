# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests in portable/, under each interpreter: OTAKIT_LIBRARY (a lab build), OTAKIT_CLOUD, and OTAKIT_MICROPYTHON where
there is one."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import zipfile

import interpreters
from cloud import PRODUCT, PRODUCT_SECRET, SECRET, Cloud
from ftp_server import Server as FtpServer
from http_server import Server as HttpServer

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGE = bytes((at * 31 + (at >> 8)) & 255 for at in range(200_003))
SIGNATURES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tests", "data", "signature")


class Portable(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(SIGNATURES, "image.bin"), "rb") as file:
            signed = file.read()
        files = {"/fota.bin": IMAGE, "/two.bin": IMAGE[:999], "/empty": b"", "/signed.bin": signed}
        self.http, self.ftp = HttpServer(files), FtpServer(files)
        self.addCleanup(self.http.close)
        self.addCleanup(self.ftp.close)

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def cloud(self):
        """A cloud with a device `dev1` and firmware for its modules `one`, `two` and `default`."""
        cloud = Cloud(self.folder)
        self.addCleanup(cloud.close)
        cloud.device("dev1")
        cloud.add(self.path("one", IMAGE), "2.0.0", "--module", "one")
        cloud.add(self.path("two", IMAGE[:77]), "1.10.0", "--module", "two", "--sign", "sha256", "--omit-md5")
        cloud.add(self.path("system", IMAGE[:5000]), "1.10.0")
        return cloud

    def check(self, name, *arguments, **environment):
        """Runs a script; each of its tests has to say that it is well."""
        path = os.path.join(HERE, "portable", name)
        with open(path, encoding="utf-8") as file:
            tests = sorted(line[4 : line.index("(")] for line in file if line.startswith("def test_"))
        done = interpreters.run(self.INTERPRETER, path, *arguments, timeout=150, **environment)
        ok = sorted(line[3:] for line in done.stdout.splitlines() if line.startswith("ok "))
        self.assertEqual((done.returncode, ok), (0, tests), done.stdout + done.stderr)

    def test_fota(self):
        self.check("fota_calls.py", self.http.url(""), self.ftp.url(""), self.folder, SIGNATURES)
        resumed = [wanted for path, wanted in self.http.log if "cut" in path and "noranges" not in path and wanted]
        self.assertEqual(resumed, ["bytes=70000-", "bytes=1-"])
        rest = [argument for command, argument in self.ftp.log if command == "REST"]
        self.assertTrue({"50000", "100000"} <= set(rest), rest)

    def test_app_fota(self):
        self.check("app_fota_calls.py", self.http.url(""), self.folder)
        self.assertEqual(len([path for path, _ in self.http.log if path == "/two.bin?once"]), 4)

    def test_ota(self):
        cloud = self.cloud()
        identity = (PRODUCT, "dev1", SECRET, PRODUCT_SECRET)
        self.check("ota_calls.py", *identity, self.http.url(""), self.folder, SIGNATURES, **cloud.environment)
        updates = cloud.updates("dev1")
        done = [(update.get("module"), update["to"]) for update in updates if update["state"] == "succeeded"]
        self.assertIn(("two", "1.10.0"), done)
        steps = [[step["step"] for step in update["steps"]] for update in updates if update.get("module") == "two"]
        self.assertEqual([(one[0], one[-1]) for one in steps], [(1, 50)])

    def test_ota_upgrade(self):
        with zipfile.ZipFile(self.path("good.zip"), "w") as archive:
            archive.writestr("a.py", "a")
            archive.writestr("lib/b.py", "b" * 20000, zipfile.ZIP_DEFLATED)
        for name, inside in (("up.zip", "../out.py"), ("root.zip", "/out.py")):
            with zipfile.ZipFile(self.path(name), "w") as archive:
                archive.writestr(inside, "x")
        with open(self.path("good.zip"), "rb") as file:
            damaged = bytearray(file.read())
        damaged[damaged.index(b"a.py") + 4] ^= 1
        self.path("damaged.zip", damaged)
        self.check("ota_upgrade.py", self.folder)

    def test_keepalive_on_the_wire(self):
        """CONNECT carries what the script asked for."""
        script = self.path("connect.py", b"""
import sys
import utime
from aliyunIoT import Device
info = {"region": sys.argv[1], "productKey": "p", "deviceName": "d", "deviceSecret": "s", "keepaliveSec": int(sys.argv[2])}
assert Device().connect(info) == 0
utime.sleep_ms(1000)
""")
        for asked, carried in ((61, 61), (60, 60), (1200, 1200), (0, 60), (5000, 60)):
            with socket.create_server(("127.0.0.1", 0)) as broker:
                broker.settimeout(30)
                argv, paths = interpreters.command(self.INTERPRETER, script, "127.0.0.1:%d" % broker.getsockname()[1], str(asked))
                with subprocess.Popen(argv, env={**os.environ, **paths}, stderr=subprocess.DEVNULL) as process:
                    with broker.accept()[0] as link:
                        packet = link.recv(1024)
                    process.kill()
            at = packet.index(b"MQTT") + 6
            self.assertEqual(int.from_bytes(packet[at : at + 2], "big"), carried, asked)

    def test_ota_goes_on_after_a_kill(self):
        cloud = self.cloud()
        self.killed("ota_resume.py", PRODUCT, "dev1", SECRET, **cloud.environment)

    def test_fota_goes_on_after_a_kill(self):
        self.killed("fota_resume.py")

    def test_ctrl_c(self):
        """In each kind of download: KeyboardInterrupt at once, the transfer ends, and the module goes on being used."""
        if self.INTERPRETER == "micropython":
            self.skipTest("Ctrl-C ends MicroPython's process when it runs a module (-m)")
        http, ftp = self.http.url("/fota.bin?slow"), self.ftp.url("/slow-fota.bin")
        for kind, slow in (("fota", http), ("fota", ftp), ("app_fota", http), ("bulk", http)):
            with self.subTest(kind=kind, url=slow):
                self.interrupted(kind, slow)

    def interrupted(self, kind, slow):
        folder = tempfile.mkdtemp(dir=self.folder)
        script = os.path.join(HERE, "portable", "interrupted.py")
        argv, paths = interpreters.command(self.INTERPRETER, script, kind, slow, self.http.url("/fota.bin"), folder)
        environment = {**os.environ, **paths}
        process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   preexec_fn=interpreters.take_ctrl_c)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            begun = line == "begun\n" and lines.count("interrupted") == len(self.sent(lines))
            if begun:
                # Of a file's download nothing is heard: it has begun when the server is asked.
                time.sleep(0.5 if kind != "fota" else 0)
                lines.append("^C")
                process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0, lines)
        # (The library's own lines begin with a bracket.)
        told = [line for line in lines if line not in ("begun", "^C") and line[:1] != "["]
        self.assertEqual(told, ["interrupted", "interrupted", "usable"], lines)

    @staticmethod
    def sent(lines):
        return [line for line in lines if line == "^C"]

    def test_nothing_is_said_of_a_verdict_that_nobody_promised(self):
        """Success without a digest: no line of the library's log."""
        script = self.path("quiet.py", b"""
import sys
import app_fota
import fota
import ota
import utime
fota.package, app_fota.root = sys.argv[2] + "/package", sys.argv[2]
assert fota(reset_disable=1).httpDownload(url1=sys.argv[1]) == 0
assert app_fota.new().download(sys.argv[1], "/usr/a") == 0
told = []
ota.on(2, told.append)
assert ota.download({"url": sys.argv[1], "store_path": sys.argv[2] + "/stored"}) == 0
while not told:
    utime.sleep_ms(10)
assert told == [0]
print("done")
""")
        done = interpreters.run(self.INTERPRETER, script, self.http.url("/fota.bin"), self.folder)
        self.assertEqual((done.returncode, interpreters.said(done.stdout), done.stderr), (0, "done\n", ""))

    def killed(self, name, *arguments, **more):
        """What was stored durably is not fetched again by the next process."""
        stored, script = self.path("stored.bin"), os.path.join(HERE, "portable", name)
        arguments = (*arguments, self.http.url("/fota.bin?slow"), stored)
        argv, paths = interpreters.command(self.INTERPRETER, script, *arguments)
        environment = {**os.environ, **paths, **more}
        first = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(first.stdout.close)
        end = time.monotonic() + 30
        while not os.path.exists(stored + ".journal"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        first.kill()
        first.wait(20)
        self.assertFalse(os.path.exists(stored))
        done = interpreters.run(self.INTERPRETER, script, *arguments, **more)
        self.assertEqual((done.returncode, interpreters.said(done.stdout).split()), (0, ["begun", "done"]), done.stderr)
        ranges = [int(wanted[len("bytes=") : -1]) for _, wanted in self.http.log if wanted]
        self.assertTrue(ranges and ranges[-1] >= 64 * 1024, self.http.log)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("stored")], ["stored.bin"])


class CPython(Portable):
    INTERPRETER = "cpython"


@unittest.skipUnless(interpreters.MICROPYTHON, "no MicroPython on this machine")
class MicroPython(Portable):
    INTERPRETER = "micropython"


del Portable

if __name__ == "__main__":
    unittest.main()
