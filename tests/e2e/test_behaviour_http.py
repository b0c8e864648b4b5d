# SPDX-License-Identifier: MIT OR Apache-2.0
"""HTTP servers that misbehave. Whatever they do: the right image, or an error, and never a false verdict."""

import hashlib

from lib.bench import Bench

SIZE = 60000


class Faulty(Bench):
    FAULTS = True

    def run_case(self, case, size=SIZE, limit_s=90, **more):
        device = self.up()
        self.digest = self.faults.digest(size)
        self.token = self.faults.token()
        device.push_fault(case, size, self.digest, self.token, **more)
        self.assertEqual(device.fetching, 1, case)
        reply = device.fetch_all(limit_s=limit_s)
        self.assertLess(reply.longest, 1500, case)
        return device, reply

    def completes(self, case, **more):
        """The image arrives byte for byte and is found valid."""
        device, reply = self.run_case(case, **more)
        self.assertEqual((reply.finished, reply.bytes, reply.intact, reply.n > 0), (1, SIZE, 1, True), (case, reply))
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), self.digest["md5"], case)
        self.assertEqual(device.verdict(), (0, 1), case)
        return self.faults.log(self.token)

    def fails(self, case, delivered=0, requests=None, **more):
        """It ends with -1 and err -5; no byte beyond `delivered` reaches the program."""
        device, reply = self.run_case(case, **more)
        self.assert_failed(device, reply)
        self.assertLessEqual(reply.bytes, delivered, (case, reply))
        log = self.faults.log(self.token)
        if requests is not None:
            self.assertEqual(len(log), requests, (case, log))
        return device, log


class GoodServers(Faulty):
    def test_plain(self):
        """200 with Content-Length: one request."""
        self.assertEqual(len(self.completes("ok")), 1)

    def test_chunked(self):
        """Chunked without Content-Length: decoded."""
        self.completes("chunked")

    def test_header_spelling(self):
        """`content-length:` in lower case, `Content-Length:60000` without a blank, `X-Content-Length: 7` before it."""
        for case in ("lower_case_headers", "length_without_space", "other_length_header_first"):
            with self.subTest(case=case):
                self.completes(case)

    def test_close_delimited(self):
        """No Content-Length, the body ends with the connection: accepted when the size is right."""
        self.completes("no_length_close")

    def test_http10(self):
        """HTTP/1.0 200: accepted."""
        self.completes("http10")

    def test_header_sizes(self):
        """Header one byte at a time, or padded by 900 and by 2000 bytes: accepted."""
        for case in ("byte_by_byte_headers", "padded_headers_900", "padded_headers_2000"):
            with self.subTest(case=case):
                self.completes(case)

    def test_gzip_is_not_asked_for(self):
        """A server that could compress is not invited to."""
        log = self.completes("gzip")
        for request in log:
            self.assertNotIn("gzip", request["headers"].get("accept-encoding", "identity"))


class PermanentFaults(Faulty):
    def test_not_there(self):
        """404 with a short body, 403, 410: the body is no firmware, and nobody asks twice."""
        for case in ("404_body", "403", "410"):
            with self.subTest(case=case):
                self.fails(case, requests=1)

    def test_404_as_long_as_the_image(self):
        """404 whose body is as long as the image: not one byte of it is handed out."""
        self.fails("404_same_length", requests=1)

    def test_404_without_length(self):
        """404 without Content-Length."""
        self.fails("404_no_length", requests=1)

    def test_redirect_to_nowhere(self):
        """302 without Location, with and without body bytes: no byte of it is firmware."""
        for case in ("302_empty", "302_body"):
            with self.subTest(case=case):
                self.fails(case, requests=1)

    def test_redirect_loop(self):
        """A redirect loop is left after a bounded number of requests."""
        _, log = self.fails("redirect_loop")
        self.assertLessEqual(len(log), 25)

    def test_no_content(self):
        """204 instead of an image."""
        self.fails("204")

    def test_lengths_that_lie(self):
        """Content-Length 0, abc, -5, 3000000000, 5000000000, too small: an error, no wrap, no crash."""
        for case in ("length_zero", "length_word", "length_negative", "length_3e9", "length_5e9", "length_short"):
            with self.subTest(case=case):
                self.fails(case, delivered=SIZE)

    def test_two_lengths(self):
        """Two Content-Length headers that differ are refused."""
        self.fails("length_twice", delivered=SIZE)

    def test_garbage(self):
        """Bytes that are no HTTP."""
        self.fails("garbage")

    def test_always_500(self):
        """500 each time: retried with a limit, then given up."""
        _, log = self.fails("500_always")
        self.assertGreater(len(log), 1)
        self.assertLessEqual(len(log), 20)

    def test_always_closing(self):
        """Server closes before any byte, each time: retried with a limit."""
        _, log = self.fails("close_at_once")
        self.assertLessEqual(len(log), 20)

    def test_flipped_bit(self):
        """One bit flipped on the way: all bytes arrive, the verdict is "invalid", step -3 goes out once."""
        device, reply = self.run_case("flipped_bit")
        self.assertEqual((reply.bytes, device.finished), (SIZE, 1))
        self.assertEqual((device.verdict(), device.verdict()), ((0, 0), (0, 0)))
        self.assertEqual(device.steps(), ["0", "-3"])


class TransientFaults(Faulty):
    def test_one_bad_answer(self):
        """500, 503, 429 or 408 once: asked again, and completed."""
        for case in ("500_once", "503_once", "429_once", "408_once"):
            with self.subTest(case=case):
                self.assertEqual(len(self.completes(case)), 2)

    def test_one_early_close(self):
        """Server closes before any byte, once: asked again."""
        self.assertEqual(len(self.completes("close_once")), 2)

    def test_drop_with_ranges(self):
        """Server closes or resets after a part: the rest is asked for by Range, and nothing twice."""
        for case in ("drop_once", "reset_once"):
            with self.subTest(case=case):
                log = self.completes(case)
                self.assertEqual(len(log), 2)
                self.assertRegex(log[1]["headers"]["range"], r"^bytes=[1-9]\d*-$")
                self.assertIn("if-range", log[1]["headers"])

    def test_drop_again_and_again(self):
        """Each connection brings a part and breaks: as long as there is progress, it goes on."""
        self.assertGreater(len(self.completes("drop_always")), 2)

    def never_wrong(self, case, **more):
        """Either the right image, or a failure; bytes of two versions are never joined and called valid."""
        device, reply = self.run_case(case, **more)
        ret, valid = device.verdict()
        self.assertEqual((ret, device.finished), (0, 1))
        if valid:
            self.assertEqual(hashlib.md5(device.content()).hexdigest(), self.digest["md5"])
        else:
            self.assertTrue(reply.n == -1 or reply.bytes == SIZE, reply)
        return valid

    def test_drop_and_range_ignored(self):
        """After a drop the server answers 200 with the whole body: what the program has is skipped, never appended."""
        self.assertEqual(self.never_wrong("drop_ignores_range"), 1)

    def test_drop_and_wrong_range(self):
        """After a drop the server answers 206 from another offset: refused or read again, never joined."""
        self.never_wrong("drop_wrong_range")

    def test_drop_and_changed_image(self):
        """After a drop the image has changed (another ETag): never joined to the old bytes."""
        self.assertEqual(self.never_wrong("drop_changed"), 0)

    def test_extra_bytes(self):
        """More bytes than the size: the program never gets more than the size."""
        device, reply = self.run_case("extra_bytes")
        self.assertLessEqual(reply.bytes, SIZE)
        self.assertEqual(device.finished, 1)
