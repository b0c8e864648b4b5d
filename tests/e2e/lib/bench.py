# SPDX-License-Identifier: MIT OR Apache-2.0
"""The test case base: servers per class, a fresh device (driver + recording proxy) per test."""

import hashlib
import itertools
import json
import os
import unittest

from .broker import Mosquitto, offer, upgrade_topic
from .cloud import FaultServer
from .context import CONTEXT
from .driver import Driver, valgrind
from .origin import Nginx
from .packets import FROM_BROKER
from .proc import Process, scratch, wait_until
from .proxy import RecordingProxy

# IOT_OTAG_* commands of IOT_OTA_Ioctl.
CONFIG_ID, CONFIG_SIZE, CONFIG_SIGN, CONFIG_SIGN_METHOD, CONFIG_URL, CONFIG_GETTYPE = range(6)
OTA_TYPE, FETCHED_SIZE, FILE_SIZE, MD5SUM, VERSION, CHECK_FIRMWARE, CHECK_CONFIG, RESET_FETCHED_SIZE = range(6, 14)
# IOT_OTAE_* codes.
GENERAL, INVALID_PARAM, INVALID_STATE, STR_TOO_LONG, FETCH_FAILED, NOMEM, OSC_FAILED = range(-1, -8, -1)
# IOT_OTAT_* types.
TYPE_NONE, TYPE_COTA, TYPE_FOTA = 0, 1, 2

# OTAKIT_OPTION_*.
ATTEMPTS, RETRY_BASE_MS, RETRY_CAP_MS, CONNECT_MS, ANSWER_MS, STALL_MS = range(6)
# How the tests' devices give up: soon enough for a suite, late enough for servers that pause for some seconds.
IMPATIENT = {ATTEMPTS: 4, RETRY_BASE_MS: 20, RETRY_CAP_MS: 100, CONNECT_MS: 3000, ANSWER_MS: 8000, STALL_MS: 4000}
# For URLs that are refused: before each further try the platform, silent in these tests, is given 20 s for a fresh one.
ONE_TRY = {**IMPATIENT, ATTEMPTS: 1}

PK = "a1TestProdK"
SECRET = "0123456789abcdef0123456789abcdef"
CHUNK = 5000

_names = itertools.count(1)


def unique_name(stem="dev"):
    """A device name that no other test (of any process) uses at the same time."""
    return f"{stem}-{os.getpid()}-{next(_names)}"


class Device:
    """A driver that is one device, and the record of what it says to the broker."""

    def __init__(self, bench, name=None, env=None, under_valgrind=None, build=None, options=None,
                 program="driver"):
        """`options`: OTAKIT_OPTION_* and values in place of the impatient ones; {} leaves the library's own."""
        self.bench, self.pk, self.dn = bench, PK, name or unique_name()
        self.proxy = RecordingProxy(bench.broker.port)
        bench.addCleanup(self.proxy.close)
        full = {"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.proxy.port}", **(env or {})}
        self.driver = Driver(full, under_valgrind, build, program)
        bench.addCleanup(self.driver.close)
        self.options = IMPATIENT if options is None else options
        self.m = self.h = None
        self.out = None

    def call(self, name, *words, **options):
        return self.driver.call(name, *words, **options)

    # -- coming up

    def connect(self, **fields):
        """Identity through the HAL, then IOT_MQTT_Construct with the given fields."""
        self.call("identity", self.pk, self.dn, SECRET)
        reply = self.call("construct", *(f"{k}={v}" for k, v in fields.items()))
        self.bench.assertNotEqual(reply.handle, "null", "IOT_MQTT_Construct failed")
        self.m = reply.handle
        return self

    def init(self):
        """IOT_OTA_Init; waits until the broker has taken its subscriptions."""
        for option, value in self.options.items():
            self.bench.assertEqual(self.call("option", option, value).ret, 0)
        before = len(self.proxy.list("SUBACK", FROM_BROKER))
        reply = self.call("init", self.pk, self.dn, self.m)
        self.bench.assertNotEqual(reply.handle, "null", "IOT_OTA_Init failed")
        self.h = reply.handle
        self.pump(lambda: len(self.proxy.list("SUBACK", FROM_BROKER)) >= before + 4, "four SUBACKs")
        return self

    def up(self, **fields):
        return self.connect(**fields).init()

    # -- MQTT

    def pump(self, condition, what="condition", timeout=10.0):
        """Yields to the client until the condition holds."""
        def step():
            value = condition()
            if not value:
                self.call("yield", self.m, 20)
            return value
        return wait_until(step, timeout, what, step=0)

    def topic(self, kind):
        """A topic of this device: `inform`, `progress`, `upgrade`, `request`, or the rest of a /sys/ topic."""
        if kind in ("inform", "progress", "upgrade", "request"):
            return f"/ota/device/{kind}/{self.pk}/{self.dn}"
        return f"/sys/{self.pk}/{self.dn}/{kind}"

    def push(self, payload, topic=None, qos=1):
        """Publishes to the device and yields until the device has handled it (its PUBACK passed)."""
        topic = topic or upgrade_topic(self.pk, self.dn)
        before = len(self.proxy.list("PUBLISH", FROM_BROKER, topic=topic))
        self.bench.broker.publish(topic, payload, qos)
        packet = self.proxy.wait(before + 1, name="PUBLISH", direction=FROM_BROKER, topic=topic)[before]
        if packet.qos == 0:
            # No acknowledgement to wait for: a message of ours behind it, which is acknowledged, shows it was handled.
            self.push({"marker": 1}, topic=upgrade_topic(self.pk, self.dn))
            return
        self.pump(lambda: any(p.packet_id == packet.packet_id and p.time >= packet.time
                              for p in self.proxy.list("PUBACK")), "PUBACK of the push")

    def offer(self, image=None, url=None, version="2.0.0", **more):
        """Pushes the upgrade message for an image of the origin (or any object with size and md5)."""
        image = image or self.bench.origin.image
        data = {"size": image.size, "md5": image.md5, **more}
        size, md5 = data.pop("size"), data.pop("md5")
        self.push(offer(size, version, self.bench.origin.url(image.name) if url is None else url, md5, **data))

    def push_fault(self, case, size, digest, token, **more):
        """Pushes an offer whose URL is a case of the fault server."""
        data = {"size": size, "version": "2.0.0", "url": self.bench.faults.url(case, size, token),
                "md5": digest["md5"], **more}
        self.push(offer(**data))

    def payloads(self, kind):
        """What the device published on a topic kind, decoded from JSON."""
        return [json.loads(p.payload) for p in self.proxy.list("PUBLISH", topic=self.topic(kind))]

    def steps(self):
        """Progress steps that reached the wire, as the strings that were sent."""
        self.flush()
        return [p["params"]["step"] for p in self.payloads("progress")]

    def flush(self):
        """Returns when all that the device has published so far has passed the proxy."""
        topic = self.topic("flush-marker")
        before = len(self.proxy.list("PUBLISH", topic=topic))
        self.call("publish", self.m, topic, 0, "x")
        self.proxy.wait(before + 1, name="PUBLISH", topic=topic)

    # -- OTA

    @property
    def fetching(self):
        return self.call("isfetching", self.h).ret

    @property
    def finished(self):
        return self.call("isfinish", self.h).ret

    @property
    def error(self):
        return self.call("lasterror", self.h).ret

    def keep(self):
        """From now on downloaded bytes go to a file, which `content` reads."""
        self.out = os.path.join(self.bench.scratch, self.dn + ".bin")
        self.call("out", self.out)

    def content(self):
        with open(self.out, "rb") as f:
            return f.read()

    def fetch(self, length=CHUNK, timeout_s=1, **options):
        return self.call("fetch", self.h, length, timeout_s, **options)

    def fetch_all(self, length=CHUNK, timeout_s=1, limit_s=60, *words):
        """Fetches until finished, failed or `limit_s`; keeps the bytes in a new file."""
        self.keep()
        return self.call("fetchall", self.h, length, timeout_s, int(limit_s * 1000), *words, timeout=limit_s + 30)

    def ioctl(self, kind, length=4, *words):
        return self.call("ioctl", self.h, kind, length, *words)

    def value(self, kind):
        """The value of a 4-byte ioctl that has to succeed."""
        reply = self.ioctl(kind)
        self.bench.assertEqual((reply.ret, reply.intact), (0, 1), f"ioctl {kind}")
        return reply.value

    def verdict(self):
        """(return, value) of CHECK_FIRMWARE."""
        reply = self.call("check", self.h)
        return reply.ret, reply.value

    def logged(self, text):
        """How many of the library's log lines so far contain `text`."""
        return sum(text in line for line in self.driver.log)


class Bench(unittest.TestCase):
    """Servers that a class asks for, one scratch directory, devices that clean up after themselves."""

    ORIGIN = False
    FAULTS = False

    @classmethod
    def setUpClass(cls):
        cls._dir = scratch()
        cls.addClassCleanup(cls._dir.cleanup)
        cls.scratch = cls._dir.name
        cls.broker = Mosquitto()
        cls.addClassCleanup(cls.broker.close)
        if cls.ORIGIN:
            cls.origin = Nginx()
            cls.addClassCleanup(cls.origin.close)
        if cls.FAULTS:
            cls.faults = FaultServer()
            cls.addClassCleanup(cls.faults.close)

    def device(self, **options):
        """A driver that is not connected yet."""
        return Device(self, **options)

    def up(self, **fields):
        """A connected device with an OTA session."""
        return Device(self).up(**fields)

    def program(self, name, *args, broker_url=None, env=None, build=None, under_valgrind=False):
        """Starts a C program that reaches the platform's MQTT host at `broker_url` (the plain broker by default)."""
        argv = [CONTEXT.program(name, build), *args]
        lab = {"OTAKIT_LAB_ALIYUN_MQTT": broker_url or f"127.0.0.1:{self.broker.port}"}
        process = Process(valgrind(argv) if under_valgrind else argv, env={**lab, **(env or {})})
        self.addCleanup(process.kill)
        return process

    def assert_valid(self, device, image, reply=None):
        """The download is finished, complete, byte for byte right, and found valid (twice)."""
        if reply is not None:
            self.assertEqual((reply.finished, reply.bytes, reply.intact), (1, image.size, 1), reply)
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), image.md5)
        self.assertEqual(device.value(FETCHED_SIZE), image.size)
        self.assertEqual((device.verdict(), device.verdict()), ((0, 1), (0, 1)))

    def outcome(self, device, reply, digest):
        """`right`, `digest` or `failed`, whichever the end of a download is in every respect; else an AssertionError."""
        self.assertEqual((reply.intact, device.finished, device.fetching), (1, 1, 0), reply)
        self.assertLessEqual(reply.bytes, digest["size"])
        if reply.n == -1:
            self.assert_failed(device, reply)
            return "failed"
        self.assertEqual(reply.bytes, digest["size"], reply)
        same = hashlib.md5(device.content()).hexdigest() == digest["md5"]
        self.assertEqual(device.verdict(), (0, int(same)))
        return "right" if same else "digest"

    def assert_failed(self, device, reply):
        """The download ended for good: -1, error -5, finished, and never called valid."""
        self.assertEqual((reply.n, reply.intact, device.finished), (-1, 1, 1), reply)
        self.assertEqual(device.error, FETCH_FAILED)
        self.assertEqual(device.verdict(), (0, 0))
        self.assertEqual(device.fetching, 0)
