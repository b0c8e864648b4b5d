#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts covered lines for scripts/coverage.sh, prints them by file and by part, and writes docs/COVERAGE.md.

A line counts when the library, compiled without its tests, has code on it: `#[cfg(test)]` modules are in no library, so
their lines are never counted, and no line of theirs is mistaken for one of the code under test. Whether it was reached
is taken from all processes of all stages, the Rust tests' own program included."""

import argparse
import json
import os
import subprocess
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Parts that must reach the goal, and those shown for information.
GOAL = 95.0
JUDGED = ("core", "engine", "fetch", "store")
SHOWN = ("service", "mqtt")


def export(tools, profile, objects):
    """{file: {line: times reached}} of the files below src and core/src, as `llvm-cov export` has it."""
    command = [os.path.join(tools, "llvm-cov"), "export", "--format=lcov", f"--instr-profile={profile}", objects[0]]
    command += [f"--object={each}" for each in objects[1:]]
    # It tells of functions that two builds have differently; each is counted in its own.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"coverage: llvm-cov: {done.stderr}")
    files, lines = {}, {}
    for row in done.stdout.splitlines():
        if row.startswith("SF:"):
            lines = files.setdefault(os.path.relpath(row[3:], ROOT), {})
        elif row.startswith("DA:"):
            number, count = row[3:].split(",")[:2]
            lines[int(number)] = max(int(count), lines.get(int(number), 0))
    return {name: lines for name, lines in files.items() if name.startswith(("src/", "core/src/"))}


def count(args):
    """{file: {line: reached}} of the lines that count."""
    library = export(args.tools, args.profile, args.library)
    reached = export(args.tools, args.profile, args.library + args.tests) if args.tests else library
    return {name: {line: reached[name].get(line, 0) > 0 for line in lines} for name, lines in library.items()}


def part_of(name):
    """`engine` of src/engine/…, `core` of core/src/…; "" for what stands in src itself."""
    folders = name.split("/")
    if folders[0] == "core":
        return "core"
    return folders[1] if len(folders) > 2 else ""


def holes(name, lines):
    """Runs of uncovered lines: (first line, its text, how many). Lines without code do not end a run."""
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        text = f.read().splitlines()
    found = []
    for line in sorted(lines):
        if lines[line]:
            found.append(None)
        elif found and found[-1]:
            first, start, length = found[-1]
            found[-1] = (first, start, length + 1)
        else:
            found.append((line, text[line - 1].strip(), 1))
    return [each for each in found if each]


def judge(files, reasons):
    """Rows of the list of what stays uncovered, with the reason; and what is wrong with the list of reasons."""
    rows, wrong, used = [], [], set()
    for name, lines in sorted(files.items()):
        for line, start, length in holes(name, lines):
            found = next((i for i, r in enumerate(reasons) if (r["file"], r["line"]) == (name, start)), None)
            if found is None:
                wrong.append(f"no reason is given for {name}:{line} ({length} lines): {start}")
            else:
                used.add(found)
                rows.append((name, start, length, reasons[found]["reason"]))
    wrong += [f"covered, or not there any more: {r['file']}: {r['line']}"
              for i, r in enumerate(reasons) if i not in used and not r.get("sometimes")]
    return rows, wrong


def percent(lines):
    return 100 * sum(lines.values()) / len(lines) if lines else 100.0


def folder(part):
    return "core" if part == "core" else f"src/{part}"


def figures(lines):
    return len(lines), len(lines) - sum(lines.values()), percent(lines)


def together(files, part):
    return {(name, line): hit for name, lines in files.items() if part_of(name) == part for line, hit in lines.items()}


def show(files):
    print(f"{'file':44} {'lines':>6} {'missed':>6} {'covered':>9}   uncovered")
    for part in JUDGED + SHOWN:
        for name, lines in sorted(files.items()):
            if part_of(name) == part:
                total, missed, share = figures(lines)
                ranges = [f"{a}" if n == 1 else f"{a}+{n - 1}" for a, _, n in holes(name, lines)]
                print(f"{name:44} {total:6} {missed:6} {share:7.2f} %   {' '.join(ranges)}".rstrip())
    print()
    for part in JUDGED + SHOWN:
        total, missed, share = figures(together(files, part))
        note = "" if part in JUDGED else "   (for information)"
        print(f"{folder(part):44} {total:6} {missed:6} {share:7.2f} %{note}")


DOCUMENT = """\
<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->
# Line coverage

Written by `make coverage` ([scripts/coverage.sh](../scripts/coverage.sh)). It builds the library so that it counts which of its
lines run, and then runs the Rust tests, the C tests, the tests that kill the program, the fault matrix, the end-to-end tests and
the tests of the Python modules. What a killed process ran before it was killed is counted. Parts of `make test` that run the same
code a second time (sanitizers, the build without lab variables, OneNET alone) are left out.

Counted are the lines of the library that the compiler made code for, without the unit tests inside `src`. `make coverage` fails
when less than {goal:.0f} % of any of the first {judged} parts is covered. It also fails when a line that is not covered is
missing in the list below, or when that list names a line that is covered.

| part | lines | missed | covered |
|---|---:|---:|---:|
{parts}

The last {shown} parts may be any figure.

## What stays uncovered, and why

{holes}

## By file

| file | lines | missed | covered |
|---|---:|---:|---:|
{files}
"""


def document(files, rows):
    def table(rows):
        return "\n".join(f"| {name} | {total} | {missed} | {share:.1f} % |" for name, (total, missed, share) in rows)
    shown = [(name, figures(lines)) for part in JUDGED + SHOWN
             for name, lines in sorted(files.items()) if part_of(name) == part]
    listed = "\n".join(f"| {name} | `{start.replace('|', chr(92) + '|')}` | {length} | {reason} |"
                       for name, start, length, reason in rows)
    return DOCUMENT.format(
        goal=GOAL, judged=len(JUDGED), shown=len(SHOWN), files=table(shown),
        parts=table((folder(part), figures(together(files, part))) for part in JUDGED + SHOWN),
        holes=f"| file | from this line on | lines | reason |\n|---|---|---:|---|\n{listed}" if rows else "Nothing.")


def test_binary():
    """The path of the program that `cargo test --no-run --message-format=json` (standard input) has made."""
    for row in sys.stdin:
        message = json.loads(row)
        if message.get("executable") and message.get("profile", {}).get("test"):
            print(message["executable"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--test-binary", action="store_true", help="only find the Rust tests' program in cargo's words")
    parser.add_argument("--tools", help="folder of llvm-cov")
    parser.add_argument("--profile", help="merged profile")
    parser.add_argument("--reasons", help="list of what stays uncovered, and why")
    parser.add_argument("--library", nargs="+", help="the library, in each of its builds")
    parser.add_argument("--tests", nargs="*", default=[], help="programs of the Rust tests")
    parser.add_argument("--write", metavar="FILE", help="write the document too, if all is well")
    args = parser.parse_args()
    if args.test_binary:
        test_binary()
        return 0
    files = count(args)
    show(files)
    with open(args.reasons, "rb") as f:
        reasons = tomllib.load(f).get("uncovered", [])
    rows, wrong = judge({name: lines for name, lines in files.items() if part_of(name) in JUDGED}, reasons)
    print(f"\nuncovered in {', '.join(JUDGED)}: " + ("" if rows else "nothing"))
    for name, start, length, reason in rows:
        print(f"  {name} ({length}): {start}\n      {reason}")
    wrong += [f"{folder(part)}: {percent(together(files, part)):.2f} % is below {GOAL:.0f} %"
              for part in JUDGED if percent(together(files, part)) < GOAL]
    for each in wrong:
        print(f"FAILED {each}")
    if args.write and not wrong:
        with open(args.write, "w", encoding="utf-8") as f:
            f.write(document(files, rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
