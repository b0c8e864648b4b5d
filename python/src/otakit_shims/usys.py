# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's name for `sys`."""

import sys
import traceback
from sys import *  # noqa: F403
from sys import argv, exit, implementation, modules, path, platform, stderr, stdin, stdout, version  # noqa: F401


def print_exception(error, file=None):
    traceback.print_exception(type(error), error, error.__traceback__, file=file or sys.stdout)
