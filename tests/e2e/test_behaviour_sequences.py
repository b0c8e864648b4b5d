# SPDX-License-Identifier: MIT OR Apache-2.0
"""One event after another: pushes during downloads, second upgrades, failures and recovery, lost links."""

import json

from lib.bench import FETCHED_SIZE, FILE_SIZE, RESET_FETCHED_SIZE, VERSION, Bench
from lib.broker import offer
from lib.packets import FROM_BROKER, FROM_DEVICE, encode_publish
from lib.proc import wait_until


class Pushes(Bench):
    ORIGIN = True

    def setUp(self):
        self.dev = self.up()
        self.first = self.origin.image
        self.second = self.origin.add("second.bin", 45000)

    def version(self):
        return bytes.fromhex(self.dev.ioctl(VERSION, 32).hex).rstrip(b"\0").decode()

    def test_second_push_while_fetching(self):
        """The newest order counts: before the first byte it replaces the older one, later it waits for its end."""
        self.dev.offer(self.second, version="1.5.0")
        self.dev.offer(self.first, version="2.0.0")
        self.assertEqual((self.version(), self.dev.value(FILE_SIZE)), ("2.0.0", 60000))
        self.assertEqual(self.dev.fetch().n, 4999)
        for version in ("2.5.0", "3.0.0"):
            self.dev.offer(self.second, version=version)
            self.assertEqual((self.version(), self.dev.value(FETCHED_SIZE)), ("2.0.0", 4999))
            self.assertEqual(self.dev.logged(f"offer {version} waits"), 1)
        rest = self.dev.fetch_all()
        self.assertEqual((rest.bytes, rest.finished, self.dev.verdict()), (60000 - 4999, 1, (0, 1)))
        self.assertEqual((self.dev.fetching, self.version()), (1, "3.0.0"))
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())
        self.assertEqual(self.dev.fetching, 0)

    def test_offer_between_the_last_byte_and_its_end(self):
        """An offer that comes before the program has seen the end of a download: bytes of the two do not mix."""
        self.dev.offer(self.first, version="2.0.0")
        self.dev.keep()
        while self.dev.value(FETCHED_SIZE) < 60000:
            self.dev.fetch()
        self.dev.offer(self.second, version="3.0.0")
        self.assertEqual((self.dev.finished, self.version()), (1, "2.0.0"))
        self.assert_valid(self.dev, self.first)
        self.assertEqual((self.dev.fetching, self.version()), (1, "3.0.0"))
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())

    def test_repetitions_of_an_offer(self):
        """The offer at hand again, at any time: nothing new."""
        for taken in range(3):
            self.dev.offer(self.first)
            if taken:
                self.dev.fetch()
        self.assertEqual(self.dev.value(FETCHED_SIZE), 2 * 4999)
        rest = self.dev.fetch_all()
        self.assertEqual((rest.finished, self.dev.verdict(), self.dev.fetching), (1, (0, 1), 0))

    def test_second_upgrade(self):
        """Second upgrade after the first finished: starts at 0, has its own sizes, version and verdict."""
        self.dev.offer(self.first, version="2.0.0")
        self.assert_valid(self.dev, self.first, self.dev.fetch_all())
        self.dev.offer(self.second, version="3.0.0")
        self.assertEqual((self.version(), self.dev.value(FETCHED_SIZE), self.dev.value(FILE_SIZE)), ("3.0.0", 0, 45000))
        self.assertEqual((self.dev.finished, self.dev.fetching), (0, 1))
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())
        self.assertEqual(self.dev.steps(), ["0", "0"])

    def test_second_upgrade_with_reset(self):
        """The same with RESET_FETCHED_SIZE before fetching, as programs do that know the reference."""
        self.dev.offer(self.first)
        self.assert_valid(self.dev, self.first, self.dev.fetch_all())
        self.dev.offer(self.second)
        self.assertEqual(self.dev.ioctl(RESET_FETCHED_SIZE).ret, 0)
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())

    def test_same_upgrade_twice(self):
        for _ in range(2):
            self.dev.offer(self.first)
            self.assert_valid(self.dev, self.first, self.dev.fetch_all())

    def test_push_after_a_failed_download(self):
        """Push after a failed download: works, verdict 1. CHECK after the failure: 0."""
        self.dev.offer(self.first, url=self.origin.url("missing.bin"))
        self.assert_failed(self.dev, self.dev.fetch_all())
        self.dev.offer(self.second)
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())

    def test_push_after_a_wrong_digest(self):
        self.dev.offer(self.first, md5="0" * 32)
        self.dev.fetch_all()
        self.assertEqual(self.dev.verdict(), (0, 0))
        self.dev.offer(self.first)
        self.assert_valid(self.dev, self.first, self.dev.fetch_all())

    def test_deinit_in_mid_download(self):
        """Deinit in mid-download, Init, push: clean; nothing of the first is left."""
        self.dev.offer(self.first)
        self.assertEqual(self.dev.fetch().n, 4999)
        self.assertEqual(self.dev.call("deinit", self.dev.h).ret, 0)
        self.dev.init()
        self.assertEqual((self.dev.fetching, self.dev.finished), (0, 0))
        self.dev.offer(self.second)
        self.assert_valid(self.dev, self.second, self.dev.fetch_all())

    def test_deinit_before_the_first_fetch(self):
        self.dev.offer(self.first)
        self.assertEqual(self.dev.call("deinit", self.dev.h).ret, 0)
        self.assertEqual(self.dev.call("destroy", self.dev.m).ret, 0)
        self.dev.up()
        self.dev.offer(self.first)
        self.assert_valid(self.dev, self.first, self.dev.fetch_all())

    def test_many_sessions(self):
        """Init and Deinit again and again: handles do not run out, subscriptions do not pile up."""
        for _ in range(5):
            self.dev.call("deinit", self.dev.h)
            self.dev.init()
        self.dev.offer(self.first)
        self.assert_valid(self.dev, self.first, self.dev.fetch_all())
        self.dev.call("deinit", self.dev.h)
        self.dev.proxy.wait(24, name="UNSUBSCRIBE")
        self.assertEqual(len(self.dev.proxy.list("SUBSCRIBE")), 24)

    def test_threads_end(self):
        """Whatever a download came to, its thread is gone soon after it."""
        before = self.dev.driver.threads()
        for url in (None, self.origin.url("missing.bin")):
            self.dev.offer(self.first, url=url)
            self.dev.fetch_all()
            wait_until(lambda: self.dev.driver.threads() == before, 5, "the end of the download's thread")
        # More than the library keeps ahead of the program, so that the download goes on.
        self.dev.offer(self.origin.add("large.bin", 1 << 20))
        self.dev.fetch()
        self.assertEqual(self.dev.driver.threads(), before + 1)
        self.dev.call("deinit", self.dev.h)
        wait_until(lambda: self.dev.driver.threads() == before, 5, "the end of the download's thread")
        self.dev.call("destroy", self.dev.m)
        self.assertEqual(self.dev.driver.threads(), 1)

    def test_mqtt_runs_during_a_download(self):
        """Reports between FetchYield calls go out while the download is under way."""
        self.dev.offer(self.first)
        reply = self.dev.fetch_all(5000, 1, 60, f"yield={self.dev.m}", "report=1")
        self.assertEqual((reply.finished, reply.exact, reply.percent), (1, 1, 100))
        steps = self.dev.steps()
        self.assertEqual((steps[:2], steps[-1], len(steps)), (["0", "8"], "100", 1 + reply.percents))


class Links(Bench):
    ORIGIN = True

    def lose(self, device):
        device.proxy.refusing = True
        device.proxy.drop_all()
        device.pump(lambda: device.call("state", device.m).ret == 0, "the client to notice")

    def test_reconnect_and_resubscribe(self):
        """After a lost link: events DISCONNECT and RECONNECT, same sign-in, subscriptions made again, pushes arrive."""
        device = self.up()
        device.call("events")
        self.lose(device)
        device.proxy.refusing = False
        device.pump(lambda: device.call("state", device.m).ret == 1, "the new connection", 15)
        # The state may be asked before the event was delivered.
        device.call("yield", device.m, 200)
        codes = [e.split(":")[0] for e in device.call("events").list.split(",")]
        self.assertEqual([c for c in codes if c in ("1", "2")], ["1", "2"])
        first, second = device.proxy.wait(2, name="CONNECT")[:2]
        self.assertEqual(first.connect["client_id"], second.connect["client_id"])
        device.pump(lambda: len(device.proxy.list("SUBACK", FROM_BROKER, 2)) >= 4, "four SUBACKs again")
        device.offer()
        self.assert_valid(device, self.origin.image, device.fetch_all())

    def test_lost_link_does_not_touch_the_download(self):
        """The MQTT link breaks during a download: the bytes go on, the verdict stands, reports work again later."""
        device = self.up()
        device.offer()
        device.fetch()
        self.lose(device)
        device.keep()
        reply = device.call("fetchall", device.h, 5000, 1, 30000)
        self.assertEqual((reply.finished, reply.bytes), (1, 60000 - 4999))
        self.assertEqual(device.verdict(), (0, 1))
        device.proxy.refusing = False
        device.pump(lambda: device.call("state", device.m).ret == 1, "the new connection", 15)
        self.assertEqual(device.call("report-version", device.h, "2.0.0").ret, 0)
        device.proxy.wait(name="PUBLISH", connection=2, topic=device.topic("inform"))

    def test_offer_while_offline(self):
        """An offer of QoS 1 that was made while the device was away arrives after the reconnect (clean_session 0)."""
        device = self.up()
        self.lose(device)
        image = self.origin.image
        self.broker.publish(device.topic("upgrade"), {"code": "1000", "id": 1, "message": "success", "data": {
            "size": image.size, "version": "2.0.0", "url": self.origin.url(image.name), "md5": image.md5}})
        device.proxy.refusing = False
        device.pump(lambda: device.fetching, "the offer", 15)
        self.assert_valid(device, image, device.fetch_all())

    def test_offer_before_the_session(self):
        """A persistent session brings an offer before IOT_OTA_Init: the session begins with it, the newest of two."""
        device = self.device().connect()
        image = self.origin.image
        for version, acknowledged in (("1.9.0", 1), ("2.0.0", 2)):
            device.proxy.inject(encode_publish(device.topic("upgrade"), json.dumps(
                offer(image.size, version, self.origin.url(image.name), image.md5)), 1, acknowledged))
            device.pump(lambda: len(device.proxy.list("PUBACK", FROM_DEVICE)) >= acknowledged, "PUBACK")
        device.init()
        device.pump(lambda: device.fetching, "the offer")
        self.assertEqual(bytes.fromhex(device.ioctl(VERSION, 32).hex).rstrip(b"\0"), b"2.0.0")
        self.assert_valid(device, image, device.fetch_all())

    def test_offer_before_the_session_with_a_listener(self):
        """A wildcard of the program hears the offer that came before IOT_OTA_Init, once; the session has it none the less."""
        device = self.device().connect()
        image = self.origin.image
        self.assertGreater(device.call("subscribe-sync", device.m, "/ota/#", 1, 3000).ret, 0)
        device.proxy.inject(encode_publish(device.topic("upgrade"), json.dumps(
            offer(image.size, "2.0.0", self.origin.url(image.name), image.md5)), 1, 1))
        device.pump(lambda: device.proxy.list("PUBACK", FROM_DEVICE), "PUBACK")
        heard = device.call("messages")
        self.assertEqual((heard.n, heard.t0), (1, device.topic("upgrade")))
        device.init()
        device.pump(lambda: device.fetching, "the offer")
        self.assert_valid(device, image, device.fetch_all())
        self.assertNotIn(device.topic("upgrade"), device.call("messages").values())

    def test_offer_that_nobody_was_there_for(self):
        """Neither an offer that gives way before IOT_OTA_Init nor one that is lost with its client goes without a line."""
        device = self.device().connect()
        image = self.origin.image
        for version, acknowledged in (("1.9.0", 1), ("2.0.0", 2)):
            device.proxy.inject(encode_publish(device.topic("upgrade"), json.dumps(
                offer(image.size, version, self.origin.url(image.name), image.md5)), 1, acknowledged))
            device.pump(lambda: len(device.proxy.list("PUBACK", FROM_DEVICE)) >= acknowledged, "PUBACK")
        self.assertEqual(device.call("destroy", device.m).ret, 0)
        topic = device.topic("upgrade")
        self.assertEqual(device.logged(f"a message on {topic} that waits for its subscriber gives way"), 1)
        self.assertEqual(device.logged(f"a message on {topic} was for a subscriber that never came"), 1)

    def test_client_codes(self):
        """Return codes of the MQTT calls: arguments, topics, QoS, and packet ids."""
        device = self.up()
        m = device.m
        for words, code in (((None, 0, "x"), -2), (("/a/b", 0, "x"), 0)):
            self.assertEqual(device.call("publish", m, *words).ret, code, words)
        for words, code in (((None, 0, "x"), -2), (("", 0, "x"), -2), (("/a/b", 0, None), -2),
                            (("/a/+", 0, "x"), -41), (("a/b", 0, "x"), -41), (("/" + "t" * 128, 0, "x"), -41),
                            (("/a/b", 2, "x"), -20)):
            self.assertEqual(device.call("publish-info", m, *words).ret, code, words)
        self.assertGreater(device.call("publish-info", m, "/a/b", 1, "x").ret, 0)
        for n, (qos, retain) in enumerate(((0, 1), (1, 1), (1, 0)), 1):
            self.assertGreaterEqual(device.call("publish-info", m, "/kept", qos, "x", retain).ret, 0)
            packet = device.proxy.wait(n, name="PUBLISH", topic="/kept")[-1]
            self.assertEqual((packet.qos, packet.retain), (qos, bool(retain)))
        self.assertEqual(device.call("subscribe", m, "/a/#/b", 0).ret, -41)
        self.assertEqual(device.call("subscribe", m, "/a/b", 0, "nocb").ret, -2)
        self.assertEqual(device.call("yield", m, -1).ret, -1)
        self.assertEqual(device.call("nwk-event", m, 2).ret, -1)

    def test_subscribe_and_receive(self):
        """Messages reach the filter's handler, with topic and payload; Unsubscribe ends it."""
        device = self.up()
        topic = f"/user/{device.dn}/get"
        self.assertGreater(device.call("subscribe-sync", device.m, topic, 1, 3000).ret, 0)
        self.broker.publish(topic, "hello")
        seen = device.pump(lambda: (r := device.call("messages")).n and r, "the message")
        self.assertEqual((seen.n, seen.t0, seen.p0), (1, topic, "hello"))
        self.assertGreater(device.call("unsubscribe", device.m, topic).ret, 0)
        device.pump(lambda: device.proxy.list("UNSUBACK", FROM_BROKER), "UNSUBACK")
        device.proxy.inject_publish(topic, "late")
        device.call("yield", device.m, 100)
        self.assertEqual(device.call("messages").n, 0)

    def test_nobody_listens(self):
        """No broker: Construct gives NULL in bounded time."""
        device = self.device()
        device.proxy.refusing = True
        device.call("identity", device.pk, device.dn, "secret")
        reply = device.call("construct", timeout=90)
        self.assertEqual(reply.handle, "null")
        self.assertLess(reply.ms, 60000)
