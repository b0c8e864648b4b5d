# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's functions on time, for both interpreters."""

import time
from time import gmtime, time_ns  # noqa: F401

if hasattr(time, "ticks_ms"):
    from time import sleep_ms, ticks_add, ticks_diff, ticks_ms  # noqa: F401
else:

    def sleep_ms(ms):
        time.sleep(ms / 1000)

    def ticks_ms():
        return time.monotonic_ns() // 1000000

    def ticks_diff(end, start):
        return end - start

    def ticks_add(ticks, delta):
        return ticks + delta
