# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two devices in one process."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic


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
            self.assertEqual(observer.steps(name), ["0"])
