# SPDX-License-Identifier: MIT OR Apache-2.0
"""FetchYield's mechanics: what it hands out, when it returns, what it never does."""

import hashlib

from lib.bench import FETCHED_SIZE, FILE_SIZE, INVALID_PARAM, INVALID_STATE, Bench


class Buffers(Bench):
    ORIGIN = True

    def whole(self, length, image=None):
        device = self.up()
        image = image or self.origin.image
        device.offer(image)
        reply = device.fetch_all(length)
        self.assertEqual((reply.intact, reply.partial, reply.zeros), (1, 0, 0), reply)
        self.assert_valid(device, image, reply)
        return device, reply

    def test_bytes_per_call(self):
        """At most buf_len - 1 bytes per call with a NUL behind them, and the buffer is filled until the end."""
        for length, calls in ((5000, 13), (60000, 2), (60001, 1), (100000, 1), (33, 1875), (1023, 59), (1024, 59),
                              (1025, 59)):
            with self.subTest(length=length):
                _, reply = self.whole(length)
                self.assertEqual(reply.calls, calls)

    def test_tiny_buffers_lose_nothing(self):
        """buf_len 2..32: every byte arrives, also those that came together with the headers."""
        image = self.origin.add("small.bin", 700)
        for length in (2, 3, 16, 32):
            with self.subTest(length=length):
                _, reply = self.whole(length, image)
                self.assertEqual(reply.calls, -(-700 // (length - 1)))

    def test_no_room_for_a_byte(self):
        """buf_len 1: -2; nothing is written, no step 0 goes out, the download is unharmed."""
        device = self.up()
        device.offer()
        for _ in range(2):
            reply = device.fetch(1)
            self.assertEqual((reply.n, reply.intact), (INVALID_PARAM, 1))
        self.assertEqual(device.steps(), [])
        self.assert_valid(device, self.origin.image, device.fetch_all())

    def test_after_the_end(self):
        """Calls after the end: -3, err -3, nothing written."""
        device = self.up()
        device.offer()
        device.fetch_all()
        reply = device.fetch()
        self.assertEqual((reply.n, reply.intact, device.error), (INVALID_STATE, 1, INVALID_STATE))
        self.assertEqual(device.verdict(), (0, 1))

    def test_one_byte_image(self):
        image = self.origin.add("one.bin", 1)
        _, reply = self.whole(5000, image)
        self.assertEqual(reply.calls, 1)

    def test_sizes_along_the_way(self):
        """FETCHED_SIZE counts the bytes that were handed out; FILE_SIZE is the offer's size."""
        device = self.up()
        device.offer()
        self.assertEqual(device.fetch(1001).n, 1000)
        self.assertEqual((device.value(FETCHED_SIZE), device.value(FILE_SIZE)), (1000, 60000))
        device.fetch(2001)
        size = device.call("size", device.h)
        self.assertEqual((size.ret, size.fetched, size.total), (0, 3000, 60000))
        self.assertEqual(device.value(FETCHED_SIZE), 3000)


class Waiting(Bench):
    ORIGIN = True
    FAULTS = True

    def start(self, case, size=60000):
        device = self.up()
        digest = self.faults.digest(size)
        self.token = self.faults.token()
        device.push_fault(case, size, digest, self.token)
        return device, digest

    def test_step_zero_once(self):
        """"Enter in downloading state" is published once, also when the first calls return 0."""
        device, _ = self.start("silent")
        zeros = 0
        device.keep()
        for _ in range(20):
            reply = device.fetch()
            zeros += reply.n == 0
            if reply.n:
                break
        self.assertGreater(zeros, 0)
        device.call("fetchall", device.h, 5000, 1, 30000)
        self.assertEqual(device.steps(), ["0"])

    def test_silence_before_headers(self):
        """Server silent for some seconds before the headers: 0 after each second, one request, the image in the end."""
        device, digest = self.start("silent")
        reply = device.fetch()
        self.assertEqual(reply.n, 0)
        self.assertTrue(900 <= reply.ms < 1500, reply)
        reply = device.fetch_all()
        self.assertEqual((reply.finished, reply.bytes), (1, 60000))
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), digest["md5"])
        self.assertEqual(len(self.faults.log(self.token)), 1)

    def test_stall_in_mid_body(self):
        """A stall mid body: the call returns after its timeout with what it has, and the connection is kept."""
        device, digest = self.start("stall")
        reply = device.fetch_all()
        self.assertEqual((reply.finished, reply.bytes), (1, 60000))
        self.assertLess(reply.longest, 1500)
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), digest["md5"])
        self.assertEqual(device.verdict(), (0, 1))

    def test_timeout_zero(self):
        """Timeout 0 asks without waiting: the call comes back at once, and the download still ends."""
        device = self.up()
        device.offer()
        self.assertLess(device.fetch(5000, 0).ms, 300)
        device2 = self.up()
        device2.offer()
        reply = device2.fetch_all(5000, 0)
        self.assertEqual((reply.finished, reply.bytes), (1, 60000))

    def test_slow_drip_delivers(self):
        """Slow drip into a big buffer: partial data is delivered at the timeout, on one connection."""
        device, digest = self.start("drip", 6000)
        reply = device.fetch_all(5000)
        self.assertEqual((reply.finished, reply.bytes), (1, 6000))
        self.assertLess(reply.longest, 1500)
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), digest["md5"])
        self.assertEqual(len(self.faults.log(self.token)), 1)

    def test_permanent_stall_is_given_up(self):
        """A server that never goes on: each call keeps its time, and the download ends with -1."""
        device, _ = self.start("stall-always")
        reply = device.fetch_all(limit_s=200)
        self.assertLess(reply.longest, 1500)
        self.assertGreater(reply.zeros, 0)
        self.assert_failed(device, reply)

    def test_deinit_from_another_thread(self):
        """Deinit while another thread waits in FetchYield: the waiting call ends at once, both get a code."""
        device, _ = self.start("silent-always")
        device.fetch()
        device.call("deinit-later", device.h, 500)
        reply = device.fetch(5000, 20)
        self.assertLess(reply.n, 0)
        self.assertLess(reply.ms, 1500)
        self.assertEqual(device.call("join").ret, 0)
        self.assertEqual(device.call("isfetching", device.h).ret, 0)
