# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's name for `os`."""

from os import *  # noqa: F403
