# SPDX-License-Identifier: MIT OR Apache-2.0
"""One life of a program that downloads, and the book kept over an image's lives."""

import itertools
import os
import shutil
import struct
import subprocess
import time

# Bytes between two records of the journal: what a kill may cost of the stored bytes (src/engine/download.rs, NOTE_EVERY).
CHECKPOINT = 64 * 1024
# What may be off the network but not in the store when a process dies (src/engine/download.rs, pipe.rs,
# src/fetch/http/exchange.rs): one piece of 16 KiB being filled, four slots of 16 KiB, and 1 KiB read with a head.
IN_FLIGHT = (1 + 4) * 16 * 1024 + 1024

_numbers = itertools.count(1)


class Wrong(Exception):
    """Something is not as it must be."""


class Setup:
    """What all lives share."""

    def __init__(self, build, origin, scratch):
        self.programs = os.path.join(build, "tests", "c", "kill")
        self.origin, self.scratch = origin, scratch


class Download:
    """An image's way into a folder of its own, over as many lives as it takes."""

    def __init__(self, setup, name, image, before=None, checkpoint=CHECKPOINT):
        self.setup, self.name, self.image, self.before = setup, name, image, before
        # What a power failure may cost.
        self.checkpoint = checkpoint
        self.folder = os.path.join(setup.scratch, f"d{next(_numbers)}")
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "image")
        self.part, self.journal = self.path + ".part", os.path.join(self.folder, "journal")
        self.state = self.folder + ".state"
        if before is not None:
            with open(self.path, "wb") as f:
                f.write(before)
        self.reached = self.stored = 0
        self.lives = self.kills = self.refetched = self.worst = self.worst_stored = self.resumed = self.taken = 0
        self.operations = self.read_back = 0
        self.journal_struck = self.folder_struck = self.power_lost = False

    def live(self, kill_after=None, tries=1, command=(), **shim):
        """Runs the program once; `shim` are SHIM_ settings. Returns its exit code and the codes of its tries."""
        life = next(_numbers)
        with open(self.state, "wb") as f:
            f.write(bytes(64))
        env = {"PATH": os.environ.get("PATH", ""), "LD_PRELOAD": os.path.join(self.setup.programs, "kill_shim.so"),
               "SHIM_STATE": self.state, "SHIM_DIR": self.folder}
        env.update((f"SHIM_{key.upper()}", str(value)) for key, value in shim.items())
        # Where an instrumented build keeps its counters (scripts/coverage.sh).
        env.update((key, os.environ[key]) for key in ("LLVM_PROFILE_FILE",) if key in os.environ)
        arguments = [*command, os.path.join(self.setup.programs, "kill_download"), self.setup.origin.url(self.name, life),
                     "2.0.0", str(self.image.size), self.image.sha256, self.path, self.journal, str(tries),
                     str(self.checkpoint)]
        process = subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong("a life did not end") from None
        if err or process.returncode not in (0, 1, -9):
            raise Wrong(f"ended with {process.returncode}: {err.strip()}")
        self.lives += 1
        self.kills += process.returncode == -9
        self._keep_book(life, out, process.returncode == -9, shim.get("loss"))
        self.check_place(complete=process.returncode == 0)
        return process.returncode, [int(line.split()[1]) for line in out.splitlines() if line.startswith("ret ")]

    def _keep_book(self, life, out, killed, power_lost):
        with open(self.state, "rb") as f:
            self.operations, received, read_back, self.struck, journal, folder = struct.unpack("<6Q", f.read(48))
        self.journal_struck, self.folder_struck = journal != 0, folder != 0
        self.read_back += read_back
        self.power_lost = self.power_lost or bool(power_lost)
        answers = self.setup.origin.answers(life)
        # Of the first try, whose answers come first.
        begun = [int(line.split()[1]) for line in out.partition("ret ")[0].splitlines() if line.startswith("resumed ")]
        body = received - sum(answer.header for answer in answers)
        if answers and begun:
            start = answers[0].start
            if begun[-1] != start or answers[0].partial != (start > 0):
                raise Wrong(f"resumed at {begun[-1]}, but asked for bytes from {start}")
            self._book(start)
            self.resumed += start > 0
        self.taken += max(body, 0)
        if len(answers) == 1 and body > 0:
            self.reached = answers[0].start + body
        # What a power failure took was never promised.
        self.stored = 0 if power_lost else self.size_of(self.part)
        if not killed:
            self.reached = self.stored = 0

    def _book(self, start):
        """Compares where a life begins with how far the one before got."""
        lost, lost_stored = max(self.reached - start, 0), max(self.stored - start, 0)
        self.refetched += lost
        self.worst, self.worst_stored = max(self.worst, lost), max(self.worst_stored, lost_stored)
        self.reached = self.stored = 0

    @staticmethod
    def size_of(path):
        try:
            return os.path.getsize(path)
        except FileNotFoundError:
            return 0

    def check_bounds(self):
        """After kills, not after power losses and not after somebody tampered with the files."""
        if self.worst_stored > CHECKPOINT:
            raise Wrong(f"{self.worst_stored} stored bytes were fetched again")
        if self.worst > (self.checkpoint if self.power_lost else CHECKPOINT) + IN_FLIGHT:
            raise Wrong(f"{self.worst} bytes were fetched again")

    def check_place(self, complete):
        """The final place holds the image, or what was there before; never anything else."""
        try:
            with open(self.path, "rb") as f:
                there = f.read()
        except FileNotFoundError:
            there = None
        if there != self.image.content and (complete or there != self.before):
            raise Wrong("a wrong image is in the final place")

    def in_place(self):
        with open(self.path, "rb") as f:
            return f.read() == self.image.content

    def finish(self):
        """A last, undisturbed life: it must succeed, and leave nothing else behind."""
        code, rets = self.live()
        if code != 0:
            raise Wrong(f"the undisturbed life failed: {rets}")
        left = sorted(name for name in os.listdir(self.folder) if name not in ("image", "journal"))
        if left:
            raise Wrong(f"left behind: {left}")

    def remove(self):
        shutil.rmtree(self.folder)
        os.unlink(self.state)
