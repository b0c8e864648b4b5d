# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a script:  micropython -m otakit_run [--stay] SCRIPT.py [ARGUMENT...], and with python alike

MicroPython's first `import fota` gives a module, which cannot be called; the second gives what can be. Here the first one
is behind us when the script begins, so that it runs unchanged. The modules of `otakit_shims` (utime, log, network, ...) can
be imported. With --stay the process goes on after the script's end, as
a module does, and callbacks are called, until a signal ends it.
"""

import sys
import time

import fota  # noqa: F401
import otakit_shims  # noqa: F401


def run(arguments):
    stay = arguments[:1] == ["--stay"]
    sys.argv[:] = arguments[1:] if stay else arguments
    path = sys.argv[0]
    with open(path, "rb") as file:
        text = file.read().decode()
    exec(compile(text, path, "exec"), {"__name__": "__main__", "__file__": path})
    while stay:
        time.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("usage: micropython -m otakit_run [--stay] SCRIPT.py [ARGUMENT...]")
        sys.exit(2)
    run(sys.argv[1:])
