# SPDX-License-Identifier: MIT OR Apache-2.0
"""The device model for programs of the V3.10 generation: the whole table once more, compiled against that generation's headers,
and what the generation has besides."""

import json
import socket

import test_model_inside
import test_model_table
from lib.bench import PK, SECRET, Bench, unique_name
from lib.cloud import Cloud
from lib.model import POST_PROPERTY, PRODUCT_SECRET, ModelDevice
from lib.proc import free_port

POST_HISTORY_DATA = 16
EVERYTHING, USER_INPUT, MQTT_COMM, DEV_MODEL = 21, 22, 24, 30
SHANGHAI = 0


class Table(test_model_table.Master):
    PROGRAM = "driver_v310"
    BEYOND = (-1, 17, 99)


class Inside(test_model_inside.Calls):
    PROGRAM = "driver_v310"


class Additions(Bench):
    def device(self, **options):
        return ModelDevice(self, program="driver_v310", **options)

    def start(self, *callbacks):
        device = self.device()
        device.call("lk310-register", *callbacks)
        return device.start()

    def test_service_to_be_answered_later(self):
        """ITE_SERVICE_REQUEST_EXT(device, name, length, message id, length, parameters, length, context), answered in any
        order with IOT_Linkkit_AnswerService, each once; ITE_SERVICE_REQUEST is not called besides."""
        device = self.start("service_ext")
        device.call("lk-respond", 0, '{"other":1}')
        topic = device.sys("thing/service/Reboot")
        device.ask(topic, {"in": 1}, "thing.service.Reboot", "71")
        self.assertEqual(device.event("service_ext"), ["0", "Reboot", "71", "1", '{"in":1}'])
        device.ask(device.sys("rrpc/request/99"), {"x": 2}, "thing.service.Sum", "72")
        self.assertEqual(device.event("service_ext", 2), ["0", "Sum", "72", "1", '{"x":2}'])
        self.assertEqual(device.call("lk310-answer", 1, '{"r":1}').ret, 0)
        self.assertEqual(device.last(device.sys("rrpc/response/99")), ('{"id":"72","code":200,"data":{"r":1}}', 0))
        self.assertEqual(device.proxy.list("PUBLISH", topic=topic + "_reply"), [])
        self.assertEqual(device.call("lk310-answer", 0, '{"r":0}').ret, 0)
        self.assertEqual(device.last(topic + "_reply"), ('{"id":"71","code":200,"data":{"r":0}}', 0))
        for n in (0, 1, -1):
            self.assertEqual(device.call("lk310-answer", n, "{}").ret, -1, "answered, or never asked")
        self.assertNotIn("service", device.names())

    def test_service_answered_inside_the_callback(self):
        device = self.start("service_ext")
        device.call("lk310-answer-inside", '{"r":5}')
        topic = device.sys("thing/service/Reboot")
        device.ask(topic, {}, "thing.service.Reboot", "1")
        self.assertEqual(device.event("answered"), ["0"])
        self.assertEqual(device.last(topic + "_reply"), ('{"id":"1","code":200,"data":{"r":5}}', 0))

    def test_answers_that_are_none(self):
        """Not JSON, or nothing: -1."""
        device = self.start("service_ext")
        for n, response in enumerate((None, "", "nonsense")):
            device.ask(device.sys("thing/service/S"), {}, "thing.service.S", str(n))
            device.event("service_ext", n + 1)
            self.assertEqual(device.call("lk310-answer", n, response).ret, -1, response)
        device.quiet()
        self.assertEqual(device.proxy.list("PUBLISH", topic=device.sys("thing/service/S_reply")), [])

    def test_context_of_a_master_that_was_closed(self):
        device = self.start("service_ext")
        device.ask(device.sys("thing/service/S"), {}, "thing.service.S")
        device.event("service_ext")
        device.call("lk-close", 0)
        self.assertEqual(device.call("lk310-answer", 0, "{}").ret, -1)

    def test_cloud_error(self):
        """ITE_CLOUD_ERROR(code, data, the whole message) for what comes on /ext/error"""
        device = self.start("cloud_error")
        data = {"productKey": PK, "deviceName": "sub"}
        device.reply(device.ext("error"), 1, 520, data, "no session")
        code, told, detail = device.event("cloud_error")
        self.assertEqual((code, json.loads(told)), ("520", data))
        self.assertEqual((json.loads(detail)["code"], json.loads(detail)["message"]), (520, "no session"))
        device.reply(device.ext("error"), 1, 200, data)
        device.quiet()
        self.assertEqual(device.names().count("cloud_error"), 1, "200 is no error")

    def test_history(self):
        """ITM_MSG_POST_HISTORY_DATA"""
        device = self.start("cloud_error")
        history = '[{"identity":{},"properties":[{"P":{"value":1,"time":2}}]}]'
        msgid = device.report(POST_HISTORY_DATA, history)
        payload, qos = device.last(device.sys("thing/event/property/history/post"))
        self.assertEqual(payload, f'{{"id":"{msgid}","version":"1.0","params":{history},'
                                  '"method":"thing.event.property.history.post"}')
        self.assertEqual(qos, 0)
        for bad in (None, "", "{"):
            self.assertEqual(device.report(POST_HISTORY_DATA, bad), -1)
        self.assertEqual(device.report(POST_HISTORY_DATA, history, devid=9), -1)

    def test_yield_says_whether_it_could(self):
        device = self.device()
        self.assertEqual(device.call("lk310-yield", 10).ret, -1)
        device.start()
        self.assertEqual([device.call("lk310-yield", ms).ret for ms in (10, 0, -1)], [0, -1, -1])

    def test_states_of_a_connection(self):
        """ITE_STATE_MQTT_COMM and ITE_STATE_EVERYTHING: 0 when connected, the broker's refusal, no broker."""
        device = self.start("everything", "mqtt")
        told = [e for e in device.collect() if "mqtt connected in" in e]
        self.assertEqual([e.rsplit("|", 1)[0] for e in told], ["mqtt|0", "everything|0"])
        cloud = Cloud()
        self.addCleanup(cloud.close)
        # STATE_MQTT_CONNACK_BAD_USERDATA, as the cloud's refusal says; STATE_MQTT_CONN_RETRY_EXCEED_MAX.
        for port, code in ((cloud.mqtt_port, -0x305), (free_port(), -0x31B)):
            device = self.device(env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{port}"})
            device.call("lk310-register", "everything")
            device.open()
            self.assertEqual(device.call("lk-connect", 0).ret, -1)
            told = [e.split("|")[1] for e in device.collect() if e.startswith("everything")]
            self.assertEqual(told, [str(code)])

    def test_states_of_a_firmware(self):
        """iotx_state_event: to the event's own handler, and to that of everything where that is another."""
        device = self.device()
        self.assertEqual(device.call("lk310-state", MQTT_COMM, -1, "x").ret, -1, "nobody listens")
        device.call("lk310-register", "everything")
        for event in (EVERYTHING, USER_INPUT, MQTT_COMM, DEV_MODEL):
            self.assertEqual(device.call("lk310-state", event, -257, "value", 7).ret, 0)
        self.assertEqual(device.collect(), ["everything|-257|value 7"] * 4)
        device.events.clear()
        device.call("lk310-register", "mqtt")
        self.assertEqual(device.call("lk310-state", MQTT_COMM, -769, None).ret, 0)
        self.assertEqual(device.collect(), ["mqtt|-769|", "everything|-769|"])
        device.events.clear()
        device.call("lk310-register", "!mqtt")
        self.assertEqual(device.call("lk310-state", MQTT_COMM, -769, "x").ret, -1, "taken back")
        self.assertEqual(device.call("lk310-state", USER_INPUT, 1, "y" * 100, 1).ret, 0)
        self.assertEqual(device.collect(), ["everything|1|" + "y" * 64])
        self.assertEqual([device.call("lk310-state", n, 1, "x").ret for n in (0, 20, 31, -1)], [-1] * 4)

    def test_callbacks_may_be_asked_for(self):
        device = self.device()
        own = {"service_ext": 6, "cloud_error": 18, "device_secret": 19, "identity": 20, "ota": 28, "dev_model": 30}
        self.assertEqual([device.call("lk-callback", n).set for n in own.values()], [0] * len(own))
        device.call("lk310-register", *own)
        self.assertEqual([device.call("lk-callback", n).set for n in own.values()], [1] * len(own))
        device.call("lk310-register", *(f"!{name}" for name in own))
        self.assertEqual([device.call("lk-callback", n).set for n in (*own.values(), -1, 31)], [0] * len(own) + [0, 0])

    def test_port(self):
        """IOTX_IOCTL_SET_MQTT_PORT, with a host of one's own: no redirection of the lab is needed to get there."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(20)
        device = self.device(env={"OTAKIT_LAB_ALIYUN_MQTT": ""})
        self.assertEqual(device.call("lk310-domain", "127.0.0.1").ret, 0)
        self.assertEqual(device.call("lk310-port", listener.getsockname()[1]).ret, 0)
        device.open()
        device.driver.send("lk-connect", 0)
        listener.accept()[0].close()
        listener.close()
        self.assertEqual(device.driver.receive("lk-connect").ret, -1, "nobody answered there")

    def test_time_outs(self):
        """request_timeout_ms of 1000..10000 counts, any other is 5000: three attempts on a broker that is silent."""
        devices = [(self.device(), 999, 15), (self.device(), 1000, 3), (ModelDevice(self), 999, 3)]
        for device, given, _ in devices:
            device.proxy.frozen = True
            device.call("identity", device.pk, device.dn, SECRET)
            device.driver.send("construct", f"reqto={given}")
        for device, _, least in devices:
            reply = device.driver.receive("construct", 60)
            self.assertEqual(reply.handle, "null")
            self.assertGreater(reply.ms, least * 990)
            self.assertLess(reply.ms, least * 1000 + 11000)


class Registration(Bench):
    """ITE_DYNREG_DEVICE_SECRET, and the registration over MQTT."""

    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)

    def device(self, **more):
        env = {"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.cloud.mqtt_port}",
               "OTAKIT_LAB_ALIYUN_HTTP": f"127.0.0.1:{self.cloud.http_port}", "OTAKIT_KV_DIR": self.scratch, **more}
        return ModelDevice(self, name=unique_name(), program="driver_v310", env=env)

    def test_secret_is_told(self):
        """Over HTTP (1) and over MQTT (2), at the first connection."""
        for way in (1, 2):
            with self.subTest(way=way):
                device = self.device()
                self.cloud.run("device", "add", PK, device.dn, SECRET, "--ps", PRODUCT_SECRET)
                device.call("lk310-register", "device_secret")
                device.call("iot-ioctl", 4, "int", way)
                self.assertEqual(device.call("lk-open", 0, PK, PRODUCT_SECRET, device.dn, "").ret, 0)
                self.assertEqual(device.call("lk-connect", 0).ret, 0)
                self.assertEqual(device.event("device_secret"), [SECRET])
                self.assertGreater(device.report(POST_PROPERTY, "{}"), 0)

    def test_registration_by_hand(self):
        """A program built with MQTT_DYNAMIC_REGISTER: IOT_Dynamic_Register goes over MQTT, where HTTP leads nowhere."""
        device = self.device(OTAKIT_LAB_ALIYUN_HTTP="127.0.0.1:9")
        self.cloud.run("device", "add", PK, device.dn, SECRET, "--ps", PRODUCT_SECRET)
        reply = device.call("lk-dynreg", SHANGHAI, PK, PRODUCT_SECRET, device.dn)
        self.assertEqual((reply.ret, reply.secret), (0, SECRET))
        for product_secret, name in (("wrong", device.dn), (PRODUCT_SECRET, unique_name())):
            reply = device.call("lk-dynreg", SHANGHAI, PK, product_secret, name)
            self.assertEqual((reply.ret, reply.secret), (-1, ""))
            self.assertLess(reply.ms, 5000)
        self.assertEqual(device.call("lk-dynreg", 9, PK, PRODUCT_SECRET, device.dn).ret, -1)
