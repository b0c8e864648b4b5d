# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library's C functions, for CPython (ctypes) and MicroPython (ffi).

function(name, arguments) gives a callable that returns int. Argument letters: i int, q int64, Q uint64, s text or None,
p bytes-like or bytearray to be written to.
"""

import os
import struct
import sys

_here = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."


def _path():
    path = os.getenv("OTAKIT_LIBRARY")
    return path or _here + "/otakit_native/libotakit_python.so"


if sys.implementation.name == "micropython":
    import ffi

    _library = ffi.open(_path())

    def function(name, arguments):
        return _library.func("i", name, arguments)

else:
    import ctypes

    _library = ctypes.CDLL(_path())
    _types = {
        "i": ctypes.c_int,
        "q": ctypes.c_int64,
        "Q": ctypes.c_uint64,
        "s": ctypes.c_char_p,
        "p": ctypes.c_void_p,
    }

    def _convert(letter, value):
        if letter == "s" and isinstance(value, str):
            return value.encode()
        if letter == "p" and value is not None and not isinstance(value, bytes):
            view = memoryview(value)
            if view.readonly:
                return bytes(view)
            return (ctypes.c_char * view.nbytes).from_buffer(view)
        return value

    def function(name, arguments):
        call = getattr(_library, name)
        call.restype = ctypes.c_int
        call.argtypes = [_types[letter] for letter in arguments]
        return lambda *values: call(*[_convert(*pair) for pair in zip(arguments, values)])


def int64(buffer):
    """The number in 8 bytes that the library wrote."""
    return struct.unpack("@q", buffer)[0]


def text(buffer):
    """The text in a buffer that the library wrote, without the NULs behind it."""
    data = bytes(buffer)
    end = data.find(b"\0")
    return (data if end < 0 else data[:end]).decode()


def call_user(function, *arguments):
    """Calls the user's function. What it raises is shown, and goes no further: the library's work is not its caller."""
    try:
        function(*arguments)
    except Exception as error:
        if hasattr(sys, "print_exception"):
            sys.print_exception(error)
        else:
            import traceback

            traceback.print_exception(type(error), error, error.__traceback__)
