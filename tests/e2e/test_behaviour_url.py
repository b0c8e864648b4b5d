# SPDX-License-Identifier: MIT OR Apache-2.0
"""URLs in offers: what has to work, and what has to be refused without harm."""

import time

from lib.bench import FETCH_FAILED, ONE_TRY, Bench
from lib.proc import free_port


class Urls(Bench):
    ORIGIN = True

    def works(self, url, image=None):
        device = self.up()
        image = image or self.origin.image
        device.offer(image, url=url)
        self.assertEqual(device.fetching, 1, url)
        self.assert_valid(device, image, device.fetch_all())
        return device

    def refused(self, url, device=None):
        """Either the offer is not taken, or the download fails at once; a good offer afterwards works."""
        device = device or self.up()
        device.offer(url=url)
        if device.fetching:
            reply = device.fetch_all(limit_s=30)
            self.assertEqual((reply.n, reply.bytes, device.finished), (-1, 0, 1), url)
            self.assertEqual(device.error, FETCH_FAILED)
            self.assertEqual(device.verdict(), (0, 0))
        device.offer()
        self.assert_valid(device, self.origin.image, device.fetch_all())

    def test_port(self):
        """`http://127.0.0.1:8099/..`: ports are supported, also with a host name."""
        self.works(self.origin.url("image.bin"))
        self.works(self.origin.url("image.bin", host="localhost"))

    def test_long_urls(self):
        """240, 300, 600, 1200 and 4096 characters."""
        for length in (240, 300, 600, 1200, 4096):
            with self.subTest(length=length):
                start = self.origin.url("long/")
                device = self.device().up(rbuf=16384)
                url = start + "p" * 100 + "?q=" + "x" * (length - len(start) - 103)
                self.assertEqual(len(url), length)
                device.offer(url=url)
                self.assert_valid(device, self.origin.image, device.fetch_all())

    def test_long_path(self):
        """A path far beyond 256 characters, without a query."""
        device = self.device().up(rbuf=8192)
        device.offer(url=self.origin.url("long/" + "p" * 1500))
        self.assert_valid(device, self.origin.image, device.fetch_all())

    def test_fragment(self):
        """`#frag` after the path: stripped. `#` before the path: the host ends there, no crash."""
        device = self.works(self.origin.url("image.bin") + "#part")
        self.refused(f"http://h#x/{device.dn}")

    def test_no_path(self):
        """No path: `/` is asked for."""
        device = self.up()
        device.offer(url=f"http://127.0.0.1:{self.origin.port}")
        reply = device.fetch_all()
        self.assertEqual((reply.n, device.error), (-1, FETCH_FAILED))
        self.assertTrue(any(status == 404 for _, status, _ in self.origin.requests("")))

    def test_not_http(self):
        """No scheme, ftp://, file://, an empty URL: refused."""
        device = self.up()
        for url in (f"127.0.0.1:{self.origin.port}/image.bin", "ftp://127.0.0.1/image.bin", "file:///etc/hostname",
                    "", "http://", "http:///image.bin", "://", " "):
            with self.subTest(url=url):
                self.refused(url, device)

    def test_control_characters(self):
        """CR LF or a blank in the URL: refused, nothing of it becomes a header line."""
        device = self.up()
        for url in (self.origin.url("image.bin") + "\r\nX-Evil: 1", self.origin.url("image.bin") + " HTTP/1.1\r\nA: b",
                    self.origin.url("image.bin") + "\u0001"):
            with self.subTest(url=url):
                self.refused(url, device)

    def test_userinfo(self):
        """User info goes out as basic authentication, percent-escapes decoded."""
        self.works(self.origin.url("private/a.bin").replace("http://", "http://us%20er:p%40ss@"))
        device = self.device(options=ONE_TRY).up()
        device.offer(url=self.origin.url("private/a.bin").replace("http://", "http://us%20er:wrong@"))
        reply = device.fetch_all()
        self.assertEqual((reply.n, reply.bytes, device.error), (-1, 0, FETCH_FAILED))

    def test_escapes_in_the_path(self):
        """Percent-escapes in path and query arrive as they are."""
        self.origin.add_content("a b.bin", self.origin.image.content)
        self.works(self.origin.url("a%20b.bin?sig=a%2Fb%3D%3D&x=1"))

    def test_host_spelling(self):
        """Scheme and host in capitals, a short host name, a trailing dot-free address."""
        self.works(self.origin.url("image.bin").replace("http://127.0.0.1", "HTTP://LOCALHOST"))

    def test_long_host(self):
        """Host of 300 characters: an error, no crash, in bounded time."""
        started = time.monotonic()
        self.refused(f"http://{'h' * 300}/image.bin")
        self.assertLess(time.monotonic() - started, 20)

    def test_redirects(self):
        """301 and 302, absolute and relative: followed. A loop: left with an error."""
        self.works(self.origin.url("moved.bin"))
        self.works(self.origin.url("relative.bin"))
        self.refused(self.origin.url("loop.bin"))

    def test_nobody_listens(self):
        """Connect refused: each call keeps its time, and it ends with -1."""
        device = self.up()
        device.offer(url=f"http://127.0.0.1:{free_port()}/image.bin")
        reply = device.fetch_all(limit_s=120)
        self.assertLess(reply.longest, 1500)
        self.assert_failed(device, reply)

    def test_unknown_name(self):
        """DNS failure: each call keeps its time, and it ends with -1."""
        device = self.up()
        device.offer(url="http://no-such-host.invalid/image.bin")
        reply = device.fetch_all(limit_s=120)
        self.assertLess(reply.longest, 1500)
        self.assert_failed(device, reply)
