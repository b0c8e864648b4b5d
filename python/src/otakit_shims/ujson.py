# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's name for `json`."""

from json import dump, dumps, load, loads  # noqa: F401
