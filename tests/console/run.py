#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The web console in a browser, with devices that are the project's C examples.

    python3 tests/console/run.py --cloud PROGRAM --build DIR [--screenshots DIR] [pattern...]

DIR is a CMake build directory made with OTAKIT_LAB=ON. Pictures go to build/console; --screenshots writes those of the
README too. A pattern is a part of a test's name. Prints `N passed, N failed`; exit code 0 when nothing failed.
"""

import argparse
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import attacks  # noqa: E402
import ends  # noqa: E402
import shown  # noqa: E402
import walk  # noqa: E402
from browser import Browser, Failure  # noqa: E402

SUITES = [walk, attacks, shown, ends]


def main(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cloud", required=True)
    p.add_argument("--build", required=True)
    p.add_argument("--pictures", default=os.path.join("build", "console"))
    p.add_argument("--screenshots")
    p.add_argument("patterns", nargs="*")
    args = p.parse_args(argv)
    os.makedirs(args.pictures, exist_ok=True)
    passed = failed = 0
    try:
        with Browser() as browser:
            for suite in SUITES:
                good, bad = run(suite, browser, args)
                passed, failed = passed + good, failed + bad
    except Failure as failure:
        print(f"console: {failure}", file=sys.stderr)
        return 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def run(suite, browser, args):
    """The tests of a suite, in the order in which they are written: later ones go on from what earlier ones did."""
    tests = [name for name in vars(suite.Tests) if name.startswith("test_")]
    if args.patterns:
        # The others before it are needed as well.
        wanted = [n for n, name in enumerate(tests) if any(pattern in name for pattern in args.patterns)]
        tests = tests[:max(wanted) + 1] if wanted else []
    if not tests:
        return 0, 0
    tests_of = suite.Tests(browser, args)
    done = 0
    try:
        tests_of.begin()
        for name in tests:
            begin = time.monotonic()
            getattr(tests_of, name)()
            print(f"ok      {name}, {time.monotonic() - begin:.1f} s", flush=True)
            done += 1
    except Exception:
        traceback.print_exc()
        print(f"FAILED  {tests[done]}\n{tests_of.tail()}", flush=True)
        return done, 1
    finally:
        tests_of.end()
    return done, 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
