# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vendor's own loop reports a failed download (step -2) whenever IOT_OTA_FetchYield returns 0. What of it reaches the
platform is what is so."""

import json
import threading
import time

from lib import liars
from lib.bench import ANSWER_MS, IMPATIENT, STALL_MS, Bench
from test_control import Image

SIZE, FAILED = 60_000, -2
# Longer than the stalls here, so that a stall is none of the library's failures either.
PATIENT = {**IMPATIENT, STALL_MS: 20_000, ANSWER_MS: 20_000}


class VendorLoop(Bench):
    def stalling(self, then):
        """A server that gives half an image, waits for `self.go_on`, and then does as it is told; its URL."""
        image, self.go_on = Image(SIZE), threading.Event()
        self.addCleanup(self.go_on.set)

        def serve(connection, number):
            offset = liars.request(connection)
            if offset is None or (then == "fail" and number > 1):
                return
            connection.sendall(liars.head(offset, SIZE) + image.data[offset:SIZE // 2])
            self.go_on.wait(30)
            if then == "finish":
                connection.sendall(image.data[max(offset, SIZE // 2):])
        server = liars.Listener(serve)
        self.addCleanup(server.close)
        return image, f"http://127.0.0.1:{server.port}/image"

    def loop(self, device, zeros=None):
        """The vendor's loop, until the download has ended, or FetchYield has returned 0 so often."""
        device.keep()
        seen, end = 0, time.monotonic() + 60
        while not device.finished and time.monotonic() < end:
            n = device.fetch(timeout_s=1).n
            if n <= 0:
                # (As in the vendor's example: "download fail".)
                self.assertEqual(device.call("progress", device.h, FAILED, "").ret, 0)
                seen += n == 0
                if n < 0 or seen == zeros:
                    return seen
                if seen == 3:
                    self.go_on.set()
        return seen

    def failures(self, device):
        device.flush()
        return [p["params"] for p in device.payloads("progress") if p["params"]["step"] == str(FAILED)]

    def test_a_stall_that_is_survived_is_no_failure(self):
        image, url = self.stalling("finish")
        device = self.device(options=PATIENT).up()
        device.offer(image, url=url)
        self.assertEqual(self.loop(device), 3)
        self.assertEqual((device.content(), device.verdict()), (image.data, (0, 1)))
        self.assertEqual(self.failures(device), [])
        self.assertEqual(device.steps()[0], "0")

    def test_a_download_that_fails_after_it_is_one(self):
        image, url = self.stalling("fail")
        device = self.device(options=PATIENT).up()
        device.offer(image, url=url)
        self.loop(device)
        self.assertEqual((device.finished, device.verdict()), (1, (0, 0)))
        self.assertEqual(len(self.failures(device)), 1, device.payloads("progress"))

    def test_a_session_that_ends_in_it_is_one(self):
        image, url = self.stalling("finish")
        device = self.device(options=PATIENT).up()
        device.offer(image, url=url)
        self.assertEqual(self.loop(device, zeros=2), 2)
        self.assertEqual(self.failures(device), [])
        self.assertEqual(device.call("deinit", device.h).ret, 0)
        self.assertEqual(len(self.failures(device)), 1, json.dumps(device.payloads("progress")))
