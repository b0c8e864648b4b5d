# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's `network`, where the host has seen to its network: connected from the start."""

STA_IF = 0
AP_IF = 1


class WLAN:
    def __init__(self, interface=STA_IF):
        self._active = True

    def active(self, active=None):
        if active is not None:
            self._active = bool(active)
        return self._active

    def connect(self, *_, **__):
        self._active = True

    def disconnect(self):
        self._active = False

    def isconnected(self):
        return self._active

    def ifconfig(self, *_):
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
