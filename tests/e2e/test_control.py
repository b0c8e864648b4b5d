# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time bounds, cancel, pause, rates, the deadline, and URLs that expire during the download."""

import json
import os
import threading
import time

from lib import liars
from lib.bench import ATTEMPTS, IMPATIENT, Bench, unique_name
from lib.bounds import measure
from lib.broker import Observer, offer

# For calls that are measured without a control: the machine may be busy.
GENEROUS_MS = 500
RATE_LIMIT, MIN_RATE, MIN_RATE_WINDOW, DEADLINE = 8, 9, 10, 11
EXPIRED, TOO_SLOW, TIME_OVER = -29, -33, -34


class Image:
    """Content by size, as the fault server has it."""

    name = "image"

    def __init__(self, size):
        self.data = liars.image(size)
        self.size, self.md5 = size, liars.md5(self.data)


class Bounds(Bench):
    FAULTS = True

    def test_every_state(self):
        measured = list(measure(self, unique_name))
        for m in measured:
            with self.subTest(m.state):
                self.assertEqual(m.problem(), "", m)
        self.assertEqual(len(measured), 15)
        self.note = (f"worst overrun {max(m.worst.worst for m in measured):.1f} ms, "
                     f"worst cancel {max(m.cancel.worst for m in measured):.1f} ms")


class Control(Bench):
    FAULTS = True

    def fetching(self, image, options=(), case="ok", **query):
        device = self.device(options={**IMPATIENT, **dict(options)}).up()
        device.offer(image, url=self.faults.url(case, image.size, self.faults.token(), **query))
        return device

    def drive(self, device, limit_s=60, timeout_s=1):
        path = os.path.join(self.scratch, device.dn)
        reply = device.call("drive", device.h, device.m, path, 5000, timeout_s, limit_s * 1000, timeout=limit_s + 30)
        with open(path, "rb") as f:
            return reply, f.read()

    def test_rate_limit(self):
        image = Image(1_000_000)
        reply, data = self.drive(self.fetching(image, [(RATE_LIMIT, 100_000)]))
        self.assertEqual(data, image.data)
        rate = image.size / (reply.ms / 1000)
        self.note = f"rate limit 100000 B/s over {reply.ms / 1000:.1f} s: {rate:.0f} B/s"
        # Never much faster; slower only as far as the machine is.
        self.assertLess(rate, 105_000)
        self.assertGreater(rate, 70_000)

    def test_pause_and_resume(self):
        image = Image(1_000_000)
        device = self.fetching(image, [(RATE_LIMIT, 200_000)])
        device.keep()
        self.assertEqual(device.call("pause", device.h).ret, 0)
        self.assertEqual(device.fetch().n, 0)
        self.assertEqual(device.call("resume", device.h).ret, 0)
        self.assertGreater(device.fetch(timeout_s=5).n, 0)
        self.assertEqual(device.call("pause", device.h).ret, 0)
        while device.fetch(timeout_s=0).n > 0:
            pass
        # What was on its way may still come; then nothing does, without an error.
        while device.fetch().n > 0:
            self.assertLess(device.call("size", device.h).fetched, 200_000)
        self.assertEqual(device.fetching, 1)
        self.assertEqual(device.call("resume", device.h).ret, 0)
        self.assertEqual(device.call("fetchall", device.h, 5000, 1, 60000).finished, 1)
        self.assertEqual(device.content(), image.data)
        self.assertEqual(device.verdict(), (0, 1))

    def test_minimum_rate(self):
        device = self.fetching(Image(60_000), [(MIN_RATE, 100), (MIN_RATE_WINDOW, 1000)], "drip-slow")
        reply, data = self.drive(device)
        self.assertEqual((reply.n, reply.failure), (-1, TOO_SLOW), reply)
        self.assertEqual(device.verdict(), (0, 0))

    def test_deadline(self):
        device = self.fetching(Image(60_000), [(DEADLINE, 2000)], "drip-slow")
        reply, data = self.drive(device, timeout_s=10)
        self.assertEqual((reply.n, reply.failure), (-1, TIME_OVER), reply)
        self.assertLess(reply.longest, 2000 + GENEROUS_MS)

    def test_a_new_offer_after_cancel(self):
        device = self.fetching(Image(60_000), case="stall-always")
        self.assertEqual(device.fetch(timeout_s=0).n, 0)
        self.assertEqual(device.call("cancel", device.h).ret, 0)
        self.assertEqual((device.finished, device.verdict()), (1, (0, 0)))
        image = Image(70_000)
        device.offer(image, url=self.faults.url("ok", image.size, self.faults.token()))
        self.assertEqual(self.drive(device)[1], image.data)
        self.assertEqual(device.verdict(), (0, 1))


class Expiring:
    """A slow origin whose URLs are good for a while, and the platform's part that hands out fresh ones."""

    def __init__(self, bench, image, life_s, rate, ways=("request",)):
        self.image, self.life, self.rate, self.ways, self.bench = image, life_s, rate, ways, bench
        self.issued, self.requests, self.sent, self.refused = {}, [], 0, 0
        self._server = liars.Listener(self._serve)
        self._observer = Observer(bench.broker, "/ota/device/request/#", "/sys/+/+/thing/ota/firmware/get")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._respond, daemon=True)
        self._thread.start()

    def url(self):
        key = f"k{len(self.issued)}"
        self.issued[key] = time.monotonic()
        return f"http://127.0.0.1:{self._server.port}/image?key={key}"

    def _serve(self, connection, _):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return
            data += more
        key = data.split(b"key=", 1)[1].split(b" ", 1)[0].decode()
        offset = 0
        for line in data.lower().split(b"\r\n"):
            if line.startswith(b"range: bytes="):
                offset = int(line[13:].rstrip(b"-"))
        end = self.issued[key] + self.life
        if time.monotonic() > end:
            self.refused += 1
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.requests.append(offset)
        connection.sendall(liars.head(offset, self.image.size))
        while offset < self.image.size and time.monotonic() < end:
            part = self.image.data[offset:offset + self.rate // 20]
            connection.sendall(part)
            offset += len(part)
            self.sent += len(part)
            time.sleep(0.05)
        # The object store cuts off an answer whose URL has expired.

    def _respond(self):
        done = 0
        while not self._stop.wait(0.02):
            seen = self._observer.messages()
            for topic, payload in seen[done:]:
                self._answer(topic, payload)
            done = len(seen)

    def _answer(self, topic, payload):
        if topic.startswith("/ota/device/request/") and '"url"' not in payload and "request" in self.ways:
            message = offer(self.image.size, "2.0.0", self.url(), self.image.md5)
            self.bench.broker.publish(topic, message)
        elif topic.endswith("/thing/ota/firmware/get") and "get" in self.ways:
            message = {"id": json.loads(payload)["id"], "code": 200,
                       "data": {"size": self.image.size, "version": "2.0.0", "url": self.url(),
                                "md5": self.image.md5, "signMethod": "Md5", "sign": self.image.md5}}
            self.bench.broker.publish(topic + "_reply", message)

    def close(self):
        self._stop.set()
        self._thread.join(5)
        self._observer.close()
        self._server.close()


class Expiry(Bench):
    """OTAKIT_LONG=1 makes each download last a minute."""

    LIFE_S = 5
    RATE = 40_000
    SECONDS = 60 if os.environ.get("OTAKIT_LONG") else 20

    def run_with(self, ways, download):
        image = Image(self.RATE * self.SECONDS)
        origin = Expiring(self, image, self.LIFE_S, self.RATE, ways)
        self.addCleanup(origin.close)
        device = self.device().up()
        device.offer(image, url=origin.url())
        path = os.path.join(self.scratch, device.dn)
        reply = download(device, path)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), image.data)
        self.assertEqual(device.verdict(), (0, 1))
        renewals, again = len(origin.issued) - 1, origin.sent - image.size
        self.note = (f"{reply.ms / 1000:.0f} s with URLs that live {self.LIFE_S} s: {renewals} fresh URLs, "
                     f"{len(origin.requests)} answers, {again} bytes sent again")
        self.assertGreaterEqual(renewals, self.SECONDS // self.LIFE_S - 1)
        # What the origin has put on a connection that it then closes may be lost, no more than a checkpoint each time.
        self.assertLessEqual(again, 65_536 * renewals)
        return reply, origin

    def test_fetch_yield(self):
        def download(device, path):
            reply = device.call("drive", device.h, device.m, path, 5000, 1, 180_000, timeout=200)
            self.assertLess(reply.longest, 1000 + GENEROUS_MS)
            return reply
        self.run_with(("request",), download)

    def test_into_a_file(self):
        def download(device, path):
            reply = device.call("download-file", device.h, device.m, path, path + ".journal", timeout=200)
            self.assertEqual(reply.ret, 0)
            self.assertLess(reply.longest, 100 + GENEROUS_MS)
            return reply
        self.run_with(("request",), download)

    def test_nobody_answers(self):
        image = Image(4 * self.RATE)
        origin = Expiring(self, image, 1, self.RATE, ())
        self.addCleanup(origin.close)
        device = self.device(options={ATTEMPTS: 2}).up()
        device.offer(image, url=origin.url())
        path = os.path.join(self.scratch, device.dn)
        reply = device.call("drive", device.h, device.m, path, 5000, 1, 60_000, timeout=80)
        self.assertEqual((reply.n, reply.failure), (-1, EXPIRED), reply)


class ExpiryNewer(Expiry):
    """The platform answers only the newer request, which is made after the older one stays without answer."""

    def test_fetch_yield(self):
        def download(device, path):
            return device.call("drive", device.h, device.m, path, 5000, 1, 240_000, timeout=260)
        self.run_with(("get",), download)

    SECONDS = 10
    test_into_a_file = test_nobody_answers = None
