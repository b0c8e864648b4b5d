# SPDX-License-Identifier: MIT OR Apache-2.0
"""HTTP servers that misbehave. Whatever they do: the right image, or an error, and never a false verdict."""

from lib.bench import ONE_TRY, Bench

SIZE = 60000


class Faulty(Bench):
    FAULTS = True

    def run_case(self, case, size=SIZE, limit_s=90, options=None, **more):
        device = self.device(options=options).up()
        self.digest = self.faults.digest(size)
        self.token = self.faults.token()
        device.push_fault(case, size, self.digest, self.token, **more)
        self.assertEqual(device.fetching, 1, case)
        reply = device.fetch_all(limit_s=limit_s)
        self.assertLess(reply.longest, 1500, case)
        return device, reply

    def completes(self, case, **more):
        """The image arrives byte for byte and is found valid. Returns the requests."""
        device, reply = self.run_case(case, **more)
        self.assertEqual(self.outcome(device, reply, self.digest), "right", (case, reply))
        return self.faults.log(self.token)

    def fails(self, case, delivered=0, requests=None, **more):
        """It ends with -1 and err -5; no byte beyond `delivered` reaches the program. Returns the requests."""
        device, reply = self.run_case(case, **more)
        self.assert_failed(device, reply)
        self.assertLessEqual(reply.bytes, delivered, (case, reply))
        log = self.faults.log(self.token)
        if requests is not None:
            self.assertEqual(len(log), requests, (case, log))
        return log

    def never_wrong(self, case):
        """Either the right image or no valid one: bytes of two places are never joined and called valid."""
        device, reply = self.run_case(case)
        return self.outcome(device, reply, self.digest)


class GoodServers(Faulty):
    def test_plain(self):
        """200 with Content-Length: one request."""
        self.assertEqual(len(self.completes("ok")), 1)

    def test_chunked(self):
        """Chunked without Content-Length: decoded."""
        for case in ("chunked", "chunked-7", "chunked-one", "chunked-trailer", "chunked-extension"):
            with self.subTest(case=case):
                self.completes(case)

    def test_header_spelling(self):
        """`content-length:` in lower case, `Content-Length:60000` without a blank, `X-Content-Length: 7` before it."""
        for case in ("header-lower", "header-no-space", "header-x-content-length"):
            with self.subTest(case=case):
                self.completes(case)

    def test_close_delimited(self):
        """No Content-Length, the body ends with the connection: accepted when the size is right."""
        self.completes("length-close")

    def test_http10(self):
        """HTTP/1.0 200: accepted."""
        self.completes("http-1-0")

    def test_header_sizes(self):
        """Header one byte at a time, or padded by 900 and by 2000 bytes: accepted."""
        for case in ("header-bytes", "header-pad-900", "header-pad-2000"):
            with self.subTest(case=case):
                self.completes(case)

    def test_gzip_is_not_asked_for(self):
        """A server that could compress is not invited to."""
        for request in self.completes("gzip"):
            self.assertNotIn("gzip", request["headers"].get("accept-encoding", "identity"))

    def test_redirects(self):
        """Each kind of redirect, also to a URL of 4 KiB and with a body of its own: followed."""
        for case in ("redirect-301", "redirect-302", "redirect-307", "redirect-308", "redirect-absolute", "redirect-body",
                     "redirect-4k", "redirect-chain-3"):
            with self.subTest(case=case):
                self.completes(case)


class PermanentFaults(Faulty):
    def test_not_there(self):
        """404 with a short body: the body is no firmware, and nobody asks twice."""
        self.fails("404-body", requests=1)

    def test_refused(self):
        """401, 403, 410: the body is no firmware; the platform is asked for a fresh URL, both ways, before it fails."""
        started = {}
        for case in ("status-401", "403-body", "status-410"):
            device = self.device(options=ONE_TRY).up()
            token = self.faults.token()
            device.call("report-version", device.h, "1.0.0")
            device.push_fault(case, SIZE, self.faults.digest(SIZE), token)
            device.keep()
            self.assertEqual(device.fetch(5000, 0).n, 0)
            started[case] = device, token
        for case, (device, token) in started.items():
            with self.subTest(case=case):
                reply = device.fetch_all()
                self.assertLess(reply.longest, 1500)
                self.assert_failed(device, reply)
                self.assertEqual((reply.bytes, len(self.faults.log(token))), (0, 1))
                self.assertEqual([p["params"]["version"] for p in device.payloads("request")], ["1.0.0"])
                self.assertEqual(len(device.payloads("thing/ota/firmware/get")), 1)

    def test_404_as_long_as_the_image(self):
        """404 whose body is as long as the image: not one byte of it is handed out."""
        self.fails("404-same-length", requests=1)

    def test_404_without_length(self):
        """404 without Content-Length."""
        self.fails("404-no-length", requests=1)

    def test_redirect_to_nowhere(self):
        """302 without Location, with and without body bytes: no byte of it is firmware."""
        for case in ("302-none", "302-none-body"):
            with self.subTest(case=case):
                self.fails(case, requests=1)

    def test_redirect_loop(self):
        """A redirect loop is left after a bounded number of requests."""
        self.assertLessEqual(len(self.fails("redirect-loop")), 25)

    def test_no_content(self):
        """204 instead of an image."""
        self.fails("status-204")

    def test_wrong_lengths(self):
        """Content-Length 0, 3000000000, 5000000000, one byte less: not the offer's, known before any byte is handed out."""
        for case in ("length-0", "length-7", "length-3e9", "length-5e9", "length-small"):
            with self.subTest(case=case):
                self.fails(case, requests=1)

    def test_lengths_that_are_no_numbers(self):
        """Content-Length abc, -5, beyond 64 bits: as if there were none, no wrap, no crash. Twice and different: an error."""
        for case in ("length-abc", "length-negative", "length-2-64"):
            with self.subTest(case=case):
                self.assertEqual(len(self.completes(case)), 1)
        self.fails("length-twice")

    def test_garbage(self):
        """Bytes that are no HTTP."""
        self.fails("garbage")

    def test_always_500(self):
        """500 each time: retried with a limit, then given up."""
        log = self.fails("500-body")
        self.assertTrue(1 < len(log) <= 20, len(log))

    def test_always_closing(self):
        """Server closes before any byte, each time: retried with a limit."""
        log = self.fails("close")
        self.assertTrue(1 < len(log) <= 20, len(log))

    def test_flipped_bit(self):
        """One bit flipped on the way: all bytes arrive, the verdict is "invalid", step -3 goes out once."""
        device, reply = self.run_case("flip-50")
        self.assertEqual(self.outcome(device, reply, self.digest), "digest")
        self.assertEqual(device.verdict(), (0, 0))
        self.assertEqual(device.steps(), ["0", "-3"])


class TransientFaults(Faulty):
    def test_one_bad_answer(self):
        """500, 503, 429 or 408 once: asked again, and completed."""
        for case in ("status-500-once", "status-503-once", "status-429-once", "status-408-once"):
            with self.subTest(case=case):
                self.assertEqual(len(self.completes(case)), 2)

    def test_one_early_close(self):
        """Server closes before any byte, once: asked again."""
        self.assertEqual(len(self.completes("close-once")), 2)

    def test_drop_with_ranges(self):
        """Server closes or resets after a part: the rest is asked for by Range and If-Range, and nothing twice."""
        for case in ("resume", "rst"):
            with self.subTest(case=case):
                log = self.completes(case)
                self.assertEqual(len(log), 2)
                self.assertRegex(log[1]["headers"]["range"], r"^bytes=[1-9]\d*-$")
                self.assertIn("if-range", log[1]["headers"])
                self.assertNotIn("range", log[0]["headers"])

    def test_drop_again_and_again(self):
        """Each connection brings a part and breaks: as long as there is progress, it goes on."""
        self.assertGreater(len(self.completes("resume-always")), 2)
        self.assertEqual(len(self.completes("cut-ten")), 11)

    def test_drop_and_range_ignored(self):
        """After a drop the server answers 200 with the whole body: what the program has is skipped, never appended."""
        self.completes("resume-ignored")

    def test_drop_and_wrong_range(self):
        """After a drop the server answers 206 from another offset or of another total: never joined wrongly."""
        for case in ("range-earlier", "range-later", "range-from-zero", "range-total-larger", "range-missing"):
            with self.subTest(case=case):
                self.assertIn(self.never_wrong(case), ("right", "failed"))

    def test_drop_and_changed_image(self):
        """After a drop the image has changed, or the server lies about its bytes: never joined and called valid."""
        for case in ("etag-changed", "etag-changed-206", "image-changed-206", "range-lie-zero"):
            with self.subTest(case=case):
                self.never_wrong(case)

    def test_extra_bytes(self):
        """More bytes than the Content-Length, which is right: the program never gets more than the size."""
        self.completes("length-more-bytes")


class Patience(Faulty):
    """The library's own limits, which suit devices better than suites."""

    def test_long_silence(self):
        """20 s without a byte: waited for on the same connection."""
        self.assertEqual(len(self.completes("stall-long", options={})), 1)

    def test_a_server_that_is_away(self):
        """Tried twelve times with growing pauses before the download is given up."""
        self.fails("close", requests=12, limit_s=400, options={})
