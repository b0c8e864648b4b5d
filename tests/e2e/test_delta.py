# SPDX-License-Identifier: MIT OR Apache-2.0
"""Updates by delta packages that otakit-delta made, fetched from a real nginx: the native API, and Link Kit's offers."""

import hashlib
import os
import random
import re
import signal
import subprocess
import time
import unittest

from lib.bench import INVALID_STATE, Bench
from lib.broker import offer
from lib.context import CONTEXT
from lib.origin import Nginx
from lib.proc import scratch

HASTY = ["option", "0", "3", "option", "1", "10", "option", "2", "50", "option", "5", "2000"]
SIZE = 1_500_000
OPTION_DELTA_MEMORY = 15
OK, INVALID, CANCELLED, DIGEST, SIGNATURE, POLICY_SIZE, STORE_BUSY = 0, -2, -5, -30, -31, -42, -52
DELTA, BASE, MEMORY = -60, -61, -62


def image(seed, size=SIZE):
    """Bytes that compress a little, as code does."""
    dice = random.Random(seed)
    words = [dice.randbytes(dice.randrange(4, 40)) for _ in range(3000)]
    out = bytearray()
    while len(out) < size:
        out += dice.choice(words)
    return bytes(out[:size])


def changed(old, seed):
    """The next version: here a few bytes more, there a few less, and every so often another value."""
    dice = random.Random(seed)
    out, at = bytearray(), 0
    while at < len(old):
        step = dice.randrange(1, 60_000)
        piece = bytearray(old[at:at + step])
        for place in range(0, len(piece), 211):
            piece[place] = (piece[place] + 1) & 255
        out += piece + dice.randbytes(dice.randrange(0, 300))
        at += step + dice.randrange(0, 200)
    return bytes(out)


def make(folder, old, new, *words):
    """The package's path."""
    paths = [os.path.join(folder, name) for name in ("made.old", "made.new", "made.delta")]
    for path, content in zip(paths, (old, new)):
        with open(path, "wb") as f:
            f.write(content)
    done = subprocess.run([CONTEXT.delta_program(), "make", *words, *paths], capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 20):
        raise AssertionError(done.stdout + done.stderr)
    return paths[2]


class Delta(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.origin = Nginx()
        cls.old = image(1)
        cls.new = changed(cls.old, 2)
        folder = scratch()
        with folder as name, open(make(name, cls.old, cls.new), "rb") as f:
            cls.package = f.read()

    @classmethod
    def tearDownClass(cls):
        cls.origin.close()

    def setUp(self):
        self._dir = scratch()
        self.addCleanup(self._dir.cleanup)
        self.dir = self._dir.name
        self.path = os.path.join(self.dir, "image")
        self.base = self.write("base", self.old)

    def write(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def serve(self, content, name="package.delta"):
        with open(os.path.join(self.origin.root, name), "wb") as f:
            f.write(content)
        return f"http://127.0.0.1:{self.origin.port}/{name}"

    def command(self, *words):
        return [CONTEXT.program("native_download"), *HASTY, *[str(word) for word in words]]

    def words(self, package=None, path=None, query=""):
        package = self.package if package is None else package
        digest = hashlib.sha256(package).hexdigest()
        return ["delta", self.serve(package) + query, len(package), digest, path or self.path]

    def codes(self, *words):
        """The codes of the updates, and everything that was printed."""
        command = self.command(*words)
        if CONTEXT.valgrind:
            command = ["valgrind", "-q", "--error-exitcode=99", *command]
        done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("progress went wrong", done.stdout)
        return [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("get ")], done.stdout

    def assert_is(self, path, content):
        with open(path, "rb") as f:
            self.assertEqual(hashlib.sha256(f.read()).hexdigest(), hashlib.sha256(content).hexdigest(), path)

    def assert_nothing_changed(self):
        self.assertFalse(os.path.exists(self.path))
        self.assert_is(self.base, self.old)


class Updates(Delta):
    def test_base_in_a_file(self):
        self.assertEqual(self.codes("base", self.base, *self.words())[0], [OK])
        self.assert_is(self.path, self.new)
        self.assert_is(self.base, self.old)
        self.assertEqual(sorted(os.listdir(self.dir)), ["base", "image"])

    def test_base_by_a_function(self):
        self.assertEqual(self.codes("base-read", self.base, *self.words())[0], [OK])
        self.assert_is(self.path, self.new)

    def test_image_takes_the_place_of_its_base(self):
        codes, _ = self.codes("base", self.base, "journal", "journal", *self.words(path=self.base),
                              *self.words(path=self.base))
        # The second time the image is there already: nothing is fetched, and no base is needed.
        self.assertEqual(codes, [OK, OK])
        self.assert_is(self.base, self.new)

    def test_version_after_version(self):
        third = changed(self.new, 3)
        with open(make(self.dir, self.new, third), "rb") as f:
            package = f.read()
        codes, _ = self.codes("base", self.base, *self.words(path=self.base))
        self.assertEqual(codes, [OK])
        self.assertEqual(self.codes("base", self.base, *self.words(package, path=self.base))[0], [OK])
        self.assert_is(self.base, third)
        # That base is unknown to the first package: the full image goes through the same program.
        digest = hashlib.sha256(third).hexdigest()
        codes, _ = self.codes("base", self.base, *self.words(),
                              "get", self.serve(third, "full.bin"), len(third), digest, self.path)
        self.assertEqual(codes, [BASE, OK])
        self.assert_is(self.path, third)

    def test_shapes(self):
        """Small and odd images, nothing in common, growing and shrinking ones, blocks of each size."""
        for old, new, words in ((b"", b"x", []), (b"abc", b"abc" * 10_000, ["--block", "12"]),
                                (self.old[:70_000], self.old[:65_536], []), (self.old[:65_536], self.old[:65_537], []),
                                (image(7, 200_000), image(8, 300_000), ["--block", "20", "--dictionary", "12"]),
                                (self.old[:500_000], self.old[:500_000], ["--block", "12"])):
            with self.subTest(old=len(old), new=len(new), words=words):
                with open(make(self.dir, old, new, *words), "rb") as f:
                    package = f.read()
                base = self.write("base", old)
                self.assertEqual(self.codes("base", base, *self.words(package))[0], [OK])
                self.assert_is(self.path, new)
                os.remove(self.path)


class Refusals(Delta):
    def test_wrong_bases(self):
        for name, base in (("other", image(9)), ("short", self.old[:-1]), ("empty", b""), ("the image itself", self.new)):
            with self.subTest(name):
                self.base = self.write("base", base)
                codes, printed = self.codes("base", self.base, *self.words())
                self.assertEqual(codes, [BASE])
                self.assertRegex(printed, r"the image that is there is (not the one|shorter than the one) this delta was made for")
                self.assertFalse(os.path.exists(self.path) or os.path.exists(self.path + ".part"))

    def test_longer_base_counts_to_its_end(self):
        """A partition is longer than the image in it."""
        base = self.write("base", self.old + b"\xff" * 10_000)
        self.assertEqual(self.codes("base", base, *self.words())[0], [OK])
        self.assert_is(self.path, self.new)

    def test_bases_that_are_none(self):
        os.mkfifo(os.path.join(self.dir, "fifo"))
        for base in ("fifo", "missing", "/dev/zero", self.dir, "/dev/tty"):
            with self.subTest(base):
                self.assertEqual(self.codes("base", base, *self.words())[0], [BASE])
        self.assertEqual(self.codes(*self.words())[0], [INVALID])
        self.assert_nothing_changed()

    def test_base_that_is_in_the_way(self):
        """What the update writes is never the base, under whatever name."""
        part = self.write("image.part", self.old)
        os.symlink("image.part", os.path.join(self.dir, "soft"))
        for base in ("image.part", "./image.part", part, "soft"):
            with self.subTest(base):
                self.assertEqual(self.codes("base", base, *self.words())[0], [INVALID])
                self.assert_is(part, self.old)
        os.remove(part)
        os.link(self.base, os.path.join(self.dir, "hard"))
        for journal in ("base", "hard"):
            with self.subTest(journal=journal):
                self.assertEqual(self.codes("base", self.base, "journal", journal, *self.words())[0], [INVALID])
                self.assert_is(self.base, self.old)

    def test_what_is_no_package(self):
        for content, said in ((self.new, "not a delta package"), (self.package[:100], "ends too early"),
                              (b"BSDIFF40" + bytes(400), "BSDIFF40"), (b"\xfd7zXZ\0" + bytes(400), "xz"),
                              (b"\x89OTKD\r\n\x1a\x02" + bytes(400), "version 2")):
            with self.subTest(said):
                codes, printed = self.codes("base", self.base, *self.words(content))
                self.assertEqual(codes, [DELTA])
                self.assertIn(said, printed)
                self.assert_nothing_changed()

    def test_damage(self):
        """One bit anywhere: the platform's digest is that of what the server has, so that only the package can tell."""
        dice = random.Random(11)
        for at in [*range(8, 160, 19), *[dice.randrange(160, len(self.package)) for _ in range(20)]]:
            with self.subTest(at=at):
                damaged = bytearray(self.package)
                damaged[at] ^= 1 << dice.randrange(8)
                codes, _ = self.codes("base", self.base, *self.words(bytes(damaged)))
                self.assertIn(codes[0], (DELTA, BASE, MEMORY, POLICY_SIZE))
                self.assert_nothing_changed()

    def test_promises(self):
        words = self.words()
        words[3] = "0" * 64
        self.assertEqual(self.codes("base", self.base, *words)[0], [DIGEST])
        self.assert_nothing_changed()

    def test_limits(self):
        codes, _ = self.codes("base", self.base, "max-size", len(self.new) - 1, *self.words(),
                              "max-size", len(self.new), "option", OPTION_DELTA_MEMORY, 8192, *self.words(),
                              "option", OPTION_DELTA_MEMORY, 32768, *self.words())
        self.assertEqual(codes, [POLICY_SIZE, MEMORY, OK])


class Interruptions(Delta):
    @unittest.skipIf(CONTEXT.valgrind, "slow under valgrind")
    def test_kills_at_any_moment(self):
        """SIGKILL while the package comes slowly: what was made is not made again, the image comes out right."""
        dice = random.Random(5)
        journal = os.path.join(self.dir, "journal")
        words = ["base", self.base, "journal", journal, *self.words(query="?rate=4k")]
        kills, kept = 0, 0
        while kills < 25:
            process = subprocess.Popen(self.command(*words), cwd=self.dir, stdout=subprocess.DEVNULL)
            try:
                process.wait(0.02 + dice.random() * 0.3)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            kept += os.path.exists(journal)
            self.assert_is(self.base, self.old)
            self.assertIn(process.returncode, (0, -signal.SIGKILL))
            if os.path.exists(self.path):
                self.assert_is(self.path, self.new)
            if process.returncode == 0:
                os.remove(self.path)
                os.remove(journal)
        self.assertEqual(self.codes(*words)[0], [OK])
        self.assert_is(self.path, self.new)
        self.assertGreater(kept, 0)

    def test_cancel_and_go_on(self):
        """The second run asks for header and index, then for what is missing."""
        journal = ["journal", "journal"]
        half = len(self.package) // 2
        words = self.words()
        codes, _ = self.codes("base", self.base, *journal, "cancel-at", half, *words)
        self.assertEqual(codes, [CANCELLED])
        before = len(self.origin.requests("package.delta"))
        self.assertEqual(self.codes("base", self.base, *journal, *words)[0], [OK])
        asked = [ranges for _, _, ranges in self.origin.requests("package.delta")[before:]]
        asked = [int(re.fullmatch(r"bytes=(\d+)-\d*", ranges)[1]) for ranges in asked if ranges != "-"]
        self.assertEqual(len(asked), 1, asked)
        start = asked[0]
        self.assertGreater(start, half - 70_000)
        self.assert_is(self.path, self.new)

    def test_one_at_a_time(self):
        slow = subprocess.Popen(self.command("base", self.base, *self.words(query="?rate=3k")), cwd=self.dir,
                                stdout=subprocess.DEVNULL)
        try:
            part = self.path + ".part"
            end = time.monotonic() + 20
            while not os.path.exists(part) and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(self.codes("base", self.base, *self.words())[0], [STORE_BUSY])
        finally:
            slow.kill()
            slow.wait()
        self.assertEqual(self.codes("base", self.base, *self.words())[0], [OK])


class LinkKit(Bench):
    """Offers with isDiff, to a session that was told which image runs."""

    ORIGIN = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = image(1)
        cls.new = changed(cls.old, 2)
        cls.third = changed(cls.new, 3)
        with scratch() as name:
            cls.packages = []
            for pair in ((cls.old, cls.new), (cls.new, cls.third)):
                with open(make(name, *pair), "rb") as f:
                    cls.packages.append(f.read())

    def setUp(self):
        super().setUp()
        self.running = os.path.join(self.scratch, "running")
        with open(self.running, "wb") as f:
            f.write(self.old)
        self.dev = self.device().up()

    def offer(self, content, version, **more):
        name = f"{version}-{len(content)}"
        self.origin.add_content(name, content)
        message = offer(len(content), version, self.origin.url(name), hashlib.md5(content).hexdigest())
        message["data"].update(more)
        self.dev.push(message)

    def download(self):
        reply = self.dev.call("download-file", self.dev.h, self.dev.m, self.running, self.running + ".journal")
        return reply.ret

    def assert_runs(self, content):
        with open(self.running, "rb") as f:
            self.assertEqual(hashlib.sha256(f.read()).hexdigest(), hashlib.sha256(content).hexdigest())

    def steps(self):
        return [p["params"]["step"] for p in self.dev.payloads("progress")]

    def test_two_deltas_then_a_full_image(self):
        self.assertEqual(self.dev.call("set-base", self.dev.h, self.running).ret, 0)
        for package, version, image_then in zip(self.packages, ("1.1", "1.2"), (self.new, self.third)):
            self.offer(package, version, isDiff=1)
            self.assertEqual((self.dev.fetching, self.download()), (1, 0))
            self.assert_runs(image_then)
            self.assertEqual(self.dev.verdict(), (0, 1))
        # The first package no longer fits; nothing is lost, and the full image is taken by the same call.
        self.offer(self.packages[0], "2.0", isDiff="1")
        self.assertEqual((self.dev.fetching, self.download()), (1, BASE))
        self.assert_runs(self.third)
        self.assertEqual(self.dev.verdict(), (0, 0))
        self.offer(self.old, "2.0")
        self.assertEqual((self.dev.fetching, self.download()), (1, 0))
        self.assert_runs(self.old)
        self.assertEqual(self.dev.verdict(), (0, 1))

    def test_who_has_no_base_takes_none(self):
        self.offer(self.packages[0], "1.1", isDiff=1)
        self.assertEqual((self.dev.fetching, self.steps()), (0, ["-1"]))
        self.assertEqual(self.dev.call("set-base", self.dev.h, self.running).ret, 0)
        self.assertEqual(self.dev.call("set-base", self.dev.h, "-").ret, 0)
        self.offer(self.packages[0], "1.1", isDiff=1)
        self.assertEqual((self.dev.fetching, self.steps()), (0, ["-1", "-1"]))
        self.assertEqual(self.dev.call("set-base", self.dev.h, self.running).ret, 0)
        self.offer(self.packages[0], "1.1", isDiff=1)
        self.assertEqual(self.dev.fetching, 1)
        # Taken back in the midst of an offer.
        self.assertEqual(self.dev.call("set-base", self.dev.h, "-").ret, 0)
        self.assertEqual(self.download(), BASE)
        self.assert_runs(self.old)

    def test_fetch_yield_hands_out_no_package(self):
        self.assertEqual(self.dev.call("set-base", self.dev.h, self.running).ret, 0)
        self.offer(self.packages[0], "1.1", isDiff=1)
        reply = self.dev.call("fetch", self.dev.h, 5000, 1)
        self.assertEqual((reply.n, self.dev.error), (INVALID_STATE, INVALID_STATE))
        self.assertEqual(self.download(), 0)
        self.assert_runs(self.new)
