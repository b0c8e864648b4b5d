# SPDX-License-Identifier: MIT OR Apache-2.0
"""The examples of the advanced API, unchanged, against mosquitto and against the local cloud."""

import json
import os

from lib.bench import PK, SECRET, Bench, Device, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.cloud import Cloud


class Solo(Bench):
    ORIGIN = True

    def setUp(self):
        self.dn = unique_name()
        self.out = os.path.join(self.scratch, self.dn + ".bin")
        self.observer = Observer(self.broker)
        self.addCleanup(self.observer.close)

    def example(self, name, *more, **options):
        return self.program(name, "-k", PK, "-n", self.dn, "-s", SECRET, "-o", self.out, *more, **options)

    def push(self, process, **more):
        image = self.origin.image
        process.wait_line("is ready")
        data = {"size": image.size, "version": "2.0.0", "md5": image.md5, "url": self.origin.url(image.name), **more}
        self.broker.publish(upgrade_topic(PK, self.dn), offer(**data))

    def test_upgrade(self):
        """Posts properties, downloads into its own store, restarts, reports the new version."""
        process = self.example("linkkit_solo")
        self.observer.wait(f"/sys/{PK}/{self.dn}/thing/event/property/post", '{"Counter": 0}')
        self.push(process)
        self.assertEqual(process.wait(60), 0, process.tail())
        with open(self.out, "rb") as f:
            self.assertEqual(f.read(), self.origin.image.content)
        self.observer.wait(f"/ota/device/inform/{PK}/{self.dn}", '"2.0.0"')
        steps = self.observer.steps(self.dn)
        self.assertEqual((steps[0], steps[-1]), ("0", "100"))

    def test_property_set_is_posted_back(self):
        process = self.example("linkkit_solo", "-t", "3")
        process.wait_line("is ready")
        self.broker.publish(f"/sys/{PK}/{self.dn}/thing/service/property/set",
                            {"id": "8", "version": "1.0", "params": {"Light": 1}, "method": "thing.service.property.set"})
        self.observer.wait(f"/sys/{PK}/{self.dn}/thing/service/property/set_reply", '"code":200')
        self.observer.wait(f"/sys/{PK}/{self.dn}/thing/event/property/post", '"params":{"Light":1}')
        self.assertEqual(process.wait(30), 4)

    def test_failures(self):
        """3 for a wrong digest and for a missing image, 4 for wrong usage; no file is left in the image's place."""
        for more, step in (({"md5": "0" * 32}, "-3"), ({"url": self.origin.url("missing.bin")}, "-2")):
            self.dn = unique_name()
            process = self.example("linkkit_solo")
            self.push(process, **more)
            self.assertEqual(process.wait(60), 3, process.tail())
            self.assertFalse(os.path.exists(self.out))
            self.observer.ended_with(self.dn, step)
        self.assertEqual(self.example("linkkit_solo", "-x").wait(), 4)
        self.assertEqual(self.example("linkkit_cota", "-t", "0").wait(), 4)


class AgainstCloud(Bench):
    """otakit-cloud as the other side."""

    def setUp(self):
        self.dn = unique_name()
        self.out = os.path.join(self.scratch, self.dn + ".bin")
        self.image = os.path.join(self.scratch, "firmware.bin")
        with open(self.image, "wb") as f:
            f.write(bytes(range(256)) * 4096)
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)
        self.cloud.run("device", "add", PK, self.dn, SECRET)

    def example(self, name, *more, **options):
        return self.program(name, "-k", PK, "-n", self.dn, "-s", SECRET, "-o", self.out, *more,
                            broker_url=f"127.0.0.1:{self.cloud.mqtt_port}", **options)

    def same(self):
        with open(self.out, "rb") as f, open(self.image, "rb") as g:
            self.assertEqual(f.read(), g.read())

    def test_solo(self):
        self.cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0", "--auto")
        process = self.example("linkkit_solo")
        self.assertEqual(process.wait(60), 0, process.tail())
        self.same()
        device = json.loads(self.cloud.run("status", PK, self.dn, "--json", "--wait", "20"))["devices"][0]
        self.assertEqual((device["version"], device["updates"][-1]["state"]), ("2.0.0", "succeeded"))

    def test_offer_before_the_device_has_ever_spoken(self):
        """Held until it subscribes, and given once; what it replaces is known as soon as the device says."""
        self.cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0")
        self.cloud.run("push", PK, self.dn, "--version", "2.0.0")
        process = self.example("linkkit_solo")
        self.assertEqual(process.wait(60), 0, process.tail())
        self.same()
        device = json.loads(self.cloud.run("status", PK, self.dn, "--json", "--wait", "20"))["devices"][0]
        updates = [(u["from"], u["to"], u["state"], u["pushes"]) for u in device["updates"]]
        self.assertEqual(updates, [("1.0.0", "2.0.0", "succeeded", 1)])

    def test_offer_between_connecting_and_subscribing(self):
        """A device that is on line gets what was pushed before it had subscribed."""
        self.cloud.run("firmware", "add", self.image, "--product", PK, "--version", "2.0.0")
        device = Device(self, name=self.dn, env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.cloud.mqtt_port}"})
        device.connect()
        self.assertTrue(json.loads(self.cloud.run("status", PK, self.dn, "--json"))["devices"][0]["online"])
        self.cloud.run("push", PK, self.dn, "--version", "2.0.0")
        device.h = device.call("init", PK, self.dn, device.m).handle
        device.pump(lambda: device.fetching, "the offer")

    def test_cota(self):
        """Asked for, and pushed."""
        self.cloud.run("config", "set", "--product", PK, "--file", self.image)
        process = self.example("linkkit_cota")
        self.assertEqual(process.wait(60), 0, process.tail())
        self.same()
        os.remove(self.out)
        process = self.example("linkkit_cota", "-p")
        process.wait_line("waiting for a configuration")
        self.cloud.run("config", "set", "--product", PK, "--file", self.image, "--push")
        self.assertEqual(process.wait(60), 0, process.tail())
        self.same()


class Gateway(Bench):
    """A gateway with three sub-devices, two of which update at the same time, as the cloud sees it."""

    SIZE = 2 << 20

    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)
        self.dn = unique_name("gw")
        self.subs = [unique_name("sub") for _ in range(3)]
        self.cloud.run("device", "add", PK, self.dn, SECRET)
        for n, sub in enumerate(self.subs):
            self.cloud.run("device", "add", "a1SubProduct", sub, f"secret-of-sub-device-{n}", "--ps", SECRET)
        self.image = os.path.join(self.scratch, self.dn + ".img")
        with open(self.image, "wb") as f:
            f.write(os.urandom(self.SIZE))

    def gateway(self, *more, subs=None):
        # The first has its secret, the others ask for theirs.
        names = subs or [f"a1SubProduct/{self.subs[0]}/secret-of-sub-device-0", *(f"a1SubProduct/{s}" for s in self.subs[1:])]
        return self.program("linkkit_gateway", "-k", PK, "-n", self.dn, "-s", SECRET, "-d", self.scratch, *more, *names,
                            broker_url=f"127.0.0.1:{self.cloud.mqtt_port}")

    def status(self):
        status = json.loads(self.cloud.run("status", "--json", check=False))
        return {device["device_name"]: device for device in status["devices"]}

    def test_three_updates(self):
        self.cloud.run("firmware", "add", self.image, "--product", "a1SubProduct", "--version", "2.0.0", "--auto")
        process = self.gateway("-r", str(self.SIZE // 2))
        self.assertEqual(process.wait(90), 0, process.tail())
        lines = process.out.splitlines()
        begun = [n for n, line in enumerate(lines) if "begins" in line]
        ended = [n for n, line in enumerate(lines) if line.endswith(": updated")]
        self.assertEqual((len(begun), len(ended)), (3, 3), process.out)
        self.assertLess(begun[1], ended[0], "two at the same time")
        self.assertTrue(any(line.startswith("topology (200): [") and all(s in line for s in self.subs) for line in lines))
        devices = self.status()
        with open(self.image, "rb") as f:
            image = f.read()
        for sub in self.subs:
            update = devices[sub]["updates"][-1]
            self.assertEqual((devices[sub]["version"], update["from"], update["to"], update["state"]),
                             ("2.0.0", "1.0.0", "2.0.0", "succeeded"))
            steps = [step["step"] for step in update["steps"]]
            self.assertEqual((steps[0], steps[-1], steps), (0, 100, sorted(steps)))
            with open(os.path.join(self.scratch, sub + ".bin"), "rb") as f:
                self.assertEqual(f.read(), image)

    def test_unknown_sub_device(self):
        process = self.gateway(subs=["a1SubProduct/stranger"])
        self.assertEqual(process.wait(60), 2, process.tail())

    def test_wrong_secret(self):
        process = self.gateway(subs=[f"a1SubProduct/{self.subs[0]}/not-the-secret"])
        self.assertEqual(process.wait(60), 2, process.tail())
