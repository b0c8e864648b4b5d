# SPDX-License-Identifier: MIT OR Apache-2.0
"""The attacks of docs/SECURITY.md, one by one: each ends with its own code and its own log line, leaves no image, and a
clean download works afterwards in the same process."""

import base64
import hashlib
import os
import subprocess

from lib import liars
from lib.bench import IMPATIENT, Bench, unique_name
from lib.broker import Observer, offer
from lib.ca import Authority
from lib.context import tool
from test_native import SIZE, Native

OTHER_IMAGE, POLICY_ROLLBACK = -32, -43


class Attacks(Native):
    def assert_repelled(self, code, line, *words, log=(), clean=()):
        """The last download of `words` ends with the code and a log line, at the level that is on by default."""
        codes, lines = self.run_program(*log, *words)
        self.assertEqual(codes[-1], code, lines)
        self.assertTrue(any(line in each for each in lines if each.startswith("[")), (line, lines))
        self.assert_nothing_there()
        if clean is not None:
            self.assertEqual(self.run_program(*words, *clean, *self.get())[0][-1], 0)
            os.remove(self.path)

    # -- arbitrary software

    def test_bytes_that_nobody_published(self):
        self.assert_repelled(-30, "image is not valid: image's digest is not the one promised",
                             *self.get(sha256="0" * 64))

    def test_a_flipped_bit(self):
        self.assert_repelled(-30, "image is not valid: image's digest", *self.get("flip-once"))

    def test_an_offer_without_a_digest(self):
        self.assertEqual(self.codes(*self.get(sha256="-")), [-2])

    def openssl(self, *words):
        return subprocess.run([tool("openssl"), *words], cwd=self.dir, check=True, capture_output=True).stdout

    def test_a_signature_by_nobody_trusted(self):
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", "key")
        self.openssl("pkey", "-in", "key", "-pubout", "-out", "pem")
        pem, wrong = os.path.join(self.dir, "pem"), base64.b64encode(bytes(64)).decode()
        self.assert_repelled(-31, "image is not valid: image's signature is not by a trusted key",
                             "key", pem, "signature", wrong, *self.get(), clean=["key", "-"])
        self.assert_repelled(-44, "offer refused: policy: image not signed", "key", pem, "signed-only", 1, *self.get(),
                             clean=["signed-only", 0])

    # -- rollback, replay

    def test_an_older_version_and_the_same_again(self):
        for version in ("1.8.9", "1.9.0"):
            self.assert_repelled(POLICY_ROLLBACK, "offer refused: policy: version not newer than the floor (rollback)",
                                 "floor", "1.9.0", "version", version, *self.get(), clean=["version", "1.10.0"])

    # -- endless data

    def test_lengths_that_are_not_the_offer_s(self):
        for case in ("length-large", "length-small", "length-wrap-32", "200-html"):
            self.assert_repelled(-24, "transfer failed: ", *self.get(case))

    def test_more_bytes_than_offered_are_not_taken(self):
        for case in ("length-endless", "length-close-long", "chunked-long"):
            with self.subTest(case):
                self.assertEqual(self.codes(*self.get(case)), [0])
                self.assertEqual(os.path.getsize(self.path), SIZE)
                os.remove(self.path)

    def test_headers_without_end(self):
        for case in ("header-pad-1m", "header-count-10000", "header-count-1m", "garbage-endless"):
            self.assert_repelled(-26, "transfer failed: ", *self.get(case))

    def test_redirects_without_end(self):
        for case in ("redirect-loop", "redirect-chain-30"):
            self.assert_repelled(-22, "transfer failed: ", *self.get(case))

    def test_compression_that_nobody_asked_for(self):
        self.assert_repelled(-27, "transfer failed: ", *self.get("gzip-forced"))

    def test_images_too_large(self):
        self.assert_repelled(-42, "offer refused: policy: image too large", "max-size", SIZE - 1, *self.get(),
                             clean=["max-size", 0])

    # -- slow retrieval

    def test_bytes_that_hardly_come(self):
        self.assert_repelled(-33, "image comes slower than allowed (slow retrieval)", "option", 9, 100, "option", 10, 1000,
                             *self.get("drip-slow"))
        self.assert_repelled(-34, "transfer failed: time for the download is over", "option", 11, 1500,
                             *self.get("drip-slow"))

    def test_silence(self):
        self.assert_repelled(-11, "transfer failed: ", "option", 4, 500, *self.get("silent-always"))

    # -- splicing

    def test_parts_of_another_image(self):
        # Joined, they are no image; fetched once more in one piece, it is the right one.
        codes, lines = self.run_program(*self.get("image-changed-206"))
        self.assertEqual(codes, [0], lines)
        for words in ("image is not valid: image's digest", "image of several parts is not valid: fetching it in one piece"):
            self.assertTrue(any(words in line for line in lines), (words, lines))
        with open(self.path, "rb") as f:
            self.assertEqual(hashlib.sha256(f.read()).hexdigest(), self.digest["sha256"])
        os.remove(self.path)
        for case, code in (("range-later", -25), ("range-missing", -25), ("range-total-larger", -24)):
            self.assert_repelled(code, "transfer failed: ", *self.get(case))

    def test_a_journal_of_another_image_or_torn(self):
        journal = os.path.join(self.dir, "journal")
        for content in (b"OTK1" + bytes(100), b""):
            with open(journal, "wb") as f:
                f.write(content)
            codes, lines = self.run_program("log", 4, "journal", journal, *self.get())
            self.assertEqual(codes, [0])
            if content:
                self.assertTrue(any("journal is torn or of another image: dropped" in line for line in lines), lines)
            os.remove(self.path)

    # -- malicious mirrors

    def test_hosts_that_are_not_allowed(self):
        self.assert_repelled(-41, "offer refused: policy: host not allowed", "host", "cdn.test", *self.get(),
                             clean=["host", "-"])
        # 127.0.0.1 is allowed; the redirect leads to localhost.
        elsewhere = liars.Listener(lambda c, _: liars.request(c) is not None and c.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: http://localhost:{self.server.port}/ok/{SIZE}\r\n"
            "Content-Length: 0\r\n\r\n".encode()))
        self.addCleanup(elsewhere.close)
        url = f"http://127.0.0.1:{elsewhere.port}/image"
        self.assert_repelled(-41, "transfer failed: ", "host", "127.0.0.1", *self.get(url=url), clean=["host", "-"])

    def test_plain_http(self):
        self.assert_repelled(-40, "offer refused: policy: not https", "https-only", 1, *self.get(),
                             clean=["https-only", 0])

    # -- eavesdropping, a man in the middle

    def secure(self, kind, serve):
        """A TLS server with a certificate of a kind; its URL."""
        context = liars.context(self.authority, kind)

        def over_tls(connection, _):
            with context.wrap_socket(connection, server_side=True) as tls:
                serve(tls)
        server = liars.Listener(over_tls)
        self.addCleanup(server.close)
        return f"https://localhost:{server.port}/image"

    def test_certificates_and_redirects_to_plain_http(self):
        self.authority = Authority(self.dir)
        ca = ["ca", self.authority.ca]
        for kind in ("expired", "not-yet", "self-signed", "wrong-host", "unknown-ca"):
            url = self.secure(kind, lambda tls: liars.answer(tls, liars.image(SIZE)))
            self.assert_repelled(-13, "transfer failed: ", *ca, *self.get(url=url))
        plain = liars.Listener(lambda c, _: (c.recv(4096), c.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), liars.hang(c)))
        self.addCleanup(plain.close)
        self.assert_repelled(-14, "transfer failed: ", *ca, *self.get(url=f"https://localhost:{plain.port}/image"))
        location = self.server.url("ok", SIZE, self.server.token())
        url = self.secure("good", lambda tls: liars.request(tls) is not None and tls.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()))
        self.assert_repelled(-23, "transfer failed: ", *ca, *self.get(url=url))

    # -- requests that are dropped, injected headers

    def test_nobody_answers(self):
        self.assert_repelled(-10, "transfer failed: ", *self.get(url="http://127.0.0.1:9/x"))
        self.assert_repelled(-12, "transfer failed: ", *self.get("close"))
        self.assert_repelled(-21, "transfer failed: ", *self.get("status-503"))

    def test_urls_with_more_in_them(self):
        for url in ("http://127.0.0.1:9/x\r\nRange: bytes=0-1", "http://127.0.0.1:9/\x1b[31m", "http://127.0.0.1 :9/"):
            self.assert_repelled(-20, "transfer failed: ", *self.get(url=url))


class Renewals(Bench):
    FAULTS = True

    def test_a_fresh_url_of_another_image(self):
        """The platform, asked for a fresh URL, offers another image: the download ends, and nothing is joined."""
        observer = Observer(self.broker, "/ota/device/request/#")
        self.addCleanup(observer.close)
        device = self.device(name=unique_name("spliced"), options=IMPATIENT).up()
        digest = self.faults.digest(SIZE)
        device.push_fault("status-403-mid", SIZE, digest, self.faults.token())
        while device.fetch().n > 0:
            pass
        observer.wait("/ota/device/request/")
        other = self.faults.digest(SIZE + 1)
        self.broker.publish(device.topic("request"), offer(SIZE + 1, "2.0.0", self.faults.url(
            "ok", SIZE + 1, self.faults.token()), other["md5"]))
        reply = device.call("drive", device.h, device.m, os.path.join(self.scratch, device.dn), 5000, 1, 30_000)
        self.assertEqual((reply.n, device.call("failure", device.h).length), (-1, OTHER_IMAGE), reply)
        self.assertEqual(device.verdict(), (0, 0))
        self.assertEqual(device.logged("transfer failed: the platform offers another image now"), 1)
