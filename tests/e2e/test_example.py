# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C example, unchanged, against mosquitto + nginx (plain and TLS) and against the local cloud."""

import json
import os
import pty
import subprocess

from lib import ca
from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Mosquitto, Observer, offer, upgrade_topic
from lib.cloud import Cloud
from lib.context import CONTEXT
from lib.origin import Nginx
from lib.proc import free_port, wait_until

KINDS = (ca.GOOD, ca.WRONG_HOST, ca.EXPIRED, ca.UNKNOWN_CA)
BAD = KINDS[1:]
EXAMPLE = "linkkit_ota_basic"


class Basic(Bench):
    """Broker and origin with every kind of certificate."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = ca.Authority(cls.scratch)
        cls.broker = Mosquitto(cls.authority, KINDS)
        cls.addClassCleanup(cls.broker.close)
        cls.origin = Nginx(cls.authority, KINDS, image_size=300000)
        cls.addClassCleanup(cls.origin.close)

    def setUp(self):
        self.dn = unique_name()
        self.out = os.path.join(self.scratch, self.dn + ".bin")
        self.observer = Observer(self.broker)
        self.addCleanup(self.observer.close)

    def args(self, *more):
        return ("-k", PK, "-n", self.dn, "-s", SECRET, "-o", self.out, *more)

    def example(self, *more, **options):
        return self.program(EXAMPLE, *self.args(*more), **options)

    def push(self, url=None, **more):
        image = self.origin.image
        self.observer.wait(f"/ota/device/inform/{PK}/{self.dn}", '"1.0.0"')
        data = {"size": image.size, "version": "2.0.0", "md5": image.md5, "url": url or self.origin.url(image.name), **more}
        self.broker.publish(upgrade_topic(PK, self.dn), offer(**data))

    def upgraded(self, process):
        self.assertEqual(process.wait(60), 0, process.tail())
        with open(self.out, "rb") as f:
            self.assertEqual(f.read(), self.origin.image.content)
        self.observer.wait(f"/ota/device/inform/{PK}/{self.dn}", '"2.0.0"')

    def test_plain(self):
        """1.0.0 -> 2.0.0 over plain TCP and HTTP; each percentage reported once, in order, ending with 100."""
        process = self.example()
        self.push()
        self.upgraded(process)
        steps = [int(step) for step in self.observer.steps(self.dn)]
        self.assertEqual((steps[0], steps[-1]), (0, 100))
        self.assertEqual(steps, sorted(steps))
        self.assertIn("100%", process.out)
        self.assertIn(self.origin.image.md5, process.out)
        self.assertNotIn("\r", process.out)

    def test_lab_address_forms(self):
        """`mqtt://host:port` means plain TCP, as `host:port` does."""
        process = self.example(broker_url=f"mqtt://localhost:{self.broker.port}")
        self.push()
        self.upgraded(process)

    def test_progress_bar(self):
        """On a terminal the bar is redrawn in place and ends at 100 %."""
        leader, follower = pty.openpty()
        env = {**os.environ, "OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.broker.port}"}
        child = subprocess.Popen([CONTEXT.program(EXAMPLE), *self.args()], stdout=follower, stdin=subprocess.DEVNULL,
                                 env=env)
        self.addCleanup(child.kill)
        os.close(follower)
        self.push()
        text = b""
        try:
            while chunk := os.read(leader, 65536):
                text += chunk
        except OSError:
            pass  # how a pty tells the end
        os.close(leader)
        self.assertEqual(child.wait(30), 0)
        frames = text.decode().split("\r[")
        self.assertGreater(len(frames), 5)
        self.assertRegex(frames[-1], r"^#{32}\] 100%")
        self.assertEqual(len(frames), len(set(f.split("%")[0] for f in frames)))

    def test_tls(self):
        """The same over TLS and HTTPS with the test CA."""
        process = self.example(broker_url=f"mqtts://localhost:{self.broker.tls_ports[ca.GOOD]}",
                               env={"OTAKIT_LAB_CA": self.authority.ca})
        self.push(url=self.origin.url("image.bin", ca.GOOD, "localhost"))
        self.upgraded(process)

    def test_tls_by_address(self):
        """A certificate that names the IP address."""
        process = self.example(broker_url=f"mqtts://127.0.0.1:{self.broker.tls_ports[ca.GOOD]}",
                               env={"OTAKIT_LAB_CA": self.authority.ca})
        self.push(url=self.origin.url("image.bin", ca.GOOD))
        self.upgraded(process)

    def test_bad_broker_certificates(self):
        """Wrong host, expired, unknown CA: no connection, nothing is said to the broker."""
        for kind in BAD:
            with self.subTest(kind=kind):
                process = self.example(broker_url=f"mqtts://localhost:{self.broker.tls_ports[kind]}",
                                       env={"OTAKIT_LAB_CA": self.authority.ca})
                self.assertEqual(process.wait(60), 2, process.tail())
                self.assertEqual(self.observer.messages(self.dn), [])

    def test_bad_origin_certificates(self):
        """Wrong host, expired, unknown CA: the download fails at once, no byte is written, no request is made."""
        for kind in BAD:
            with self.subTest(kind=kind):
                self.dn = unique_name()
                process = self.example(env={"OTAKIT_LAB_CA": self.authority.ca})
                self.push(url=self.origin.url(f"image.bin?{kind}", kind, "localhost"))
                self.assertEqual(process.wait(60), 3, process.tail())
                self.assertEqual(os.path.getsize(self.out), 0)
                self.observer.ended_with(self.dn, "-2")

    def test_https_to_http(self):
        """A redirect from https to http is not followed."""
        process = self.example(env={"OTAKIT_LAB_CA": self.authority.ca})
        self.push(url=self.origin.url("to-plain.bin", ca.GOOD, "localhost"))
        self.assertEqual(process.wait(60), 3, process.tail())
        self.assertEqual(os.path.getsize(self.out), 0)

    def test_exit_codes(self):
        """1 for a wrong digest, 2 without a broker, 3 for a missing image, 4 for no offer and for wrong usage."""
        process = self.example()
        self.push(md5="0" * 32)
        self.assertEqual(process.wait(), 1, process.tail())
        self.assertIn("INVALID", process.out)
        self.assertEqual(self.example(broker_url=f"127.0.0.1:{free_port()}").wait(90), 2)
        self.dn = unique_name()
        process = self.example()
        self.push(url=self.origin.url("missing.bin"))
        self.assertEqual(process.wait(60), 3, process.tail())
        self.dn = unique_name()
        self.assertEqual(self.example("-t", "1").wait(), 4)
        self.assertEqual(self.example("-x").wait(), 4)
        self.assertEqual(self.example("-n", "n" * 40).wait(), 4)


class AgainstCloud(Bench):
    """otakit-cloud in its first role: sign-in, push on an older version, progress and result per device."""

    def setUp(self):
        self.dn = unique_name()
        self.out = os.path.join(self.scratch, self.dn + ".bin")
        self.image = os.path.join(self.scratch, "firmware.bin")
        with open(self.image, "wb") as f:
            f.write(bytes(range(256)) * 4096)

    def cloud(self, **options):
        cloud = Cloud(**options)
        self.addCleanup(cloud.close)
        cloud.run("device", "add", PK, self.dn, SECRET)
        return cloud

    def example(self, cloud, secret=SECRET, *more):
        return self.program(EXAMPLE, "-k", PK, "-n", self.dn, "-s", secret, "-o", self.out, *more,
                            broker_url=f"127.0.0.1:{cloud.mqtt_port}")

    def known(self, cloud, *more, check=True):
        """What the cloud knows of the device."""
        return json.loads(cloud.run("status", PK, self.dn, "--json", *more, check=check))["devices"][0]

    def upgraded(self, cloud, process):
        self.assertEqual(process.wait(60), 0, process.tail())
        with open(self.out, "rb") as f, open(self.image, "rb") as g:
            self.assertEqual(f.read(), g.read())
        device = self.known(cloud, "--wait", "20")
        update = device["updates"][-1]
        self.assertEqual((device["version"], update["from"], update["to"], update["state"]),
                         ("2.0.0", "1.0.0", "2.0.0", "succeeded"))
        steps = [each["step"] for each in update["steps"]]
        self.assertEqual((steps[0], steps[-1]), (0, 100))

    def test_upgrade_of_an_older_version(self):
        """A device that reports an older version is offered the newest firmware by itself."""
        cloud = self.cloud()
        cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0", "--auto")
        self.upgraded(cloud, self.example(cloud))

    def test_upgrade_by_command(self):
        """`push` offers the firmware to a device that waits."""
        cloud = self.cloud()
        cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0")
        process = self.example(cloud)
        # Its report reaches the cloud behind its subscriptions.
        wait_until(lambda: self.known(cloud)["version"] == "1.0.0", 20, "the device's report", 0.1)
        cloud.run("push", PK, self.dn)
        self.upgraded(cloud, process)

    def test_upgrade_through_an_external_broker(self):
        cloud = self.cloud(broker=self.broker)
        cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0", "--auto")
        self.upgraded(cloud, self.example(cloud))

    def test_wrong_secret_is_refused(self):
        cloud = self.cloud()
        self.assertEqual(self.example(cloud, "not-the-secret").wait(60), 2)

    def test_broken_image_is_a_failed_update(self):
        """The cloud sees step -3 as a failed update."""
        cloud = self.cloud()
        cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0", "--auto", "--in-place")
        with open(self.image, "r+b") as f:
            f.write(b"x")
        self.assertEqual(self.example(cloud).wait(60), 1)
        device = self.known(cloud, "--wait", "20", check=False)
        self.assertEqual((device["version"], device["updates"][-1]["state"]), ("1.0.0", "failed"))
