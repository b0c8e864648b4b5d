# SPDX-License-Identifier: MIT OR Apache-2.0
"""Dynamic registration: a device that has its product's secret only."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.cloud import Cloud
from lib.model import PRODUCT_SECRET, ModelDevice

SET_DYNAMIC_REGISTER = 4


class Registration(Bench):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)

    def device(self, name, product_secret=PRODUCT_SECRET):
        env = {"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.cloud.mqtt_port}",
               "OTAKIT_LAB_ALIYUN_HTTP": f"127.0.0.1:{self.cloud.http_port}",
               "OTAKIT_KV_DIR": self.scratch}
        device = ModelDevice(self, name=name, env=env)
        device.call("iot-ioctl", SET_DYNAMIC_REGISTER, "int", 1)
        self.assertEqual(device.call("lk-open", 0, PK, product_secret, name, "").ret, 0)
        return device

    def test_first_connection_registers(self):
        """The secret comes from the cloud; later connections use the one that was kept."""
        name = unique_name()
        self.cloud.run("device", "add", PK, name, SECRET, "--ps", PRODUCT_SECRET)
        device = self.device(name)
        self.assertEqual(device.call("lk-connect", 0).ret, 0)
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        self.assertEqual(device.call("lk-open", 0, PK, "", name, "").ret, 0)
        self.assertEqual(device.call("lk-connect", 0).ret, 0, "the product's secret is not needed again")

    def test_refusals(self):
        """Unknown device, wrong product secret: no connection, in bounded time."""
        name = unique_name()
        self.cloud.run("device", "add", PK, name, SECRET, "--ps", PRODUCT_SECRET)
        for device in (self.device(unique_name()), self.device(name, "wrong")):
            reply = device.call("lk-connect", 0)
            self.assertEqual(reply.ret, -1)
            self.assertLess(reply.ms, 10000)
