# SPDX-License-Identifier: MIT OR Apache-2.0
"""A driver that uses the device model, and the cloud's part played by the test."""

import json
import os

from .bench import PK, SECRET, Device
from .packets import FROM_BROKER
from .proc import wait_until

# iotx_linkkit_msg_type_t
(POST_PROPERTY, DEVICEINFO_UPDATE, DEVICEINFO_DELETE, POST_RAW_DATA, LOGIN, LOGOUT, DELETE_TOPO, QUERY_TIMESTAMP,
 QUERY_TOPOLIST, QUERY_FOTA_DATA, QUERY_COTA_DATA, REQUEST_COTA, REQUEST_FOTA_IMAGE, REPORT_SUBDEV_FIRMWARE_VERSION,
 PROPERTY_DESIRED_GET, PROPERTY_DESIRED_DELETE) = range(16)
# iotx_ioctl_option_t
RECV_PROP_REPLY, RECV_EVENT_REPLY, SEND_PROP_SET_REPLY, SET_SUBDEV_SIGN, GET_SUBDEV_LOGIN, SET_OTA_DEV_ID = range(6, 12)

# Callbacks that change nothing about what is subscribed.
PLAIN = ("connect_succ", "connect_fail", "disconnected", "rawdata", "service", "property_set", "report_reply",
         "event_reply", "timestamp", "initialize_completed", "fota", "cota", "mqtt_connect_succ", "monitor")
PRODUCT_SECRET = "fedcba9876543210"


class ModelDevice(Device):
    """`lk-*` commands as methods. `events` collects what callbacks noted."""

    def __init__(self, bench, **options):
        super().__init__(bench, **options)
        self.events = []

    def open(self, *callbacks, event_replies=1):
        self.call("lk-register", *PLAIN, *callbacks)
        self.call("iot-ioctl", RECV_EVENT_REPLY, "int", event_replies)
        reply = self.call("lk-open", 0, self.pk, PRODUCT_SECRET, self.dn, SECRET)
        self.bench.assertEqual(reply.ret, 0)
        return self

    def start(self, *callbacks, **options):
        """Open and Connect."""
        self.open(*callbacks, **options)
        self.bench.assertEqual(self.call("lk-connect", 0).ret, 0)
        return self

    def serve(self, ms=20):
        self.call("lk-yield", ms)
        return self.collect()

    def collect(self):
        text = self.call("lk-events").list or ""
        self.events += [line for line in text.split("\n") if line]
        return self.events

    def event(self, name, count=1, timeout=15.0):
        """Yields until the callback `name` ran `count` times; the arguments of its last run."""
        def step():
            self.serve()
            found = [e for e in self.events if e.split("|")[0] == name]
            return found[count - 1] if len(found) >= count else None
        found = wait_until(step, timeout, f"{count} x {name}, seen {self.events}", step=0)
        return found.split("|")[1:]

    def names(self):
        return [e.split("|")[0] for e in self.events]

    def report(self, kind, payload=None, devid=0, length=None):
        more = () if length is None else (length,)
        return self.call("lk-report", devid, kind, payload, *more).ret

    def query(self, kind, payload=None, devid=0, length=None):
        more = () if length is None else (length,)
        return self.call("lk-query", devid, kind, payload, *more).ret

    def sys(self, rest, dn=None):
        return f"/sys/{self.pk}/{dn or self.dn}/{rest}"

    def ext(self, kind, rest="", dn=None):
        return f"/ext/{kind}/{self.pk}/{dn or self.dn}{rest}"

    def sent(self, topic, count=1):
        """What the device published on a topic; waits for `count`."""
        return self.proxy.wait(count, name="PUBLISH", topic=topic)

    def last(self, topic, count=1):
        """The last message on a topic as text, and its QoS."""
        packet = self.sent(topic, count)[-1]
        return packet.payload.decode(), packet.qos

    def tell(self, topic, payload):
        """The cloud says something with QoS 0."""
        self.bench.broker.publish(topic, payload, 0)

    def reply(self, topic, msgid, code=200, data=None, message="success"):
        self.tell(topic, {"code": code, "data": {} if data is None else data, "id": str(msgid), "message": message,
                          "method": "m", "version": "1.0"})

    def ask(self, topic, params, method, msgid="77"):
        self.tell(topic, {"method": method, "id": msgid, "params": params, "version": "1.0.0"})

    def quiet(self):
        """Serves until all that the broker was given so far has been delivered."""
        self.collect()
        before = len(self.events)
        self.tell(self.sys("thing/model/down_raw"), "quiet")
        wait_until(lambda: any(e.startswith("rawdata") and e.endswith("quiet") for e in self.serve()[before:]), 15,
                   "the marker", step=0)
        self.events = [e for e in self.events if not e.endswith("|quiet")]
        return self.events

    def subscriptions(self):
        """(filter, QoS) in the order of SUBSCRIBE packets."""
        return [f for p in self.proxy.list("SUBSCRIBE") for f in p.filters]

    def keep(self, fail_at=0, fail_stop=0):
        """From now on what HAL_Firmware_Persistence_Write gets goes to a file, which `content` reads."""
        self.out = os.path.join(self.bench.scratch, self.dn + ".bin")
        self.call("lk-store", self.out, fail_at, fail_stop)

    def push_config(self, image, topic=None, url=None, **more):
        params = {"configId": "cfg-1", "configSize": image.size, "sign": image.sha256, "signMethod": "Sha256",
                  "url": url or self.bench.origin.url(image.name), "getType": "file", **more}
        self.push({"id": "5", "version": "1.0", "params": params, "method": "thing.config.push"},
                  topic or self.topic("thing/config/push"), qos=1)

    def push(self, payload, topic=None, qos=1):
        """Publishes and serves until the device has handled it."""
        from .broker import upgrade_topic
        topic = topic or upgrade_topic(self.pk, self.dn)
        before = len(self.proxy.list("PUBLISH", FROM_BROKER, topic=topic))
        self.bench.broker.publish(topic, payload, qos)
        self.proxy.wait(before + 1, name="PUBLISH", direction=FROM_BROKER, topic=topic)
        self.serve(40)

    def steps(self, dn=None):
        """Progress steps that reached the wire."""
        topic = f"/ota/device/progress/{self.pk}/{dn or self.dn}"
        marker = self.sys("flush-marker")
        before = len(self.proxy.list("PUBLISH", topic=marker))
        self.call("publish", "null", marker, 0, "x")
        self.proxy.wait(before + 1, name="PUBLISH", topic=marker)
        return [json.loads(p.payload)["params"]["step"] for p in self.proxy.list("PUBLISH", topic=topic)]


def events(device, *names):
    """The events of the given names, in order."""
    return [e for e in device.events if e.split("|")[0] in names]


def model_walk(test, device):
    """One walk through the device model that touches its memory. Ends the driver; returns its exit code."""
    device.start("desired", "property_get", "topolist", "permit_join")
    device.event("connect_succ")
    device.call("lk-respond", 0, '{"a":1}')
    device.ask(device.sys("thing/service/property/set"), {"a": 1}, "thing.service.property.set")
    device.ask(device.sys("thing/service/property/get"), ["a"], "thing.service.property.get")
    device.ask(device.sys("thing/service/Reboot"), {}, "thing.service.Reboot")
    device.ask(device.sys("rrpc/request/1"), {}, "thing.service.Sum")
    device.tell(device.sys("thing/service/property/set"), "{not json")
    device.event("service", 2)
    msgid = device.report(POST_PROPERTY, '{"a":1}')
    device.reply(device.sys("thing/event/property/post_reply"), msgid)
    device.event("report_reply")
    device.report(PROPERTY_DESIRED_GET, '["a"]')
    device.call("lk-trigger", 0, "E", "{}")
    device.query(QUERY_TIMESTAMP)
    device.query(QUERY_TOPOLIST)
    device.call("lk-reset", device.pk, device.dn)
    device.reply(device.sys("thing/reset_reply"), 1)
    device.event("reset")
    device.call("lk-inside", 1)
    device.ask(device.sys("thing/service/property/set"), {"a": 2}, "thing.service.property.set")
    device.event("inside")
    device.call("lk-inside", 0)
    device.call("lk-open", 1, "a1SubProduct", "", "sub", SECRET)
    device.call("lk-close", 1)
    device.keep()
    device.call("lk-on-fota", 4096)
    device.offer()
    test.assertEqual(device.event("queried", timeout=60), ["0"])
    device.offer(md5="0" * 32)
    test.assertEqual(device.event("queried", 2, timeout=60), ["-1"])
    device.push_config(test.origin.image)
    test.assertEqual(device.event("queried", 3, timeout=60), ["0"])
    device.offer(url=test.origin.url("missing.bin"))
    test.assertEqual(device.event("queried", 4, timeout=60), ["-1"])
    test.assertEqual(device.call("lk-close", 0).ret, 0)
    test.assertEqual(device.call("lk-open", 0, device.pk, "", device.dn, SECRET).ret, 0)
    test.assertEqual(device.call("lk-connect", 0, timeout=60).ret, 0)
    test.assertEqual(device.call("lk-close-during", "yield", 100, timeout=60).closed, 0)
    test.assertEqual(device.call("lk-open", 0, device.pk, "", device.dn, SECRET).ret, 0)
    return device.driver.quit(60)


def v310_walk(test, device):
    """What the V3.10 generation has besides, as far as it touches memory. Ends the driver; returns its exit code."""
    device.call("lk310-register", "everything", "service_ext", "cloud_error")
    device.start()
    for n in range(70):
        device.ask(device.sys("thing/service/S"), {"n": n}, "thing.service.S", str(n))
    device.event("service_ext", 70, timeout=60)
    test.assertEqual(device.call("lk310-answer", 7, '{"r":1}').ret, 0)
    test.assertEqual(device.call("lk310-answer", 0, '{"r":1}').ret, -1, "64 are kept")
    device.reply(device.ext("error"), 1, 6401, {"deviceName": "d"}, "no")
    device.event("cloud_error")
    test.assertGreater(device.report(16, "[]"), 0)
    test.assertEqual(device.call("lk310-state", 24, -1, "x" * 200, 1).ret, 0)
    test.assertEqual(device.call("lk-dynreg", 0, device.pk, PRODUCT_SECRET, device.dn).ret, -1, "nobody tells it")
    test.assertEqual(device.call("lk-close", 0).ret, 0)
    return device.driver.quit(60)
