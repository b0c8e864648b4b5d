# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's `utime`, over CPython's `time`."""

from time import *  # noqa: F403
from time import monotonic_ns as _ns
from time import sleep as _sleep


def sleep_ms(ms):
    _sleep(ms / 1000)


def sleep_us(us):
    _sleep(us / 1000000)


def ticks_ms():
    return _ns() // 1000000


def ticks_us():
    return _ns() // 1000


def ticks_diff(end, start):
    return end - start


def ticks_add(ticks, delta):
    return ticks + delta
