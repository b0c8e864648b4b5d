# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway message by message: the test plays the cloud."""

import hashlib
import hmac
import json

from lib.bench import Bench, unique_name
from lib.broker import offer, upgrade_topic
from lib.model import (DELETE_TOPO, LOGIN, LOGOUT, POST_PROPERTY, QUERY_FOTA_DATA, QUERY_TOPOLIST,
                       REPORT_SUBDEV_FIRMWARE_VERSION, SET_OTA_DEV_ID, ModelDevice)
from lib.proc import wait_until
from test_model_wire import common, gateway

SUB_PK, SUB_SECRET = "a1SubProduct", "fedcba98765432100123456789abcdef"


class Gateway(Bench):
    ORIGIN = True

    def start(self, *callbacks):
        device = ModelDevice(self).start("permit_join", "topolist", *callbacks)
        device.event("connect_succ")
        return device

    def open_sub(self, device, name, secret=""):
        return device.call("lk-open", 1, SUB_PK, "", name, secret).ret

    def answered(self, device, call, topic, data=None, code=200, reply=None):
        """Starts a call that waits, answers the request that it sends on `topic`; the request's params and the result."""
        before = len(device.proxy.list("PUBLISH", topic=topic))
        name, *words = call
        device.driver.send(name, *words)
        request = json.loads(device.sent(topic, before + 1)[before].payload)
        device.reply(reply or topic + "_reply", request["id"], code, data)
        return request, device.driver.receive(name, 30).ret

    def sign(self, secret, client_id, name, timestamp):
        text = f"clientId{client_id}deviceName{name}productKey{SUB_PK}timestamp{timestamp}"
        return hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()

    def attach(self, device, name, secret=SUB_SECRET):
        devid = self.open_sub(device, name, secret)
        _, ret = self.answered(device, ("lk-connect", devid), device.sys("thing/topo/add"), [])
        self.assertEqual(ret, 0)
        return devid

    def on_line(self, device, name):
        devid = self.attach(device, name)
        _, ret = self.answered(device, ("lk-report", devid, LOGIN, None), device.ext("session", "/combine/login"),
                               {"productKey": SUB_PK, "deviceName": name})
        self.assertEqual(ret, 0)
        return devid

    def sub_sys(self, name, rest):
        return f"/sys/{SUB_PK}/{name}/{rest}"

    def test_ids(self):
        """1 and up; the same names keep their id; 0 is the master. IOTX_IOCTL_QUERY_DEVID"""
        device = self.start()
        names = [unique_name() for _ in range(2)]
        self.assertEqual([self.open_sub(device, n) for n in (*names, names[0])], [1, 2, 1])
        self.assertEqual(self.open_sub(device, "a/b"), -1)
        self.assertEqual([device.call("lk-devid", SUB_PK, n).ret for n in (*names, "stranger")], [1, 2, -1])
        self.assertEqual(device.call("lk-devid", device.pk, device.dn).ret, 0)
        self.assertEqual(device.call("lk-close", 1).ret, 0)
        self.assertEqual(self.open_sub(device, names[0]), 3)

    def test_registration_and_topology(self):
        """Without a secret: thing/sub/register, then thing/topo/add signed with the secret that came."""
        device, name = self.start(), unique_name()
        devid = self.open_sub(device, name)
        device.driver.send("lk-connect", devid)
        register = json.loads(device.sent(device.sys("thing/sub/register"))[0].payload)
        self.assertEqual((register["method"], register["params"]),
                         ("thing.sub.register", [{"productKey": SUB_PK, "deviceName": name}]))
        device.reply(device.sys("thing/sub/register_reply"), register["id"], data=[
            {"iotId": "x", "productKey": SUB_PK, "deviceName": name, "deviceSecret": SUB_SECRET}])
        payload = device.sent(device.sys("thing/topo/add"))[0].payload.decode()
        add = json.loads(payload)
        item = add["params"][0]
        self.assertEqual(list(item), ["productKey", "deviceName", "signmethod", "sign", "timestamp", "clientId"])
        self.assertEqual(item["sign"], self.sign(SUB_SECRET, f"{SUB_PK}.{name}", name, item["timestamp"]))
        self.assertEqual((item["signmethod"], item["clientId"]), ("hmacSha1", f"{SUB_PK}.{name}"))
        device.reply(device.sys("thing/topo/add_reply"), add["id"], data=[])
        self.assertEqual(device.driver.receive("lk-connect").ret, 0)

    def test_login_and_logout(self):
        """ITM_MSG_LOGIN, ITM_MSG_LOGOUT: signed, subscribed, activated, ITE_INITIALIZE_COMPLETED(devid)"""
        device, name = self.start(), unique_name()
        devid = self.attach(device, name)
        self.assertEqual(device.report(LOGOUT, devid=devid), -1, "it is not on line")
        before = len(device.subscriptions())
        topic = device.ext("session", "/combine/login")
        request, ret = self.answered(device, ("lk-report", devid, LOGIN, None), topic, {})
        self.assertEqual((ret, request["method"]), (0, "combine.login"))
        params = request["params"]
        self.assertEqual(list(params), ["productKey", "deviceName", "clientId", "timestamp", "signMethod", "sign",
                                        "cleanSession"])
        client_id = f"{SUB_PK}.{name}|_v=sdk-c-3.0.1|"
        self.assertEqual((params["clientId"], params["cleanSession"]), (client_id, "true"))
        self.assertEqual(params["sign"], self.sign(SUB_SECRET, client_id, name, params["timestamp"]))
        wanted = [self.sub_sys(name, "thing/event/+/post_reply")] + [
            f.replace(f"/{device.pk}/{device.dn}", f"/{SUB_PK}/{name}") for f in common(device)]
        self.assertEqual([f for f, _ in device.subscriptions()[before:]], wanted)
        record = json.loads(device.sent(self.sub_sys(name, "thing/deviceinfo/update"))[0].payload)["params"][0]
        self.assertEqual((record["attrKey"], len(record["attrValue"])), ("SYS_ALIOS_ACTIVATION", 80))
        self.assertEqual(device.collect()[-1], f"initialize_completed|{devid}")
        request, ret = self.answered(device, ("lk-report", devid, LOGOUT, None),
                                     device.ext("session", "/combine/logout"), {})
        self.assertEqual((ret, request["params"]), (0, {"productKey": SUB_PK, "deviceName": name}))

    def test_leaving(self):
        """ITM_MSG_DELETE_TOPO"""
        device, name = self.start(), unique_name()
        devid = self.attach(device, name)
        request, ret = self.answered(device, ("lk-report", devid, DELETE_TOPO, None), device.sys("thing/topo/delete"), [])
        self.assertEqual((ret, request["method"], request["params"]),
                         (0, "thing.topo.delete", [{"productKey": SUB_PK, "deviceName": name}]))

    def test_refusals_end_the_wait(self):
        """An error answer, with or without data, is -1 at once; none at all is -1 after ten seconds."""
        device, name = self.start(), unique_name()
        devid = self.open_sub(device, name)
        _, ret = self.answered(device, ("lk-connect", devid), device.sys("thing/sub/register"), {}, code=6288)
        self.assertEqual(ret, -1)
        devid = self.attach(device, unique_name())
        _, ret = self.answered(device, ("lk-report", devid, LOGIN, None), device.ext("session", "/combine/login"),
                               code=6401)
        self.assertEqual(ret, -1)
        reply = device.call("lk-report", devid, LOGIN, None, timeout=40)
        self.assertEqual(reply.ret, -1)
        self.assertGreater(reply.ms, 9900)

    def test_topology_query(self):
        """ITM_MSG_QUERY_TOPOLIST, ITE_TOPOLIST_REPLY"""
        device = self.start()
        msgid = device.query(QUERY_TOPOLIST)
        payload, qos = device.last(device.sys("thing/topo/get"))
        self.assertEqual((payload, qos), (f'{{"id":"{msgid}","version":"1.0","params":{{}},"method":"thing.topo.get"}}', 0))
        device.reply(device.sys("thing/topo/get_reply"), msgid, data=[{"deviceName": "d"}])
        self.assertEqual(device.event("topolist"), ["0", str(msgid), "200", "1", '[{"deviceName":"d"}]'])

    def test_permit_join(self):
        """ITE_PERMIT_JOIN, with and without a product; answered"""
        device = self.start()
        topic = device.sys("thing/gateway/permit")
        device.ask(topic, {"productKey": SUB_PK, "time": 60}, "thing.gateway.permit", "5")
        self.assertEqual(device.event("permit_join"), [SUB_PK, "60"])
        self.assertEqual(device.last(topic + "_reply"), ('{"id":"5","code":200,"data":{}}', 0))
        device.ask(topic, {"time": 0}, "thing.gateway.permit", "6")
        self.assertEqual(device.event("permit_join", 2), ["", "0"])

    def test_assigned_sub_devices(self):
        """thing/topo/add/notify opens them here; a list with an unusable item is answered with 400."""
        device, name = self.start(), unique_name()
        topic = device.sys("thing/topo/add/notify")
        device.ask(topic, [{"productKey": SUB_PK, "deviceName": name}], "thing.topo.add.notify", "5")
        device.quiet()
        self.assertEqual(device.last(topic + "_reply")[0], '{"id":"5","code":200,"data":{}}')
        self.assertEqual(device.call("lk-devid", SUB_PK, name).ret, 1)
        device.ask(topic, [{"productKey": SUB_PK}], "thing.topo.add.notify", "6")
        device.quiet()
        self.assertEqual(device.last(topic + "_reply", 2)[0], '{"id":"6","code":400,"data":{}}')

    def test_disable_enable_delete_are_answered(self):
        device = self.start()
        for what in ("disable", "enable", "delete"):
            device.ask(device.sys(f"thing/{what}"), {}, f"thing.{what}", "9")
            device.quiet()
            self.assertEqual(device.last(device.sys(f"thing/{what}_reply"))[0], '{"id":"9","code":200,"data":{}}')

    def test_messages_of_a_sub_device(self):
        """They carry its own topics and its id, in both directions."""
        device, name = self.start(), unique_name()
        devid = self.on_line(device, name)
        msgid = device.report(POST_PROPERTY, '{"a":1}', devid=devid)
        self.assertGreater(msgid, 0)
        device.sent(self.sub_sys(name, "thing/event/property/post"))
        device.reply(self.sub_sys(name, "thing/event/property/post_reply"), msgid)
        self.assertEqual(device.event("report_reply")[:3], [str(devid), str(msgid), "200"])
        device.ask(self.sub_sys(name, "thing/service/property/set"), {"b": 2}, "thing.service.property.set", "4")
        self.assertEqual(device.event("property_set"), [str(devid), "1", '{"b":2}'])
        device.sent(self.sub_sys(name, "thing/service/property/set_reply"))

    def test_lost_session(self):
        """Code 520 on /ext/error: the gateway logs the sub-device in again."""
        device, name = self.start(), unique_name()
        self.on_line(device, name)
        device.reply(device.ext("error"), "1", 520, {"productKey": SUB_PK, "deviceName": name}, "no session")
        device.quiet()
        request = json.loads(device.sent(device.ext("session", "/combine/login"), 2)[1].payload)
        self.assertEqual(request["params"]["deviceName"], name)

    def test_close_of_a_sub_device(self):
        """Logged out and unsubscribed, without waiting."""
        device, name = self.start(), unique_name()
        devid = self.on_line(device, name)
        self.assertLess(device.call("lk-close", devid).ms, 1000)
        request = json.loads(device.sent(device.ext("session", "/combine/logout"))[0].payload)
        self.assertEqual(request["params"], {"productKey": SUB_PK, "deviceName": name})
        wanted = {self.sub_sys(name, "thing/service/property/set"), self.sub_sys(name, "rrpc/request/+")}
        wait_until(lambda: wanted <= {f for p in device.proxy.list("UNSUBSCRIBE") for f in p.filters}, 10, "UNSUBSCRIBE")
        self.assertEqual(device.report(POST_PROPERTY, "{}", devid=devid), -1)

    def test_late_gateway(self):
        """Without callbacks of a gateway its topics are subscribed when the first sub-device connects."""
        device = ModelDevice(self).start()
        self.assertNotIn(device.sys("thing/topo/add_reply"), [f for f, _ in device.subscriptions()])
        self.attach(device, unique_name())
        self.assertEqual([f for f, _ in device.subscriptions()[-len(gateway(device)):]], gateway(device))

    def test_update_of_sub_devices(self):
        """ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION, IOTX_IOCTL_SET_OTA_DEV_ID, ITE_FOTA, QUERY_FOTA_DATA with device 0"""
        device = self.start()
        names = [unique_name() for _ in range(2)]
        ids = [self.on_line(device, name) for name in names]
        image = self.origin.image
        self.assertEqual(device.call("iot-ioctl", SET_OTA_DEV_ID, "int", 99).ret, -1)
        device.call("lk-on-fota", 4096)
        for devid, name in zip(ids, names):
            self.assertEqual(device.report(REPORT_SUBDEV_FIRMWARE_VERSION, "1.0.0", devid=devid), 0)
            payload = device.sent(f"/ota/device/inform/{SUB_PK}/{name}")[0]
            self.assertRegex(payload.payload.decode(), r'^\{"id":"\d+","params":\{"version":"1\.0\.0"\}\}$')
            self.assertEqual(payload.qos, 0)
            self.assertEqual(device.call("iot-ioctl", SET_OTA_DEV_ID, "int", devid).ret, 0)
        for bad in (None, "", "v" * 33):
            self.assertEqual(device.report(REPORT_SUBDEV_FIRMWARE_VERSION, bad, devid=ids[0]), -1)
        # The first one is still served, although the second was selected after it.
        for n, name in enumerate(names, 1):
            device.keep()
            device.push(offer(image.size, "2.0.0", self.origin.url(image.name), image.md5), upgrade_topic(SUB_PK, name))
            self.assertEqual(device.event("queried", n, timeout=60), ["0"])
            self.assertEqual(hashlib.md5(device.content()).hexdigest(), image.md5)
            progress = [json.loads(p.payload)["params"]["step"] for p in
                        device.sent(f"/ota/device/progress/{SUB_PK}/{name}", 2)]
            self.assertEqual((progress[0], progress[-1]), ("0", "100"))
        self.assertEqual(device.proxy.list("PUBLISH", topic=device.topic("progress")), [])
        self.assertEqual(device.query(QUERY_FOTA_DATA, "xxxx", devid=ids[0]), -1)
