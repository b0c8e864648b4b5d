# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs scripts under CPython and MicroPython, with the modules of OTAKIT_MODULES (python/src unless set)."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.environ.get("OTAKIT_MODULES") or os.path.join(os.path.dirname(HERE), "src")
MICROPYTHON = os.environ.get("OTAKIT_MICROPYTHON")


def command(interpreter, path, *arguments):
    """The command line, and the environment that finds the modules."""
    paths = [SOURCES, os.path.dirname(path)]
    if interpreter == "cpython":
        python = os.environ.get("OTAKIT_PYTHON", sys.executable)
        return [python, path, *arguments], {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    return [MICROPYTHON, "-m", "otakit_run", path, *arguments], {"MICROPYPATH": ":".join([*paths, ".frozen"])}


def run(interpreter, path, *arguments, timeout=60, **more):
    argv, paths = command(interpreter, path, *arguments)
    environment = {**os.environ, **paths, **more}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=timeout)
