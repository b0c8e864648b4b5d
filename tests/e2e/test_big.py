# SPDX-License-Identifier: MIT OR Apache-2.0
"""An image beyond 32 bits: exact sizes and percentages, and memory that does not depend on the size."""

import hashlib

from lib.bench import FETCHED_SIZE, FILE_SIZE, GENERAL, Bench
from lib.broker import offer

SMALL, BIG = 1 << 20, 5 << 30
BUFFER = 65536


def sha256_of_zeros(size):
    digest, block = hashlib.sha256(), bytes(1 << 20)
    for _ in range(size // len(block)):
        digest.update(block)
    return digest.hexdigest()


class Big(Bench):
    ORIGIN = True

    def download(self, size):
        """A device of its own downloads `size` zeros. Returns it, the reply, and its memory high-water mark in KiB."""
        name = f"zeros-{size}.bin"
        self.origin.add_sparse(name, size)
        device = self.device(under_valgrind=False).up()
        device.push(offer(size, "2.0.0", self.origin.url(name), None, signMethod="SHA256", sign=sha256_of_zeros(size)))
        self.assertEqual(device.fetching, 1)
        reply = device.call("fetchall", device.h, BUFFER, 5, 300000, "sizes=1", timeout=330)
        return device, reply, device.driver.high_water_kib()

    def test_5_gib(self):
        """5 GiB: every byte counted, every percentage seen once, valid; memory as with 1 MiB."""
        _, small_reply, small_kib = self.download(SMALL)
        self.assertEqual((small_reply.finished, small_reply.bytes), (1, SMALL))
        device, reply, kib = self.download(BIG)
        self.assertEqual((reply.finished, reply.n > 0, reply.intact), (1, True, 1), reply)
        self.assertEqual((reply.bytes, reply.total, reply.exact), (BIG, BIG, 1))
        self.assertEqual((reply.percents, reply.percent), (101, 100))
        self.assertEqual(device.verdict(), (0, 1))
        for kind in (FILE_SIZE, FETCHED_SIZE):
            answer = device.ioctl(kind)
            self.assertEqual((answer.ret, answer.hex, device.error), (GENERAL, "cc" * 4, GENERAL))
        size = device.call("size", device.h)
        self.assertEqual((size.ret, size.fetched, size.total), (0, BIG, BIG))
        self.note = (f"peak memory: {small_kib} KiB for {SMALL} bytes, {kib} KiB for {BIG} bytes; "
                     f"{BIG / reply.ms / 1000:.0f} MB/s")
        self.assertLess(abs(kib - small_kib), 1024, f"{small_kib} KiB for {SMALL} bytes, {kib} KiB for {BIG}")
