# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/TROUBLESHOOTING.md: each failure in it is provoked, and the line that it shows is one that is printed.

A case in the document is a comment `<!-- case: NAME -->` before a block of lines. What differs from run to run stands
there as PORT, N (milliseconds) and DIR.
"""

import base64
import ctypes
import errno
import os
import re
import resource
import socket
import subprocess
import threading
import time

from lib import liars
from lib.bench import PK, SECRET, Bench, unique_name
from lib.ca import Authority
from lib.context import CONTEXT, tool
from test_native import SIZE, Native

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "../../docs/TROUBLESHOOTING.md")
CASE = re.compile(r"<!-- case: ([\w-]+) -->\s*```\w*\n(.*?)```", re.S)
CRLF = "\r\n"
DAMAGED = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
# One retry, soon; answers and silences of a second.
QUICK = ["option", "0", "2", "option", "1", "10", "option", "2", "20", "option", "4", "1000", "option", "5", "1000"]


def cases():
    with open(DOCUMENT, encoding="utf-8") as f:
        return {name: lines.strip().splitlines() for name, lines in CASE.findall(f.read())}


def plain(text, folder="/nowhere"):
    text = text.replace(folder, "DIR")
    text = re.sub(r"(?<=:)\d{4,5}\b", "PORT", text)
    text = re.sub(r"this library is from \d+", "this library is from N", text)
    # A test of its own makes these names fail.
    text = text.replace("dns-none.test", "nowhere.invalid").replace("dns-servfail.test", "updates.example.com")
    text = re.sub(PK + r"/[\w-]+", "PRODUCT/DEVICE", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"\d+ of 60000 bytes have come", "N of 60000 bytes have come", text)
    text = re.sub(r", at byte \d+ of", ", at byte N of", text)
    return re.sub(r"(next try|connecting again) in \d+ ms", r"\1 in N ms", text)


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

    def told(self, name, *words, env=None, files=None):
        command = [CONTEXT.program("native_download"), *QUICK, *[str(w) for w in words]]
        limit = files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=120, preexec_fn=limit,
                              env={**os.environ, **(env or {})})
        self.assert_documented(name, done.stdout)
        return [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("get ")]

    def assert_documented(self, name, text):
        printed = plain(text, self.dir).splitlines()
        for line in cases()[name]:
            self.assertIn(line, printed, f"docs/TROUBLESHOOTING.md, {name}")

    def answering(self, answer):
        made = Once(answer)
        self.addCleanup(made.close)
        return made

    def test_name(self):
        shim = {"LD_PRELOAD": CONTEXT.program("names_shim.so")}
        self.told("name", *self.get(url="http://dns-none.test:8080/fw.bin"), env=shim)
        self.told("name-server", *self.get(url="http://dns-servfail.test:8080/fw.bin"), env=shim)

    def test_urls(self):
        for case, url in (("url-scheme", "ftp://planted:secret@files.example.com/fw.bin?Signature=x"),
                          ("url-port", "http://127.0.0.1:99999/fw.bin"), ("url-host", "http://fw_[1]/fw.bin"),
                          ("url-character", "http://127.0.0.1:8080/new fw.bin")):
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *self.get(url=url)), [-20])

    def test_policy(self):
        got = self.get(url="http://127.0.0.1:8080/fw.bin")
        for case, code, words in (("policy-https", -40, ["https-only", 1]), ("policy-host", -41, ["host", "cdn.example.com"]),
                                  ("policy-size", -42, ["max-size", 50000]),
                                  ("policy-rollback", -43, ["floor", "1.9.0", "version", "1.8.0"]),
                                  ("policy-unsigned", -44, ["signed-only", 1])):
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *words, *got), [code])

    def test_signature(self):
        for words in (["genpkey", "-algorithm", "ed25519", "-out", "key"], ["pkey", "-in", "key", "-pubout", "-out", "pem"]):
            subprocess.run([tool("openssl"), *words], cwd=self.dir, check=True, capture_output=True)
        wrong = base64.b64encode(bytes(64)).decode()
        key = os.path.join(self.dir, "pem")
        self.assertEqual(self.told("signature", "key", key, "version", "2.0", "signature", wrong, *self.get()), [-31])
        self.told("key", "key", os.path.join(self.dir, "key"), *self.get())

    def test_redirects(self):
        self.assertEqual(self.told("redirects", *self.get(url=self.redirecting("/fw.bin"))), [-22])
        authority = Authority(self.dir)
        context = liars.context(authority, "good")

        def serve(connection, _):
            with context.wrap_socket(connection, server_side=True) as tls:
                liars.request(tls)
                tls.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:8080/fw.bin\r\nContent-Length: 0\r\n\r\n")
        server = liars.Listener(serve)
        self.addCleanup(server.close)
        url = f"https://localhost:{server.port}/fw.bin"
        self.assertEqual(self.told("redirect-to-http", "ca", authority.ca, *self.get(url=url)), [-23])

    def redirecting(self, to):
        return f"http://127.0.0.1:{self.answering(f'HTTP/1.1 302 Found{CRLF}Location: {to}{CRLF}{CRLF}'.encode()).port}/fw.bin"

    def test_time_outs(self):
        for case, sent in (("answer", b""), ("stall", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")):
            def serve(connection, _, sent=sent):
                liars.request(connection)
                connection.sendall(sent)
                liars.hang(connection)
            server = liars.Listener(serve)
            self.addCleanup(server.close)
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *self.get(url=f"http://127.0.0.1:{server.port}/fw.bin")), [-11])

    def test_broken_connections(self):
        for case, code, sent in (("broken", -12, b""), ("truncated", -28, b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\nabc")):
            server = self.answering(sent)
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *self.get(url=f"http://127.0.0.1:{server.port}/fw.bin")), [code])

    def test_answers_that_are_not_the_image(self):
        for case, code, sent in (("protocol", -26, b"SSH-2.0-server\r\n"),
                                 ("encoding", -27, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"),
                                 ("range", -25, b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/60000\r\n\r\n")):
            server = self.answering(sent)
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *self.get(url=f"http://127.0.0.1:{server.port}/fw.bin")), [code])

    def test_slow(self):
        self.assertEqual(self.told("too-slow", "option", 9, 100, "option", 10, 1000, *self.get("drip-slow")), [-33])
        self.assertEqual(self.told("deadline", "option", 11, 1500, *self.get("drip-slow")), [-34])

    def test_authority_that_is_none(self):
        bad = os.path.join(self.dir, "bad.pem")
        for case, text in (("ca", "no certificate"), ("ca-damaged", DAMAGED)):
            with open(bad, "w", encoding="ascii") as f:
                f.write(text)
            with self.subTest(case=case):
                self.told(case, "ca", bad)
                self.assertEqual(self.run_program("ca", bad)[1][-1], "ca -2")

    def test_place_in_use(self):
        server = liars.Listener(lambda connection, _: liars.hang(connection))
        self.addCleanup(server.close)
        words = [CONTEXT.program("native_download"), *map(str, self.get(url=f"http://127.0.0.1:{server.port}/fw.bin"))]
        with subprocess.Popen(words, cwd=self.dir, stdout=subprocess.DEVNULL) as first:
            while not server.connections:
                time.sleep(0.01)
            self.assertEqual(self.told("busy", *self.get()), [-52])
            first.kill()

    def test_cancelled(self):
        self.assertEqual(self.run_program("cancel-at", 1, *self.get())[0], [-5])

    def test_no_regular_file(self):
        os.mkfifo(os.path.join(self.dir, "pipe"))
        for case, path in (("folder", self.dir), ("pipe", os.path.join(self.dir, "pipe"))):
            with self.subTest(case=case):
                self.assertEqual(self.told(case, *self.get()[:4], path), [-2])

    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.told("refused", *self.get(url=f"http://127.0.0.1:{port}/fw.bin"))

    def test_too_many_files(self):
        """Two descriptors beside the standard three: the image's file and its folder take them, none is left for a socket."""
        self.told("too-many-files", *self.get(url="http://127.0.0.1:9999/fw.bin"), files=5)
        # With one fewer it ends before anything is fetched.
        self.assertEqual(self.told("too-few-files", *self.get(url="http://127.0.0.1:9999/fw.bin"), files=4), [-51])

    def test_delta(self):
        got = ["delta", *self.get()[1:]]
        self.assertEqual(self.told("delta-package", "base", os.path.abspath(__file__), *got), [-60])
        self.assertEqual(self.told("delta-base", "base", "absent", *got), [-61])

    def test_journal(self):
        """What has the journal's name and is not the library's costs the resume alone, and stays as it is."""
        with open(os.path.join(self.dir, "letter"), "w") as f:
            f.write("precious")
        os.symlink("letter", os.path.join(self.dir, "journal"))
        self.assertEqual(self.told("journal-link", "journal", os.path.join(self.dir, "journal"), *self.get()), [0])
        self.assertEqual(self.told("journal-other", "journal", os.path.join(self.dir, "letter"), *self.get()), [0])
        with open(os.path.join(self.dir, "letter")) as f:
            self.assertEqual(f.read(), "precious")

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
        for status, name in ((403, "Forbidden"), (404, "Not Found"), (407, "Login"), (500, "Internal Server Error")):
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

    def test_every_code_of_the_header_is_in_the_document(self):
        with open(os.path.join(HERE, "../../include/otakit.h"), encoding="utf-8") as f:
            codes = set(re.findall(r"^#define (OTAKIT_ERR_\w+|OTAKIT_FAILED|OTAKIT_INVALID|OTAKIT_STATE) ", f.read(), re.M))
        self.assertGreater(len(codes), 30)
        for page in ("TROUBLESHOOTING.md", "zh-CN/TROUBLESHOOTING.md"):
            with open(os.path.join(HERE, "../../docs", page), encoding="utf-8") as f:
                named = set(re.findall(r"`(OTAKIT_\w+)`", f.read()))
            self.assertEqual(sorted(codes - named), [], page)

    def test_every_case_of_the_document_is_provoked(self):
        with open(__file__, encoding="utf-8") as f:
            here = f.read()
        provoked = {*re.findall(r'"([a-z][\w-]+)"', here), "http-403", "http-404", "http-407", "http-500",
                    "lab-off",  # test_lab_off
                    *(f"connack-{code}" for code in range(1, 6))}
        self.assertEqual(sorted(set(cases()) - provoked), [])
        self.assertGreaterEqual(len(cases()), 20)


class SignIn(Bench):
    """Failures of Link Kit's API."""

    def told(self, name, port, scheme="mqtt", host="127.0.0.1", env=None):
        process = self.program("linkkit_ota_basic", "-k", PK, "-n", unique_name(), "-s", SECRET, "-t", "1",
                               broker_url=f"{scheme}://{host}:{port}", env=env)
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

    def test_connecting(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.told("mqtt-refused", port)
        plain_text = Once(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.addCleanup(plain_text.close)
        self.told("mqtt-not-tls", plain_text.port, scheme="mqtts")
        shim = {"LD_PRELOAD": CONTEXT.program("names_shim.so")}
        self.told("mqtt-name", 1883, host="dns-none.test", env=shim)

    def test_connection_lost(self):
        server = Once(bytes([0x20, 2, 0, 0]))
        self.addCleanup(server.close)
        self.told("mqtt-lost", server.port)

    def test_subscription_refused(self):
        def serve(connection, _):
            stream = connection.makefile("rb")
            while first := stream.read(1):
                length = shift = 0
                while True:
                    byte = stream.read(1)[0]
                    length |= (byte & 0x7f) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                rest = stream.read(length)
                if first == b"\x10":
                    connection.sendall(bytes([0x20, 2, 0, 0]))
                elif first == b"\x82":
                    connection.sendall(bytes([0x90, 3, *rest[:2], 0x80]))
        server = liars.Listener(serve)
        self.addCleanup(server.close)
        self.told("mqtt-suback", server.port)

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
