#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Kills downloads, takes their power, tears their files and fails their storage; whatever happens, they finish.

    python3 tests/kill/run.py --build DIR [--long] [--seed N] [--jobs 2]

DIR is a CMake build directory with the C tests. --long: ten times the random kills. See docs/TESTING.md for what each row
means. Prints `N passed, N failed` at the end; exit code 0 when nothing failed.
"""

import argparse
import concurrent.futures
import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from life import CHECKPOINT, IN_FLIGHT, Download, Setup, Wrong
from origin import Image, Origin
from two import two_updaters

SLOT = 4096  # src/store/journal.rs
SMALL, LARGE, TINY = 256 * 1024, 16 * 1024 * 1024, 40 * 1024
OK, ERR_STORE_FULL, ERR_STORE = 0, -50, -51
KINDS = {"o": "open", "w": "write", "s": "sync", "t": "truncate", "r": "rename", "u": "unlink", "f": "reserve", "\0": "none"}


class Row:
    """One line of the table; several threads add to it."""

    def __init__(self, name):
        self.name, self.wrong = name, []
        self.images = self.lives = self.kills = self.refetched = self.worst = self.worst_stored = self.resumed = 0
        self.read_back = 0

    def add(self, download):
        self.images += 1
        for field in ("lives", "kills", "refetched", "resumed", "read_back"):
            setattr(self, field, getattr(self, field) + getattr(download, field))
        self.worst = max(self.worst, download.worst)
        self.worst_stored = max(self.worst_stored, download.worst_stored)


class Harness:
    def __init__(self, setup, jobs, seed, kills):
        self.setup, self.jobs, self.seed, self.kills = setup, jobs, seed, kills
        self.small, self.large = Image(SMALL, 1), Image(LARGE, 2)
        self.old = Image(SMALL, 3).content
        for name, image in (("small", self.small), ("large", self.large), ("tiny", Image(TINY, 4))):
            setup.origin.add(name, image)
        self.rows = []

    def row(self, name, work, items):
        """Runs `work(download-maker, item)` for each item beside each other and enters it as a row."""
        row = Row(name)

        def one(item):
            made = []

            def download(image_name, image, **options):
                made.append(Download(self.setup, image_name, image, **options))
                return made[-1]

            try:
                work(download, item)
            except Wrong as wrong:
                row.wrong.append(f"{item if isinstance(item, int) else item[0]}: {wrong}")
            for each in made:
                each.remove()
            return made

        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for made in pool.map(one, items):
                for each in made:
                    row.add(each)
        if not row.images:
            row.wrong.append("nothing was run")
        self.show(row)

    def results(self, name, work, items):
        """The same for experiments that keep their own book."""
        row = Row(name)

        def one(item):
            made = []
            try:
                work(made, item)
            except (Wrong, OSError, subprocess.TimeoutExpired) as wrong:
                row.wrong.append(f"{item}: {wrong}")
            return made

        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for made in pool.map(one, items):
                for each in made:
                    row.add(each)
        if not row.images:
            row.wrong.append("nothing was run")
        self.show(row)

    def show(self, row):
        self.rows.append(row)
        print(f"{row.name:56} {row.images:6} {row.lives:6} {row.kills:6} {row.resumed:7} {row.refetched:11} "
              f"{row.worst_stored:7} {row.worst:7} {'FAILED' if row.wrong else 'ok':>6}", flush=True)
        for wrong in row.wrong[:5]:
            print(f"    {wrong}", flush=True)

    # Kills -----------------------------------------------------------------------------------------------------------

    def operations(self):
        """How many storage operations an undisturbed download of the small image has."""
        download = Download(self.setup, "small", self.small, before=self.old)
        download.live(at=0)
        count = download.operations
        download.remove()
        return count

    def at_every_operation(self, count):
        variants = [("", {})]
        variants += [(f", power: bytes {loss}, names {names}", {"loss": loss, "names": names})
                     for loss in ("cut", "zero") for names in ("keep", "revert")]
        for title, shim in variants:
            for act in ("before", "torn", "after"):
                def work(make, n, act=act, shim=shim):
                    download = make("small", self.small, before=self.old)
                    download.live(at=n, act=act, **shim)
                    if not download.kills:
                        raise Wrong("no operation was struck")
                    download.finish()
                    download.check_bounds()
                    if download.taken != download.image.size + download.refetched:
                        raise Wrong(f"{download.taken} bytes taken, {download.refetched} of them again")
                self.row(f"each operation, {act}{title}", work, range(1, count + 1))

    def at_random(self):
        """Kills at random operations and times until enough were counted; each image is finished."""
        budget = {"operation": self.kills // 2, "time": self.kills // 4, "power": self.kills // 4, "lot": self.kills // 2}
        for kind, kills in budget.items():
            left = [kills]

            def work(make, n, kind=kind, left=left):
                dice = random.Random(f"{self.seed}/{kind}/{n}")
                if left[0] <= 0:
                    return
                if kind == "lot":
                    # Each change since the last sync is there, half there or not there, by lot.
                    download = make("small", self.small, before=self.old)
                else:
                    download = make("large", self.large, checkpoint=1024 * 1024)
                code = -9
                while code != 0 and left[0] > 0:
                    if kind == "time":
                        code, _ = download.live(kill_after=dice.uniform(0.002, 0.06))
                    else:
                        shim = {"at": dice.randint(1, 200), "act": dice.choice(("before", "torn", "after"))}
                        if kind == "lot":
                            shim.update(at=dice.randint(1, 40), loss="any", names="any", seed=dice.randrange(1 << 60))
                        if kind == "power":
                            shim.update(loss=dice.choice(("cut", "zero")), names=dice.choice(("keep", "revert")))
                        code, _ = download.live(**shim)
                    left[0] -= code == -9
                if code != 0:
                    download.finish()
                download.check_bounds()
                if download.taken != download.image.size + download.refetched:
                    raise Wrong(f"{download.taken} bytes taken, {download.refetched} of them again")
            self.row(f"random, by {kind}" if kind != "lot" else "random, power takes by lot", work, range(kills))

    # Files that somebody tampered with -------------------------------------------------------------------------------

    def tampered(self, count):
        def write(path, content):
            with open(path, "wb") as f:
                f.write(content)

        def read(path):
            with open(path, "rb") as f:
                return f.read()

        def change(which, edit):
            return lambda d: write(getattr(d, which), edit(read(getattr(d, which))))

        flip = lambda at: lambda b: b[:at] + bytes([b[at] ^ 1]) + b[at + 1:]
        # name, what is done to the files, where the next life begins ("kept": at the checkpoint)
        variants = [
            ("journal removed", lambda d: os.unlink(d.journal), 0),
            ("journal emptied", change("journal", lambda b: b""), 0),
            ("journal cut by a byte", change("journal", lambda b: b[:-1]), CHECKPOINT),
            ("journal cut in half", change("journal", lambda b: b[:len(b) // 2]), CHECKPOINT),
            ("journal longer by a byte", change("journal", lambda b: b + b"\0"), CHECKPOINT * 2),
            ("journal's last record altered", change("journal", flip(SLOT + 30)), CHECKPOINT),
            ("journal's last checksum altered", change("journal", lambda b: flip(len(b) - 1)(b)), CHECKPOINT),
            ("journal's first record altered", change("journal", flip(30)), CHECKPOINT * 2),
            ("journal's both records altered", change("journal", lambda b: flip(30)(flip(SLOT + 30)(b))), 0),
            ("journal zeroed", change("journal", lambda b: bytes(len(b))), 0),
            ("journal huge", change("journal", lambda b: b + bytes(1 << 20)), CHECKPOINT * 2),
            ("journal a folder", lambda d: (os.unlink(d.journal), os.mkdir(d.journal)), 0),
            ("journal a pipe", lambda d: (os.unlink(d.journal), os.mkfifo(d.journal)), 0),
            ("journal a link that leads nowhere", lambda d: (os.unlink(d.journal), os.symlink("nowhere", d.journal)), 0),
            ("image's part removed", lambda d: os.unlink(d.part), 0),
            ("image's part emptied", change("part", lambda b: b""), 0),
            ("image's part a byte short", lambda d: os.truncate(d.part, CHECKPOINT * 2 - 1), CHECKPOINT),
            ("image's part cut at the checkpoint", lambda d: os.truncate(d.part, CHECKPOINT * 2), CHECKPOINT * 2),
            ("image's part altered behind it", change("part", lambda b: flip(CHECKPOINT * 2)(b)), CHECKPOINT * 2),
            ("image's part altered in front of it", change("part", lambda b: flip(CHECKPOINT + 5)(b)), CHECKPOINT),
            ("image's part altered at its first byte", change("part", flip(0)), 0),
            ("image's part longer than the image", change("part", lambda b: b + bytes(SMALL)), CHECKPOINT * 2),
            ("image's part another image's", lambda d: write(d.part, self.old), 0),
            ("image's part a pipe", lambda d: (os.unlink(d.part), os.mkfifo(d.part)), 0),
            ("image's part a link to the image", lambda d: (os.unlink(d.part), os.symlink("image", d.part)), 0),
            ("image's part a second name of the image", lambda d: (os.unlink(d.part), os.link(d.path, d.part)), 0),
        ]
        middle = self.middle(count)

        def work(make, variant):
            _, tamper, begins = variant
            download = make("small", self.small, before=self.old)
            download.live(at=middle, act="before")
            tamper(download)
            download.reached = download.stored = 0
            before = download.resumed
            download.finish()
            if (download.resumed > before) != (begins > 0):
                raise Wrong("began at the wrong place")
        self.row("tampered files", work, variants)

        def complete(make, n):
            # The journal says that all is there, the part is gone, and an older image of the same size is in place.
            download = make("small", self.small, before=self.old)
            download.live(at=n, act="before")
            if os.path.exists(download.part):
                os.unlink(download.part)
            download.finish()
        self.row("image's part removed, at each operation", complete, range(1, count + 1))

    def middle(self, count):
        """The operation after the second checkpoint and one more write."""
        for n in range(1, count + 1):
            download = Download(self.setup, "small", self.small)
            download.live(at=n, act="before")
            size = download.size_of(download.part)
            download.remove()
            if size > 2 * CHECKPOINT + 16 * 1024:
                return n
        raise Wrong("no such operation")

    # Storage that fails ----------------------------------------------------------------------------------------------

    def failing(self, count):
        numbers = {"no room (ENOSPC)": errno.ENOSPC, "input/output error (EIO)": errno.EIO, "quota (EDQUOT)": errno.EDQUOT,
                   "interrupted (EINTR)": errno.EINTR, "short write": "short", "short write, then no room": "shortfull"}
        for title, act in numbers.items():
            def work(make, n, act=act):
                for tries in (1, 2):
                    download = make("small", self.small, before=self.old)
                    _, rets = download.live(tries=tries, at=n, act=act)
                    wanted = self.codes_of(act, download)
                    if rets[0] not in wanted:
                        raise Wrong(f"{KINDS[chr(download.struck)]} failed: returned {rets}, not {wanted}")
                    if tries == 2 and rets[-1] != OK:
                        raise Wrong(f"the next try in the same process failed: {rets}")
                    if rets[-1] == OK and not download.in_place():
                        raise Wrong("success without the image")
                    download.finish()
            self.row(f"each operation fails: {title}", work, range(1, count + 1))

    def no_folder_sync(self, count):
        def work(make, n):
            download = make("small", self.small, before=self.old)
            code, rets = download.live(at=n, act=errno.EINVAL, only="s")
            if code != 0 or not download.in_place():
                raise Wrong(f"returned {rets}")
            download.finish()
        self.row("a sync that the file system does not know", work, range(1, count // 4))

    def syncs(self):
        """What durability costs follows from the checkpoints alone: for each the image's bytes once and the journal once."""
        def work(make, kib):
            download = make("large", self.large, checkpoint=kib * 1024)
            code, rets = download.live(at=0, only="s")
            points, count = LARGE // (kib * 1024), download.operations
            if code != 0 or not download.in_place():
                raise Wrong(f"returned {rets}")
            if not points <= count <= 2 * points + 8:
                raise Wrong(f"{count} syncs with {points} checkpoints")
        self.row("syncs of a download, against its checkpoints", work, (64, 256, 1024, 4096))

    @staticmethod
    def codes_of(act, download):
        """What the download may return. Without a journal it goes on; the first operations look at what is there."""
        kind = chr(download.struck)
        if act == "short" or download.journal_struck or kind == "\0":
            return [OK]
        if act == "shortfull":
            return [ERR_STORE_FULL if kind == "w" else OK]
        if act == errno.EINTR:
            return [ERR_STORE if kind == "r" else OK]
        wanted = ERR_STORE if act == errno.EIO else ERR_STORE_FULL
        # A folder is synced for the image and for the journal; what is in the final place is only looked at.
        return [OK, wanted] if download.folder_struck or kind == "o" else [wanted]

    # The firmware's own store ----------------------------------------------------------------------------------------

    def program(self, title, name, image, *arguments, command=()):
        row = Row(title)
        # Under the name of a life that no other has.
        url = self.setup.origin.url(image, title.replace(" ", "-").replace(",", ""))
        content = self.setup.origin.image(image)
        done = subprocess.run([*command, os.path.join(self.setup.programs, name), url, "2.0.0", str(content.size),
                               content.sha256, *arguments], capture_output=True, text=True, timeout=300)
        row.images = 1
        if done.returncode != 0:
            row.wrong.append(f"ended with {done.returncode}\n{done.stdout}{done.stderr}")
        self.show(row)
        return done.stdout

    def persistence(self):
        out = self.program("the firmware's store fails", "kill_persistence", "small")
        print("".join(f"    {line}\n" for line in out.splitlines()), end="")

    def valgrind(self):
        tool = shutil.which("valgrind")
        if tool is None:
            print("not run: valgrind is not installed")
            return
        command = (tool, "--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite")
        path = os.path.join(self.setup.scratch, "valgrind-image")
        self.program("valgrind, file", "kill_download", "tiny", path, path + ".journal", "2", command=command)
        self.program("valgrind, firmware's store", "kill_persistence", "tiny", command=command)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--long", action="store_true")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--scratch", help="folder for the images; no sync reaches it, memory is fine")
    args = p.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="otakit-kill-", dir=args.scratch) as scratch:
        origin = Origin()
        harness = Harness(Setup(os.path.abspath(args.build), origin, scratch), args.jobs, args.seed,
                          10000 if args.long else 1000)
        print(f"seed {args.seed}; bytes fetched again per kill may be {CHECKPOINT} stored ones and {IN_FLIGHT} in flight")
        print(f"{'':56} images  lives  kills resumed   refetched  stored*  all*")
        count = harness.operations()
        harness.at_every_operation(count)
        harness.at_random()
        harness.tampered(count)
        harness.failing(count)
        harness.no_folder_sync(count)
        harness.syncs()
        two_updaters(harness, 400 if args.long else 40)
        harness.persistence()
        harness.valgrind()
        origin.close()
    rows = harness.rows
    print("* most bytes fetched again after one kill: of those stored, and of all taken off the network")
    print(f"{count} storage operations in a download of {SMALL} bytes; {sum(r.images for r in rows)} images, "
          f"{sum(r.kills for r in rows)} kills, {sum(r.refetched for r in rows)} bytes fetched again")
    failed = sum(1 for row in rows if row.wrong)
    if not failed:
        print(f"wrong images in place: 0; stored bytes read back to be proven: {sum(r.read_back for r in rows)}")
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
