# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C programs of a build with address and undefined-behaviour sanitizers (--asan-build)."""

import subprocess

from lib.bench import PK, SECRET, Bench, Device, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.cloud import Cloud
from lib.context import CONTEXT
from lib.model import ModelDevice, model_walk, v310_walk
from lib.scenario import walk

OPTIONS = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=98:abort_on_error=0",
           "UBSAN_OPTIONS": "halt_on_error=1:exitcode=98:print_stacktrace=1"}


class Sanitizers(Bench):
    ORIGIN = True

    def test_build_has_the_sanitizer(self):
        """Otherwise the rest would show nothing."""
        done = subprocess.run(["nm", "-D", CONTEXT.program("driver", CONTEXT.asan_build)], capture_output=True, text=True)
        self.assertIn("__asan_init", done.stdout)
        self.assertIn("__ubsan", done.stdout)

    def test_driver(self):
        device = Device(self, env=OPTIONS, build=CONTEXT.asan_build, under_valgrind=False)
        self.assertEqual(walk(self, device), 0, device.driver.process.tail())

    def test_handles(self):
        process = self.program("handles", env=OPTIONS, build=CONTEXT.asan_build)
        self.assertEqual(process.wait(), 0, process.tail())

    def test_model_driver(self):
        device = ModelDevice(self, env=OPTIONS, build=CONTEXT.asan_build, under_valgrind=False)
        self.assertEqual(model_walk(self, device), 0, device.driver.process.tail())

    def test_v310_driver(self):
        device = ModelDevice(self, program="driver_v310", env=OPTIONS, build=CONTEXT.asan_build, under_valgrind=False)
        self.assertEqual(v310_walk(self, device), 0, device.driver.process.tail())

    def test_model_open_close(self):
        process = self.program("open_close", PK, unique_name(), SECRET, "5", "5", env=OPTIONS, build=CONTEXT.asan_build)
        self.assertEqual(process.wait(60), 0, process.tail())

    def test_generations(self):
        image = self.origin.image
        for program in ("generation_v310", "generation_v23"):
            with self.subTest(program=program):
                name, observer = unique_name(), Observer(self.broker)
                self.addCleanup(observer.close)
                process = self.program(program, PK, name, SECRET, env=OPTIONS, build=CONTEXT.asan_build)
                for part in ("basic ready", "model ready"):
                    process.wait_line(part)
                    observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"', 60)
                    self.broker.publish(upgrade_topic(PK, name),
                                        offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
                self.assertEqual(process.wait(90), 0, process.tail())

    def test_gateway_and_cota_examples(self):
        cloud, gateway, subs = Cloud(), unique_name("gw"), [unique_name("sub") for _ in range(2)]
        self.addCleanup(cloud.close)
        cloud.run("device", "add", PK, gateway, SECRET)
        for sub in subs:
            cloud.run("device", "add", "a1SubProduct", sub, SECRET, "--ps", SECRET)
        file = f"{self.scratch}/{gateway}.img"
        with open(file, "wb") as f:
            f.write(self.origin.image.content)
        cloud.run("firmware", "add", file, "--product", "a1SubProduct", "--version", "2.0.0", "--auto")
        cloud.run("config", "set", "--product", PK, "--file", file)
        for name, more in (("linkkit_gateway", ("-d", self.scratch, *(f"a1SubProduct/{sub}" for sub in subs))),
                           ("linkkit_cota", ("-o", f"{self.scratch}/{gateway}.config"))):
            with self.subTest(program=name):
                process = self.program(name, "-k", PK, "-n", gateway, "-s", SECRET, *more, env=OPTIONS,
                                       build=CONTEXT.asan_build, broker_url=f"127.0.0.1:{cloud.mqtt_port}")
                self.assertEqual(process.wait(90), 0, process.tail())

    def test_model_example(self):
        image, name = self.origin.image, unique_name()
        process = self.program("linkkit_solo", "-k", PK, "-n", name, "-s", SECRET, "-o", f"{self.scratch}/{name}",
                               env=OPTIONS, build=CONTEXT.asan_build)
        process.wait_line("is ready")
        self.broker.publish(upgrade_topic(PK, name), offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        self.assertEqual(process.wait(90), 0, process.tail())

    def test_programs(self):
        image = self.origin.image
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        # A name for each: the observer must not take an earlier program's report for a later one's.
        alone, one, two = unique_name(), unique_name(), unique_name()
        basic = ("-k", PK, "-n", alone, "-s", SECRET, "-o", f"{self.scratch}/{alone}.bin")
        for program, args, names in (("linkkit_ota_basic", basic, [alone]),
                                     ("two_devices", (PK, one, SECRET, PK, two, SECRET), [one, two])):
            with self.subTest(program=program):
                seen = len(observer.messages("/inform/"))
                process = self.program(program, *args, env=OPTIONS, build=CONTEXT.asan_build)
                process.wait_line("waiting" if program == "linkkit_ota_basic" else "ready")
                for name in names:
                    observer.wait(f"/inform/{PK}/{name}", '"1.0.0"')
                    self.broker.publish(upgrade_topic(PK, name),
                                        offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
                self.assertEqual(process.wait(60), 0, process.tail())
                self.assertGreater(len(observer.messages("/inform/")), seen)
