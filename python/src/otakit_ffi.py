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


def _load(load):
    """The library; ImportError in words when it cannot be had."""
    path = _path()
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ImportError(
            "otakit's library is not at %s (%s). On Linux, build it with python/build_library.sh OUT.so and name OUT.so in "
            "the environment variable OTAKIT_LIBRARY, or install the package again where cargo and cc are there; there is "
            "no library for %s" % (path, error, "other systems" if sys.platform == "linux" else sys.platform)
        )
    try:
        return load(path)
    except OSError as error:
        raise ImportError(
            "otakit's library at %s cannot be loaded: %s. It is built for one processor and one C library; build it on "
            "this machine (python/build_library.sh) and name it in OTAKIT_LIBRARY" % (path, error)
        )


def _missing(name):
    return ImportError(
        "otakit's library at %s has no function %s: it was built from another version than these modules; build it "
        "again with python/build_library.sh" % (_path(), name)
    )


if sys.implementation.name == "micropython":
    import _thread
    import time

    import ffi

    _library = _load(ffi.open)

    # sys.exit ends but the thread that calls it.
    exit_now = ffi.open(None).func("v", "_exit", "i")

    # At its end MicroPython cancels its other threads, wherever they are. One that is inside the library would take the
    # process down; so the end waits for those, and lets no further one in.
    _gate = {"calls": 0, "closed": False, "lock": _thread.allocate_lock()}

    def function(name, arguments):
        try:
            call = _library.func("i", name, arguments)
        except (OSError, AttributeError):
            raise _missing(name)

        def guarded(*values):
            with _gate["lock"]:
                closed = _gate["closed"]
                if not closed:
                    _gate["calls"] += 1
            while closed:
                time.sleep(1)
            try:
                return call(*values)
            finally:
                with _gate["lock"]:
                    _gate["calls"] -= 1

        return guarded

    def _close_gate():
        with _gate["lock"]:
            _gate["closed"] = True
        for _ in range(100):
            if _gate["calls"] == 0:
                break
            time.sleep(0.01)
        else:
            exit_now(0)
        if _earlier is not None:
            _earlier()

    _earlier = sys.atexit(_close_gate)

else:
    import ctypes

    _library = _load(ctypes.CDLL)
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
            if view.readonly or not view.c_contiguous:
                return view.tobytes()
            return (ctypes.c_char * view.nbytes).from_buffer(view)
        return value

    def function(name, arguments):
        try:
            call = getattr(_library, name)
        except AttributeError:
            raise _missing(name) from None
        call.restype = ctypes.c_int
        call.argtypes = [_types[letter] for letter in arguments]
        return lambda *values: call(*[_convert(*pair) for pair in zip(arguments, values)])

    def exit_now(code):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


_trust_key = function("otakit_policy_trust_key", "s")
_signed_only = function("otakit_policy_signed_only", "i")


def trust_key(pem):
    """Trusts a public key (PEM text) for signatures; None forgets all. 0, or -1."""
    return 0 if _trust_key(pem) == 0 else -1


def signed_only(only):
    """Whether what is not signed by such a key is refused."""
    _signed_only(1 if only else 0)


def size(data):
    """How many bytes a bytes-like object has; a memoryview's length is in items."""
    if isinstance(data, (bytes, bytearray)):
        return len(data)
    view = memoryview(data)
    return len(view) * view.itemsize if hasattr(view, "itemsize") else len(bytes(view))


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
    except (Exception, SystemExit) as error:
        if hasattr(sys, "print_exception"):
            sys.print_exception(error)
        else:
            import traceback

            traceback.print_exception(type(error), error, error.__traceback__)
