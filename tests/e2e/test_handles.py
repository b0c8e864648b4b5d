# SPDX-License-Identifier: MIT OR Apache-2.0
"""NULL, stale, doubled and made-up handles, from a program without a network."""

from lib.bench import Bench


class Handles(Bench):
    def test_program(self):
        process = self.program("handles")
        self.assertEqual(process.wait(), 0, process.tail())
        self.assertRegex(process.out, r"handles: [1-9]\d+ checks, 0 failed")

    def test_stale_and_doubled_mqtt_handles(self):
        """A destroyed client's handle gets -2 from every call; destroying twice is harmless."""
        device = self.device().connect()
        stale = device.m
        self.assertEqual(device.call("destroy", stale).ret, 0)
        self.assertEqual(device.call("destroy", stale).ret, -2)
        for name, words in (("yield", (10,)), ("state", ()), ("publish", ("/a/b", 0, "x")),
                            ("publish-info", ("/a/b", 0, "x")), ("subscribe", ("/a/b", 0)), ("unsubscribe", ("/a/b",))):
            self.assertEqual(device.call(name, stale, *words).ret, -2, name)
        device.connect()
        self.assertEqual(device.call("yield", stale, 10).ret, -2)
        self.assertEqual(device.call("state", device.m).ret, 1)

    def test_init_with_a_made_up_client(self):
        """IOT_OTA_Init over a client that never was, or is gone: NULL."""
        device = self.device().connect()
        device.call("destroy", device.m)
        for client in (device.m, "0x10"):
            self.assertEqual(device.call("init", device.pk, device.dn, client).handle, "null")

    def test_null_stands_for_the_only_client(self):
        """A NULL MQTT handle means the client of the process."""
        device = self.device().connect()
        self.assertEqual(device.call("state", "null").ret, 1)
        self.assertEqual(device.call("yield", "null", 10).ret, 0)
        self.assertNotEqual(device.call("init", device.pk, device.dn, "null").handle, "null")
        self.assertEqual(device.call("destroy-null").ret, 0)
        self.assertEqual(device.call("destroy-null").ret, -2)
