# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make demo` in a terminal: at its end the cloud's console is there at the address that it prints, until Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from browser import PATIENCE, Failure
from server import ROOT

BUILD = 1200


class Tests:
    def __init__(self, browser, _args):
        self.browser, self.process, self.said = browser, None, ""

    def begin(self):
        self.terminal, ours = pty.openpty()
        env = {name: value for name, value in os.environ.items() if name != "CI"}
        self.process = subprocess.Popen([os.path.join(ROOT, "scripts", "demo.sh")], stdin=ours, stdout=ours, stderr=ours, env=env,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(ours)

    def end(self):
        if self.process and self.process.poll() is None:
            os.write(self.terminal, b"\x03")
            self.process.wait(60)
        os.close(self.terminal)

    def tail(self):
        return self.said[-3000:]

    def read(self, pattern, patience):
        """Reads the terminal until it shows this."""
        end = time.monotonic() + patience
        while not (found := re.search(pattern, self.said)):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            try:
                piece = os.read(self.terminal, 65536) if ready else b""
            except OSError:
                # The other side is closed.
                piece = b""
            if not piece:
                raise Failure(f"the demo did not say {pattern}")
            self.said += piece.decode(errors="replace")
        return found

    def test_the_demo_ends_with_a_console(self):
        url = self.read(r"console: (http://127\.0\.0\.1:\d+/console) \(Ctrl-C", BUILD)[1]
        self.read(r"make console", PATIENCE)
        page = self.browser.page()
        page.go(url + "/devices")
        page.sees("demo-device")
        page.sees("2.0.0")

    def test_ctrl_c_ends_it(self):
        os.write(self.terminal, b"\x03")
        if self.process.wait(60) != 0:
            raise Failure(f"it ended with {self.process.returncode}")
