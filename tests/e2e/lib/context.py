# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the programs under test are. Filled once by run.py; the tests only ask."""

import os
import shutil


class Context:
    """Build directories and the programs found in them."""

    def __init__(self):
        self.build = None
        self.module_build = None
        self.nolab_build = None
        self.asan_build = None
        self.halssl_build = None
        self.polled_build = None
        self.cloud = None
        self.delta = None
        self.valgrind = False
        # Whether the programs are slowed down by a sanitizer, so that being late is no mistake.
        self.sanitizer = False
        self._found = {}

    def program(self, name, build=None):
        """Path of an executable anywhere below a build directory (by default the main one)."""
        root = build or self.build
        key = (root, name)
        if key not in self._found:
            self._found[key] = self._find(root, name)
        if self._found[key] is None:
            raise FileNotFoundError(f"no program {name} below {root}")
        return self._found[key]

    @staticmethod
    def _find(root, name):
        hits = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in ("CMakeFiles", "deps", "incremental", "_deps")]
            path = os.path.join(folder, name)
            if name in files and os.access(path, os.X_OK):
                hits.append(path)
        return max(hits, key=os.path.getmtime) if hits else None

    def cloud_program(self):
        """otakit-cloud: given by --cloud, below the build directory, or in the workspace's target directory."""
        if self.cloud:
            return self.cloud
        top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(top, "target"))
        for root in (self.build, target):
            if root and os.path.isdir(root):
                path = self._find(root, "otakit-cloud")
                if path:
                    self.cloud = path
                    return path
        raise FileNotFoundError("no otakit-cloud: build it, or give --cloud FILE")

    def delta_program(self):
        """otakit-delta: given by --delta, or in the workspace's target directory."""
        if not self.delta:
            top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
            target = os.environ.get("CARGO_TARGET_DIR", os.path.join(top, "target"))
            self.delta = self._find(target, "otakit-delta") if os.path.isdir(target) else None
        if not self.delta:
            raise FileNotFoundError("no otakit-delta: build it, or give --delta FILE")
        return self.delta


def tool(name):
    """A system program; sbin folders are searched too."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


CONTEXT = Context()
