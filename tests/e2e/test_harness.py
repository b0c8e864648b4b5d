# SPDX-License-Identifier: MIT OR Apache-2.0
"""The harness itself: what the other tests believe has to be true without the library."""

import hashlib
import json
import os
import re
import subprocess
import unittest
import urllib.request

from lib import ca
from lib.broker import Mosquitto, Observer
from lib.cloud import Cloud, FaultServer
from lib.context import tool
from lib.driver import Reply, quote, unquote
from lib.origin import Nginx
from lib.packets import FROM_BROKER, Decoder
from lib.proc import scratch, wait_until
from lib.proxy import RecordingProxy


class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = scratch()
        cls.addClassCleanup(cls.dir.cleanup)
        cls.authority = ca.Authority(cls.dir.name)
        kinds = (ca.GOOD, ca.WRONG_HOST, ca.EXPIRED, ca.UNKNOWN_CA)
        cls.broker = Mosquitto(cls.authority, kinds)
        cls.addClassCleanup(cls.broker.close)
        cls.origin = Nginx(cls.authority, kinds)
        cls.addClassCleanup(cls.origin.close)

    def test_proxy_records_both_directions(self):
        proxy = RecordingProxy(self.broker.port)
        self.addCleanup(proxy.close)
        subprocess.run([tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(proxy.port), "-i", "me", "-u", "user",
                        "-P", "pass", "-k", "77", "-t", "/a/b", "-m", "x" * 300, "-q", "1"], check=True, timeout=10)
        wait_until(lambda: proxy.list("DISCONNECT"), what="DISCONNECT")
        self.assertEqual([p.name for p in proxy.list()], ["CONNECT", "PUBLISH", "DISCONNECT"])
        self.assertEqual([p.name for p in proxy.list(direction=FROM_BROKER)], ["CONNACK", "PUBACK"])
        connect = proxy.list("CONNECT")[0].connect
        self.assertEqual((connect["client_id"], connect["username"], connect["password"], connect["keepalive"]),
                         ("me", "user", "pass", 77))
        publish = proxy.list("PUBLISH")[0]
        self.assertEqual((publish.topic, publish.qos, publish.payload), ("/a/b", 1, b"x" * 300))
        self.assertEqual(proxy.list("PUBACK", FROM_BROKER)[0].packet_id, publish.packet_id)

    def test_decoder_takes_any_split(self):
        stream = bytes.fromhex("820900070004") + b"/a/b" + b"\x01" + bytes.fromhex("c000e000")
        for step in (1, 2, 5, len(stream)):
            decoder, packets = Decoder("C>S", 1), []
            for at in range(0, len(stream), step):
                packets += decoder.feed(stream[at:at + step], 0.0)
            self.assertEqual([p.name for p in packets], ["SUBSCRIBE", "PINGREQ", "DISCONNECT"])
            self.assertEqual((packets[0].packet_id, packets[0].filters), (7, [("/a/b", 1)]))

    def test_observer_sees_publishes(self):
        observer = Observer(self.broker, "/ota/#")
        self.addCleanup(observer.close)
        self.broker.publish("/ota/device/progress/pk/dn", {"id": 0, "params": {"step": "5", "desc": "a b"}})
        self.assertIn('"a b"', observer.wait("/progress/"))
        self.assertEqual(observer.steps("dn"), ["5"])

    def test_certificates_are_what_they_say(self):
        def accepted(url):
            done = subprocess.run([tool("openssl"), "s_client", "-connect", url, "-CAfile", self.authority.ca,
                                   "-verify_hostname", "localhost", "-verify_return_error", "-brief"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
            return done.returncode == 0 and "Verification: OK" in done.stdout + done.stderr
        for ports in (self.broker.tls_ports, self.origin.tls_ports):
            verdicts = {kind: accepted(f"127.0.0.1:{port}") for kind, port in ports.items()}
            self.assertEqual(verdicts, {ca.GOOD: True, ca.WRONG_HOST: False, ca.EXPIRED: False, ca.UNKNOWN_CA: False})

    def test_origin_serves_ranges_and_redirects(self):
        request = urllib.request.Request(self.origin.url("relative.bin"), headers={"Range": "bytes=10-19"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.read(), self.origin.image.content[10:20])
        wait_until(lambda: self.origin.requests("image.bin"), what="the access log")
        self.assertEqual(self.origin.requests("image.bin")[0], ("GET", 206, "bytes=10-19"))
        self.assertEqual(os.path.getsize(os.path.join(self.origin.root, "image.bin")), 60000)

    def test_driver_words_survive(self):
        for text in ("a b", "%", "-", "", "ä\n\t{\"k\":1}", "x" * 300):
            self.assertEqual(unquote(quote(text)), text)
        self.assertEqual(quote(None), "-")
        reply = Reply("sign ret=0 port=443 host=h.example client=a|b%20c,d=e|2 ms=0.1")
        self.assertEqual((reply.ret, reply.port, reply.client), (0, 443, "a|b c,d=e|2"))


class FaultServerAndCloud(unittest.TestCase):
    """What the tests assume of otakit-cloud."""

    def test_fault_server(self):
        faults = FaultServer()
        self.addCleanup(faults.close)
        digest, token = faults.digest(60000), faults.token()
        with urllib.request.urlopen(faults.url("ok", 60000, token), timeout=10) as answer:
            content = answer.read()
        self.assertEqual((len(content), hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest()),
                         (digest["size"], digest["md5"], digest["sha256"]))
        log = faults.log(token)
        self.assertEqual((len(log), log[0]["method"]), (1, "GET"))
        self.assertIn("host", log[0]["headers"])
        named = {case["name"] for case in faults.cases()}
        used = set()
        for file in ("test_behaviour_http.py", "test_behaviour_fetch.py"):
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), file)) as f:
                text = f.read()
            used |= set(re.findall(r'(?:completes|fails|never_wrong|run_case|start)\("([^"]+)"', text))
            for group in re.findall(r"for case in \(([^)]*)\)", text):
                used |= set(re.findall(r'"([^"]+)"', group))
        self.assertEqual(used - named, set())
        self.assertGreater(len(used), 40)

    def test_cloud_knows_its_devices(self):
        cloud = Cloud()
        self.addCleanup(cloud.close)
        cloud.run("device", "add", "pk", "dn", "secret")
        view = json.loads(cloud.run("status", "pk", "dn", "--json"))
        self.assertEqual((view["devices"][0]["device_name"], view["devices"][0]["updates"]), ("dn", []))


class Documentation(unittest.TestCase):
    def test_compatibility_table_is_complete(self):
        """Each message and each callback of the headers has a row, and each test that a row names is there."""
        here = os.path.dirname(os.path.abspath(__file__))
        root = os.path.dirname(os.path.dirname(here))

        def text(*path):
            with open(os.path.join(root, *path)) as f:
                return f.read()

        page = text("docs", "compatibility", "linkkit-model.md").split("\n## ")
        page = next(part for part in page if part.startswith("Messages and callbacks"))
        rows = dict(re.findall(r"^\| `((?:ITM_MSG|ITE|IOT)_\w+…?)`[^|]*\| (.*) \|$", page, re.M))
        wanted = set()
        for folder in ("", "v3.10"):
            wanted |= set(re.findall(r"\b(ITM_MSG_\w+)\b *[=(]", text("include/linkkit", folder, "dev_model_api.h")))
            wanted |= set(re.findall(r"^#define (ITM_MSG_\w+)", text("include/linkkit", folder, "dev_model_api.h"), re.M))
            wanted |= set(re.findall(r"\b(ITE_\w+) *=", text("include/linkkit", folder, "infra_compat.h")))
        self.assertGreater(len(wanted), 45)
        missing = {name for name in wanted if name not in rows and not name.startswith("ITE_STATE_")}
        self.assertEqual(missing, set())
        self.assertIn("ITE_STATE_…", rows)
        for name, row in rows.items():
            modules = "".join(text("tests/e2e", f"{m}.py") for m in re.findall(r"`(test_model_(?:\w+))`", row)
                              if os.path.exists(os.path.join(here, f"{m}.py")))
            for word in re.findall(r"`((?:\w+\.)?test_\w+|[A-Z]\w+)`", row):
                if os.path.exists(os.path.join(here, f"{word}.py")) or word.startswith(("ITE_", "ITM_", "IOT_")):
                    continue
                *cls, test = word.split(".")
                if test.startswith("test_"):
                    self.assertTrue(f"def {test}(self" in modules, f"{name}: {word}")
                for c in cls or ([test] if not test.startswith("test_") else []):
                    self.assertTrue(f"class {c}(" in modules, f"{name}: {word}")
