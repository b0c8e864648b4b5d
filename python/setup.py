# SPDX-License-Identifier: MIT OR Apache-2.0
"""Packs the shared library beside the modules: the one that OTAKIT_LIBRARY names, or one built with build_library.sh. A
source distribution carries the library's sources. Where it cannot be built the modules are installed without it, which is
said here and, with what to do, when one of them is imported."""

import os
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join("otakit_native", "libotakit_python.so")
MODULES = ["otakit_ffi", "otakit_ftp", "otakit_ftplib", "otakit_zip", "otakit_haas", "otakit_power", "otakit_run", "otakit_time"]
PUBLIC = ["fota", "app_fota", "ota", "aliyunIoT"]
# What the library is built from, and where a source distribution has it.
SOURCES = ["Cargo.lock", "core", "src", "include", os.path.join("hal", "posix")]
CARRIED = "native"


def top():
    """The folder with the library's sources, or None."""
    for folder in (os.path.join(HERE, CARRIED), os.path.dirname(HERE)):
        if os.path.exists(os.path.join(folder, "Cargo.toml")):
            return folder
    return None


def why_not():
    """Why the library cannot be built here; None when it can."""
    if not sys.platform.startswith("linux"):
        return "it is for Linux, this is %s" % sys.platform
    if top() is None:
        return "its sources are not here"
    missing = [tool for tool in ("cargo", os.environ.get("CC") or "cc") if shutil.which(tool) is None]
    return "missing: %s" % ", ".join(missing) if missing else None


class Build(build_py):
    def run(self):
        super().run()
        out = os.path.abspath(os.path.join(self.build_lib, LIBRARY))
        os.makedirs(os.path.dirname(out), exist_ok=True)
        ready, reason = os.environ.get("OTAKIT_LIBRARY"), why_not()
        if ready:
            shutil.copyfile(ready, out)
        elif reason:
            self.without(reason)
        else:
            environment = dict(os.environ, OTAKIT_SOURCES=top())
            if subprocess.run(["sh", os.path.join(HERE, "build_library.sh"), out], env=environment).returncode != 0:
                self.without("its build failed, see above")
        self.distribution.has_library = os.path.exists(out)

    def without(self, reason):
        self.warn(
            "otakit: installed without its library (%s). Build it on Linux with cargo and cc (sh build_library.sh OUT.so) "
            "and name it in OTAKIT_LIBRARY, now or when the modules are used." % reason
        )


class Sources(sdist):
    """Carries the library's sources along."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        source, carried = top(), os.path.join(base_dir, CARRIED)
        if source is None:
            return
        for name in SOURCES:
            path, to = os.path.join(source, name), os.path.join(carried, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if os.path.isdir(path):
                shutil.copytree(path, to, dirs_exist_ok=True)
            elif os.path.exists(path):
                shutil.copyfile(path, to)
        with open(os.path.join(source, "Cargo.toml"), encoding="utf-8") as file:
            manifest = file.read()
        # The workspace's other members stay behind.
        manifest = re.sub(r"(?m)^(members|exclude|default-members) = .*\n", "", manifest)
        with open(os.path.join(carried, "Cargo.toml"), "w", encoding="utf-8") as file:
            file.write(manifest)


class Packed(Distribution):
    """The wheel is of one platform when it holds a library."""

    has_library = True

    def has_ext_modules(self):
        return self.has_library


class Wheel(bdist_wheel):
    """... but of no one Python, for that library knows nothing of Python."""

    def get_tag(self):
        return ("py3", "none", super().get_tag()[2] if self.distribution.has_library else "any")


setup(
    distclass=Packed,
    cmdclass={"build_py": Build, "bdist_wheel": Wheel, "sdist": Sources},
    package_dir={"": "src"},
    py_modules=MODULES + PUBLIC,
    packages=["otakit_native", "otakit_shims"],
)
