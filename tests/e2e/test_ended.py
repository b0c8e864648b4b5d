# SPDX-License-Identifier: MIT OR Apache-2.0
"""What threads leave behind and what they cost: cancelled downloads, an unloaded library, switches between threads."""

import hashlib
import os
import subprocess

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import offer, upgrade_topic
from lib.context import CONTEXT
from test_troubleshooting import Once

SIZE = 60000


class Ended(Bench):
    FAULTS = True

    def stalling(self):
        return self.faults.url("stall-for-ever", SIZE, self.faults.token())

    def test_threads_of_cancelled_downloads(self):
        """20 downloads that get no further are cancelled, then one session is ended in the middle: after the calls that wait
        no thread of a download is left and none calls the HAL."""
        name = unique_name("ended")
        path = os.path.join(self.scratch, name)
        digest = self.faults.digest(SIZE)
        process = self.program("ended", self.stalling(), str(SIZE), digest["sha256"], path, PK, name, SECRET)
        process.wait_line("ready", 60)
        self.broker.publish(upgrade_topic(PK, name), offer(SIZE, "2.0.0", self.stalling(), digest["md5"]))
        self.assertEqual(process.wait(60), 0, process.tail())

    def test_unloaded_library(self):
        """dlclose while a thread is in a network call is harmless, and the library can be loaded again."""
        path = os.path.join(self.scratch, unique_name("unload"))
        good = self.faults.url("ok", SIZE, self.faults.token())
        command = [CONTEXT.program("unload"), CONTEXT.program("libotakit_posix.so"), self.stalling(), good, str(SIZE),
                   self.faults.digest(SIZE)["sha256"], path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(os.path.getsize(path), SIZE)

    def test_calls_while_the_program_ends(self):
        """atexit handlers, destructors and destructors of a thread's data call the library, as a clean-up does: the calls work
        or say that they cannot, and the exit code is the program's."""
        for when in ("handler-first", "handler-last", "destructor", "key"):
            with self.subTest(when):
                path = os.path.join(self.scratch, unique_name(when))
                process = self.program("at_exit", when, PK, unique_name("at-exit"), SECRET, path)
                self.assertEqual(process.wait(60), 7, process.tail())
                self.assertIn("at_exit: 22 checks, 0 failed", process.out)
                # What is wrong is told as ever.
                self.assertIn("IOT_OTA_ReportVersion: refused: version is NULL", process.out)

    def test_switches_between_threads(self):
        """Chunks of one byte are taken as they lie in the buffer, and silence is waited out: the kernel's count of switches is
        far below one for each chunk, and below that of polling."""
        path = os.path.join(self.scratch, unique_name("switches"))
        image = os.urandom(SIZE)
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in image) + b"0\r\n\r\n"
        server = Once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks)
        self.addCleanup(server.close)
        command = [CONTEXT.program("switches"), f"http://127.0.0.1:{server.port}/fw.bin", self.stalling(), str(SIZE),
                   hashlib.sha256(image).hexdigest(), path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
