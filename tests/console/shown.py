# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make console`: starts, can be signed in to, shows its five devices and two jobs, and leaves nothing behind."""

import os
import shutil
import signal

from browser import PATIENCE, Failure
from looks import on_line
from server import PRODUCT, ROOT, Process, wait_until

BUILD = 1200


class Tests:
    def __init__(self, browser, args):
        self.browser, self.args = browser, args
        self.process, self.page = None, None

    def begin(self):
        self.process = Process([os.path.join(ROOT, "scripts", "console.sh")])
        self.page = self.browser.page(width=1120, height=640)

    def end(self):
        if self.process and self.process.alive():
            self.process.child.send_signal(signal.SIGINT)
            self.process.wait(60)

    def tail(self):
        return self.process.tail() if self.process else ""

    def picture(self, name):
        path = os.path.join(self.args.pictures, f"console-{name}.png")
        self.page.screenshot(path)
        if self.args.screenshots:
            shutil.copy(path, self.args.screenshots)

    def test_it_starts(self):
        self.url = self.process.wait_line("console: http", BUILD).split(": ", 1)[1]
        self.password = self.process.wait_line("password: ").split(": ", 1)[1]

    def test_it_shows_five_devices_and_two_jobs(self):
        self.page.go(self.url)
        self.page.fill("Password", self.password)
        self.page.click("Sign in", leaves=True)
        on_line(self.page, 5)
        self.page.sees("Greenhouse 2.1.0")
        self.page.until("parseInt(document.querySelector('main .progress')?.innerText) >= 20", patience=2 * PATIENCE, what="one of five done")
        self.picture("overview")
        self.page.dark(True)
        self.page.click("Greenhouse 2.1.0", leaves=True)
        self.page.until("document.querySelector('#job-state .badge').innerText === 'Running'")
        self.page.until("!!document.querySelector('#chart canvas')")
        self.picture("job")
        self.page.dark(False)
        self.page.go(self.url + "/jobs/1")
        self.page.sees("4 succeeded")
        self.page.sees("1 failed")
        self.page.sees("The image could not be written")
        self.page.go(self.url + f"/devices/{PRODUCT}/row-5")
        self.page.sees("What to do:")
        self.page.click("中文", leaves=True)
        self.picture("device")
        self.page.click("English", leaves=True)
        self.page.size(390, 780, phone=True)
        self.page.go(self.url + "/jobs/2")
        self.page.until("!!document.querySelector('#chart canvas')")
        self.picture("phone")

    def test_it_ends_all(self):
        if not self.devices():
            raise Failure("no process is known as one of its devices")
        self.process.child.send_signal(signal.SIGINT)
        if self.process.wait(60) != 0:
            raise Failure("it ended with " + self.process.tail())
        wait_until(lambda: not self.devices(), 30, f"no device to be left of {self.devices()}", 0.1)

    def devices(self):
        """The processes of its devices."""
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and self._is_device(pid)]

    @staticmethod
    def _is_device(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            return False
        return os.path.join("build", "demo", "examples_c", "linkkit_ota_basic") in words[0] and PRODUCT in words
