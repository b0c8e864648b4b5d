# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/TROUBLESHOOTING.md: each failure in it is provoked, and the line that it shows is one that is printed.

A case in the document is a comment `<!-- case: NAME -->` before a block of lines. What differs from run to run stands
there as PORT, N (milliseconds) and DIR.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess
import threading

from lib import liars
from lib.bench import PK, SECRET, Bench, unique_name
from lib.ca import Authority
from lib.context import CONTEXT
from test_native import SIZE, Native

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/TROUBLESHOOTING.md")
CASE = re.compile(r"<!-- case: ([\w-]+) -->\s*```\w*\n(.*?)```", re.S)
# One retry, soon; answers and silences of a second.
QUICK = ["option", "0", "2", "option", "1", "10", "option", "2", "20", "option", "4", "1000", "option", "5", "1000"]


def cases():
    with open(DOCUMENT, encoding="utf-8") as f:
        return {name: lines.strip().splitlines() for name, lines in CASE.findall(f.read())}


def plain(text, folder="/nowhere"):
    text = text.replace(folder, "DIR")
    text = re.sub(r"(?<=:)\d{4,5}\b", "PORT", text)
    text = re.sub(r"this library is from \d+", "this library is from N", text)
    return re.sub(r"next try in \d+ ms", "next try in N ms", text)


class Once:
    """A server that answers each connection with the same bytes after the first it gets, then closes."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(self.answer)

    def close(self):
        self.socket.close()


class Told(Native):
    """Failures of the native API."""

    def told(self, name, *words):
        command = [CONTEXT.program("native_download"), *QUICK, *[str(w) for w in words]]
        done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assert_documented(name, done.stdout)

    def assert_documented(self, name, text):
        printed = plain(text, self.dir).splitlines()
        for line in cases()[name]:
            self.assertIn(line, printed, f"docs/TROUBLESHOOTING.md, {name}")

    def answering(self, answer):
        made = Once(answer)
        self.addCleanup(made.close)
        return made

    def test_name(self):
        self.told("name", *self.get(url="http://nowhere.invalid:8080/fw.bin"))

    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.told("refused", *self.get(url=f"http://127.0.0.1:{port}/fw.bin"))

    def test_connect_timeout(self):
        """A listener whose queue is full drops what comes: nobody answers."""
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = [socket.socket() for _ in range(4)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            self.told("connect-timeout", *self.get(url=f"http://127.0.0.1:{full.getsockname()[1]}/fw.bin"))
            for each in waiting:
                each.close()

    def test_certificates(self):
        authority = Authority(self.dir)
        for kind, case in (("unknown-ca", "unknown-ca"), ("wrong-host", "wrong-host"), ("expired", "expired"),
                           ("not-yet", "not-yet-valid")):
            context = liars.context(authority, kind)

            def serve(connection, _, context=context):
                with context.wrap_socket(connection, server_side=True) as tls:
                    liars.answer(tls, liars.image(SIZE))
            server = liars.Listener(serve)
            self.addCleanup(server.close)
            with self.subTest(case=case):
                self.told(case, "ca", authority.ca, *self.get(url=f"https://localhost:{server.port}/fw.bin"))

    def test_clock_that_was_never_set(self):
        """The certificate is good; the line names the clock."""
        authority = Authority(self.dir)
        context = liars.context(authority, "good")

        def serve(connection, _):
            with context.wrap_socket(connection, server_side=True) as tls:
                liars.answer(tls, liars.image(SIZE))
        server = liars.Listener(serve)
        self.addCleanup(server.close)
        words = ["ca", authority.ca, *self.get(url=f"https://localhost:{server.port}/fw.bin")]
        env = {**os.environ, "LD_PRELOAD": CONTEXT.program("clock_behind.so")}
        done = subprocess.run([CONTEXT.program("native_download"), *QUICK, *map(str, words)], cwd=self.dir, env=env,
                              capture_output=True, text=True, timeout=60)
        self.assert_documented("clock", done.stdout)
        # The same without: nothing else is wrong.
        done = subprocess.run([CONTEXT.program("native_download"), *QUICK, *map(str, words)], cwd=self.dir,
                              capture_output=True, text=True, timeout=60)
        self.assertIn("get 0 ", done.stdout)

    def test_plain_http_on_a_tls_port(self):
        server = self.answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.told("not-tls", *self.get(url=f"https://127.0.0.1:{server.port}/fw.bin"))

    def test_statuses(self):
        for status, name in ((403, "Forbidden"), (404, "Not Found"), (500, "Internal Server Error")):
            server = self.answering(f"HTTP/1.1 {status} {name}\r\nContent-Length: 0\r\n\r\n".encode())
            with self.subTest(status=status):
                self.told(f"http-{status}", *self.get(url=f"http://127.0.0.1:{server.port}/fw.bin?Signature=x"))

    def test_digest_and_size(self):
        self.told("digest", *self.get(sha256="0" * 64))
        body = b"x" * 10
        server = self.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + body)
        self.told("size", *self.get(url=f"http://127.0.0.1:{server.port}/fw.bin", size=60000))

    def test_destination(self):
        words = self.get()
        words[4] = os.path.join(self.dir, "missing", "image")
        self.told("destination", *words)

    def test_full_disk(self):
        """The first write below the folder finds no room."""
        state = os.path.join(self.dir, "state")
        with open(state, "wb") as f:
            f.write(bytes(64))
        env = {**os.environ, "LD_PRELOAD": CONTEXT.program("kill_shim.so"), "SHIM_STATE": state, "SHIM_DIR": self.dir,
               "SHIM_AT": "1", "SHIM_ONLY": "w", "SHIM_ACT": str(errno.ENOSPC)}
        done = subprocess.run([CONTEXT.program("native_download"), *map(str, self.get())], cwd=self.dir, env=env,
                              capture_output=True, text=True, timeout=60)
        self.assert_documented("full-disk", done.stdout)

    def test_arguments(self):
        self.told("no-digest", "md5", "-", *self.get()[:3], "-", self.path)
        words = self.get()
        words[4] = "-"
        self.told("argument", *words)

    def test_no_secret_in_any_line(self):
        """User info and query of a URL at the highest log level, with an answer that fails and one that does not."""
        for words in (self.get(), self.get("status-403"), self.get(url="http://127.0.0.1:9/x")):
            words[1] = words[1].replace("http://", "http://planteduser:plantedpass@") + "?Signature=plantedsig"
            done = subprocess.run([CONTEXT.program("native_download"), *QUICK, "log", "5", *map(str, words)],
                                  cwd=self.dir, capture_output=True, text=True, timeout=60)
            self.assertNotIn("planted", done.stdout + done.stderr)

    def test_hal_is_the_programs(self):
        library = CONTEXT.program("libotakit.so")
        with self.assertRaises(OSError) as refused:
            ctypes.CDLL(library, mode=os.RTLD_NOW)
        self.assertIn(cases()["dlopen"][0], re.sub(r"HAL_\w+", "HAL_...", str(refused.exception)))

    def test_every_case_of_the_document_is_provoked(self):
        with open(__file__, encoding="utf-8") as f:
            here = f.read()
        provoked = {*re.findall(r'"([a-z][\w-]+)"', here), "http-403", "http-404", "http-500",
                    "lab-off",  # test_lab_off
                    *(f"connack-{code}" for code in range(1, 6))}
        self.assertEqual(sorted(set(cases()) - provoked), [])
        self.assertGreaterEqual(len(cases()), 20)


class SignIn(Bench):
    """Failures of Link Kit's door."""

    def told(self, name, port, *words):
        process = self.program("linkkit_ota_basic", "-k", PK, "-n", unique_name(), "-s", SECRET, "-t", "1", *words,
                               broker_url=f"mqtt://127.0.0.1:{port}")
        process.wait(60)
        printed = plain(process.out).splitlines()
        for line in cases()[name]:
            self.assertIn(line, printed, f"docs/TROUBLESHOOTING.md, {name}")

    def test_connack(self):
        for code in range(1, 6):
            server = Once(bytes([0x20, 2, 0, code]))
            self.addCleanup(server.close)
            with self.subTest(code=code):
                self.told(f"connack-{code}", server.port)

    def test_lab_variable(self):
        process = self.program("linkkit_ota_basic", "-k", PK, "-n", unique_name(), "-s", SECRET, "-t", "1",
                               broker_url="nonsense", env={"OTAKIT_LAB_TYPO": "1"})
        # Where the platform's own host is not reached, which is not the point here, this takes some seconds.
        process.wait(90)
        for line in cases()["lab-variable"]:
            self.assertIn(line, process.out.splitlines())

    def test_no_secret_in_any_line(self):
        device = self.device()
        device.call("loglevel", 5)
        device.up()
        self.assertTrue(device.driver.log)
        self.assertNotIn(SECRET, "\n".join(device.driver.log))
