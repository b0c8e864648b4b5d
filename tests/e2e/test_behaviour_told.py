# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the platform is told, and when: reports that are held back, links that are down just then, answers that are no
orders, first subscriptions that a broker does not grant."""

import os
import re
import threading
import time

from lib import liars
from lib.bench import CHECK_FIRMWARE, IMPATIENT, STALL_MS, Bench
from lib.broker import offer
from lib.packets import FROM_BROKER
from lib.proc import wait_until

SIZE = 60_000
PATIENT = {**IMPATIENT, STALL_MS: 30_000}
FETCH_FAILED, CHECK_FAILED, DONE = -2, -3, 100


class Stalling(liars.Listener):
    """Sends half of an image, then waits: `go_on` sends the rest, `break_off` fails for good."""

    def __init__(self):
        self.data = liars.image(SIZE)
        self.go, self.broken = threading.Event(), False
        super().__init__(self._stall)

    def _stall(self, connection, _):
        offset = liars.request(connection)
        if offset is None:
            return
        if self.broken:
            connection.sendall(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        half = SIZE // 2
        connection.sendall(liars.head(offset, SIZE) + self.data[offset:half])
        self.go.wait(60)
        if not self.broken:
            connection.sendall(self.data[max(offset, half):])

    def go_on(self):
        self.go.set()

    def break_off(self):
        self.broken = True
        self.go.set()


class Held(Bench):
    def stalled(self, md5=None):
        """A device in the midst of a download that stalls, and its server."""
        server = Stalling()
        self.addCleanup(server.close)
        self.addCleanup(server.break_off)
        device = self.device(options=PATIENT).up()
        device.push(offer(SIZE, "2.0.0", f"http://127.0.0.1:{server.port}/i", md5 or liars.md5(server.data)))
        device.call("yield", device.m, 50)
        self.assertEqual(device.fetching, 1)
        while device.fetch().n > 0:
            pass
        return device, server

    def lose(self, device):
        device.proxy.refusing = True
        device.proxy.drop_all()
        device.pump(lambda: device.call("state", device.m).ret == 0, "the client to notice")

    def back(self, device):
        device.proxy.refusing = False
        device.pump(lambda: device.call("state", device.m).ret == 1, "the new connection", 15)
        device.call("yield", device.m, 200)

    def report(self, device, step):
        self.assertEqual(device.call("progress", device.h, step, None).ret, 0)

    def to_the_end(self, device):
        wait_until(lambda: device.fetch() and device.finished, 30, "the end of the download")

    def ended(self, device):
        """The steps beside the first one."""
        steps = device.steps()
        self.assertEqual(steps[:1], ["0"])
        return steps[1:]

    def test_failure_while_offline(self):
        """Half an image, a stall, -2 by the vendor's loop; the link goes, the download fails, the link comes back."""
        device, server = self.stalled()
        self.report(device, FETCH_FAILED)
        self.assertEqual(self.ended(device), [])
        self.lose(device)
        server.break_off()
        self.to_the_end(device)
        self.back(device)
        self.assertEqual(self.ended(device), ["-2"])
        self.report(device, FETCH_FAILED)
        self.assertEqual(self.ended(device), ["-2"], "the program's own says nothing new")

    def test_completion_while_offline(self):
        device, server = self.stalled()
        self.report(device, DONE)
        self.lose(device)
        server.go_on()
        self.to_the_end(device)
        self.assertEqual(device.verdict(), (0, 1))
        self.back(device)
        self.assertEqual(self.ended(device), ["100"])

    def test_wrong_digest_while_offline(self):
        device, server = self.stalled("0" * 32)
        self.lose(device)
        server.go_on()
        self.to_the_end(device)
        self.assertEqual((device.ioctl(CHECK_FIRMWARE).ret, device.verdict()), (0, (0, 0)))
        self.back(device)
        self.assertEqual(self.ended(device), ["-3"])
        self.assertEqual(device.verdict(), (0, 0))
        self.assertEqual(self.ended(device), ["-3"], "once")

    def test_cancel_is_an_end(self):
        device, _ = self.stalled()
        self.report(device, FETCH_FAILED)
        self.assertEqual(device.call("cancel", device.h).ret, 0)
        self.assertEqual(self.ended(device), ["-2"])

    def test_failure_before_the_first_fetch(self):
        """There is no room: the program says so and never fetches."""
        device = self.device(options=PATIENT).up()
        device.push(offer(SIZE, "2.0.0", "http://127.0.0.1:1/i", "0" * 32))
        device.call("yield", device.m, 50)
        self.assertEqual(device.fetching, 1)
        self.report(device, FETCH_FAILED)
        self.assertEqual(device.steps(), ["-2"])

    def test_a_download_into_a_file(self):
        """-2 and 100 in its midst: with the last byte the one was never so, and the other is."""
        for name, steps in (("good", ["100"]), ("gone", ["-2"])):
            with self.subTest(name):
                server = Stalling()
                self.addCleanup(server.close)
                end = threading.Timer(1, server.break_off if name == "gone" else server.go_on)
                end.start()
                self.addCleanup(end.join)
                device = self.device(options=PATIENT).up()
                device.push(offer(SIZE, "2.0.0", f"http://127.0.0.1:{server.port}/i", liars.md5(server.data)))
                device.call("yield", device.m, 50)
                path = os.path.join(self.scratch, name)
                self.assertEqual(device.call("report-midway", FETCH_FAILED, DONE).ret, 0)
                reply = device.call("download-file", device.h, device.m, path, "-")
                self.assertEqual(reply.ret == 0, name == "good", reply.ret)
                device.call("yield", device.m, 200)
                self.assertEqual([step for step in device.steps() if step != "0"], steps)

    def test_a_program_that_stops_fetching(self):
        """Fetches, stalls, reports -2 and never fetches again: the platform hears of it after 10 s of yields."""
        device, _ = self.stalled()
        self.report(device, FETCH_FAILED)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            device.call("yield", device.m, 200)
        self.assertEqual(self.ended(device), [])
        device.pump(lambda: len(device.payloads("progress")) > 1, "the report", 10)
        self.assertEqual(self.ended(device), ["-2"])


class Answers(Bench):
    def test_an_answer_is_no_order(self):
        """Each question for a fresh URL is answered by a push of the same dead URL: one update, which stays failed."""
        for kind in ("upgrade", "request"):
            with self.subTest(kind):
                self.dying(kind)

    def dying(self, kind):
        refused = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        data = liars.image(SIZE)

        def serve(connection, number):
            if liars.request(connection) is not None:
                half = liars.head(0, SIZE) + data[:SIZE // 2]
                connection.sendall(half if number == 1 else refused)
        server = liars.Listener(serve)
        self.addCleanup(server.close)
        device = self.device().up()
        dead = offer(SIZE, "2.0.0", f"http://127.0.0.1:{server.port}/i", liars.md5(data))
        asked, over = [0], threading.Event()
        self.addCleanup(over.set)

        def platform():
            while not over.wait(0.02):
                seen = len(device.payloads("request"))
                while asked[0] < seen:
                    asked[0] += 1
                    self.broker.publish(device.topic(kind), dead)
        threading.Thread(target=platform, daemon=True).start()
        self.assertEqual(device.call("report-version", device.h, "1.0.0").ret, 0)
        device.push(dead)
        device.pump(lambda: device.fetching, "the offer")

        def turn():
            device.call("yield", device.m, 20)
            return device.fetch().n == -1 and device.finished
        wait_until(turn, 60, "the end of the download", step=0)
        questions = asked[0]
        self.assertTrue(1 <= questions <= 10, questions)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            device.call("yield", device.m, 50)
            self.assertEqual(device.fetching, 0)
        self.assertEqual(asked[0], questions)
        device.push(dead)
        device.pump(lambda: device.fetching, "an order, which is one")
        over.set()


class FirstSubscriptions(Bench):
    GRANTED = re.compile(rb"\x90\x03(..)[\x00\x01]", re.DOTALL)

    def deaf(self, rewrite, **fields):
        device = self.device().connect(**fields)
        device.proxy.rewrite = rewrite
        device.h = device.call("init", device.pk, device.dn, device.m).handle
        return device

    def hears(self, device):
        """The broker grants from now on: the device asks by itself, and takes an offer."""
        self.assertEqual(device.call("state", device.m).ret, 0, "it is deaf, and says so")
        device.proxy.rewrite = None
        before = len(device.proxy.list("SUBACK", FROM_BROKER))
        device.pump(lambda: len(device.proxy.list("SUBACK", FROM_BROKER)) >= before + 4, "four SUBACKs", 20)
        device.pump(lambda: device.call("state", device.m).ret == 1, "a whole connection")
        data = liars.image(SIZE)
        server = liars.Listener(lambda connection, _: liars.answer(connection, data))
        self.addCleanup(server.close)
        device.push(offer(SIZE, "2.0.0", f"http://127.0.0.1:{server.port}/i", liars.md5(data)))
        device.pump(lambda: device.fetching, "the offer")
        reply = device.fetch_all()
        self.assertEqual((reply.finished, reply.bytes, device.verdict()), (1, SIZE, (0, 1)))

    def test_refused(self):
        device = self.deaf(lambda data: self.GRANTED.sub(b"\x90\x03\\1\x80", data))
        device.pump(lambda: len(device.proxy.list("SUBACK", FROM_BROKER)) >= 8, "two refusals each", 20)
        codes = [e.split(":")[0] for e in device.call("events").list.split(",")]
        self.assertIn("5", codes)
        self.hears(device)

    def test_not_answered(self):
        # In place of each answer something that says nothing.
        device = self.deaf(lambda data: self.GRANTED.sub(b"\xd0\x00", data), reqto=1000)
        device.pump(lambda: len(device.proxy.list("SUBSCRIBE")) >= 8, "each asked twice", 20)
        device.pump(lambda: device.call("state", device.m).ret == 0, "the client to notice")
        self.hears(device)
