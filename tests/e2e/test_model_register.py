# SPDX-License-Identifier: MIT OR Apache-2.0
"""Dynamic registration: a device that has its product's secret only."""

import hashlib
import hmac
import re
import socket
import threading

from lib.bench import PK, SECRET, Bench, unique_name
from lib.cloud import Cloud
from lib.model import PRODUCT_SECRET, ModelDevice

SET_DYNAMIC_REGISTER = 4


class Listener:
    """An HTTP server for one request, which it keeps."""

    def __init__(self, answer):
        self.answer, self.request = answer, b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.socket.accept()
        client.settimeout(10)
        while True:
            self.request += client.recv(4096)
            head, found, body = self.request.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            if found and len(body) >= int(length.group(1)):
                break
        client.sendall(self.answer)
        client.close()


class Wire(Bench):
    def test_form(self):
        """POST with the reference's path, header fields and keys in its order; the signature is that of the random text."""
        body = f'{{"code":200,"data":{{"productKey":"{PK}","deviceName":"d1","deviceSecret":"{SECRET}"}},"message":"success"}}'
        listener = Listener(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        self.addCleanup(listener.socket.close)
        device = ModelDevice(self, env={"OTAKIT_LAB_ALIYUN_HTTP": f"127.0.0.1:{listener.port}"})
        reply = device.call("lk-dynreg", 0, PK, PRODUCT_SECRET, "d1")
        self.assertEqual((reply.ret, reply.secret), (0, SECRET))
        listener.thread.join(10)
        head, _, form = listener.request.decode().partition("\r\n\r\n")
        self.assertEqual(head.split("\r\n"), [
            "POST /auth/register/device HTTP/1.1", "Host: 127.0.0.1",
            "Accept: text/xml,text/javascript,text/html,application/json",
            "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}", "Connection: close"])
        found = re.fullmatch(rf"productKey={PK}&deviceName=d1&random=([0-9a-f]{{16}})&sign=([0-9A-F]{{64}})"
                             "&signMethod=hmacsha256", form)
        text = f"deviceNamed1productKey{PK}random{found.group(1)}"
        self.assertEqual(found.group(2), hmac.new(PRODUCT_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper())

    def test_answers_that_are_none(self):
        """Another status, a redirection, another device, too little, too much, nothing: -1, and no secret."""
        good = f'{{"code":200,"data":{{"deviceName":"d1","deviceSecret":"{SECRET}"}}}}'
        other = good.replace("d1", "d2")
        for answer in (*(f"HTTP/1.1 {status} No\r\nLocation: /q\r\nContent-Length: {len(good)}\r\n\r\n{good}"
                         for status in (201, 302, 404, 500)),
                       f"HTTP/1.1 200 OK\r\nContent-Length: {len(other)}\r\n\r\n{other}",
                       f"HTTP/1.1 200 OK\r\nContent-Length: {len(good) + 1}\r\n\r\n{good}",
                       "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + " " * 9000, ""):
            with self.subTest(answer=answer[:40]):
                listener = Listener(answer.encode())
                self.addCleanup(listener.socket.close)
                device = ModelDevice(self, env={"OTAKIT_LAB_ALIYUN_HTTP": f"127.0.0.1:{listener.port}"})
                reply = device.call("lk-dynreg", 0, PK, PRODUCT_SECRET, "d1")
                self.assertEqual((reply.ret, reply.secret), (-1, ""))


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
