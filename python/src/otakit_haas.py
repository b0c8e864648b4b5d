# SPDX-License-Identifier: MIT OR Apache-2.0
"""The events of HaaS's modules: one thread waits for them and calls the user's functions, one at a time."""

import _thread
import json

import otakit_ffi

_poll = otakit_ffi.function("haas_poll_json", "pppp" + "Qi")
# What hears of every event, and of one device's, by its handle.
_listeners, _devices = [], {}
_state = {"running": False}
# Held while a device connects: its first event may be faster than the call that tells its handle.
lock = _thread.allocate_lock()


def listen(listener):
    """Calls listener(device, kind, value, data) for every event from now on."""
    _listeners.append(listener)
    start()


def start():
    """Lets the events be taken."""
    if not _state["running"]:
        _state["running"] = True
        _thread.start_new_thread(_run, ())


def attach(handle, owner):
    """Calls owner._event(device, kind, value, data) for the events of one device, until `detach`."""
    _devices[handle] = owner


def detach(handle):
    _devices.pop(handle, None)


def attached():
    """The owners of devices that have not ended."""
    return list(_devices.values())


def _run():
    device, kind, value, text = bytearray(8), bytearray(8), bytearray(8), bytearray(4096)
    while True:
        taken = _poll(device, kind, value, text, len(text), 100)
        if taken > 1:
            text = bytearray(taken)
        if taken != 1:
            continue
        content = otakit_ffi.text(text)
        data = json.loads(content) if content else None
        numbers = [otakit_ffi.int64(number) for number in (device, kind, value)]
        with lock:
            owner = _devices.get(numbers[0])
        listeners = list(_listeners) + ([owner._event] if owner is not None else [])
        for listener in listeners:
            otakit_ffi.call_user(listener, numbers[0], numbers[1], numbers[2], data)
