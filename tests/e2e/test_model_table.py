# SPDX-License-Identifier: MIT OR Apache-2.0
"""The device model by table: every message type and every callback of a master, over the wire.

Each test names what it covers; the list stands in docs/compatibility/linkkit-model.md.
"""

import json

from lib.bench import Bench
from lib.model import (DEVICEINFO_DELETE, DEVICEINFO_UPDATE, DELETE_TOPO, LOGIN, LOGOUT, POST_PROPERTY, POST_RAW_DATA,
                       PROPERTY_DESIRED_DELETE, PROPERTY_DESIRED_GET, QUERY_COTA_DATA, QUERY_FOTA_DATA, QUERY_TIMESTAMP,
                       QUERY_TOPOLIST, REQUEST_COTA, REQUEST_FOTA_IMAGE, REPORT_SUBDEV_FIRMWARE_VERSION,
                       SEND_PROP_SET_REPLY, ModelDevice)


class Master(Bench):
    """A master device whose cloud is the test itself."""

    PROGRAM = "driver"
    # Numbers that are no message.
    BEYOND = (-1, 16, 99)

    def start(self, *callbacks, **options):
        return ModelDevice(self, program=self.PROGRAM).start(*callbacks, **options)

    def envelope(self, device, topic, method, params, msgid):
        """The request is what the reference would have sent, byte for byte."""
        payload, qos = device.last(topic)
        self.assertEqual(payload, f'{{"id":"{msgid}","version":"1.0","params":{params},"method":"{method}"}}')
        self.assertEqual(qos, 0)

    # -- reports and their answers

    def test_post_property(self):
        """ITM_MSG_POST_PROPERTY, ITE_REPORT_REPLY"""
        device = self.start()
        msgid = device.report(POST_PROPERTY, '{"a":1.50}')
        self.envelope(device, device.sys("thing/event/property/post"), "thing.event.property.post", '{"a":1.50}', msgid)
        device.reply(device.sys("thing/event/property/post_reply"), msgid, data={"x": "y"})
        self.assertEqual(device.event("report_reply"), ["0", str(msgid), "200", '{"x": "y"}'.replace(" ", ""), "9"])

    def test_refused_property(self):
        """ITE_REPORT_REPLY with the cloud's own words"""
        device = self.start()
        msgid = device.report(POST_PROPERTY, '{"a":1}')
        device.reply(device.sys("thing/event/property/post_reply"), msgid, 6106, message='"a" is unknown')
        self.assertEqual(device.event("report_reply"), ["0", str(msgid), "6106", '"a" is unknown', "14"])

    def test_trigger_event(self):
        """IOT_Linkkit_TriggerEvent, ITE_TRIGGER_EVENT_REPLY"""
        device = self.start()
        msgid = device.call("lk-trigger", 0, "HardwareError", '{"ErrorCode": 0}').ret
        self.envelope(device, device.sys("thing/event/HardwareError/post"), "thing.event.HardwareError.post",
                      '{"ErrorCode": 0}', msgid)
        device.reply(device.sys("thing/event/HardwareError/post_reply"), msgid)
        self.assertEqual(device.event("event_reply"), ["0", str(msgid), "200", "HardwareError", "success"])

    def test_deviceinfo(self):
        """ITM_MSG_DEVICEINFO_UPDATE, ITM_MSG_DEVICEINFO_DELETE, ITE_REPORT_REPLY without a text"""
        device = self.start()
        for kind, what, tags in ((DEVICEINFO_UPDATE, "update", '[{"attrKey":"k","attrValue":"v"}]'),
                                 (DEVICEINFO_DELETE, "delete", '[{"attrKey":"k"}]')):
            device.events.clear()
            msgid = device.report(kind, tags)
            before = 2 if what == "update" else 1
            payload, _ = device.last(device.sys(f"thing/deviceinfo/{what}"), before)
            self.assertEqual(payload, f'{{"id":"{msgid}","version":"1.0","params":{tags},'
                                      f'"method":"thing.deviceinfo.{what}"}}')
            device.reply(device.sys(f"thing/deviceinfo/{what}_reply"), msgid)
            self.assertEqual(device.event("report_reply"), ["0", str(msgid), "200", "NULL", "0"])

    def test_automatic_device_info_is_answered(self):
        """The answer to the report that Connect sends by itself reaches the application, as in the reference."""
        device = self.start()
        device.reply(device.sys("thing/deviceinfo/update_reply"), 1)
        self.assertEqual(device.event("report_reply"), ["0", "1", "200", "NULL", "0"])

    def test_raw_data(self):
        """ITM_MSG_POST_RAW_DATA, ITE_RAWDATA_ARRIVED from both directions"""
        device = self.start()
        self.assertEqual(device.report(POST_RAW_DATA, b"\x01\xff\x02"), 0)
        packet = device.sent(device.sys("thing/model/up_raw"))[0]
        self.assertEqual((packet.payload, packet.qos), (b"\x01\xff\x02", 0))
        device.tell(device.sys("thing/model/down_raw"), "down")
        device.tell(device.sys("thing/model/up_raw_reply"), "reply")
        self.assertEqual(device.event("rawdata", 2), ["0", "5", "reply"])
        self.assertIn("rawdata|0|4|down", device.events)

    def test_desired(self):
        """ITM_MSG_PROPERTY_DESIRED_GET, ITE_PROPERTY_DESIRED_GET_REPLY, ITM_MSG_PROPERTY_DESIRED_DELETE"""
        for early in (("desired",), ()):
            with self.subTest(registered_before_connect=bool(early)):
                device = self.start(*early)
                device.call("lk-register", "desired")
                msgid = device.report(PROPERTY_DESIRED_GET, '["a"]')
                topic = device.sys("thing/property/desired/get")
                self.envelope(device, topic, "thing.property.desired.get", '["a"]', msgid)
                device.reply(device.sys("thing/property/desired/get_reply"), msgid, data={"a": {"value": 1, "version": 2}})
                self.assertEqual(device.event("desired"), ["1", '{"a":{"value":1,"version":2}}'])
                msgid = device.report(PROPERTY_DESIRED_DELETE, '{"a":{"version":2}}')
                topic = device.sys("thing/property/desired/delete")
                self.envelope(device, topic, "thing.property.desired.delete", '{"a":{"version":2}}', msgid)
                device.reply(device.sys("thing/property/desired/delete_reply"), msgid)
                self.assertEqual(device.event("report_reply"), ["0", str(msgid), "200", "NULL", "0"])

    def test_timestamp(self):
        """ITM_MSG_QUERY_TIMESTAMP, ITE_TIMESTAMP_REPLY"""
        device = self.start()
        self.assertEqual(device.query(QUERY_TIMESTAMP), 0)
        self.assertEqual(device.last(device.ext("ntp", "/request")), ('{"deviceSendTime":"1234"}', 0))
        device.tell(device.ext("ntp", "/response"), {"deviceSendTime": "1234", "serverRecvTime": "1700000000001",
                                                     "serverSendTime": "1700000000002"})
        self.assertEqual(device.event("timestamp"), ["1700000000002"])

    def test_no_answer(self):
        """Code 100000 after ten seconds; an answer that comes after that is dropped."""
        device = self.start()
        msgid = device.report(POST_PROPERTY, "{}")
        event = device.call("lk-trigger", 0, "E", "{}").ret
        self.assertEqual(device.event("report_reply", timeout=25), ["0", str(msgid), "100000", "NULL", "0"])
        self.assertEqual(device.event("event_reply"), ["0", str(event), "100000", "E", ""])
        device.events.clear()
        device.reply(device.sys("thing/event/property/post_reply"), msgid)
        self.assertEqual(device.quiet(), [])

    def test_no_answer_that_nobody_wants(self):
        """Without the option for answers there is none, and no time-out either."""
        device = self.start(event_replies=0)
        device.event("connect_succ")
        device.report(POST_PROPERTY, "{}")
        device.events.clear()
        device.call("lk-yield", 10500)
        self.assertEqual(device.quiet(), [])

    # -- what the cloud asks for

    def test_property_set(self):
        """ITE_PROPERTY_SET, and its answer by option IOTX_IOCTL_SEND_PROP_SET_REPLY"""
        device = self.start()
        topic = device.sys("thing/service/property/set")
        device.ask(topic, {"Light": 1}, "thing.service.property.set", "123")
        self.assertEqual(device.event("property_set"), ["0", "1", '{"Light":1}'])
        self.assertEqual(device.last(topic + "_reply"), ('{"id":"123","code":200,"data":{}}', 0))
        device.call("iot-ioctl", SEND_PROP_SET_REPLY, "int", 0)
        device.ask(topic, {"Light": 2}, "thing.service.property.set", "124")
        device.event("property_set", 2)
        device.quiet()
        self.assertEqual(len(device.sent(topic + "_reply")), 1)

    def test_property_set_is_answered_before_the_application_reacts(self):
        """The order of the reference on the wire: the reply, then what the callback posts."""
        device = self.start()
        device.call("lk-on-set", 0, '{"Light":1}')
        device.ask(device.sys("thing/service/property/set"), {"Light": 1}, "thing.service.property.set")
        device.event("property_set")
        device.sent(device.sys("thing/event/property/post"))
        wanted = [device.sys("thing/service/property/set_reply"), device.sys("thing/event/property/post")]
        self.assertEqual([p.topic for p in device.proxy.list("PUBLISH")][-2:], wanted)

    def test_property_get(self):
        """ITE_PROPERTY_GET and its response"""
        device = self.start("property_get")
        topic = device.sys("thing/service/property/get")
        device.call("lk-respond", 0, '{"a":1}')
        device.ask(topic, ["a"], "thing.service.property.get", "9")
        self.assertEqual(device.event("property_get"), ["0", "1", '["a"]'])
        self.assertEqual(device.last(topic + "_reply"), ('{"id":"9","code":200,"data":{"a":1}}', 0))

    def test_service(self):
        """ITE_SERVICE_REQUEST: answered with 200 or 400 by the callback's return; without a response not at all"""
        device = self.start()
        topic = device.sys("thing/service/Reboot")
        rows = ((0, '{"r":0}', '{"id":"1","code":200,"data":{"r":0}}'), (-1, "{}", '{"id":"2","code":400,"data":{}}'),
                (0, "not json", '{"id":"3","code":400,"data":{}}'))
        for n, (code, response, wanted) in enumerate(rows, 1):
            device.call("lk-respond", code, response)
            device.ask(topic, {"in": 1}, "thing.service.Reboot", str(n))
            self.assertEqual(device.event("service", n), ["0", "Reboot", "1", '{"in":1}'])
            self.assertEqual(device.last(topic + "_reply", n), (wanted, 0))
        device.call("lk-respond", 0, "")
        device.ask(topic, {}, "thing.service.Reboot", "4")
        device.event("service", 4)
        device.quiet()
        self.assertEqual(len(device.sent(topic + "_reply")), 3)

    def test_synchronous_service(self):
        """ITE_SERVICE_REQUEST by rrpc: the service's name is in the method, the answer goes to the call's own topic"""
        device = self.start()
        device.call("lk-respond", 0, '{"r":1}')
        device.ask(device.sys("rrpc/request/5511"), {"x": 2}, "thing.service.Sum", "31")
        self.assertEqual(device.event("service"), ["0", "Sum", "1", '{"x":2}'])
        self.assertEqual(device.last(device.sys("rrpc/response/5511")), ('{"id":"31","code":200,"data":{"r":1}}', 0))

    def test_services_with_names_of_the_reference_s_own(self):
        """Every service reaches the application, prefixes of `SetProfilerOptions` and long names too."""
        device = self.start()
        for n, name in enumerate(("Set", "SetProfilerOptions", "S" * 40), 1):
            device.ask(device.sys(f"thing/service/{name}"), {}, f"thing.service.{name}", str(n))
            self.assertEqual(device.event("service", n)[1], name)

    def test_bad_requests_are_dropped(self):
        """Without id, version, method or params there is neither a callback nor an answer."""
        device = self.start()
        topic = device.sys("thing/service/property/set")
        whole = {"id": "1", "version": "1.0", "params": {}, "method": "thing.service.property.set"}
        for key in whole:
            device.tell(topic, {k: v for k, v in whole.items() if k != key})
        for bad in ("{", "[]", "nonsense", json.dumps({**whole, "id": 7})):
            device.tell(topic, bad)
        device.quiet()
        self.assertNotIn("property_set", device.names())
        self.assertEqual(device.proxy.list("PUBLISH", topic=topic + "_reply"), [])

    # -- device reset

    def test_reset(self):
        """IOT_DevReset_Report: its answer's topic is subscribed once, its callback hears the answer."""
        device = self.start()
        for n in (1, 2):
            self.assertEqual(device.call("lk-reset", device.pk, device.dn).ret, 0)
            payload, qos = device.last(device.sys("thing/reset"), n)
            self.assertRegex(payload, r'^\{"id":\d+, "version":"1\.0", "method":"thing\.reset", "params":\{\}\}$')
            self.assertEqual(qos, 0)
            device.reply(device.sys("thing/reset_reply"), json.loads(payload)["id"])
            answer = device.event("reset", n)
            self.assertEqual((answer[:3], json.loads(answer[3])["code"]), (["0", "0", "1"], 200))
        self.assertEqual(device.subscriptions().count((device.sys("thing/reset_reply"), 0)), 1)
        reply = device.call("lk-reset", None, None)
        self.assertEqual((reply.ret, reply.none), (-1, -1))
        device.call("lk-close", 0)
        self.assertEqual(device.call("lk-reset", device.pk, device.dn).ret, -1, "there is no connection")
        device.start()
        self.assertEqual(device.call("lk-reset", device.pk, device.dn).ret, 0)
        device.reply(device.sys("thing/reset_reply"), 1)
        device.event("reset", 3)

    # -- arguments

    def test_types_of_report_and_query(self):
        """Each type belongs to one of the two calls; the other returns -1."""
        device = self.start()
        queries = (QUERY_TIMESTAMP, QUERY_TOPOLIST, QUERY_FOTA_DATA, QUERY_COTA_DATA, REQUEST_COTA, REQUEST_FOTA_IMAGE)
        for kind in (*queries, *self.BEYOND):
            self.assertEqual(device.report(kind, "{}"), -1, kind)
        for kind in (*(set(range(16)) - set(queries)), *self.BEYOND):
            self.assertEqual(device.query(kind, "{}"), -1, kind)

    def test_payloads_that_cannot_be_sent(self):
        device = self.start()
        for kind in (POST_PROPERTY, DEVICEINFO_UPDATE, DEVICEINFO_DELETE, PROPERTY_DESIRED_GET, PROPERTY_DESIRED_DELETE):
            for payload in (None, "", "{", "nonsense", "{} {}"):
                self.assertEqual(device.report(kind, payload), -1, (kind, payload))
            self.assertEqual(device.report(kind, "{}", devid=1), -1, "no such device")
            self.assertEqual(device.report(kind, "{}", devid=-1), -1)
            self.assertEqual(device.report(kind, "{}", length=-1), -1)
        self.assertEqual(device.report(POST_RAW_DATA, None), -1)
        for name in (None, "", "a/b", "+", "a b"):
            self.assertEqual(device.call("lk-trigger", 0, name, "{}").ret, -1, name)
        for payload in (None, "", "{"):
            self.assertEqual(device.call("lk-trigger", 0, "E", payload).ret, -1, payload)
        for kind in (QUERY_FOTA_DATA, QUERY_COTA_DATA):
            self.assertEqual([device.query(kind, p, length=n) for p, n in ((None, 10), ("x", 0), ("x", -1), ("x", 1))],
                             [-2, -2, -2, -2])
            self.assertEqual(device.query(kind, "xxxx"), -1, "nothing is on offer")
        for version in (None, "", "v" * 33):
            self.assertEqual(device.query(REQUEST_FOTA_IMAGE, version), -1, version)
        for kind in (LOGIN, LOGOUT, DELETE_TOPO, REPORT_SUBDEV_FIRMWARE_VERSION):
            self.assertEqual(device.report(kind, None, devid=1), -1, kind)

    def test_large_payloads(self):
        """What the reference's buffers lose silently is sent; what is too large is an error."""
        device = self.start()
        large = json.dumps({"text": "x" * 20000}, separators=(",", ":"))
        for n, payload in enumerate((large, large), 1):
            self.assertGreater(device.report(POST_PROPERTY, payload), 0)
            self.assertIn(payload, device.last(device.sys("thing/event/property/post"), n)[0])
        self.assertEqual(device.report(POST_PROPERTY, json.dumps({"text": "x" * 70000})), -1)
        device.ask(device.sys("thing/service/property/set"), {"text": "y" * 20000}, "thing.service.property.set")
        self.assertEqual(len(device.event("property_set")[2]), 20000 + 11)

    def test_offline(self):
        """Without a link a report is an error, not an id."""
        device = self.start()
        device.event("connect_succ")
        device.proxy.refusing = True
        device.proxy.drop_all()
        device.event("disconnected", timeout=30)
        self.assertEqual(device.report(POST_PROPERTY, "{}"), -1)
        self.assertEqual(device.report(POST_RAW_DATA, "x"), -1)
        self.assertEqual(device.query(QUERY_TIMESTAMP), -1)
        self.assertEqual(device.query(REQUEST_COTA), -7)
        self.assertEqual(device.query(REQUEST_FOTA_IMAGE, "1.0.0"), -1)
