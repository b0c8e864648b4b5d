# SPDX-License-Identifier: MIT OR Apache-2.0
"""The least of a test framework that runs under MicroPython too."""

import sys


def equal(actual, expected, what=""):
    if actual != expected:
        raise AssertionError("%r is not %r %s" % (actual, expected, what))


def raises(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind:
        return
    raise AssertionError("%r was not raised" % kind)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def exists(path):
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def image(size=200003):
    data = bytearray(size)
    for at in range(size):
        data[at] = (at * 31 + (at >> 8)) & 255
    return bytes(data)


def run(tests):
    """Runs the functions whose names begin with test_; prints `ok NAME` or `FAILED NAME` for each, exits with 0 or 1."""
    failed = 0
    for name in sorted(name for name in tests if name[:5] == "test_"):
        try:
            tests[name]()
            print("ok", name)
        except Exception as error:
            failed = 1
            print("FAILED", name)
            if hasattr(sys, "print_exception"):
                sys.print_exception(error)
            else:
                import traceback

                traceback.print_exception(type(error), error, error.__traceback__, file=sys.stdout)
    sys.exit(failed)
