# SPDX-License-Identifier: MIT OR Apache-2.0
"""The OTA module without threads: each read does the work of the download (--polled-build, OTAKIT_DRIVER=polled)."""

import glob
import os
import subprocess

from lib.context import CONTEXT
from lib.proc import Process
from test_module_only import ModuleOnly

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "c", "linkkit")


class Polled(ModuleOnly):
    @property
    def tree(self):
        return CONTEXT.polled_build

    def test_no_thread(self):
        """The name of the thread that fetches stands in the library that starts it alone."""
        for tree, count in ((CONTEXT.polled_build, 0), (CONTEXT.build, 1)):
            with open(os.path.join(tree, "lib", "libotakit.a"), "rb") as file:
                self.assertEqual(min(file.read().count(b"otakit-fetch"), 1), count, tree)

    def test_whole_update_with_sanitizers(self):
        image = self.origin.image
        program = os.path.join(self.scratch, "module_only")
        library, include = os.path.join(self.tree, "lib"), os.path.join(SOURCES, "..", "..", "..", "include")
        subprocess.run(
            ["cc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I", include, "-I",
             os.path.join(include, "linkkit"), "-I", SOURCES, *glob.glob(os.path.join(SOURCES, "module_only", "*.c")),
             "-o", program, os.path.join(library, "libotakit.a"), os.path.join(library, "libotakit_hal.a"), "-lm",
             "-lpthread", "-ldl"], check=True)
        process = Process([program, self.origin.url(image.name), str(image.size), image.md5])
        self.addCleanup(process.kill)
        self.assertEqual(process.wait(60), 0, process.tail())
        self.assertIn(f"bytes={image.size}", process.out_lines)
