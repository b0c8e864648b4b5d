# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every C program under valgrind: no error, nothing definitely lost."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.scenario import walk


class Valgrind(Bench):
    ORIGIN = True

    def finish(self, process, code=0, timeout=120):
        self.assertEqual(process.wait(timeout), code, process.tail())
        self.assertNotIn("==", process.err)

    def push_when_informed(self, observer, names):
        image = self.origin.image
        for name in names:
            observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"', 60)
            self.broker.publish(upgrade_topic(PK, name), offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))

    def observer(self):
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        return observer

    def test_driver(self):
        device = self.device(under_valgrind=True)
        self.assertEqual(walk(self, device), 0, device.driver.process.tail())

    def test_handles(self):
        self.finish(self.program("handles", under_valgrind=True))

    def test_example(self):
        observer, name = self.observer(), unique_name()
        process = self.program("linkkit_ota_basic", "-k", PK, "-n", name, "-s", SECRET, "-o", f"{self.scratch}/{name}",
                               under_valgrind=True)
        self.push_when_informed(observer, [name])
        self.finish(process)

    def test_example_over_shim(self):
        observer, name = self.observer(), unique_name()
        process = self.program("basic_over_shim", "-k", PK, "-n", name, "-s", SECRET, "-o", f"{self.scratch}/{name}",
                               under_valgrind=True)
        self.push_when_informed(observer, [name])
        self.finish(process)

    def test_two_devices(self):
        observer, names = self.observer(), [unique_name(), unique_name()]
        process = self.program("two_devices", PK, names[0], SECRET, PK, names[1], SECRET, under_valgrind=True)
        self.push_when_informed(observer, names)
        self.finish(process)

    def test_own_and_default_hal(self):
        for program in ("own_hal", "default_hal"):
            with self.subTest(program=program):
                observer, name = self.observer(), unique_name()
                process = self.program(program, PK, name, SECRET, under_valgrind=True)
                observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"', 60)
                self.broker.publish(f"/sys/{PK}/{name}/thing/config/push", {
                    "id": "1", "version": "1.0", "method": "thing.config.push",
                    "params": {"configId": "c", "configSize": 7, "sign": "0" * 32, "signMethod": "Md5",
                               "url": "http://127.0.0.1:9/c", "getType": "file"}})
                self.finish(process)
