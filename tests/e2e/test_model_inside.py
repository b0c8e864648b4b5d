# SPDX-License-Identifier: MIT OR Apache-2.0
"""Callbacks that call back into the API, and a master that is closed under other calls."""

import hashlib

from lib.bench import SECRET, Bench
from lib.model import PLAIN, POST_PROPERTY, PRODUCT_SECRET, QUERY_FOTA_DATA, QUERY_TOPOLIST, ModelDevice
from lib.proc import free_port

REPORT, CLOSE = 1, 2
ALL = ("desired", "property_get", "topolist", "permit_join")


def provoke(device, name, image):
    """Makes the cloud cause one event of a connected device."""
    answers = {
        "rawdata": lambda: device.tell(device.sys("thing/model/down_raw"), "x"),
        "service": lambda: device.ask(device.sys("thing/service/S"), {}, "thing.service.S"),
        "property_set": lambda: device.ask(device.sys("thing/service/property/set"), {}, "thing.service.property.set"),
        "property_get": lambda: device.ask(device.sys("thing/service/property/get"), [], "thing.service.property.get"),
        "desired": lambda: device.reply(device.sys("thing/property/desired/get_reply"), 9001),
        "report_reply": lambda: device.reply(device.sys("thing/event/property/post_reply"), 9002),
        "event_reply": lambda: device.reply(device.sys("thing/event/E/post_reply"), 9003),
        "timestamp": lambda: device.tell(device.ext("ntp", "/response"), {"serverSendTime": "1"}),
        "topolist": lambda: device.reply(device.sys("thing/topo/get_reply"), device.query(QUERY_TOPOLIST), data=[]),
        "permit_join": lambda: device.ask(device.sys("thing/gateway/permit"), {"time": 1}, "thing.gateway.permit"),
        "fota": lambda: device.offer(),
        "cota": lambda: device.push_config(image),
        "disconnected": device.proxy.drop_all,
    }
    answers[name]()


EVENTS = ("rawdata", "service", "property_set", "property_get", "desired", "report_reply", "event_reply", "timestamp",
          "topolist", "permit_join", "fota", "cota", "disconnected")


class Calls(Bench):
    """Report, Query and TriggerEvent, or Close, inside each callback."""

    ORIGIN = True
    PROGRAM = "driver"

    def open(self, calls, **options):
        device = ModelDevice(self, program=self.PROGRAM, **options).open(*ALL)
        device.call("lk-respond", 0, '{"r":1}')
        device.call("lk-inside", calls)
        return device

    def test_reports_inside_each_callback(self):
        device = self.open(REPORT)
        self.assertEqual(device.call("lk-connect", 0).ret, 0)
        self.assertEqual(device.event("inside"), ["mqtt_connect_succ", "0", "-1", "0"], "not connected yet")
        self.assertEqual(device.event("inside", 2), ["initialize_completed", "1", "0", "1"])
        self.assertEqual(device.event("inside", 3), ["connect_succ", "1", "0", "1"])
        for n, name in enumerate(EVENTS, 4):
            provoke(device, name, self.origin.image)
            wanted = [name, "0", "-1", "0"] if name == "disconnected" else [name, "1", "0", "1"]
            self.assertEqual(device.event("inside", n, timeout=30), wanted)
            if name == "fota":
                # A configuration is not offered while a firmware waits.
                self.assertEqual(device.call("lk-download", 0, QUERY_FOTA_DATA, 4096).ret, 0)
        posts = [p.payload for p in device.proxy.list("PUBLISH", topic=device.sys("thing/event/property/post"))]
        # All but the one while connecting and the one that was told of the lost link.
        self.assertEqual(sum(b'"inside":1' in post for post in posts), 2 + len(EVENTS) - 1)

    def test_report_inside_connect_fail(self):
        device = self.open(REPORT, env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{free_port()}"})
        self.assertEqual(device.call("lk-connect", 0, timeout=90).ret, -1)
        self.assertIn("inside|connect_fail|0|-1|0", device.collect())

    def again(self, device):
        """The driver lives, and its device can be opened once more."""
        self.assertEqual(device.call("lk-close", 0).ret, -1, "it was closed")
        device.call("lk-register", *PLAIN)
        self.assertEqual(device.call("lk-open", 0, device.pk, PRODUCT_SECRET, device.dn, SECRET).ret, 0)
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        self.assertEqual(device.driver.quit(30), 0)

    def test_close_inside_each_callback(self):
        for name in EVENTS:
            with self.subTest(callback=name):
                device = self.open(0)
                self.assertEqual(device.call("lk-connect", 0).ret, 0)
                device.event("connect_succ")
                if name == "topolist":
                    device.query(QUERY_TOPOLIST)
                device.call("lk-inside", CLOSE)
                provoke(device, name, self.origin.image)
                self.assertEqual(device.event("closed", timeout=30), [name, "0"])
                self.again(device)

    def test_close_inside_connecting_callbacks(self):
        """Connect fails when the device is closed under it; where it has ended, it has ended well."""
        for name, ret in (("mqtt_connect_succ", -1), ("initialize_completed", 0), ("connect_succ", 0)):
            with self.subTest(callback=name):
                device = self.open(0)
                device.call("lk-register", *(f"!{other}" for other in
                                             ("mqtt_connect_succ", "initialize_completed", "connect_succ")), name)
                device.call("lk-inside", CLOSE)
                self.assertEqual(device.call("lk-connect", 0).ret, ret)
                self.assertEqual(device.event("closed"), [name, "0"])
                self.again(device)
        device = self.open(CLOSE, env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{free_port()}"})
        self.assertEqual(device.call("lk-connect", 0, timeout=90).ret, -1)
        self.assertIn("closed|connect_fail|0", device.collect())
        self.again(device)


class Closing(Bench):
    """Another thread closes the master."""

    ORIGIN = True
    FAULTS = True

    def start(self):
        device = ModelDevice(self).start()
        device.event("connect_succ")
        return device

    def test_close_during_yield(self):
        device = self.start()
        reply = device.call("lk-close-during", "yield", 200)
        self.assertEqual(reply.closed, 0)
        self.assertLess(reply.late, 2000, "the yield was for 20 s")
        self.assertEqual(device.driver.quit(30), 0)

    def test_close_during_download(self):
        """Of a server that is silent in the middle: the download ends with the close, and all works again."""
        device = self.start()
        device.keep()
        token, size = self.faults.token(), 200000
        device.push_fault("stall", size, self.faults.digest(size), token)
        device.event("fota")
        reply = device.call("lk-close-during", "download", 400)
        self.assertEqual((reply.ret, reply.closed), (-1, 0))
        self.assertLess(reply.late, 2000)
        self.assertLess(reply.took, 2000)
        self.assertEqual(device.call("lk-stored").stops, 1, "the store was told")
        device.events.clear()
        device.start()
        device.event("connect_succ")
        device.keep()
        device.call("lk-on-fota", 4096)
        device.offer()
        self.assertEqual(device.event("queried", timeout=60), ["0"])
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), self.origin.image.md5)
        self.assertEqual(device.driver.quit(30), 0)

    def test_close_during_connect(self):
        """Connect waits for a broker that is silent; it fails once that has given up, and nothing is left."""
        device = ModelDevice(self)
        device.open()
        device.proxy.frozen = True
        reply = device.call("lk-close-during", "connect", 300, timeout=120)
        self.assertEqual((reply.ret, reply.closed), (-1, 0))
        self.assertLess(reply.took, 2000)
        # A sign-in that was held back must not reach the broker now: it would end the next one.
        device.proxy.drop_all()
        device.proxy.frozen = False
        device.start()
        self.assertGreater(device.report(POST_PROPERTY, "{}"), 0)
        self.assertEqual(device.driver.quit(30), 0)
