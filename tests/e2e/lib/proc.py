# SPDX-License-Identifier: MIT OR Apache-2.0
"""Processes, ports and waiting. Each process is ended through its own handle."""

import atexit
import os
import socket
import subprocess
import tempfile
import threading
import time


def free_port():
    """A loopback TCP port that nothing listens on at the moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, timeout=10.0, what="condition", step=0.01):
    """Polls until `condition()` is true and returns its value; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out after {timeout} s waiting for {what}")
        time.sleep(step)


def accepts(port):
    """Whether something accepts connections on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


class Process:
    """A child process whose output is collected by threads, and which never outlives the tests."""

    def __init__(self, argv, env=None, stdin=False, cwd=None):
        full = dict(os.environ)
        full.update(env or {})
        self.argv = argv
        self.child = subprocess.Popen(
            argv, env=full, cwd=cwd,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", bufsize=1)
        self.out_lines, self.err_lines = [], []
        self._threads = [self._collect(self.child.stdout, self.out_lines),
                         self._collect(self.child.stderr, self.err_lines)]
        atexit.register(self.kill)

    @staticmethod
    def _collect(stream, lines):
        def run():
            for line in stream:
                lines.append(line.rstrip("\n"))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    @property
    def pid(self):
        return self.child.pid

    @property
    def out(self):
        return "\n".join(self.out_lines)

    @property
    def err(self):
        return "\n".join(self.err_lines)

    def alive(self):
        return self.child.poll() is None

    def wait(self, timeout=30.0):
        """Exit code; its output is complete afterwards."""
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{os.path.basename(self.argv[0])} did not end within {timeout} s\n{self.tail()}")
        for thread in self._threads:
            thread.join(5)
        return code

    def tail(self):
        """The end of both outputs, for failure messages."""
        return "\n".join(self.out_lines[-15:] + self.err_lines[-15:])

    def wait_line(self, text, timeout=20.0):
        """Waits for an output line that contains `text` and returns it."""
        def seen():
            return next((line for line in self.out_lines + self.err_lines if text in line), None)

        def seen_or_dead():
            return seen() or not self.alive()
        wait_until(seen_or_dead, timeout, f"{text!r} from {self.argv[0]}\n{self.tail()}")
        for _ in range(50):
            if seen() or self.alive():
                break
            time.sleep(0.01)
        if not seen():
            raise AssertionError(f"{self.argv[0]} ended ({self.child.poll()}) without {text!r}\n{self.tail()}")
        return seen()

    def terminate(self):
        """Asks it to end (SIGTERM); kills it after 5 s."""
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._close()

    def kill(self):
        if self.alive():
            self.child.kill()
            self.child.wait()
        self._close()

    def _close(self):
        atexit.unregister(self.kill)
        for thread in self._threads:
            thread.join(2)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass


def scratch():
    """A private temporary directory (the caller cleans it up)."""
    return tempfile.TemporaryDirectory(prefix="otakit-e2e-")
