# SPDX-License-Identifier: MIT OR Apache-2.0
"""The events of HaaS's modules: one thread waits for them and calls the user's functions, one at a time."""

import _thread
import json

import otakit_ffi

_TEXT = 40 * 1024  # The largest message in hexadecimal digits, and its topic.
_poll_event = otakit_ffi.function("haas_poll_event", "pppp" + "Qi")
_listeners = []
_state = {"running": False}


def listen(listener):
    """Calls listener(device, kind, value, data) for every event from now on."""
    _listeners.append(listener)
    if not _state["running"]:
        _state["running"] = True
        _thread.start_new_thread(_run, ())


def _run():
    device, kind, value, text = bytearray(8), bytearray(8), bytearray(8), bytearray(_TEXT)
    while True:
        if _poll_event(device, kind, value, text, _TEXT, 100) != 1:
            continue
        content = otakit_ffi.text(text)
        data = json.loads(content) if content else None
        numbers = [otakit_ffi.int64(number) for number in (device, kind, value)]
        for listener in list(_listeners):
            otakit_ffi.call_user(listener, numbers[0], numbers[1], numbers[2], data)
