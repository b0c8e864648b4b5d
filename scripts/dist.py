#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Steps of scripts/dist.sh: the manifest of the library alone, vendored crates without what Linux never compiles, and documents
that link to nothing which the package does not have."""

import json
import pathlib
import re
import subprocess
import sys

# One of each kind that the library is built for; a crate that none of them needs is left an empty shell.
TARGETS = [
    "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "i686-unknown-linux-gnu", "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl", "armv7-unknown-linux-gnueabihf", "armv7-unknown-linux-musleabi",
    "armv5te-unknown-linux-gnueabi", "riscv64gc-unknown-linux-gnu", "powerpc64le-unknown-linux-gnu",
    "loongarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu",
]


def manifest(path):
    text = path.read_text()
    text, members = re.subn(r"^members = \[.*\]$", 'members = [".", "core"]', text, flags=re.M)
    text, excluded = re.subn(r"^exclude = \[.*\]\n", "", text, flags=re.M)
    text, tests = re.subn(r"^\[dev-dependencies\]\n(?:[^\[\n].*\n|\n)*", "", text, flags=re.M)
    if (members, excluded, tests) != (1, 1, 1):
        sys.exit("dist: Cargo.toml is not as expected")
    path.write_text(text)


def vendor(tree):
    command = ["cargo", "metadata", "--format-version", "1", "--offline", "--locked", "--all-features"]
    for target in TARGETS:
        command += ["--filter-platform", target]
    answer = subprocess.run(command, cwd=tree, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    answer = json.loads(answer)
    named = {package["id"]: f'{package["name"]}-{package["version"]}' for package in answer["packages"]}
    needed = {named[node["id"]] for node in answer["resolve"]["nodes"]}
    shells = 0
    for crate in sorted((tree / "vendor").iterdir()):
        sums = crate / ".cargo-checksum.json"
        content = json.loads(sums.read_text())
        if crate.name in needed:
            # Objects that were compiled elsewhere: for Windows, and nobody's source.
            for file in [*crate.rglob("*.o"), *crate.rglob("*.obj"), *crate.rglob("*.lib"), *crate.rglob("*.a")]:
                if file.is_file():
                    content["files"].pop(file.relative_to(crate).as_posix(), None)
                    file.unlink()
        else:
            # Cargo reads the manifest of every crate in the lock file, and no more of these.
            keep = re.compile(r"(Cargo\.toml|\.cargo-checksum\.json|LICEN[CS]E.*|COPYING.*|license.*)$")
            for file in sorted(crate.rglob("*"), reverse=True):
                if file.is_dir():
                    if not any(file.iterdir()):
                        file.rmdir()
                elif file.parent != crate or not keep.match(file.name):
                    file.unlink()
            library = re.search(r'^\[lib\](?:\n(?!\[).*)*?\npath = "(.*)"', (crate / "Cargo.toml").read_text(), re.M)
            library = crate / (library.group(1) if library else "src/lib.rs")
            library.parent.mkdir(parents=True, exist_ok=True)
            library.write_text("")
            content["files"] = {}
            shells += 1
        sums.write_text(json.dumps(content, sort_keys=True))
    print(f"dist: {len(needed) - 1} crates, and {shells} that Linux does not need, as empty shells")


# What is said below the title of the package's README files.
NOTES = {
    "README.md": "This is the source package: the library, the examples and the Python modules, with every crate that they need. "
                 "`make`, the local cloud, the console and the tests are in the repository only. How to build without a network: "
                 "[docs/OFFLINE.md](docs/OFFLINE.md).",
    "README.zh-CN.md": "这是源码包：库、示例和 Python 模块，以及它们所需的全部 crate。`make`、本地云、控制台和测试只在仓库中。无网络构建见 "
                       "[docs/zh-CN/OFFLINE.md](docs/zh-CN/OFFLINE.md)。",
}


def documents(tree):
    for page in sorted(tree.rglob("*.md")):
        if "vendor" in page.relative_to(tree).parts:
            continue

        def plain(link, page=page):
            target = link["target"].partition("#")[0]
            gone = target and "://" not in target and not (page.parent / target).exists()
            return link["text"] if gone else link[0]
        text = re.sub(r"(?<!!)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)", plain, page.read_text())
        note = NOTES.get(page.relative_to(tree).as_posix())
        if note:
            title, rest = text.split("\n", 1)
            text = f"{title}\n\n> {note}\n{rest}"
        page.write_text(text)


{"manifest": manifest, "vendor": vendor, "documents": documents}[sys.argv[1]](pathlib.Path(sys.argv[2]))
