# SPDX-License-Identifier: MIT OR Apache-2.0
"""What goes over the wire, packet for packet: names, order, QoS and payload bytes that a cloud relies on."""

import hashlib
import hmac
import json

from lib.bench import PK, SECRET, Bench
from lib.packets import FROM_BROKER
from lib.proc import wait_until

# The identity of the transcript, and the password that belongs to it.
GOLDEN = ("a1RIsMLz2BJ", "example1", "RDXf67itLqZCwdMCRrw0N5FHbv5D7jrE")
GOLDEN_PASSWORD = "962B1892E19A9BB0F740F6F5AC0769674D52F4AE30D138572C00CA2E56D8EFB6"

DEVICE_INFO = ('{"id":"1","version":"1.0","params":['
               '{"attrKey":"SYS_LP_SDK_VERSION","attrValue":"3.0.1","domain":"SYSTEM"},'
               '{"attrKey":"SYS_SDK_LANGUAGE","attrValue":"C","domain":"SYSTEM"}],'
               '"method":"thing.deviceinfo.update"}')


class Connect(Bench):
    def connect_packet(self, device):
        return device.proxy.wait(name="CONNECT")[0].connect

    def test_connect_of_the_golden_identity(self):
        """MQTT 3.1.1, user and password, clean_session 0, no will; client id, user name and password as signed."""
        device = self.device()
        pk, dn, secret = GOLDEN
        device.call("identity", pk, dn, secret)
        device.m = device.call("construct").handle
        c = self.connect_packet(device)
        self.assertEqual((c["protocol"], c["level"], c["flags"]), ("MQTT", 4, 0xC0))
        self.assertEqual(c["client_id"], f"{pk}.{dn}|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,"
                                         "signmethod=hmacsha256,lan=C,gw=0,ext=0|")
        self.assertEqual((c["username"], c["password"]), (f"{dn}&{pk}", GOLDEN_PASSWORD))

    def test_password_is_the_hmac_of_the_identity(self):
        device = self.device().connect()
        text = f"clientId{PK}.{device.dn}deviceName{device.dn}productKey{PK}timestamp2524608000000"
        expected = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
        self.assertEqual(self.connect_packet(device)["password"], expected)

    def test_keepalive_on_the_wire_is_twice_the_interval(self):
        """60000 ms -> 120 s; 30000 -> 60; 1200000 -> 1200 (cap); out of range -> the default 60000."""
        for interval, seconds in ((60000, 120), (30000, 60), (1200000, 1200), (0, 120), (10, 120)):
            with self.subTest(interval=interval):
                device = self.device().connect(ka=interval)
                self.assertEqual(self.connect_packet(device)["keepalive"], seconds)
                device.call("destroy", device.m)

    def test_clean_session_is_passed_on(self):
        device = self.device().connect(clean=1)
        self.assertEqual(self.connect_packet(device)["flags"], 0xC2)

    def test_identity_of_the_hal_wins(self):
        """The strings of IOT_SetupConnInfo are only checked; who signs in is what the HAL says."""
        device = self.device()
        device.call("identity", PK, device.dn, SECRET)
        reply = device.call("setupconninfo", PK, "someone-else", SECRET)
        self.assertEqual((reply.ret, reply.info, reply.port, reply.client), (0, 1, 0, ""))
        device.m = device.call("construct").handle
        self.assertEqual(self.connect_packet(device)["username"], f"{device.dn}&{PK}")

    def test_explicit_fields_are_used(self):
        """Own host, port, client id, user name and password go on the wire as given."""
        device = self.device()
        device.call("identity", PK, device.dn, SECRET)
        device.m = device.call("construct", "host=127.0.0.1", f"port={device.proxy.port}", f"client=c-{device.dn}",
                               "user=some user", "pass=secret word").handle
        c = self.connect_packet(device)
        self.assertEqual((c["client_id"], c["username"], c["password"]),
                         (f"c-{device.dn}", "some user", "secret word"))

    def test_all_defaults(self):
        """IOT_MQTT_Construct(NULL) connects with signed defaults and a keepalive of 120 s."""
        device = self.device()
        device.call("identity", PK, device.dn, SECRET)
        reply = device.call("construct-null")
        self.assertNotEqual(reply.handle, "null")
        c = self.connect_packet(device)
        self.assertEqual((c["keepalive"], c["username"]), (120, f"{device.dn}&{PK}"))


class Order(Bench):
    ORIGIN = True

    def test_packets_after_connack(self):
        """Two QoS 1 publishes from Construct, four one-topic SUBSCRIBEs from Init, ids 1..6 in that order."""
        device = self.up()
        packets = [p for p in device.proxy.list() if p.name not in ("PINGREQ", "PUBACK")]
        base = f"{PK}/{device.dn}"
        self.assertEqual([(p.name, p.packet_id, p.topic or (p.filters[0] if p.filters else None)) for p in packets], [
            ("CONNECT", None, None),
            ("PUBLISH", 1, f"/sys/{base}/thing/deviceinfo/update"),
            ("PUBLISH", 2, f"/ota/device/inform/{base}"),
            ("SUBSCRIBE", 3, (f"/ota/device/request/{base}", 1)),
            ("SUBSCRIBE", 4, (f"/ota/device/upgrade/{base}", 1)),
            ("SUBSCRIBE", 5, (f"/sys/{base}/thing/config/get_reply", 0)),
            ("SUBSCRIBE", 6, (f"/sys/{base}/thing/config/push", 0)),
        ])
        self.assertEqual([len(p.filters) for p in packets[3:]], [1, 1, 1, 1])
        self.assertEqual([(p.qos, p.retain, p.dup) for p in packets[1:3]], [(1, False, False)] * 2)
        self.assertEqual(packets[1].payload.decode(), DEVICE_INFO)
        self.assertEqual(packets[2].payload.decode(), '{"id":"2","params":{"version":"driver-1.0.0"}}')

    def test_subscribes_do_not_wait_for_suback(self):
        """Init returns without a network round trip: it works while the broker says nothing."""
        device = self.device().connect()
        reply = device.call("init", PK, device.dn, device.m)
        self.assertNotEqual(reply.handle, "null")
        self.assertLess(reply.ms, 1000)

    def test_report_version(self):
        """QoS 1 on inform, `id` a number."""
        device = self.up()
        self.assertEqual(device.call("report-version", device.h, "1.0.0").ret, 0)
        packet = device.proxy.wait(2, name="PUBLISH", topic=device.topic("inform"))[1]
        self.assertEqual((packet.qos, packet.retain), (1, False))
        self.assertEqual(packet.payload, b'{"id":0,"params":{"version":"1.0.0"}}')

    def test_request_image(self):
        device = self.up()
        self.assertEqual(device.call("req-image", device.h, "1.0.0").ret, 0)
        packet = device.proxy.wait(name="PUBLISH", topic=device.topic("request"))[0]
        self.assertEqual((packet.qos, packet.payload), (1, b'{"id":0,"params":{"version":"1.0.0"}}'))

    def test_get_config(self):
        """QoS 0, with the blanks around the first colon that the reference sends."""
        device = self.up()
        self.assertEqual(device.call("get-config", device.h, "product", "file", "").ret, 0)
        packet = device.proxy.wait(name="PUBLISH", topic=device.topic("thing/config/get"))[0]
        self.assertEqual(packet.qos, 0)
        self.assertEqual(packet.payload, b'{"id" : 0,"version":"1.0","params":{"configScope":"product",'
                                         b'"getType":"file","attributeKeys":""},"method":"thing.config.get"}')

    def test_answer_to_a_request_starts_a_download(self):
        """The answer to a request for the image comes on the request topic and counts like a push."""
        device = self.up()
        image = self.origin.image
        device.push({"code": "1000", "data": {"size": image.size, "version": "2.0.0", "md5": image.md5,
                                              "url": self.origin.url(image.name)},
                     "id": 1, "message": "success"}, topic=device.topic("request"))
        self.assertEqual(device.fetching, 1)

    def test_push_is_acknowledged_and_not_answered(self):
        """PUBACK is all that an upgrade message gets; the state changes inside Yield."""
        device = self.up()
        before = len(device.proxy.list("PUBLISH"))
        device.offer()
        self.assertEqual(device.fetching, 1)
        self.assertEqual(len(device.proxy.list("PUBLISH")), before)


class Update(Bench):
    ORIGIN = True

    def test_progress_of_a_whole_update(self):
        """QoS 0; step 0 "Enter in downloading state" once, then what the program reports, byte for byte."""
        device = self.up()
        device.offer()
        self.assertEqual(device.fetch_all().bytes, 60000)
        device.call("progress", device.h, 100, None)
        device.call("progress", device.h, 100, "hello")
        self.assertEqual(device.verdict(), (0, 1))
        device.flush()
        packets = device.proxy.list("PUBLISH", topic=device.topic("progress"))
        self.assertEqual([(p.payload.decode(), p.qos, p.retain) for p in packets], [
            ('{"id":0,"params":{"step":"0","desc":"Enter in downloading state"}}', 0, False),
            ('{"id":0,"params":{"step":"100","desc":""}}', 0, False),
            ('{"id":0,"params":{"step":"100","desc":"hello"}}', 0, False),
        ])

    def test_wrong_digest_is_reported_once(self):
        """Step -3 with an empty text goes out at the first CHECK_FIRMWARE and never again."""
        device = self.up()
        device.offer(md5="0" * 32)
        device.fetch_all()
        self.assertEqual((device.verdict(), device.verdict()), ((0, 0), (0, 0)))
        self.assertEqual(device.steps(), ["0", "-3"])
        payloads = device.payloads("progress")
        self.assertEqual(payloads[1], {"id": 0, "params": {"step": "-3", "desc": ""}})

    def test_one_request_for_one_download(self):
        """13 calls, one GET, one connection, and neither gzip nor a Range asked for."""
        device = self.up()
        image = self.origin.add(device.dn, 60000)
        device.offer(image)
        reply = device.fetch_all()
        self.assertEqual((reply.calls, reply.bytes, reply.partial, reply.zeros), (13, 60000, 0, 0))
        wait_until(lambda: self.origin.requests(device.dn), what="the access log")
        self.assertEqual(self.origin.requests(device.dn), [("GET", 200, "-")])

    def test_deinit_unsubscribes(self):
        """Ours, not the reference's: Deinit takes the four subscriptions back."""
        device = self.up()
        self.assertEqual(device.call("deinit", device.h).ret, 0)
        packets = device.proxy.wait(4, name="UNSUBSCRIBE")
        self.assertEqual(sorted(f for p in packets for f in p.filters),
                         sorted(f[0] for p in device.proxy.list("SUBSCRIBE") for f in p.filters))

    def test_destroy_disconnects(self):
        device = self.up()
        reply = device.call("destroy", device.m)
        self.assertEqual((reply.ret, reply.cleared), (0, 1))
        wait_until(lambda: device.proxy.list("DISCONNECT"), what="DISCONNECT")
        self.assertEqual(device.proxy.list()[-1].name, "DISCONNECT")

    def test_bad_config_push_gets_valid_json(self):
        """Ours, not the reference's: the error answer is a JSON object with the message's id."""
        device = self.up()
        topic = device.topic("thing/config/push")
        device.push('{"id":"77","version":"1.0","params":{"configId":"c"},"method":"thing.config.push"}', topic, qos=0)
        packet = device.proxy.wait(name="PUBLISH", topic=device.topic("thing/config/push_reply"))[0]
        answer = json.loads(packet.payload)
        self.assertEqual((str(answer["id"]), answer["code"], answer["data"]), ("77", "400", {}))

    def test_nothing_unknown_is_sent(self):
        """A whole update with every report adds no packet type and no topic beyond the known ones."""
        device = self.up()
        device.call("report-version", device.h, "1.0.0")
        device.offer()
        device.fetch_all()
        device.verdict()
        device.call("deinit", device.h)
        device.call("destroy", device.m)
        wait_until(lambda: device.proxy.list("DISCONNECT"), what="DISCONNECT")
        self.assertLessEqual({p.name for p in device.proxy.list()},
                             {"CONNECT", "PUBLISH", "PUBACK", "SUBSCRIBE", "UNSUBSCRIBE", "DISCONNECT", "PINGREQ"})
        self.assertLessEqual({p.topic for p in device.proxy.list("PUBLISH")},
                             {device.topic("inform"), device.topic("progress"),
                              device.topic("thing/deviceinfo/update")})
        self.assertEqual([p.code for p in device.proxy.list("CONNACK", FROM_BROKER)], [0])


class Signing(Bench):
    """IOT_Sign_MQTT against the known vector."""

    VECTOR = ("a1TestProdK", "dev001", "0123456789abcdef0123456789abcdef")
    REGIONS = ("cn-shanghai", "ap-southeast-1", "ap-northeast-1", "us-west-1", "eu-central-1")

    def test_vector(self):
        reply = self.device().call("sign", 0, *self.VECTOR)
        self.assertEqual((reply.ret, reply["pass"]),
                         (0, "94F4B8190D6271EF09A866E4BD9B03AB768B2C69E4A14621FE803672DD8B1AEF"))
        self.assertEqual(reply.user, "dev001&a1TestProdK")
        self.assertRegex(reply.client, r"^a1TestProdK\.dev001\|timestamp=2524608000000,_v=sdk-c-3\.0\.1,securemode=[23],"
                                       r"signmethod=hmacsha256,lan=C,gw=0,ext=0\|$")
        self.assertEqual(reply.port, 443 if "securemode=2" in reply.client else 1883)

    def test_regions(self):
        device = self.device()
        for number, region in enumerate(self.REGIONS):
            reply = device.call("sign", number, *self.VECTOR)
            self.assertEqual(reply.host, f"a1TestProdK.iot-as-mqtt.{region}.aliyuncs.com")

    def test_errors(self):
        """-1 for a region out of range and for no identity, -1105 for a custom region without a domain."""
        device = self.device()
        self.assertEqual(device.call("sign", 6, *self.VECTOR).ret, -1)
        self.assertEqual(device.call("sign", -1, *self.VECTOR).ret, -1)
        self.assertEqual(device.call("sign", 5, *self.VECTOR).ret, -1105)
        self.assertEqual(device.call("iot-ioctl", 2, "str", "broker.example").ret, 0)
        reply = device.call("sign", 5, *self.VECTOR)
        self.assertEqual((reply.ret, reply.host), (0, "broker.example"))
