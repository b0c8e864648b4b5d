# SPDX-License-Identifier: MIT OR Apache-2.0
"""The device model packet for packet: what a cloud that knows the reference sees of a master device."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.model import POST_PROPERTY, ModelDevice, events
from lib.packets import FROM_BROKER
from lib.proc import free_port, wait_until
from test_golden_wire import DEVICE_INFO

COMMON = ("thing/service/property/set", "thing/service/+", "thing/deviceinfo/update_reply",
          "thing/deviceinfo/delete_reply", "thing/dynamicTsl/get_reply", "rrpc/request/+")
SHADOW = ("thing/property/desired/delete_reply", "thing/property/desired/get_reply", "thing/service/property/get")
GATEWAY = ("thing/topo/add/notify", "thing/gateway/permit", "thing/sub/register_reply", "thing/sub/unregister_reply",
           "thing/topo/add_reply", "thing/topo/delete_reply", "thing/topo/get_reply", "thing/list/found_reply")


def common(device, dn=None):
    dn = dn or device.dn
    return ([device.sys(rest, dn) for rest in COMMON]
            + [device.ext("ntp", "/response", dn), device.ext("error", "", dn),
               device.sys("thing/model/down_raw", dn), device.sys("thing/model/up_raw_reply", dn)])


def gateway(device):
    return ([device.sys(rest) for rest in GATEWAY]
            + [device.ext("session", "/combine/login_reply"), device.ext("session", "/combine/logout_reply")]
            + [device.sys(f"thing/{what}") for what in ("disable", "enable", "delete")])


class Solo(Bench):
    def model(self):
        return ModelDevice(self)

    def test_connect(self):
        """Signed as the basic API signs, keepalive 60 s on the wire, clean_session 0."""
        device = self.model().start()
        c = device.proxy.wait(name="CONNECT")[0].connect
        self.assertEqual((c["protocol"], c["level"], c["flags"], c["keepalive"]), ("MQTT", 4, 0xC0, 60))
        self.assertEqual(c["client_id"], f"{PK}.{device.dn}|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,"
                                         "signmethod=hmacsha256,lan=C,gw=0,ext=0|")

    def test_order_after_connack(self):
        """Four OTA subscriptions, device info, firmware version (QoS 1), then the model's topics one by one, QoS 0."""
        device = self.model().start()
        base = f"{PK}/{device.dn}"
        packets = [p for p in device.proxy.list() if p.name in ("SUBSCRIBE", "PUBLISH")]
        seen = [(p.packet_id, p.topic or p.filters[0]) for p in packets]
        self.assertEqual(seen[:6], [
            (1, (f"/ota/device/request/{base}", 1)), (2, (f"/ota/device/upgrade/{base}", 1)),
            (3, (f"/sys/{base}/thing/config/get_reply", 0)), (4, (f"/sys/{base}/thing/config/push", 0)),
            (5, f"/sys/{base}/thing/deviceinfo/update"), (6, f"/ota/device/inform/{base}")])
        self.assertEqual(packets[4].payload.decode(), DEVICE_INFO)
        self.assertEqual(packets[5].payload, b'{"id":"2","params":{"version":"driver-1.0.0"}}')
        self.assertEqual([p.qos for p in packets[4:6]], [1, 1])
        wanted = [device.sys("thing/event/+/post_reply"), *common(device)]
        self.assertEqual([s[1] for s in seen[6:]], [(f, 0) for f in wanted])
        acknowledged = device.proxy.list("SUBACK", FROM_BROKER)
        self.assertEqual(len(acknowledged), 4 + len(wanted), "each one is awaited")

    def test_without_event_replies(self):
        """Option 0, the default: the replies are not subscribed."""
        device = self.model().start(event_replies=0)
        self.assertEqual(device.subscriptions()[4:], [(f, 0) for f in common(device)])

    def test_shadow_and_gateway_topics(self):
        """Callbacks for desired properties and for a gateway add their topics, at the reference's places."""
        device = self.model().start("desired", "topolist")
        wanted = ([device.sys("thing/event/+/post_reply")] + [device.sys(rest) for rest in SHADOW]
                  + common(device) + gateway(device))
        self.assertEqual(device.subscriptions()[4:], [(f, 0) for f in wanted])

    def test_order_of_events(self):
        """Monitor, MQTT_CONNECT_SUCC and INITIALIZE_COMPLETED inside Connect; CONNECT_SUCC inside the next Yield."""
        device = self.model().start()
        device.collect()
        self.assertEqual(device.events, ["monitor|2000", "mqtt_connect_succ", "monitor|2002", "initialize_completed|0"])
        device.event("connect_succ")
        self.assertEqual(device.names()[:5], ["monitor", "mqtt_connect_succ", "monitor", "initialize_completed",
                                              "connect_succ"])

    def test_post_has_the_observed_bytes(self):
        """The first message of the application has the id 3; its JSON passes through as it is."""
        device = self.model().start()
        self.assertEqual(device.report(POST_PROPERTY, '{"Counter": 0}'), 3)
        payload, qos = device.last(device.sys("thing/event/property/post"))
        self.assertEqual(payload, '{"id":"3","version":"1.0","params":{"Counter": 0},'
                                  '"method":"thing.event.property.post"}')
        self.assertEqual(qos, 0)

    def test_close_says_disconnect_and_nothing_else(self):
        device = self.model().start()
        before = len(device.proxy.list())
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        wait_until(lambda: device.proxy.list("DISCONNECT"), what="DISCONNECT")
        self.assertEqual([p.name for p in device.proxy.list()[before:] if p.name != "PUBACK"], ["DISCONNECT"])

    def test_reconnection(self):
        """DISCONNECTED, then CONNECT_SUCC again; what was subscribed is subscribed again."""
        device = self.model().start()
        device.event("connect_succ")
        device.proxy.drop_all()
        device.event("disconnected", timeout=30)
        device.event("connect_succ", 2, timeout=30)
        device.reply(device.sys("thing/event/property/post_reply"), device.report(POST_PROPERTY, "{}"))
        device.event("report_reply")
        self.assertEqual(device.names().count("initialize_completed"), 1)
        self.assertEqual(device.names().count("mqtt_connect_succ"), 1)


class Lifecycle(Bench):
    def model(self):
        return ModelDevice(self)

    def open_with(self, device, kind=0, pk=PK, ps="", dn="d", ds=SECRET):
        return device.call("lk-open", kind, pk, ps, dn, ds).ret

    def test_states(self):
        """Each call in a state that does not allow it is -1 and changes nothing."""
        device = self.model()
        for call in (("lk-connect", 0), ("lk-connect", 1), ("lk-connect", -1), ("lk-close", 0), ("lk-close", 1)):
            self.assertEqual(device.call(*call).ret, -1, call)
        device.call("lk-yield", 10)
        self.assertEqual(device.report(POST_PROPERTY, "{}"), -1)
        self.assertEqual(self.open_with(device, 1), -1, "no sub-device without a master")
        device.open()
        self.assertEqual(self.open_with(device), -1, "one master")
        self.assertEqual(device.report(POST_PROPERTY, "{}"), -1)
        self.assertEqual(device.call("lk-connect", 1).ret, -1)
        self.assertEqual(device.call("lk-connect", 0).ret, 0)
        self.assertEqual(device.call("lk-connect", 0).ret, -1)
        self.assertEqual(device.call("lk-close", -1).ret, -1)
        self.assertEqual(device.call("lk-close", 7).ret, 0, "as in the reference")
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        self.assertEqual(device.call("lk-close", 0).ret, -1)

    def test_identities(self):
        device = self.model()
        self.assertEqual(device.call("lk-open-null", 0).ret, -1)
        for kind in (-1, 2, 99):
            self.assertEqual(self.open_with(device, kind), -1)
        for bad in ({"pk": ""}, {"pk": "p" * 21}, {"dn": "n" * 33}, {"dn": ""}, {"dn": "a/b"}, {"ds": "s" * 65},
                    {"ps": "s" * 65}):
            self.assertEqual(self.open_with(device, **bad), -1, bad)
        self.assertEqual(self.open_with(device, pk="p" * 20, dn="n" * 32, ds="s" * 64, ps="s" * 64), 0)

    def test_refused_connection(self):
        """-1, CONNECT_FAIL and the monitor's code; Connect may be called again."""
        device = ModelDevice(self, env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{free_port()}"})
        device.open()
        self.assertEqual(device.call("lk-connect", 0, timeout=90).ret, -1)
        self.assertEqual(device.collect(), ["monitor|2000", "monitor|2001", "connect_fail"])
        self.assertEqual(device.call("lk-connect", 0, timeout=90).ret, -1)

    def test_again_after_close(self):
        device = self.model().start()
        for _ in range(3):
            self.assertEqual(device.call("lk-close", 0).ret, 0)
            device.start()
            device.reply(device.sys("thing/event/property/post_reply"), device.report(POST_PROPERTY, "{}"))
            device.event("report_reply", device.names().count("report_reply") + 1)
        self.assertEqual(device.driver.quit(), 0)

    def test_heap_is_flat(self):
        """Opened and closed 1,000 times, connected 100 times: nothing stays behind."""
        # Blocks that malloc keeps per thread count as used: without them, what is used is what was not freed.
        env = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
        process = self.program("open_close", PK, unique_name(), SECRET, "1000", "100", env=env)
        self.assertEqual(process.wait(120), 0, process.tail())

    def test_nothing_is_left_to_be_subscribed(self):
        """What an application subscribes before there is a client comes with the next one, once; what the device model
        wanted to subscribe goes with its Close."""
        device = self.model().open()
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        self.assertEqual(device.call("subscribe", "null", "/mine/early", 1).ret, 0)
        device.connect()
        # IOT_MQTT_Construct does not wait for the acknowledgement.
        device.proxy.wait(1, name="SUBSCRIBE")
        self.assertEqual(device.subscriptions(), [("/mine/early", 1)], "nothing of the device model")
        self.assertEqual(device.call("destroy", device.m).ret, 0)
        device.start()
        seen = [f for f, _ in device.subscriptions()]
        self.assertEqual((seen.count("/mine/early"), seen[0]), (1, "/mine/early"), "not again with the next client")
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        self.assertEqual(device.call("subscribe", "null", "/mine/again", 0).ret, 0, "kept for the next client")
        device.start()
        again = device.subscriptions()[len(seen):]
        # With the CONNECT, behind those of the model's updates and before those that Connect waits for.
        self.assertEqual((again.count(("/mine/again", 0)), again.index(("/mine/again", 0))), (1, 4), again)

    def test_callbacks_may_be_asked_for(self):
        device = self.model()
        self.assertEqual([device.call("lk-callback", n).set for n in (-1, 0, 1, 14, 17)], [0, 0, 0, 0, 0])
        device.call("lk-register", "fota", "connect_succ")
        self.assertEqual([device.call("lk-callback", n).set for n in (1, 14, 15)], [1, 1, 0])
        device.call("lk-register", "!fota")
        self.assertEqual(device.call("lk-callback", 14).set, 0)

    def test_status_of_provisioning(self):
        """ITE_AWSS_STATUS"""
        device = self.model()
        self.assertEqual(device.call("lk-awss", 7).ret, -1, "nobody registered")
        device.call("lk-register", "awss_status")
        self.assertEqual(device.call("lk-awss", 7).ret, 0)
        self.assertEqual(device.collect(), ["awss_status|7"])

    def test_monitor_and_activation(self):
        device = self.model()
        self.assertEqual(device.call("lk-post", 0x3000).ret, -1)
        device.call("lk-register", "monitor")
        self.assertEqual(device.call("lk-post", 0x3000).ret, 0)
        self.assertEqual(device.collect(), ["monitor|3000"])
        self.assertNotEqual(device.call("lk-activation", 80).ret, 0)
        reply = device.call("lk-activation", 81)
        self.assertEqual((reply.ret, reply.text), (0, "03000100AB0001FF01020304050600020102030411111111112222222222"
                                                      "33333333334444444444"))

    def test_a_yield_inside_a_callback_returns_at_once(self):
        device = self.model().start()
        device.call("lk-on-set", 1, '{"a":1}')
        device.ask(device.sys("thing/service/property/set"), {"a": 1}, "thing.service.property.set")
        device.ask(device.sys("thing/service/property/set"), {"a": 2}, "thing.service.property.set")
        device.event("property_set", 2)
        self.assertEqual([e.rsplit("|", 1)[1] for e in events(device, "property_set")], ['{"a":1}', '{"a":2}'])
        device.sent(device.sys("thing/event/property/post"), 2)

