# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two devices in one process."""

import os

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.cloud import Cloud


class TwoDevices(Bench):
    ORIGIN = True

    def test_both_upgrade(self):
        """Own identity, connection, image and verdict each; a second session of the same device is refused."""
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        one, two = unique_name("one"), unique_name("two")
        process = self.program("two_devices", PK, one, SECRET, PK, two, SECRET)
        process.wait_line("ready")
        images = {one: self.origin.image, two: self.origin.add("other.bin", 90000)}
        for name, image in images.items():
            observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"')
            self.broker.publish(upgrade_topic(PK, name),
                                offer(image.size, f"2.0.{image.size}", self.origin.url(image.name), image.md5))
        self.assertEqual(process.wait(60), 0, process.tail())
        for name, image in images.items():
            self.assertIn(f"{name} 2.0.{image.size} {image.size} valid", process.out_lines)
            observer.ended_with(name, "0")
            self.assertEqual(observer.steps(name), ["0"])


class ClientFirst(Bench):
    """A client of the application's own, constructed before the device model connects as another device."""

    ORIGIN = True

    def test_the_model_updates_over_its_own_connection(self):
        """The cloud takes nothing of one device from another's connection: what it hears came over the right one."""
        cloud = Cloud()
        self.addCleanup(cloud.close)
        own, model = unique_name("own"), unique_name("model")
        for name in (own, model):
            cloud.run("device", "add", PK, name, SECRET)
        image = self.origin.image
        path = os.path.join(self.scratch, "image-to-publish")
        with open(path, "wb") as f:
            f.write(image.content)
        out = os.path.join(self.scratch, model + ".bin")
        process = self.program("client_first", PK, own, SECRET, model, SECRET, broker_url=f"127.0.0.1:{cloud.mqtt_port}",
                               env={"OTAKIT_FIRMWARE_FILE": out})
        process.wait_line("ready")
        cloud.run("firmware", "add", path, "--product", PK, "--version", "2.0.0")
        cloud.run("push", PK, model)
        self.assertEqual(process.wait(60), 0, process.tail())
        with open(out, "rb") as f:
            self.assertEqual(f.read(), image.content)
