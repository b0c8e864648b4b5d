#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Holds the documents against the code, without building anything.

    python3 tests/docs/check.py [name of a check...]

Each function `check_*` returns complaints, one line each.
"""

import glob
import json
import os
import re
import sys
import tomllib

import translations as chinese
from blocks import ROOT, blocks, documents, read, translations

# Words and phrases that people no longer write, and some that only a translation has. Write the everyday word.
BANNED = """anew, amid, amidst, amongst, albeit, aught, betwixt, borne, but for, beget, betimes, ere, erstwhile, forthwith,
 goes amiss, hence, henceforth, hereafter, hereby, herein, hereof, hereto, heretofore, herewith, hither, in vain, in lieu of,
 is to be had, was to be had, lest, and its kin, naught, notwithstanding, nought, oft, of its kin, save for, thence,
 thereafter, thereby, therefrom, therein, thereof, thereon, thereto, thereupon, therewith, thither, thrice, thus, told of,
 twain, unto, upon, vouch, vouches, vouched, vouching, verily, whence, whereby, wherein, whereof, whereupon, whereto, whilst,
 withal, withstand, yonder, has but, have but, for want of, be it, nigh, at a stroke, bears with, heeds, heeded, heed,
 dead-lock, for ever, stands below, stands with, stands at, stands here, stand here, stands in, stands as, it stands,
 stands again, where it stands, a fortnight, forsooth, likewise, mend, mends, mended, dwells, beholds, befalls, bestows, ceases, shall, ought"""
# Of these, what comments in the code may say.
CODE = """stands in, stands as, stands at, stands with, stands here, stand here, it stands, told of, for ever, mend, mends, mended"""
CODE_FOLDERS = ["src", "core", "hal", "include", "cmake", "cloud", "python", "scripts", "tests", "xtask", "benches", "examples_c",
                "fuzz/fuzz_targets"]
# Files that programs write; their words are those of the programs.
GENERATED = {"docs/FAULTS.md", "docs/COVERAGE.md"}


def files(*patterns):
    out = []
    for pattern in patterns:
        out += glob.glob(os.path.join(ROOT, pattern), recursive=True)
    return sorted(os.path.relpath(path, ROOT) for path in out if os.path.isfile(path))


def pages():
    return [*documents(), *translations()]


def prose(document):
    """[(line number, text)] outside of code blocks."""
    out, fenced = [], False
    for number, line in enumerate(read(document).split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            out.append((number, line))
    return out


def banned(allowed=""):
    words = [word for word in re.split(r",\s*", BANNED) if word not in re.split(r",\s*", allowed)]
    words = [re.escape(word).replace(r"\ ", r"\s+") for word in words]
    return re.compile(r"(?<![\w`-])(" + "|".join(words) + r")(?![\w`-])", re.I)


def check_words():
    """Documents and public headers use everyday words."""
    pattern = banned()
    for name in [*pages(), *files("include/**/*.h")]:
        if name in GENERATED:
            continue
        for number, line in enumerate(read(name).split("\n"), 1):
            for hit in pattern.finditer(line):
                yield f"{name}:{number}: '{hit[0]}': an everyday word, please"


def check_comments():
    """Comments in the code do, too."""
    pattern = banned(CODE)
    kinds = ("rs", "c", "h", "py", "sh", "cmake", "in", "toml")
    for name in files("Makefile", "CMakeLists.txt", *(f"{top}/**/*.{kind}" for top in CODE_FOLDERS for kind in kinds),
                      *(f"{top}/**/CMakeLists.txt" for top in CODE_FOLDERS)):
        if "/vendor/" in name or name == "tests/docs/check.py":
            continue
        for number, line in enumerate(read(name).split("\n"), 1):
            comment = re.search(r"//.*|/\*.*|^\s*\*.*|#.*", line)
            for hit in pattern.finditer(comment[0]) if comment else ():
                yield f"{name}:{number}: '{hit[0]}': an everyday word, please"


def check_blocks():
    """Every code block says what the test does with it."""
    for document in pages():
        yield from blocks(document)[1]


def check_links():
    """Links lead somewhere."""
    for document in pages():
        folder = os.path.dirname(document)
        for number, line in prose(document):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                path, _, anchor = target.partition("#")
                if "://" in path or path.startswith("mailto:"):
                    continue
                place = os.path.normpath(os.path.join(folder, path)) if path else document
                if not os.path.exists(os.path.join(ROOT, place)):
                    yield f"{document}:{number}: {target} is not there"
                elif anchor and place.endswith(".md") and anchor not in anchors(place):
                    yield f"{document}:{number}: {place} has no heading #{anchor}"


def check_paths():
    """Paths in `code` are there."""
    for document in pages():
        folder = os.path.dirname(document)
        for number, line in prose(document):
            for path in re.findall(r"`((?:src|core|tests|scripts|cmake|docs|examples_c|hal|include|fuzz|benches|cloud|python|xtask)/"
                                   r"[\w./-]+)`", line):
                places = [os.path.join(ROOT, below, path) for below in ("", folder, "src")]
                if "NAME" not in path and not any(map(os.path.exists, places)):
                    yield f"{document}:{number}: there is no {path}"


def anchors(document):
    return {chinese.anchor(line) for _, line in prose(document) if line.startswith("#")}


def check_translations():
    """A page in English and the same page in Chinese differ in nothing but the language."""
    for document in translations():
        if document not in chinese.ENGLISH:
            yield f"{document}: tests/docs/translations.py does not say which page it is a translation of"
    for english, other in chinese.TRANSLATED.items():
        missing = [document for document in (english, other) if not chinese.there_is(document)]
        if missing:
            yield f"{missing[0]} is not there: {english} and {other} belong together"
        else:
            yield from chinese.compare(english, other)
            yield from chinese.style(other)


def check_delta():
    """docs/DELTA.md has every error of a delta package, with its message."""
    code = read("core/src/delta/error.rs")
    errors = re.search(r"pub enum DeltaError \{\n(.*?)^\}", code, re.M | re.S)[1]
    messages = re.findall(r'(?:write!\(f, |=> "|=> \{\s+"|write!\(\s*f,\s*)"?([a-z][^"]+)"', code)
    text = read("docs/DELTA.md")
    rows = {name: row[2] for row in table("docs/DELTA.md", "| when | errors |") for name in re.findall(r"`(\w+)`", row[1])}
    yield from compare("error", rows, re.findall(r"^ {4}([A-Z]\w+)", errors, re.M), "docs/DELTA.md")
    for message in messages:
        if re.sub(r"\{[^}]*\}", "…", message) not in text:
            yield f"docs/DELTA.md: the message '{message}' is missing"


def check_make():
    """`make X` in a text is a target; every target says what it does, and there is no other list of them."""
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.M))
    for target in sorted(targets - set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.M))):
        yield f"Makefile: {target} has no `## ` comment for `make help`"
    for document in [*pages(), "CHANGELOG.md"]:
        for number, line in enumerate(read(document).split("\n"), 1):
            for target in re.findall(r"`make ([a-z0-9-]+)", line):
                if target not in targets:
                    yield f"{document}:{number}: there is no `make {target}`"


# -- options: in the documents exactly what is in the code

def table(document, heading):
    """Rows of the first table behind a line of text: lists of cells."""
    text = read(document)
    if heading not in text:
        return []
    rows = []
    for line in text[text.index(heading):].split("\n"):
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]


def names(cell, prefix=""):
    return [prefix + name for name in re.findall(r"`([A-Z][A-Z0-9_]*)`", cell)]


def compare(what, documented, there, document="README.md"):
    for name in sorted(set(there) - set(documented)):
        yield f"{document}: {what} {name} is missing"
    for name in sorted(set(documented) - set(there)):
        yield f"{document}: {what} {name} does not exist"


def check_cmake_options():
    there = {}
    for name in files("CMakeLists.txt", "cmake/*.cmake", "hal/**/CMakeLists.txt", "examples_c/CMakeLists.txt"):
        text = read(name)
        there.update(re.findall(r'^ *option\((OTAKIT_\w+) "[^"]*" ([^)]+)\)', text, re.M))
        there.update((option, value.strip('"')) for option, value, kind in
                     re.findall(r'^ *set\((OTAKIT_\w+) ("[^"]*"|\S+) CACHE (\w+)', text, re.M) if kind != "INTERNAL")
    rows = {name: row[1].strip("`") for row in table("README.md", "CMake options (") for name in names(row[0])}
    yield from compare("CMake option", rows, there)
    for name in sorted(set(rows) & set(there)):
        value = there[name]
        if value in ("ON", "OFF") or re.fullmatch(r"[a-z]+", value):
            if rows[name] != value:
                yield f"README.md: the default of {name} is {value}, not {rows[name]}"
        elif not value and rows[name] != "empty":
            yield f"README.md: the default of {name} is empty, not {rows[name]}"
    # A value that a page gives to an option which has a list of them.
    values = dict(re.findall(r"NOT (OTAKIT_\w+) MATCHES \"\^\(([\w|]+)\)\$\"", read("cmake/OtakitOptions.cmake")))
    for document in pages():
        for option, value in re.findall(r"(OTAKIT_\w+)=(\w+)", read(document)):
            if option in values and value not in values[option].split("|"):
                yield f"{document}: {option} has no value {value}"


def check_runtime_options():
    header = read("include/otakit.h")
    there = {}
    for comment, name in re.findall(r"((?:^//.*\n)+)#define OTAKIT_OPTION_(\w+) \d+", header, re.M):
        comment = re.sub(r"\n//", "", comment)
        default = re.search(r"(\d+) unless set", comment) or re.search(r"\b(0), the default", comment)
        there[name] = default[1] if default else "?"
    rows = {}
    for row in table("README.md", "| `OTAKIT_OPTION_…`"):
        values = [re.sub(r"\D.*", "", value.strip()) for value in row[1].split(",")]
        rows.update(zip(names(row[0]), values))
    yield from compare("OTAKIT_OPTION_", rows, there)
    for name in sorted(set(rows) & set(there)):
        if rows[name] != there[name]:
            yield f"README.md: the default of OTAKIT_OPTION_{name} is {there[name]} in otakit.h, not {rows[name]}"


def check_environment():
    """Environment variables of the library, the HAL's defaults, the examples and the Python modules."""
    there = set()
    for name in files("src/**/*.rs", "core/**/*.rs", "hal/**/*.c", "hal/**/*.h", "examples_c/*.c", "python/*.sh", "python/*.py", "python/src/*.py"):
        if "test" in name:
            continue
        text = read(name)
        there |= set(re.findall(r'(?:getenv|setting|otakit_hal_path|environ\.get|environ|var|variable|redirect)[(\[]\s*'
                                r'"(OTAKIT_[A-Z_]+)"', text))
        there |= set(re.findall(r"\$\{(OTAKIT_[A-Z_]+)", text))
        if name.startswith("examples_c"):
            there |= set(re.findall(r'"(OTAKIT_[A-Z_]+)"', text))
    documented = set()
    for document in documents():
        documented |= set(re.findall(r"\b(OTAKIT_[A-Z_]*[A-Z])\b", "\n".join(text for _, text in prose(document))))
    for name in sorted(there - documented):
        yield f"the environment variable {name} is in no document"


def check_identifiers():
    """Names of the C API, of options and of variables that documents mention are in the code."""
    code = []
    for name in files("src/**/*.rs", "core/**/*.rs", "hal/**/*.[ch]", "include/**/*.h", "examples_c/*", "CMakeLists.txt", "cmake/**/*", "python/**/*.py",
                      "python/*.sh", "scripts/*", "tests/c/**/*", "tests/abi/*", "abi/*", "tests/e2e/**/*.py", "benches/*",
                      "cloud/src/**/*.rs", "Cargo.toml", "build.rs", "tests/docs/*.py", "tests/kill/*.py", "scripts/**/*"):
        try:
            code.append(read(name))
        except UnicodeDecodeError:
            pass
    there = set(re.findall(r"\w+", "\n".join(code)))
    for document in pages():
        for number, line in prose(document):
            for name in re.findall(r"`((?:OTAKIT|IOT|HAL|otakit|IOTX|ITE|ITM)_\w*[A-Za-z0-9])(?![\w*…])", line):
                if name not in there and f"otakit_{name}" not in there:
                    yield f"{document}:{number}: the code knows no {name}"


def check_features():
    section = re.search(r"^\[features\]\n(.*?)^\[", read("Cargo.toml"), re.M | re.S)[1]
    there = set(re.findall(r"^([a-z-]+) = ", section, re.M)) - {"default"}
    text = read("README.md")
    start = text.find("Cargo features")
    documented = set(re.findall(r"`([a-z-]+)`", text[start:text.find("\n\n", start)])) if start >= 0 else set()
    yield from compare("cargo feature", documented, there)


def check_platforms():
    """The one list of platforms is the feature `platforms`; nothing that builds repeats it."""
    names_ = "|".join(re.findall(r'"(\w+)"', re.search(r"^platforms = \[(.*)\]", read("Cargo.toml"), re.M)[1]))
    name_ = rf'["`]?(?:otakit/)?(?:{names_})["`]?'
    for name in files("Makefile", "CMakeLists.txt", "CMakePresets.json", "cmake/*", "scripts/*", ".ci/*", "tests/e2e/run.py"):
        for number, line in enumerate(read(name).split("\n"), 1):
            if re.search(rf"{name_}(?:[;, ]+{name_}){{2}}", line):
                yield f"{name}:{number}: a list of platforms beside the one in Cargo.toml"


def check_hal():
    """README's list of imports is that of the manifests which the libraries are checked against."""
    imported = set()
    for name in files("abi/imports-*.txt", "tests/abi/imports-*.txt"):
        imported |= set(re.findall(r"^(\w+)$", read(name), re.M))
    section = re.search(r"<!-- hal: begin.*?-->(.*?)<!-- hal: end -->", read("README.md"), re.S)
    listed = re.findall(r"`((?:HAL|IOT)_\w+)`", "\n".join(line for line in section[1].split("\n") if line.startswith("|")))
    listed = [name for name in listed if name.count("_") > 1 or name in imported]
    yield from compare("imported function", listed, imported)


def check_figures():
    """README's figures are those that `make bench-gate` prints as its baseline."""
    figures = json.loads(read("benches/baseline.json"))
    text = read("README.md")
    documented = re.findall(r"\|\s*([\d,]+)(?: B)? \|$", text[text.index("| figure, x86_64 | baseline |"):text.index("<!-- bench begin")], re.M)
    if sorted(documented) != sorted(f"{figure:,}" for figure in figures.values()):
        yield f"README.md: the baselines are {documented}, in benches/baseline.json {[f'{figure:,}' for figure in figures.values()]}"


def check_versions():
    """README names the versions of Rust and CMake that the build asks for."""
    rust = re.search(r'^rust-version = "(.*)"', read("Cargo.toml"), re.M)[1]
    cmake = re.search(r"cmake_minimum_required\(VERSION ([\d.]+)", read("CMakeLists.txt"))[1]
    text = read("README.md")
    for what, wanted in (("Rust", f"| Rust | {rust} or newer"), ("CMake", f"CMake {cmake} or newer")):
        if wanted not in text:
            yield f"README.md: the version of {what} that is needed, as '{wanted}', is missing"


def check_locks():
    """Every lock file has what the manifests ask for, so that `--locked` builds. (Without asking a registry.)"""
    manifests = {}
    for name in files("Cargo.toml", "*/Cargo.toml"):
        manifests[tomllib.loads(read(name))["package"]["name"]] = tomllib.loads(read(name))
    for lock in files("Cargo.lock", "*/Cargo.lock"):
        top = tomllib.loads(read(lock.replace(".lock", ".toml")))
        members = [os.path.join(os.path.dirname(lock), member, "Cargo.toml") for member in top.get("workspace", {}).get("members", ["."])]
        own = {tomllib.loads(read(os.path.normpath(member)))["package"]["name"] for member in members}
        locked = {package["name"]: {text.split(" ")[0] for text in package.get("dependencies", [])}
                  for package in tomllib.loads(read(lock))["package"] if "source" not in package}
        for name in sorted(own - set(locked)):
            yield f"{lock}: {name} is missing"
        for name, there in locked.items():
            kinds = ["dependencies", "build-dependencies", *(["dev-dependencies"] if name in own else [])]
            tables = [manifests[name], *manifests[name].get("target", {}).values()]
            wanted = {given.get("package", key) if isinstance(given, dict) else key
                      for table in tables for kind in kinds for key, given in table.get(kind, {}).items()}
            # (A feature that nobody asks for may leave an optional one out.)
            optional = {key for table in tables for kind in kinds for key, given in table.get(kind, {}).items()
                        if isinstance(given, dict) and given.get("optional")}
            for gone in sorted(wanted - optional - there):
                yield f"{lock}: {gone}, which {name} depends on, is missing"
            for old in sorted(there - wanted):
                yield f"{lock}: {name} no longer depends on {old}"


# -- modules: what may import what

def check_modules():
    """docs/ARCHITECTURE.md names every module of src/ and what it imports; the code outside of tests imports nothing else."""
    rows = table("docs/ARCHITECTURE.md", "| module |")
    allowed = {}
    for row in rows:
        for module in re.findall(r"`(\w+)/?`", row[0]):
            allowed[module] = set(re.findall(r"`(\w+)`", row[2]))
    there = {os.path.splitext(name)[0] for name in os.listdir(os.path.join(ROOT, "src"))} - {"lib", "fuzzing", "build"}
    yield from compare("module", allowed, there, "docs/ARCHITECTURE.md")
    for module in [module for module, row in ((module, row) for row in rows for module in re.findall(r"`(\w+)/?`", row[0]))
                 if "everything below" in row[2]]:
        allowed[module] = there
    for name in files("src/**/*.rs"):
        module = os.path.splitext(name.split("/")[1])[0]
        if module not in allowed or re.search(r"(^|/)(tests|props|test_\w+|fake\w*)(\.rs|/)", name):
            continue
        text = re.split(r"^#\[cfg\(test\)\]\nmod \w+ \{", read(name), maxsplit=1, flags=re.M)[0]
        text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
        used = set(re.findall(r"\bcrate::(\w+)", text))
        for group in re.findall(r"\bcrate::\{([^}]*)", text):
            used |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
        for other in sorted((used & there) - allowed[module] - {module, "log", "cancel", "system"}):
            yield f"{name}: imports {other}, which the table of modules does not allow"


def main(argv):
    checks = {name.removeprefix("check_"): value for name, value in globals().items() if name.startswith("check_")}
    wrong = 0
    for name in argv or checks:
        complaints = list(checks[name]())
        wrong += len(complaints)
        print(f"{'FAIL' if complaints else 'ok  '} {name}")
        for text in complaints:
            print(f"     {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
