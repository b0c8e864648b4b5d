# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whose HAL is called: the firmware's own where it has one, the defaults elsewhere; the network included."""

import json

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic


class Hal(Bench):
    ORIGIN = True

    def setUp(self):
        self.observer = Observer(self.broker)
        self.addCleanup(self.observer.close)
        self.dn = unique_name()

    def pushed(self, program, **options):
        """Runs a program to its end, with a configuration pushed to it. Returns it and the configuration's URL."""
        process = self.program(program, PK, self.dn, SECRET, **options)
        self.observer.wait(f"/ota/device/inform/{PK}/{self.dn}", '"1.0.0"')
        url = "http://127.0.0.1:9/config"
        self.broker.publish(f"/sys/{PK}/{self.dn}/thing/config/push", {
            "id": "1", "version": "1.0", "method": "thing.config.push",
            "params": {"configId": "c", "configSize": 7, "sign": "0" * 32, "signMethod": "Md5", "url": url,
                       "getType": "file"}})
        self.assertEqual(process.wait(60), 0, process.tail())
        return process, url

    def configured(self, program):
        """Runs a program of own_hal/, which prints the URL of the configuration."""
        process, url = self.pushed(program)
        self.assertIn(f"config {url}", process.out_lines)
        informs = [p for t, p in self.observer.messages(f"/ota/device/inform/{PK}/{self.dn}")]
        return process, informs

    def test_firmware_library_wins(self):
        """HAL functions in a static library behind ours are called; those it lacks come from the defaults."""
        process, informs = self.configured("own_hal")
        self.assertEqual(informs[0], '{"id":"2","params":{"version":"own-hal-7"}}')
        self.assertIn("own HAL_Malloc", process.err_lines)
        self.assertIn("own HAL_Free", process.err_lines)

    def test_defaults_without_one(self):
        process, informs = self.configured("default_hal")
        versions = [json.loads(inform)["params"]["version"] for inform in informs]
        self.assertEqual(versions, ["1.0.0"], "what the program reports; the default HAL's placeholder is no version")
        self.assertIn("define HAL_GetFirmwareVersion", process.out)
        self.assertNotIn("own HAL", process.err)

    def test_memory_runs_out(self):
        """Each HAL_Malloc in turn fails: that text alone ends with NOMEM, the next attempt works, nothing is lost."""
        for checked in (False, True):
            with self.subTest(under_valgrind=checked):
                self.dn = unique_name()
                process, _ = self.pushed("config_memory", under_valgrind=checked)
                self.assertIn("calls 35 live 0", process.out_lines)
                self.assertNotIn("==", process.err)

    def over_shim(self, image, **env):
        """The example over a firmware's HAL_TCP_*: returns what the shim counted."""
        out = f"{self.scratch}/{self.dn}.bin"
        process = self.program("basic_over_shim", "-k", PK, "-n", self.dn, "-s", SECRET, "-o", out, env=env)
        self.observer.wait(f"/ota/device/inform/{PK}/{self.dn}", '"1.0.0"')
        self.broker.publish(upgrade_topic(PK, self.dn), offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        self.assertEqual(process.wait(120), 0, process.tail())
        with open(out, "rb") as f:
            self.assertEqual(f.read(), image.content)
        line = next(line for line in process.err_lines if line.startswith("hal_tcp establish="))
        return {key: int(value) for key, value in (pair.split("=") for pair in line.split()[1:])}

    def test_network_is_the_firmware_s(self):
        """MQTT and HTTP are carried by HAL_TCP_*: two connections, all bytes, all closed in the end."""
        image = self.origin.add("shim.bin", 400000)
        counts = self.over_shim(image)
        self.assertEqual((counts["establish"], counts["open"]), (2, 0))
        self.assertGreater(counts["read"], image.size)
        self.assertGreater(counts["written"], 500)

    def test_network_that_fills_its_buffers(self):
        """The same over a HAL_TCP_Read that waits until its buffer is full, as the reference's does."""
        counts = self.over_shim(self.origin.image, SHIM_FILL="1")
        self.assertEqual((counts["establish"], counts["open"]), (2, 0))
