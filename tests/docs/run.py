#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Does what the documents say: every code block is typed, compiled or run, in order, as a newcomer would.

    python3 tests/docs/run.py [--work DIR] [--as-printed] [--keep] [document...]

The shell starts at the top of a fresh copy of the sources, with an empty home directory and, where the system allows it, a
network of its own that has nothing but loopback. What each block's info string means: tests/docs/blocks.py.

CMake is told to build the library with the quick profile `ci` into the cargo folder of this tree (OTAKIT_DOCS_CMAKE adds
options); `--as-printed` leaves that out and takes some minutes more. `--keep` leaves what an earlier run built where it is, for
quick repeats. Prints `N blocks passed, N failed`; a document ends at its first failure.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from blocks import ROOT, blocks, commands, documents, pattern

MARK = "\x01done"
# Documents that need more of the network than loopback. (pip takes setuptools from the package index.)
NETWORK = {"python/README.md"}
LOOPBACK_UP = ("import fcntl, socket, struct; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
               "fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 0x49))")


class Failure(Exception):
    """What the reader of a document would have stumbled over."""


class Shell:
    """A bash that gets one command after another. It ends at the first that fails (`set -e`)."""

    def __init__(self, folder, env, isolated):
        self.text, self.grown, self.ended = "", threading.Condition(), False
        bash = ["bash", "--noprofile", "--norc"]
        if isolated:
            bash = [*isolated, "sh", "-c", f'python3 -c "{LOOPBACK_UP}" && exec bash --noprofile --norc']
        self.process = subprocess.Popen(bash, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        self.script = os.path.join(env["HOME"], ".typed")
        threading.Thread(target=self._read, daemon=True).start()
        self.type("set -eo pipefail")

    def _read(self):
        for line in self.process.stdout:
            with self.grown:
                self.text += line
                self.grown.notify_all()
        with self.grown:
            self.ended = True
            self.grown.notify_all()

    def _wait(self, done, seconds):
        """Waits until `done(text)`; False when the shell or the time has ended before."""
        end = time.monotonic() + seconds
        with self.grown:
            while not done(self.text):
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    return False
                self.grown.wait(left)
            return True

    def printed(self):
        return "\n".join(line.rstrip() for line in self.text.replace(MARK + "\n", "").split("\n"))

    def type(self, command, expected=None, seconds=1500):
        """Runs a command, and compares what it prints; a program in the background may print a while later."""
        with self.grown:
            self.text = ""
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(command + "\n")
        try:
            # What is shown to print something may be shown to fail.
            allowed = " || true" if expected else ""
            self.process.stdin.write(f". '{self.script}' </dev/null{allowed}; printf '{MARK}\\n'\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        if not self._wait(lambda text: MARK in text, seconds):
            what = f"failed with {self.process.wait()}" if self.ended else f"is not done after {seconds} s"
            raise Failure(f"$ {command}\n{self.printed()[-6000:]}\n^^^ {what}")
        if expected is None:
            return
        wanted = pattern(expected)
        self._wait(lambda _: wanted.fullmatch(self.printed()), 15)
        if not wanted.fullmatch(self.printed()):
            raise Failure(f"$ {command}\n--- printed:\n{self.printed()[-6000:]}--- the document says:\n" + "\n".join(expected))

    def folder(self):
        self.type("pwd")
        return self.printed().strip()

    def close(self):
        """Ends the shell and what it started in the background."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            time.sleep(0.2)
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def copy_sources(to):
    """What `git clone` would bring of this working tree."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = os.path.join(ROOT, name), os.path.join(to, name)
        if os.path.exists(source) and not (os.path.exists(target) and os.path.getmtime(source) <= os.path.getmtime(target)):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)


def commit(tree):
    """What a clone has and a copy has not: a commit."""
    git = ["git", "-c", "user.name=reader", "-c", "user.email=reader@localhost"]
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-q", "--allow-empty", "-m", "a copy"]):
        subprocess.run([*git, *words], cwd=tree, check=True)


def environment(work, target, as_printed):
    real = os.path.expanduser("~")
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("OTAKIT_", "MAKE", "MFLAGS", "PKG_CONFIG", "CMAKE_PREFIX"))}
    env.setdefault("CARGO_HOME", os.path.join(real, ".cargo"))
    env.setdefault("RUSTUP_HOME", os.path.join(real, ".rustup"))
    env.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    env.update(HOME=os.path.join(work, "home"), OTAKIT_PYTHON_PROFILE="ci", LC_ALL="C.UTF-8")
    env.pop("CARGO_TARGET_DIR", None)
    os.makedirs(env["HOME"])
    os.makedirs(os.path.join(work, "bin"))
    env["PATH"] = os.pathsep.join([os.path.join(work, "bin"), env["PATH"], os.path.join(env["CARGO_HOME"], "bin"), "/usr/sbin",
                                   # Where scripts/micropython.sh puts the one that it fetches.
                                   os.path.join(ROOT, "build", "micropython")])
    if not as_printed:
        shim = os.path.join(work, "bin", "cmake")
        extra = f'-DOTAKIT_CARGO_PROFILE=ci "-DOTAKIT_CARGO_TARGET_DIR={target}" {os.environ.get("OTAKIT_DOCS_CMAKE", "")}'
        with open(shim, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nif [ "$1" = -S ] && grep -qs "^project(otakit " "$2/CMakeLists.txt"; then\n'
                       f'    exec {shutil.which("cmake")} "$@" {extra}\nfi\nexec {shutil.which("cmake")} "$@"\n')
        os.chmod(shim, 0o755)
    return env


def isolation():
    """The command that gives a program a network of its own; empty where that is not allowed."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            break
    print("note: no network of its own can be had here: the documents' ports (1883, 8080, …) must be free")
    return []


class Reader:
    """Goes through one document."""

    def __init__(self, tree, env, isolated):
        self.tree, self.env = tree, env
        self.shell = Shell(tree, env, isolated)
        self.prefix = os.path.join(env["HOME"], "otakit")

    def do(self, block):
        """None, or why the block was left out."""
        needs = block.options.get("needs")
        if needs and shutil.which(needs, path=self.env["PATH"]) is None:
            return f"there is no {needs} here"
        if block.treatment == "run":
            for command, expected in commands(block):
                self.shell.type(command, expected)
        elif block.treatment == "make":
            self.make(block)
        elif block.treatment == "file":
            path = os.path.join(self.shell.folder(), block.options["file"])
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(block.lines) + "\n")
            if block.language == "c":
                self.compile(block, path)
        return None

    def make(self, block):
        for line in filter(None, (line.split("#")[0].strip() for line in block.lines)):
            words = line.split()
            if words[0] != "make":
                raise Failure(f"{line}: not a make target")
            self.shell.type(line if line in ("make demo", "make dist") else f"make --dry-run {' '.join(words[1:])} >/dev/null")

    def compile(self, block, path):
        headers = os.path.join(self.prefix, "include", "otakit")
        if not os.path.isdir(headers):
            self.shell.type(f"cmake -S '{self.tree}' -B '{self.tree}/build' && cmake --build '{self.tree}/build' && "
                            f"cmake --install '{self.tree}/build' --prefix '{self.prefix}'")
        flags = f"-Wall -Wextra -Wpedantic -Werror -I'{headers}' -I'{headers}/{block.options.get('platform', 'linkkit')}'"
        self.shell.type(f"gcc -std=c99 {flags} -c '{path}' -o /dev/null")
        self.shell.type(f"g++ -std=c++17 {flags} -x c++ -c '{path}' -o /dev/null")


def main(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", default=os.path.join(ROOT, "build", "docs"))
    p.add_argument("--as-printed", action="store_true")
    p.add_argument("--keep", action="store_true")
    p.add_argument("documents", nargs="*")
    args = p.parse_args(argv)
    wanted, work = args.documents or documents(), os.path.abspath(args.work)
    for old in (os.path.join(work, "home"), os.path.join(work, "bin")) if args.keep else (work,):
        shutil.rmtree(old, ignore_errors=True)
    tree = os.path.join(work, "otakit")
    copy_sources(tree)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    if not args.as_printed and not os.path.islink(os.path.join(tree, "target")):
        os.makedirs(target, exist_ok=True)
        os.symlink(target, os.path.join(tree, "target"))
    commit(tree)
    env, isolated = environment(work, target, args.as_printed), isolation()
    # What cargo has to download, while there is a network.
    for workspace in (tree, os.path.join(tree, "cloud")):
        subprocess.run(["cargo", "fetch", "--quiet", "--locked"], cwd=workspace, env=env, check=False)
    passed = failed = 0
    for document in wanted:
        found, wrong = blocks(document)
        for text in wrong:
            print(f"FAIL {text}")
        failed += len(wrong)
        todo = [block for block in found if block.language != "text" and not block.unknown]
        if not todo:
            continue
        reader = Reader(tree, env, [] if document in NETWORK else isolated)
        for block in todo:
            begin = time.monotonic()
            try:
                left_out = reader.do(block)
            except Failure as failure:
                print(f"FAIL {block}\n     " + re.sub(r"\n", "\n     ", str(failure)), flush=True)
                failed += 1
                break
            print(f"skip {block}: {left_out}" if left_out else
                  f"ok   {block} {block.language} ({time.monotonic() - begin:.1f} s)", flush=True)
            passed += 1
        reader.shell.close()
    print(f"{passed} blocks passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
