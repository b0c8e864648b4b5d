# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make console`: starts, can be signed in to, shows its five devices and two jobs, and leaves nothing behind."""

import os
import shutil
import signal

from browser import PATIENCE, Failure
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
        self.page.js("scrollTo(0, 0)")
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
        self.page.until("[...document.querySelectorAll('.tiles li')].some(e => e.innerText.includes('On line') && parseInt(e.innerText) === 5)",
                        patience=2 * PATIENCE, what="five devices on line")
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

    def test_it_ends_all(self):
        self.process.child.send_signal(signal.SIGINT)
        if self.process.wait(60) != 0:
            raise Failure("it ended with " + self.process.tail())
        left = [line for line in ("/proc/%s/cmdline" % pid for pid in os.listdir("/proc") if pid.isdigit()) if self._ours(line)]
        wait_until(lambda: not [line for line in left if self._ours(line)], 30, f"nothing to be left: {left}", 0.1)

    def _ours(self, path):
        try:
            with open(path, "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            return False
        return os.path.join("build", "demo", "examples_c", "linkkit_ota_basic") in words[0] and PRODUCT in words
