# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs written for an SDK without threads: signals, timers, children, daemons, exit, descriptors."""

import hashlib
import os
import time

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.proc import wait_until


class OldProgram(Bench):
    ORIGIN = True

    def start(self, habit):
        """The program once it has reported its version and the platform has offered it an image."""
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        name = unique_name(habit)
        path = os.path.join(self.scratch, f"{name}.bin")
        process = self.program("old_program", habit, PK, name, SECRET, path)
        process.wait_line("ready")
        observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"')
        image = self.origin.image
        self.broker.publish(upgrade_topic(PK, name),
                            offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        return process, path, observer, name

    def updates(self, habit):
        process, path, observer, name = self.start(habit)
        self.assertEqual(process.wait(60), 0, process.tail())
        self.check(process, path)
        return process, observer, name

    def check(self, process, path):
        """A program that has become a daemon goes on under another pid: its last line says when it is done."""
        image = self.origin.image
        wait_until(lambda: any("checks" in line for line in process.out_lines), 60, process.tail())
        self.assertIn(f"2.0.0 {image.size} valid", process.out_lines, process.tail())
        self.assertRegex(process.out_lines[-1], r"old_program: \d+ checks, 0 failed")
        with open(path, "rb") as file:
            self.assertEqual(hashlib.md5(file.read()).hexdigest(), image.md5)
        return process

    def test_plain(self):
        self.updates("plain")

    def test_signals_that_are_waited_for(self):
        """A signal to the process is taken by the thread that waits for it, always."""
        self.updates("sigwait")

    def test_timer(self):
        """Handlers run in the program's thread, and interrupt its calls."""
        self.updates("timer")

    def test_handlers_that_call(self):
        """A call in a signal handler that interrupts another is refused at once, and told of; the other goes on."""
        process, _, _ = self.updates("handler")
        self.assertRegex(process.out, r"\w+: refused: called in a signal handler that interrupted IOT_\w+; set a flag")

    def test_children(self):
        """fork and exit, fork and exec, system(): the connection of the parent stays up."""
        process, _, _ = self.updates("children")
        self.assertNotIn("connection lost", process.out)

    def test_daemon(self):
        """The process that has connected ends after a fork: its child signs in again and takes the offer."""
        for habit in ("daemon", "daemon-twice"):
            with self.subTest(habit):
                # The offer came over the child's own connection.
                process, _, _ = self.updates(habit)
                self.assertIn("signing in again", process.out)

    def test_daemon_of_daemons(self):
        """Each of 24 children forks while the thread that signs it in is at work: the last one has its client."""
        process, _, _ = self.updates("daemon-chain")
        self.assertEqual(process.out.count("signing in again"), 24, process.tail())

    def test_daemon_while_fetching(self):
        """The child goes on with the download where its parent's bytes end."""
        process, _, _ = self.updates("daemon-fetching")
        self.assertIn("signing in again", process.out)

    def test_child_beside_its_parent(self):
        """A child of a running parent is told that the connection is not its own; the parent's goes on."""
        process, _, _ = self.updates("shared")
        self.assertIn("the connection is that of the process that made it", process.out)

    def test_exit_while_fetching(self):
        """exit() ends the process at once, and nothing of the firmware is called afterwards."""
        process, _, _, _ = self.start("exit")
        process.wait_line("exit")
        began = time.monotonic()
        self.assertEqual(process.wait(20), 0, process.tail())
        self.assertLess(time.monotonic() - began, 10)

    def test_without_standard_descriptors(self):
        """The library's files and sockets are never 0, 1 or 2, where others print."""
        self.updates("no-standard-descriptors")

    def test_small_stacks(self):
        """64 KiB are enough for whoever calls, and under a limit of 64 KiB for stacks the library's threads have theirs."""
        for habit in ("small-thread", "small-stack"):
            with self.subTest(habit):
                self.updates(habit)

    def test_descriptors_swept(self):
        """A program that closes every descriptor keeps those that it opens afterwards."""
        self.updates("sweep")
