# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a script:  micropython -m otakit_run SCRIPT.py, or python -m otakit_run SCRIPT.py

MicroPython's first `import fota` gives a module, which cannot be called; the second gives what can be. Here the first one
is behind us when the script begins, so that it runs unchanged.
"""

import sys

import fota  # noqa: F401


def run(path):
    with open(path, "rb") as file:
        text = file.read().decode()
    sys.argv[:] = sys.argv[1:]
    exec(compile(text, path, "exec"), {"__name__": "__main__", "__file__": path})


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("usage: micropython -m otakit_run SCRIPT.py")
        sys.exit(2)
    run(sys.argv[1])
