# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs with the names, includes and call patterns that firmware of other trees has: SmartLiving, AliOS Things, V3.10's
gateway."""

import json

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer
from lib.cloud import Cloud


class SmartLiving(Bench):
    """Against the headers of each lineage."""

    def run_program(self, program):
        name = unique_name()
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        process = self.program(program, PK, name, SECRET)
        process.wait_line("ready")
        sys = f"/sys/{PK}/{name}/"
        self.broker.publish(sys + "thing/service/property/set",
                            {"id": "8", "version": "1.0", "params": {"Light": 1}, "method": "thing.service.property.set"})
        observer.wait(sys + "thing/event/property/post", '"params":{"Light":1}')
        self.broker.publish(f"/ext/error/{PK}/{name}", {"id": "9", "code": 460, "data": {"a": 1}, "message": "params error"})
        process.wait_line('error 460 {"a":1}')
        for msgid, operation in (("51", "Bind"), ("52", "Unbind"), ("53", "Reset")):
            params = {"identifier": "awss.BindNotify", "value": {"Operation": operation}}
            self.broker.publish(sys + "_thing/event/notify",
                                {"id": msgid, "version": "1.0", "params": params, "method": "_thing.event.notify"})
            reply = json.loads(observer.wait(sys + "_thing/event/notify_reply", f'"id":"{msgid}"'))
            self.assertEqual(reply, {"id": msgid, "code": 200, "data": params})
        self.assertEqual(process.wait(60), 0, process.tail())
        notices = [json.loads(line.split(" ", 2)[2])["value"]["Operation"] for line in process.out.splitlines()
                   if line.startswith("notice 0 ")]
        self.assertEqual(notices, ["Bind", "Unbind", "Reset"])
        # Each notice is answered once.
        self.assertEqual(process.out.splitlines().count("answered 0 -1"), 3, process.out)
        self.assertEqual(len(observer.messages(sys + "_thing/event/notify_reply")), 3)

    def test_v301(self):
        self.run_program("smart_living")

    def test_v310(self):
        self.run_program("smart_living_v310")

    def test_v23(self):
        self.run_program("smart_living_v23")


class AliOsThings(Bench):
    def test_message_to_itself(self):
        for program in ("alios", "alios_v310"):
            with self.subTest(program=program):
                process = self.program(program, PK, unique_name(), SECRET)
                self.assertEqual(process.wait(60), 0, process.tail())


class Gateway(Bench):
    def test_v310(self):
        """Its sub-device registers, joins, goes on line, posts and is answered, and leaves."""
        cloud = Cloud()
        self.addCleanup(cloud.close)
        name, sub = unique_name("gw"), unique_name("sub")
        cloud.run("device", "add", PK, name, SECRET)
        cloud.run("device", "add", "a1SubProduct", sub, "secret-of-the-sub-device", "--ps", SECRET)
        process = self.program("gateway_v310", PK, name, SECRET, "a1SubProduct", sub,
                               broker_url=f"127.0.0.1:{cloud.mqtt_port}")
        self.assertEqual(process.wait(90), 0, process.tail())
        self.assertIn("posted 1, answered 200", process.out)
        self.assertIn("state -0x0000 mqtt connected", process.out)
