#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the end-to-end tests against a build.

    python3 tests/e2e/run.py --build DIR [--jobs 2] [pattern...]

DIR is a CMake build directory made with OTAKIT_LAB=ON. A pattern is a part of `module.Class.test`. The tests of a
further build run only when its directory is given: --module-build (OTAKIT_MQTT=OFF), --polled-build (that, and
OTAKIT_DRIVER=polled), --nolab-build (OTAKIT_LAB=OFF), --asan-build (address and undefined-behaviour sanitizers),
--halssl-build (OTAKIT_TLS=hal). --valgrind puts every driver under valgrind.
Prints `N passed, N failed` at the end; exit code 0 when nothing failed.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from lib.context import CONTEXT  # noqa: E402

# Modules that need a build of their own, and the option that names it.
EXTRA = {"test_module_only": "module_build", "test_lab_off": "nolab_build", "test_asan": "asan_build",
         "test_onenet_asan": "asan_build", "test_c_programs_asan": "asan_build",
         "test_hal_ssl": "halssl_build", "test_polled": "polled_build"}


def parse(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--module-build")
    p.add_argument("--polled-build")
    p.add_argument("--nolab-build")
    p.add_argument("--asan-build")
    p.add_argument("--halssl-build")
    p.add_argument("--cloud", help="the otakit-cloud program, when it is not below the build or target directory")
    p.add_argument("--delta", help="the otakit-delta program, when it is not in the target directory")
    p.add_argument("--valgrind", action="store_true")
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--trees", action="store_true", help="only print the builds that the selected tests need")
    p.add_argument("--list", action="store_true", help="only print the names")
    p.add_argument("--one-class", help=argparse.SUPPRESS)
    p.add_argument("patterns", nargs="*")
    return p.parse_args(argv)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def collect(args):
    """{class name: [tests]} of all that is to run, and the modules left out because they have no build."""
    classes, left_out = {}, []
    for file in sorted(os.listdir(HERE)):
        name = file[:-3]
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        option = EXTRA.get(name)
        if option and getattr(args, option) is None and not args.trees:
            left_out.append(f"{name} (give --{option.replace('_', '-')})")
            continue
        for test in flatten(unittest.defaultTestLoader.loadTestsFromName(name)):
            if not args.patterns or any(p in test.id() for p in args.patterns):
                classes.setdefault(test.id().rsplit(".", 1)[0], []).append(test)
    return classes, left_out


class Result(unittest.TestResult):
    """Keeps one (name, ok, seconds, text) per test; a failing class set-up counts as one failed test.

    A passed test's text is its attribute `note`, for figures that are worth a look.
    """

    def __init__(self):
        super().__init__()
        self.rows = []
        self._bad = {}

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        bad = self._bad.pop(test.id(), None)
        text = bad if bad is not None else getattr(test, "note", None)
        self.rows.append((test.id(), bad is None, time.monotonic() - self._started, text))

    def _failed(self, test, err):
        text = self._exc_info_to_string(err, test)
        if hasattr(test, "_testMethodName") or hasattr(test, "test_case"):
            owner = getattr(test, "test_case", test)
            self._bad[owner.id()] = (self._bad.get(owner.id()) or "") + text
        else:
            self.rows.append((str(test), False, 0.0, text))

    def addFailure(self, test, err):
        self._failed(test, err)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            text = self._exc_info_to_string(err, test)
            self._bad[test.id()] = (self._bad.get(test.id()) or "") + f"{subtest.params}\n{text}"


def run_class(args):
    """The child's side: runs one class, prints its rows as one JSON line."""
    classes, _ = collect(args)
    result = Result()
    unittest.TestSuite(classes.get(args.one_class, [])).run(result)
    print("\n" + json.dumps(result.rows))


def run_child(argv, name):
    """Runs one class in a process of its own, so that classes can run beside each other."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), "--one-class", name, *argv],
                          capture_output=True, text=True)
    try:
        return json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    except (ValueError, IndexError):
        return [(name, False, 0.0, f"the test process ended with {done.returncode}\n{done.stdout}{done.stderr}")]


def show(rows):
    for name, ok, seconds, text in rows:
        print(f"{'ok  ' if ok else 'FAIL'} {name} ({seconds:.1f} s)", flush=True)
        if text:
            print("     " + text.replace("\n", "\n     "), flush=True)


def main(argv):
    args = parse(argv)
    for option in ("build", "module_build", "polled_build", "nolab_build", "asan_build", "halssl_build", "cloud", "delta"):
        value = getattr(args, option)
        if value is not None:
            setattr(CONTEXT, option, os.path.abspath(value))
    CONTEXT.valgrind = args.valgrind
    if args.one_class:
        run_class(args)
        return 0
    classes, left_out = collect(args)
    if args.patterns and not classes and not left_out:
        print(f"no test matches {' '.join(args.patterns)}; --list prints their names", file=sys.stderr)
        return 2
    if args.trees:
        options = {EXTRA.get(name.split(".")[0]) for name in classes}
        print(" ".join(["test", *sorted(option.removesuffix("_build") for option in options if option)]))
        return 0
    if args.list:
        print("\n".join(t.id() for tests in classes.values() for t in tests))
        return 0
    started, rows = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run_child, argv, c) for c in classes]):
            show(done.result())
            rows += done.result()
    for each in left_out:
        print(f"not run: {each}")
    passed = sum(1 for row in rows if row[1])
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {len(rows) - passed} failed")
    return 0 if rows and passed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
