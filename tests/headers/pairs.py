#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every pair of public headers, in both orders, as C99 and C++17; as C89 and gnu89 each header alone, and all of a folder forwards
and backwards: what two headers do to each other is the same there.

pairs.py [--only FOLDER] [--language LANGUAGE] [--jobs N]

A program includes the headers of one folder, so pairs are made per folder: each with the folders that its build adds to the
include path. One compiler call takes many pairs; each pair is a source file of its own. A header with itself is a pair too:
it is the header alone, twice."""

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-function"]
OLD = [flag for flag in WARNINGS if flag != "-Wpedantic"]
# Language, compiler, flags. C89 has no long long and no macros with "...": compilers take them unless told to be pedantic.
LANGUAGES = {
    "c99": (os.environ.get("CC", "cc"), ".c", ["-std=c99", *WARNINGS]),
    "c89": (os.environ.get("CC", "cc"), ".c", ["-std=c89", *OLD]),
    "gnu89": (os.environ.get("CC", "cc"), ".c", ["-std=gnu89", *OLD]),
    "c++17": (os.environ.get("CXX", "c++"), ".cpp", ["-std=c++17", *WARNINGS]),
}
# The folders of one program's include path; its headers are those of all of them, each by the name that finds it first.
FOLDERS = {
    "linkkit": ["linkkit"],
    "linkkit/v3.10": ["linkkit/v3.10", "linkkit"],
    "linkkit/v2.3": ["linkkit/v2.3", "linkkit"],
    "onenet": ["onenet"],
    "haas": ["haas"],
    "quectel": ["quectel"],
    ".": ["."],
}
# Other generations' and platforms' folders lie below; they are folders of their own.
APART = {"linkkit": ("v3.10/", "v2.3/"), ".": ("linkkit/", "onenet/", "haas/", "quectel/")}
# These only include a header of the folder above.
LAYOUT = ("infra/", "wrappers/", "linkkit/")
PER_CALL = 120


def headers(folder):
    """The names that a program may include."""
    own = INCLUDE / FOLDERS[folder][0]
    names = {path.relative_to(own).as_posix() for path in own.rglob("*.h")}
    if folder == "linkkit/v2.3":
        # V2.3 had no other headers; those above are for its own use.
        return sorted(names)
    for other in FOLDERS[folder][1:]:
        base = INCLUDE / other
        found = {path.relative_to(base).as_posix() for path in base.rglob("*.h")}
        names |= {name for name in found if not name.startswith(APART.get(other, ()))}
    return sorted(name for name in names if not name.startswith(APART.get(folder, ())))


def sources(folder, language, at):
    """One file per sequence of headers."""
    suffix = LANGUAGES[language][1]
    names = headers(folder)
    sequences = [(name, name) for name in names] + [tuple(names), tuple(reversed(names))]
    if not language.endswith("89"):
        sequences += itertools.permutations([name for name in names if not name.startswith(LAYOUT)], 2)
    files = []
    for sequence in sequences:
        path = at / f"{len(files)}{suffix}"
        path.write_text("".join(f'#include "{name}"\n' for name in sequence) + "typedef int otakit_pair;\n", encoding="utf-8")
        files.append((path, " then ".join(sequence)))
    return files


def compile_pairs(folder, language, files):
    compiler, _, flags = LANGUAGES[language]
    include = [f"-I{INCLUDE / name}" for name in FOLDERS[folder]]

    done = subprocess.run([compiler, *flags, *include, "-fsyntax-only", *(str(path) for path, _ in files)],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    # A message names the pair's file, by itself or as what included the header.
    broken = {pathlib.Path(name) for name in re.findall(rf"{re.escape(str(files[0][0].parent))}/\d+\.c(?:pp)?", done.stderr)}
    failures = [f"{folder} {language}: {text}" for path, text in files if path in broken]
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    return [*failures, *errors[:3]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one folder")
    parser.add_argument("--language", choices=sorted(LANGUAGES), help="one language")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    failures, count, work = [], 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in [args.only] if args.only else FOLDERS:
            for language in [args.language] if args.language else LANGUAGES:
                if folder == "." and language == "c89":
                    continue  # otakit.h has // comments.
                at = pathlib.Path(scratch) / folder.replace("/", "_").replace(".", "_") / language
                at.mkdir(parents=True)
                files = sources(folder, language, at)
                count += len(files)
                work += [(folder, language, files[n:n + PER_CALL]) for n in range(0, len(files), PER_CALL)]
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for found in pool.map(lambda job: compile_pairs(*job), work):
                failures += found
    for line in failures[:20]:
        print(line, file=sys.stderr)
    print(f"headers: {count} files, {len(failures)} failures")
    if not count or failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
