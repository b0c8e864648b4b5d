# SPDX-License-Identifier: MIT OR Apache-2.0
"""The native API: downloads into files, policy, signatures. Each attack has its own code and its log line."""

import base64
import os
import re
import resource
import signal
import subprocess
import unittest

from lib.cloud import FaultServer
from lib.context import CONTEXT, tool
from lib.proc import scratch

SIZE = 60000
RESOURCES = -4
# otakit.h: attempts, base and cap of the waits, longest silence; small, so that hopeless cases end soon.
HASTY = ["option", "0", "3", "option", "1", "10", "option", "2", "50", "option", "5", "2000"]


class Native(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = FaultServer()
        cls.digest = cls.server.digest(SIZE)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self._dir = scratch()
        self.addCleanup(self._dir.cleanup)
        self.dir = self._dir.name
        self.path = os.path.join(self.dir, "image")

    def run_program(self, *words, expect=0, **surroundings):
        """Runs the program; the codes of its downloads, and all lines. `surroundings` are subprocess.run's."""
        command = [CONTEXT.program("native_download"), *HASTY, *[str(w) for w in words]]
        if CONTEXT.valgrind:
            command = ["valgrind", "-q", "--error-exitcode=99", *command]
        done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=120, **surroundings)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertNotIn("progress went wrong", done.stdout)
        return [int(line.split()[1]) for line in lines if line.startswith("get ")], lines

    def get(self, case="ok", sha256=None, size=SIZE, url=None):
        """The words of one download."""
        url = url or self.server.url(case, SIZE, self.server.token())
        return ["get", url, size, sha256 or self.digest["sha256"], self.path]

    def codes(self, *words):
        return self.run_program(*words)[0]

    def assert_nothing_there(self):
        self.assertFalse(os.path.exists(self.path))


class Downloads(Native):
    def test_image_takes_its_place_alone(self):
        self.assertEqual(self.codes(*self.get()), [0])
        self.assertEqual(os.path.getsize(self.path), SIZE)
        self.assertEqual(sorted(os.listdir(self.dir)), ["image"])

    def test_md5_when_there_is_no_sha256(self):
        words = self.get()
        words[3] = "-"
        self.assertEqual(self.codes("md5", self.digest["md5"], *words), [0])

    @unittest.skipIf(CONTEXT.valgrind, "valgrind's own memory counts")
    def test_near_the_memory_limit(self):
        """Too little memory for the buffers that were asked for ends a download with its code, and one with smaller buffers
        works in the same process."""
        outcomes = []
        for kib in range(4 << 10, 64 << 10, 128):
            words = ["option", 7, 1 << 20, *self.get(), "option", 7, 4096, *self.get()]
            command = [CONTEXT.program("native_download"), *HASTY, *[str(word) for word in words]]
            done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=120, preexec_fn=lambda:
                                  resource.setrlimit(resource.RLIMIT_AS, (kib << 10, kib << 10)))
            codes = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("get ")]
            self.assertLessEqual(set(codes), {RESOURCES, 0}, done)
            outcomes.append(codes)
            if [RESOURCES, 0] in outcomes:
                # From here on there is enough for the small pieces, whose want ends the process.
                self.assertEqual((done.returncode, len(codes)), (0, 2), done)
            if codes == [0, 0]:
                break
        self.assertIn([RESOURCES, 0], outcomes)
        self.assertEqual(outcomes[-1], [0, 0])

    def test_arguments_that_cannot_be_used(self):
        good = self.get()
        for at, value in [(1, "-"), (2, "0"), (3, "-"), (3, "zz"), (4, "-")]:
            words = list(good)
            words[at] = value
            with self.subTest(at=at, value=value):
                self.assertEqual(self.codes(*words), [-2])
        self.assertEqual(self.codes("signature", "*", *good), [-2])

    def test_each_failure_has_its_code(self):
        rows = [
            (self.get(sha256="0" * 64), -30),
            (self.get(size=SIZE + 1), -24),
            (self.get(url="ftp://127.0.0.1/x"), -20),
            (self.get(url="http://127.0.0.1:9/x"), -10),
        ]
        for words, code in rows:
            with self.subTest(words=words):
                # A clean download works afterwards in the same process.
                self.assertEqual(self.codes(*words, *self.get()), [code, 0])
                os.remove(self.path)

    def test_files_can_be_opened_again_under_any_umask(self):
        size = 2_000_000
        url, digest = self.server.url("ok", size, self.server.token()), self.server.digest(size)["sha256"]
        words = ["journal", os.path.join(self.dir, "journal"), "get", url, size, digest, self.path]
        for umask in [0o777, 0o277]:
            with self.subTest(umask=oct(umask)):
                codes, _ = self.run_program("cancel-at", size // 2, *words, umask=umask)
                self.assertEqual(codes, [-5])
                for name in ["journal", "image.part"]:
                    mode = os.stat(os.path.join(self.dir, name)).st_mode & 0o777
                    self.assertEqual(oct(mode), oct(0o600), name)
                    os.remove(os.path.join(self.dir, name))

    def test_image_over_the_process_s_limit_on_files(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, resource.RLIM_INFINITY))

        # The write that crosses the limit would end the program by SIGXFSZ.
        token = self.server.token()
        words = self.get(url=self.server.url("ok", SIZE, token))
        codes, _ = self.run_program(*words, preexec_fn=limited)
        self.assertEqual(codes, [-50])
        self.assert_nothing_there()
        self.assertEqual(self.codes(*words), [0])

    def test_cancelled_then_resumed_from_the_journal(self):
        size = 2_000_000
        digest = self.server.digest(size)["sha256"]
        token = self.server.token()
        url = self.server.url("ok", size, token)
        journal = ["journal", os.path.join(self.dir, "journal")]
        first, _ = self.run_program(*journal, "cancel-at", 1_000_000, "get", url, size, digest, self.path)
        self.assertEqual(first, [-5])
        self.assert_nothing_there()
        self.assertEqual(self.codes(*journal, "get", url, size, digest, self.path), [0])
        second = self.server.log(token)[-1]["headers"]
        start = int(second["range"].removeprefix("bytes=").removesuffix("-"))
        self.assertGreater(start, 1_000_000 - 64 * 1024)
        self.assertIn("if-range", second)
        self.assertEqual(sorted(os.listdir(self.dir)), ["image", "journal"])
        # The journal knows that the image is in its place: nothing is fetched again, unless it is gone.
        asked = len(self.server.log(token))
        self.assertEqual(self.codes(*journal, "get", url, size, digest, self.path), [0])
        self.assertEqual(len(self.server.log(token)), asked)
        os.remove(self.path)
        self.assertEqual(self.codes(*journal, "get", url, size, digest, self.path), [0])
        self.assertEqual(len(self.server.log(token)), asked + 1)


class Habits(Native):
    """Programs that close what they do not know, fork, and cancel threads (tests/c/native/habits.c)."""

    LARGE = 2_000_000

    def start(self, habit):
        url = self.server.url("ok", self.LARGE, self.server.token())
        digest = self.server.digest(self.LARGE)["sha256"]
        words = [CONTEXT.program("native_habits"), habit, url, str(self.LARGE), digest, self.path]
        return subprocess.Popen(words, cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def passes(self, habit):
        with self.start(habit) as process:
            out, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out)
        self.assertRegex(out, r"habits: \d+ checks, 0 failed")
        self.assertEqual(os.path.getsize(self.path), self.LARGE)
        self.assertFalse(os.path.exists(self.path + ".part"))
        return out

    def test_descriptors_that_the_program_closes(self):
        out = self.passes("close-all")
        self.assertIn("the program closed this descriptor, which is the library's", out)

    def test_no_descriptor_left_in_the_middle(self):
        """What the end of a download needs is open from its start."""
        self.passes("few")

    def test_a_download_is_the_process_s_that_began_it(self):
        out = self.passes("fork")
        self.assertIn("it belongs to the process that this one was forked from", out)

    def test_a_place_is_free_once_its_process_has_ended(self):
        with self.start("fork-sleep") as process:
            pids = next(line for line in process.stdout if re.fullmatch(r"\d+ \d+\n", line))
            parent, child = map(int, pids.split())
            try:
                words = self.get(size=SIZE)
                self.assertEqual(self.codes(*words), [-52])
                os.kill(parent, signal.SIGKILL)
                process.wait(10)
                # The child sleeps on, with copies of what its parent had open.
                os.kill(child, 0)
                self.assertEqual(self.codes(*words), [0])
            finally:
                os.kill(child, signal.SIGKILL)
        self.assertEqual(os.path.getsize(self.path), SIZE)

    def test_a_thread_that_is_cancelled(self):
        self.passes("cancel")


class Policy(Native):
    def test_https_only(self):
        self.assertEqual(self.codes("https-only", 1, *self.get(), "https-only", 0, *self.get()), [-40, 0])

    def test_hosts(self):
        self.assertEqual(self.codes("host", "cdn.test", *self.get()), [-41])
        self.assert_nothing_there()
        self.assertEqual(self.codes("host", "cdn.test", "host", "127.0.0.1", *self.get(), "host", "-", *self.get()), [0, 0])

    def test_size(self):
        self.assertEqual(self.codes("max-size", SIZE - 1, *self.get(), "max-size", SIZE, *self.get()), [-42, 0])

    def test_rollback(self):
        words = ["floor", "1.9.0", "version", "1.9.0", *self.get(), "version", "1.8.9", *self.get(),
                 "version", "1.10.0", *self.get()]
        self.assertEqual(self.codes(*words), [-43, -43, 0])

    def test_floor_survives_the_process_and_is_never_lowered(self):
        self.assertEqual(self.codes("keep-floor", "2.0.0", "version", "2.0.1", *self.get()), [0])
        self.assertEqual(self.codes("keep-floor", "1.0.0", "version", "1.5.0", *self.get()), [-43])
        self.assertEqual(self.codes("keep-floor", "-", "version", "2.0.0", *self.get()), [-43])

    def test_refusals_are_logged(self):
        _, lines = self.run_program("option", "0", "0", "host", "x" * 256)
        self.assertIn("option -2", lines)
        self.assertIn("host -2", lines)


class Signatures(Native):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.codes(*self.get()), [0])
        self.image = os.path.join(self.dir, "signed")
        os.rename(self.path, self.image)

    def openssl(self, *words):
        return subprocess.run([tool("openssl"), *words], cwd=self.dir, check=True, capture_output=True).stdout

    def key(self, name, *generate):
        self.openssl("genpkey", *generate, "-out", name + ".key")
        self.openssl("pkey", "-in", name + ".key", "-pubout", "-out", name + ".pem")
        return os.path.join(self.dir, name + ".pem")

    def sign(self, name):
        if name.startswith("ed"):
            digest = os.path.join(self.dir, "digest")
            self.openssl("dgst", "-sha256", "-binary", "-out", digest, self.image)
            raw = self.openssl("pkeyutl", "-sign", "-inkey", name + ".key", "-rawin", "-in", digest)
        else:
            raw = self.openssl("dgst", "-sha256", "-sign", name + ".key", self.image)
        return base64.b64encode(raw).decode()

    KINDS = {
        "ed25519": ["-algorithm", "ed25519"],
        "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    }

    def test_kinds(self):
        other = self.key("ed_other", "-algorithm", "ed25519")
        for name, generate in self.KINDS.items():
            with self.subTest(name):
                pem = self.key(name, *generate)
                signed = ["signature", self.sign(name)]
                # The right key, a roll-over with two keys, the wrong key.
                self.assertEqual(self.codes("key", pem, *signed, *self.get()), [0])
                self.assertEqual(self.codes("key", other, "key", pem, *signed, *self.get()), [0])
                os.remove(self.path)
                self.assertEqual(self.codes("key", other, *signed, *self.get()), [-31])
                self.assert_nothing_there()

    def test_unsigned_where_signed_is_demanded(self):
        pem = self.key("ed", "-algorithm", "ed25519")
        signed = ["signature", self.sign("ed")]
        self.assertEqual(self.codes("signed-only", 1, "key", pem, *self.get(), *signed, *self.get()), [-44, 0])
        self.assertEqual(self.codes("signed-only", 1, *signed, *self.get()), [-44])

    def test_md5_offers_can_be_signed_too(self):
        pem = self.key("ed", "-algorithm", "ed25519")
        words = self.get()
        words[3] = "-"
        self.assertEqual(self.codes("key", pem, "md5", self.digest["md5"], "signature", self.sign("ed"), *words), [0])

    def test_what_is_no_key(self):
        with open(os.path.join(self.dir, "garbage"), "w") as f:
            f.write("nothing")
        _, lines = self.run_program("key", os.path.join(self.dir, "garbage"))
        self.assertIn("key -2", lines)
