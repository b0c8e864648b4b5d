# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the shared library with build_library.sh and packs it beside the modules; OTAKIT_LIBRARY names a ready one."""

import os
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["otakit_ffi", "otakit_ftp", "otakit_ftplib", "otakit_zip", "otakit_haas", "otakit_run", "fota", "app_fota", "ota", "aliyunIoT"]
SHIMS = ["misc", "uos", "utime", "log", "network"]


class Build(build_py):
    def run(self):
        super().run()
        out = os.path.join(self.build_lib, "otakit_native", "libotakit_python.so")
        os.makedirs(os.path.dirname(out), exist_ok=True)
        ready = os.environ.get("OTAKIT_LIBRARY")
        if ready:
            shutil.copyfile(ready, out)
        else:
            subprocess.run(["sh", os.path.join(HERE, "build_library.sh"), os.path.abspath(out)], check=True)


class Binary(Distribution):
    """The wheel is of one platform, for it holds a library."""

    def has_ext_modules(self):
        return True


class Wheel(bdist_wheel):
    """... but of no one Python, for that library knows nothing of Python."""

    def get_tag(self):
        return ("py3", "none", super().get_tag()[2])


setup(
    distclass=Binary,
    cmdclass={"build_py": Build, "bdist_wheel": Wheel},
    package_dir={"": "src"},
    py_modules=MODULES + SHIMS,
    packages=["otakit_native"],
)
