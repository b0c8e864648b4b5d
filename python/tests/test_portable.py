# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests in portable/, under each interpreter: OTAKIT_LIBRARY, and OTAKIT_MICROPYTHON where there is one."""

import os
import subprocess
import tempfile
import unittest

import interpreters
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

    def check(self, name, *arguments):
        """Runs a script; each of its tests has to say that it is well."""
        path = os.path.join(HERE, "portable", name)
        with open(path, encoding="utf-8") as file:
            tests = sorted(line[4 : line.index("(")] for line in file if line.startswith("def test_"))
        done = interpreters.run(self.INTERPRETER, path, *arguments, timeout=300)
        ok = sorted(line[3:] for line in done.stdout.splitlines() if line.startswith("ok "))
        self.assertEqual((done.returncode, ok), (0, tests), done.stdout + done.stderr)

    def test_fota(self):
        self.check("fota_calls.py", self.http.url(""), self.ftp.url(""), self.folder, SIGNATURES)
        resumed = [wanted for path, wanted in self.http.log if "cut" in path and "noranges" not in path and wanted]
        self.assertEqual(resumed, ["bytes=70000-", "bytes=1-"])
        rest = [argument for command, argument in self.ftp.log if command == "REST"]
        self.assertEqual(rest[:2], ["50000", "100000"])

    def test_app_fota(self):
        self.check("app_fota_calls.py", self.http.url(""), self.folder)


class CPython(Portable):
    INTERPRETER = "cpython"


@unittest.skipUnless(interpreters.MICROPYTHON, "no MicroPython on this machine")
class MicroPython(Portable):
    INTERPRETER = "micropython"


del Portable

if __name__ == "__main__":
    unittest.main()
