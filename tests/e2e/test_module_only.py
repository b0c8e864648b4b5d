# SPDX-License-Identifier: MIT OR Apache-2.0
"""The OTA module without our MQTT client, over a host SDK's (--module-build, OTAKIT_MQTT=OFF)."""

import subprocess

from lib.bench import Bench
from lib.context import CONTEXT


class ModuleOnly(Bench):
    ORIGIN = True

    @property
    def tree(self):
        return CONTEXT.module_build

    def run_update(self, under_valgrind=False):
        image = self.origin.image
        process = self.program("module_only", self.origin.url(image.name), str(image.size), image.md5,
                               build=self.tree, under_valgrind=under_valgrind)
        self.assertEqual(process.wait(60), 0, process.tail())
        self.assertIn(f"bytes={image.size}", process.out_lines)
        return process

    def test_whole_update(self):
        self.run_update()

    def test_whole_update_under_valgrind(self):
        self.assertNotIn("==", self.run_update(under_valgrind=True).err)

    def test_mqtt_is_the_host_s(self):
        """The program has one definition of each IOT_MQTT function: the host's."""
        done = subprocess.run(["nm", CONTEXT.program("module_only", self.tree)], capture_output=True,
                              text=True, check=True)
        defined = [line.split()[-1] for line in done.stdout.splitlines() if " T IOT_MQTT_" in line]
        self.assertLessEqual(set(defined), {"IOT_MQTT_Subscribe", "IOT_MQTT_Unsubscribe", "IOT_MQTT_Publish",
                                            "IOT_MQTT_Publish_Simple", "IOT_MQTT_Yield"})
