# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs with the names, includes and call patterns that firmware of other trees has: SmartLiving, AliOS Things, V3.10's
gateway, and both APIs of Link Kit 2.2 that IOT_Linkkit_* replaced."""

import json
import os
import threading

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.cloud import Cloud


class SmartLiving(Bench):
    """Against the headers of each generation."""

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


class Described(Bench):
    """linkkit_export.h: a device by its description. This test is the cloud."""

    ORIGIN = True

    def setUp(self):
        self.dn = unique_name()
        self.sys = f"/sys/{PK}/{self.dn}/"
        self.out = os.path.join(self.scratch, self.dn + ".bin")
        self.observer = Observer(self.broker, "/ota/#", "/sys/#", "/ext/#")
        self.addCleanup(self.observer.close)
        self.process = self.program("described", PK, self.dn, SECRET, env={"OTAKIT_FIRMWARE_FILE": self.out})
        self.process.wait_line("ready")

    def sent(self, topic, needle):
        return json.loads(self.observer.wait(self.sys + topic, needle))

    def call(self, topic, msgid, params):
        method = topic.replace("/", ".")
        self.broker.publish(self.sys + topic, {"id": msgid, "version": "1.0", "params": params, "method": method})

    def test_values_services_events_firmware(self):
        out = self.process
        # All that has a value, in the description's order; a part of a struct posts the struct.
        post = self.sent("thing/event/property/post", '"Switch"')
        self.assertEqual(list(post["params"].items()), [
            ("Switch", 1), ("Level", 40), ("Warmth", 0.1), ("Power", 1234.56789), ("Name", 'a "b"'),
            ("Since", "1534314100000"), ("Color", {"Red": 40}), ("Steps", [0, 40])])
        self.assertEqual(self.sent("thing/event/property/post", '"params":{"Color"')["params"], {"Color": {"Red": 40}})
        event = self.sent("thing/event/Error/post", "ErrorCode")
        self.assertEqual((event["params"], event["method"]), ({"ErrorCode": 7}, "thing.event.Error.post"))
        self.assertEqual(self.sent("thing/deviceinfo/update", "attrValue\":\"v")["params"],
                         [{"attrKey": "k", "attrValue": "v"}])
        self.observer.wait(self.sys + "thing/model/up_raw", "\x01\x02")

        # Answers reach the callbacks of what they answer; the cloud's words come with a refusal.
        self.broker.publish(self.sys + "thing/event/property/post_reply",
                            {"id": post["id"], "code": 200, "data": {}, "message": "success"})
        out.wait_line(f"answer {post['id']} 200 -")
        self.broker.publish(self.sys + "thing/event/Error/post_reply",
                            {"id": event["id"], "code": 460, "data": {}, "message": "no such code"})
        out.wait_line(f"answer {event['id']} 460 no such code")

        # What the cloud sets is there, is told of once per property, and answered.
        self.call("thing/service/property/set", "81", {"Color": {"Red": 1, "Blue": 2}, "Level": "5", "Steps": [9]})
        self.assertEqual(self.sent("thing/service/property/set_reply", '"81"')["code"], 200)
        for line in ('changed Color {"Red":1,"Blue":2}', "changed Level 5", "changed Steps [9]"):
            out.wait_line(line)
        self.sent("thing/event/property/post", '"params":{"Level":5}')
        self.call("thing/service/property/set", "82", {"Level": "high", "Switch": True, "Other": 1})
        self.assertEqual(self.sent("thing/service/property/set_reply", '"82"')["code"], 400)
        out.wait_line("changed Switch 1")
        self.assertNotIn("changed Other", out.out)

        # Services: asynchronous and by rrpc, one that is not there, one with values that do not fit.
        self.call("thing/service/Custom", "83", {"transparency": 4})
        self.assertEqual(self.sent("thing/service/Custom_reply", '"83"'),
                         {"id": "83", "code": 200, "data": {"Contrastratio": 5}})
        out.wait_line("service Custom 83")
        self.broker.publish(self.sys + "rrpc/request/12", {"id": "84", "version": "1.0", "params": {"transparency": 6},
                                                           "method": "thing.service.Custom"})
        self.assertEqual(self.sent("rrpc/response/12", '"84"')["data"], {"Contrastratio": 7})
        self.call("thing/service/Nothing", "85", {})
        self.assertEqual(self.sent("thing/service/Nothing_reply", '"85"')["code"], 400)
        self.call("thing/service/Custom", "86", {"transparency": "much"})
        self.assertEqual(self.sent("thing/service/Custom_reply", '"86"')["code"], 400)
        self.broker.publish(self.sys + "rrpc/request/13", {"id": "87", "version": "1.0", "params": ["Level", "Other"],
                                                           "method": "thing.service.property.get"})
        self.assertEqual(self.sent("rrpc/response/13", '"87"')["data"], {"Level": 5})

        # Transparent data, the clock, being disabled and enabled, a configuration.
        self.broker.publish(self.sys + "thing/model/down_raw", "down")
        self.observer.wait(self.sys + "thing/model/down_raw_reply", "down")
        self.broker.publish(f"/ext/ntp/{PK}/{self.dn}/response", {"serverSendTime": "1534314100000"})
        out.wait_line("time 1534314100000")
        self.call("thing/disable", "88", {})
        out.wait_line("disabled")
        self.call("thing/enable", "89", {})
        out.wait_line("enabled")

        # The firmware.
        image = self.origin.image
        self.broker.publish(upgrade_topic(PK, self.dn),
                            offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        self.assertEqual(out.wait(60), 0, out.tail())
        self.assertIn("firmware 2.0.0", out.out)
        with open(self.out, "rb") as f:
            self.assertEqual(f.read(), image.content)
        self.observer.ended_with(self.dn, "100")
        # What failed was said in words.
        for words in ("get_tsl_from_cloud 0", "linkkit_set_tsl: not a JSON object", "Other: the description has no such",
                      "Name: the text is longer", "Steps[4]: the array has fewer", "property Level is not set"):
            self.assertIn(words, out.out + out.err)

    def test_a_firmware_that_is_wrong(self):
        image = self.origin.image
        self.broker.publish(upgrade_topic(PK, self.dn),
                            offer(image.size, "2.0.0", self.origin.url(image.name), "0" * 32))
        self.assertEqual(self.process.wait(60), 1, self.process.tail())
        self.assertFalse(os.path.exists(self.out))
        self.observer.ended_with(self.dn, "-3")


class DescribedGateway(Bench):
    """linkkit_gateway_export.h. This test is the cloud."""

    UPLINK = ("thing/topo/", "combine/", "thing/event/", "thing/deviceinfo/")

    def setUp(self):
        self.observer = Observer(self.broker, "/ota/#", "/sys/#", "/ext/#")
        self.addCleanup(self.observer.close)
        self.refused, self.over = "", threading.Event()
        responder = threading.Thread(target=self.answer)
        responder.start()
        self.addCleanup(responder.join)
        self.addCleanup(self.over.set)

    def answer(self):
        """Each request of a device once, with 200, or 460 where its topic is to be refused."""
        done = 0
        while not self.over.wait(0.01):
            new, done = self.observer.messages()[done:], len(self.observer.messages())
            for topic, payload in new:
                if any(part in topic for part in self.UPLINK) and not topic.endswith("_reply"):
                    code = 460 if self.refused and self.refused in payload else 200
                    self.broker.publish(topic + "_reply", {"id": json.loads(payload)["id"], "code": code, "data": {},
                                                           "message": "success" if code == 200 else "no"}, qos=0)

    def test_sub_device(self):
        dn, sub, sub_pk = unique_name("gw"), unique_name("sub"), "a1SubProduct"
        own, its = f"/sys/{PK}/{dn}/", f"/sys/{sub_pk}/{sub}/"
        out = self.program("described_gateway", PK, dn, SECRET, sub_pk, sub, "secret-of-the-sub-device")
        out.wait_line("ready")
        tags = json.loads(self.observer.wait(its + "thing/deviceinfo/update", "colour"))["params"]
        self.assertEqual(tags, [{"attrKey": "colour", "attrValue": '"red"'}, {"attrKey": "place", "attrValue": "roof"}])
        self.observer.wait(its + "thing/deviceinfo/delete", '[{"attrKey":"colour"}]')
        self.observer.wait(its + "thing/event/Error/post", '{"ErrorCode":1}')
        self.observer.wait(its + "thing/model/up_raw", "raw")
        self.broker.publish(its + "thing/model/up_raw_reply", "heard")
        out.wait_line("raw reply heard")

        def call(base, topic, msgid, params):
            self.broker.publish(base + topic, {"id": msgid, "version": "1.0", "params": params,
                                               "method": topic.replace("/", ".")})

        def answered(base, topic, msgid):
            return json.loads(self.observer.wait(base + topic, f'"id":"{msgid}"'))

        # Properties: what the callback says is what the cloud hears; it may wait for an answer itself.
        call(its, "thing/service/property/set", "31", {"Level": 3})
        self.assertEqual(answered(its, "thing/service/property/set_reply", 31)["code"], 200)
        out.wait_line('set {"Level":3}')
        out.wait_line("posted back 0")
        self.refused = "Bad"
        call(its, "thing/service/property/set", "32", {"Bad": 3})
        self.assertEqual(answered(its, "thing/service/property/set_reply", 32)["code"], 400)
        out.wait_line("posted back -1")
        self.broker.publish(its + "rrpc/request/5", {"id": "33", "version": "1.0", "params": ["Of"],
                                                     "method": "thing.service.property.get"})
        self.assertEqual(answered(its, "rrpc/response/5", 33), {"id": "33", "code": 200, "data": {"Of": "sub"}})
        # Services, of the gateway too.
        call(own, "thing/service/Blink", "34", {"n": 2})
        self.assertEqual(answered(own, "thing/service/Blink_reply", 34)["data"], {"got": {"n": 2}})
        call(its, "thing/service/Fail", "35", {})
        self.assertEqual(answered(its, "thing/service/Fail_reply", 35)["code"], 400)
        # Transparent data comes back as its answer.
        self.broker.publish(its + "thing/model/down_raw", "echo")
        self.observer.wait(its + "thing/model/down_raw_reply", "echo")
        # What happens to the gateway.
        call(own, "thing/gateway/permit", "36", {"productKey": sub_pk, "time": 60})
        out.wait_line(f"join {sub_pk} 60")
        call(own, "thing/topo/add/notify", "37", [{"productKey": sub_pk, "deviceName": sub}])
        out.wait_line(f'setup [{{"productKey":"{sub_pk}","deviceName":"{sub}"}}]')
        call(its, "thing/delete", "38", {})
        out.wait_line(f"deleted {sub}")
        self.broker.publish(upgrade_topic(PK, dn), offer(10, "2.0.0", "http://127.0.0.1:9/x", "0" * 32))
        out.wait_line("firmware 2.0.0")
        call(its, "thing/service/Leave", "39", {})
        self.assertEqual(out.wait(60), 0, out.tail())
        self.observer.wait(own + "thing/topo/delete", sub)
