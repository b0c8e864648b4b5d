# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is said where the library is not there, or cannot be used; and what a script finds without the runner."""

import os
import subprocess
import sys
import tempfile
import unittest

import interpreters

PUBLIC = ("fota", "app_fota", "ota", "aliyunIoT")


class Imports(unittest.TestCase):
    def said(self, name, library):
        """The ImportError's text."""
        program = "try:\n import %s\nexcept ImportError as error:\n print(error)\nelse:\n print('imported')" % name
        argv, paths = ([sys.executable], {"PYTHONPATH": interpreters.MODULES})
        if self.INTERPRETER == "micropython":
            argv, paths = [interpreters.MICROPYTHON], {"MICROPYPATH": interpreters.MODULES + ":.frozen"}
        environment = {**os.environ, **paths, "OTAKIT_LIBRARY": library}
        ran = subprocess.run([*argv, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        return ran.stdout

    def test_every_door_says_in_words_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            absent, text = os.path.join(folder, "absent.so"), os.path.join(folder, "text.so")
            with open(text, "w", encoding="utf-8") as file:
                file.write("no library")
            for module in PUBLIC:
                said = self.said(module, absent)
                for word in (absent, "OTAKIT_LIBRARY", "build_library.sh", "Linux"):
                    self.assertIn(word, said, module)
                said = self.said(module, text)
                for word in (text, "cannot be loaded", "OTAKIT_LIBRARY"):
                    self.assertIn(word, said, module)
                self.assertEqual(self.said(module, os.environ["OTAKIT_LIBRARY"]).strip(), "imported")

    def test_another_library(self):
        with tempfile.TemporaryDirectory() as folder:
            other = os.path.join(folder, "other.so")
            subprocess.run(["cc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-o", other], check=True)
            said = self.said("fota", other)
        self.assertIn("no function", said)
        self.assertIn("build", said)

    def test_what_shims_stand_for_is_not_at_the_top(self):
        for name in ("log", "misc", "network", "modem", "kv", "request", "checkNet", "ql_fs", "app_fota_download"):
            program = "try:\n import %s\nexcept ImportError:\n print('none')" % name
            argv, paths = [sys.executable], {"PYTHONPATH": interpreters.MODULES}
            if self.INTERPRETER == "micropython":
                argv, paths = [interpreters.MICROPYTHON], {"MICROPYPATH": interpreters.MODULES + ":.frozen"}
            for opened, found in (("", "none\n"), ("import otakit_shims\n", "")):
                ran = subprocess.run([*argv, "-c", opened + program], env={**os.environ, **paths}, capture_output=True, text=True, timeout=60)
                self.assertEqual((ran.returncode, ran.stdout), (0, found), name + ran.stderr)


class CPython(Imports):
    INTERPRETER = "cpython"


@unittest.skipUnless(interpreters.MICROPYTHON, "no MicroPython on this machine")
class MicroPython(Imports):
    INTERPRETER = "micropython"


del Imports

if __name__ == "__main__":
    unittest.main()
