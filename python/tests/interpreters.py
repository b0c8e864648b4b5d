# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs scripts under CPython and MicroPython, with the modules of OTAKIT_MODULES (python/src unless set; `installed`: those
that OTAKIT_PYTHON, another CPython, has itself)."""

import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.environ.get("OTAKIT_MODULES") or os.path.join(os.path.dirname(HERE), "src")
PYTHON = os.environ.get("OTAKIT_PYTHON") or sys.executable
MICROPYTHON = os.environ.get("OTAKIT_MICROPYTHON")


def command(interpreter, path, *arguments, stay=False):
    """The command line, and the environment that finds the modules."""
    paths = [os.path.dirname(path)] if MODULES == "installed" else [MODULES, os.path.dirname(path)]
    launch = ["-m", "otakit_run", *(["--stay"] if stay else []), path, *arguments]
    if interpreter == "cpython":
        environment = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        return [PYTHON, *launch], environment
    return [MICROPYTHON, *launch], {"MICROPYPATH": ":".join([*paths, ".frozen"])}


def said(text):
    """An output without the line in which a lab build says what it is."""
    return "".join(line for line in text.splitlines(True) if not line.startswith("[wrn] lab: "))


def take_ctrl_c():
    """For a child: Ctrl-C counts, also where whoever runs the tests ignores it, as a shell's background jobs do."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(interpreter, path, *arguments, timeout=60, **more):
    argv, paths = command(interpreter, path, *arguments)
    environment = {**os.environ, **paths, **more}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=timeout)
