# SPDX-License-Identifier: MIT OR Apache-2.0
"""MicroPython's `network`, where the host has seen to its network: connected from the start."""

import _thread

STA_IF = 0
AP_IF = 1
_ADDRESSES = ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")


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
        return _ADDRESSES


class NetWorkClient:
    """HaaS's cellular modules: `on(1, callback)`, `connect(None)`; the callback gets (pdp, 1) for a network that is up."""

    _stagecode = 3  # The network is there,
    _subcode = 1  # and the module signed in.

    def __init__(self):
        self._callbacks = {}
        self._up = True

    def on(self, event, callback):
        self._callbacks[event] = callback
        return 0

    def connect(self, *_):
        self._up = True
        self._tell(1)
        return 0

    def disconnect(self):
        self._up = False
        self._tell(0)
        return 0

    def _tell(self, state):
        callback = self._callbacks.get(1)
        if callback is not None:
            # As on the module it is called while the script goes on.
            _thread.start_new_thread(callback, ((1, state),))

    def isconnected(self):
        return self._up

    def getStatus(self):
        return 1 if self._up else 0

    def getInfo(self):
        return _ADDRESSES
