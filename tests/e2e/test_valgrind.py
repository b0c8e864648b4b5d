# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every C program under valgrind: no error, nothing definitely lost."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.cloud import Cloud
from lib.model import ModelDevice, model_walk, v310_walk
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

    def test_model_example(self):
        observer, name = self.observer(), unique_name()
        process = self.program("linkkit_solo", "-k", PK, "-n", name, "-s", SECRET, "-o", f"{self.scratch}/{name}",
                               under_valgrind=True)
        process.wait_line("is ready", 60)
        self.push_when_informed(observer, [name])
        self.finish(process)

    def test_model_driver(self):
        self.assertEqual(model_walk(self, ModelDevice(self, under_valgrind=True)), 0)

    def test_v310_driver(self):
        self.assertEqual(v310_walk(self, ModelDevice(self, program="driver_v310", under_valgrind=True)), 0)

    def test_cota_example(self):
        cloud, name = Cloud(), unique_name()
        self.addCleanup(cloud.close)
        cloud.run("device", "add", PK, name, SECRET)
        file = f"{self.scratch}/{name}.config"
        with open(file, "wb") as f:
            f.write(self.origin.image.content)
        cloud.run("config", "set", "--product", PK, "--file", file)
        self.finish(self.program("linkkit_cota", "-k", PK, "-n", name, "-s", SECRET, "-o", f"{self.scratch}/{name}",
                                 broker_url=f"127.0.0.1:{cloud.mqtt_port}", under_valgrind=True))

    def test_model_open_close(self):
        self.finish(self.program("open_close", PK, unique_name(), SECRET, "20", "3", under_valgrind=True))

    def test_gateway(self):
        cloud = Cloud()
        self.addCleanup(cloud.close)
        gateway, subs = unique_name("gw"), [unique_name("sub") for _ in range(3)]
        cloud.run("device", "add", PK, gateway, SECRET)
        for sub in subs:
            cloud.run("device", "add", "a1SubProduct", sub, SECRET, "--ps", SECRET)
        image = f"{self.scratch}/{gateway}.img"
        with open(image, "wb") as f:
            f.write(self.origin.image.content)
        cloud.run("firmware", "add", image, "--product", "a1SubProduct", "--version", "2.0.0", "--auto")
        self.finish(self.program("linkkit_gateway", "-k", PK, "-n", gateway, "-s", SECRET, "-d", self.scratch,
                                 *(f"a1SubProduct/{sub}" for sub in subs), broker_url=f"127.0.0.1:{cloud.mqtt_port}",
                                 under_valgrind=True))
