# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C driver (tests/c/linkkit/driver.c) as an object: one method call, one C call."""

import select
import threading
import time

from .context import CONTEXT, tool
from .proc import Process

VALGRIND_EXIT = 99
ANSWER = "= "
_SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:+#|,=&{}\"[]$@!?;*'()<>~^`\\")


def valgrind(argv):
    """The command line that runs `argv` under valgrind; errors and definite leaks give exit code 99.

    "Possibly lost" is left out: Rust's standard library holds each thread's own record, and the C library the tables of
    a thread that still runs, by a pointer into the middle of the block, which valgrind cannot tell from a stray one.
    """
    return [tool("valgrind"), "-q", "--leak-check=full", "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite", f"--error-exitcode={VALGRIND_EXIT}", "--child-silent-after-fork=yes", *argv]


def quote(word):
    """A word as the driver reads it."""
    if word is None:
        return "-"
    if isinstance(word, (int, float)):
        return str(word)
    data = word if isinstance(word, bytes) else str(word).encode()
    if data == b"":
        return "''"
    if data == b"-":
        return "%2D"
    return "".join(chr(b) if chr(b) in _SAFE and b < 128 else f"%{b:02X}" for b in data)


def unquote(text):
    if text == "-":
        return None
    if text == "''":
        return ""
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] == "%":
            out.append(int(text[at + 1:at + 3], 16))
            at += 3
        else:
            out += text[at].encode()
            at += 1
    return out.decode(errors="surrogateescape")


class Reply(dict):
    """The pairs of an answer line; numbers as numbers. Also readable as attributes."""

    TEXT = {"client", "user", "pass", "host", "text", "hex", "handle", "list", "target", "md5", "token", "ip", "data",
            "version", "secret"}

    def __init__(self, line):
        """`line` without the leading `= `."""
        super().__init__()
        name, *pairs = line.split(" ")
        self["name"] = name
        for pair in pairs:
            key, value = pair.split("=", 1)
            if key in self.TEXT or key[1:].isdigit():
                self[key] = unquote(value)
            elif key in ("ms", "longest"):
                self[key] = float(value)
            else:
                self[key] = int(value)

    def __getattr__(self, key):
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None


class Driver:
    """A driver process. `log` has the lines that the library printed (`[wrn] ota: text`), up to the last answer."""

    def __init__(self, env=None, under_valgrind=None, build=None, program="driver"):
        argv = [CONTEXT.program(program, build)]
        self.under_valgrind = CONTEXT.valgrind if under_valgrind is None else under_valgrind
        if self.under_valgrind:
            argv = valgrind(argv)
        self.process = Process(argv, env=env, stdin=True)
        self.log = []
        # Whether a child of its process answers, which ends when it is told to.
        self.is_daemon = False
        self._read = 0
        self._lock = threading.Lock()

    def call(self, name, *words, timeout=60.0):
        """Sends a command, returns its Reply. A dead or silent driver is an AssertionError."""
        with self._lock:
            self.send(name, *words)
            return self.receive(name, timeout)

    def send(self, name, *words):
        line = " ".join([name] + [quote(w) for w in words])
        try:
            self.process.child.stdin.write(line + "\n")
            self.process.child.stdin.flush()
        except OSError:
            raise AssertionError(f"the driver is gone before {line!r}: {self._end()}") from None

    def receive(self, name, timeout=60.0):
        end = time.monotonic() + timeout
        while (line := self._next()) is None:
            if not self.is_daemon and not self.process.alive():
                time.sleep(0.05)
                if (line := self._next()) is not None:
                    break
                raise AssertionError(f"the driver died in {name!r}: {self._end()}")
            if time.monotonic() > end:
                raise AssertionError(f"the driver did not answer {name!r} within {timeout} s: {self.process.tail()}")
            select.select([], [], [], 0.002)
        reply = Reply(line)
        if reply["name"] != name:
            raise AssertionError(f"the driver answered {line!r} to {name!r}")
        return reply

    def _next(self):
        """The next answer, if it is there. Lines before it are the library's log."""
        while self._read < len(self.process.out_lines):
            line = self.process.out_lines[self._read]
            self._read += 1
            if line.startswith(ANSWER):
                return line[len(ANSWER):]
            self.log.append(line)
        return None

    def _end(self):
        return f"exit {self.process.child.poll()}\n{self.process.tail()}"

    def high_water_kib(self):
        """VmHWM of the process, in KiB."""
        return self._status("VmHWM")

    def threads(self):
        return self._status("Threads")

    def _status(self, key):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))

    def quit(self, timeout=30.0):
        """Ends the driver; its exit code (99 when valgrind found something)."""
        if self.is_daemon or self.process.alive():
            self.send("quit")
        code = self.process.wait(timeout)
        return code

    def close(self):
        self.process.kill()
