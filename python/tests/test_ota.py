# SPDX-License-Identifier: MIT OR Apache-2.0
"""`ota` and `aliyunIoT` against a local cloud.  OTAKIT_LIBRARY names the library (a lab build), OTAKIT_CLOUD the cloud."""

import hashlib
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(HERE), "src")
sys.path[:0] = [SOURCES, HERE]
CLOUD = os.environ["OTAKIT_CLOUD"]

import ota  # noqa: E402
from aliyunIoT import Device  # noqa: E402

IMAGE = bytes((at * 37 + (at >> 8)) & 255 for at in range(100_003))
PRODUCT, NAME, SECRET = "a1PyProdukt", "dev1", "0123456789abcdef"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Cloud:
    def __init__(self, folder):
        self.data, self.mqtt, ready = os.path.join(folder, "data"), free_port(), os.path.join(folder, "ready")
        listen = ["--mqtt", "127.0.0.1:%d" % self.mqtt, "--http", "127.0.0.1:%d" % free_port()]
        self.log = open(os.path.join(folder, "log"), "w")
        self.process = subprocess.Popen(
            [CLOUD, "serve", "--data", self.data, *listen, "--ready-file", ready],
            stdout=self.log, stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + 20
        while not os.path.exists(ready):
            assert self.process.poll() is None and time.monotonic() < end, "the cloud did not start"
            time.sleep(0.05)
        self.run("device", "add", PRODUCT, NAME, SECRET)

    def run(self, *arguments):
        command = [CLOUD, *arguments, "--data", self.data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add(self, file, version, *more):
        self.run("firmware", "add", file, "--product", PRODUCT, "--version", version, "--auto", *more)

    def device(self):
        return json.loads(self.run("status", PRODUCT, NAME, "--json"))["devices"][0]

    def wait(self, done):
        end = time.monotonic() + 20
        while not done(self.device()):
            assert time.monotonic() < end, self.device()
            time.sleep(0.1)
        return self.device()

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.cloud = Cloud(cls.folder)
        os.environ["OTAKIT_LAB_ALIYUN_MQTT"] = "127.0.0.1:%d" % cls.cloud.mqtt

    @classmethod
    def tearDownClass(cls):
        cls.cloud.close()
        cls.temporary.cleanup()

    def file(self, name, content=IMAGE):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


class Script(Base):
    def test_as_printed(self):
        self.cloud.add(self.file("app.py"), "1.10.0", "--module", "app", "--sign", "sha256")
        stored = os.path.join(self.folder, "stored.bin")
        with open(os.path.join(HERE, "scripts", "haas_ota.py"), encoding="utf-8") as file:
            text = file.read()
        fill = {
            "<productKey>": PRODUCT,
            "<deviceName>": NAME,
            "<deviceName >": NAME,
            "<deviceSecret>": SECRET,
            "<your_store_path>": stored,
            "<your_module_name>": "app",
            "<your_module_version>": "1.9.0",
        }
        for old, new in fill.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        text += "\nfor _ in range(300):\n  utime.sleep_ms(100)\n"
        environment = dict(os.environ, PYTHONPATH=SOURCES, PYTHONUNBUFFERED="1")
        command = [sys.executable, "-c", text]
        script = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        lines = []
        for line in script.stdout:
            lines.append(line.strip())
            if line.startswith("Ota verify succeed"):
                break
        script.terminate()
        script.communicate(timeout=20)
        self.assertEqual(lines[-3:], ["Ota download succeed", "0", "Ota verify succeed"], lines)
        with open(stored, "rb") as file:
            self.assertEqual(file.read(), IMAGE)
        update = self.cloud.device()["updates"][-1]
        self.assertEqual((update["module"], update["from"], update["to"]), ("app", "1.9.0", "1.10.0"))


class Functions(Base):
    def setUp(self):
        self.events = queue.Queue()
        for id in range(1, 6):
            self.assertEqual(ota.on(id, lambda data, id=id: self.events.put((id, data))), 0)

    def event(self, id):
        while True:
            got = self.events.get(timeout=20)
            if got[0] == id:
                return got[1]

    def connect(self, secret=SECRET):
        device, linked = Device(), queue.Queue()
        for event in (Device.ON_CONNECT, Device.ON_ERROR, Device.ON_CLOSE, Device.ON_SUBCRIBE):
            device.on(event, lambda data, event=event: linked.put((event, data)))
        info = {"region": "cn-shanghai", "productKey": PRODUCT, "deviceName": NAME, "deviceSecret": secret}
        self.assertEqual(device.connect(dict(info, keepaliveSec=60)), 0)
        return device, linked

    def test_device(self):
        device, linked = self.connect()
        self.assertEqual(linked.get(timeout=20), (Device.ON_CONNECT, {"code": 0}))
        self.assertGreater(device.getDeviceHandle(), 0)
        topic = "/%s/%s/user/echo" % (PRODUCT, NAME)
        self.assertEqual(device.subscribe({"topic": topic, "qos": 1}), 0)
        time.sleep(0.3)
        self.assertEqual(device.publish({"topic": topic, "payload": "hé", "qos": 1}), 0)
        self.assertEqual(linked.get(timeout=20), (Device.ON_SUBCRIBE, {"topic": topic, "payload": "hé"}))
        self.assertEqual(device.postProps({"params": json.dumps({"a": 1})}), 0)
        self.assertEqual(device.unsubscribe({"topic": topic}), 0)
        handle = device.getDeviceHandle()
        self.assertEqual(device.end(), 0)
        self.assertEqual(linked.get(timeout=20)[0], Device.ON_CLOSE)
        self.assertEqual(device.getDeviceHandle(), 0)
        self.assertEqual(ota.init({"device_handle": handle}), -1)

    def test_wrong_secret(self):
        device, linked = self.connect("wrong")
        self.assertEqual(linked.get(timeout=30)[0], Device.ON_ERROR)
        self.assertEqual(device.getDeviceHandle(), 0)
        self.assertEqual(device.publish({"topic": "t", "payload": ""}), -1)

    def test_modules(self):
        self.cloud.add(self.file("one.bin"), "2.0.0", "--module", "one")
        self.cloud.add(self.file("two.bin", IMAGE[:77]), "3.0.0", "--module", "two", "--sign", "sha256", "--omit-md5")
        self.cloud.add(self.file("system.bin", IMAGE[:5000]), "1.10.0")
        device, linked = self.connect()
        linked.get(timeout=20)
        handle = device.getDeviceHandle()
        ota.system_path = os.path.join(self.folder, "system.image")
        self.assertEqual(ota.init({"device_handle": handle}), 0)
        report = {"device_handle": handle, "product_key": PRODUCT, "device_name": NAME}
        self.assertEqual(ota.report(dict(report, module_name="one", version="1.0.0")), 0)
        one = self.event(1)
        self.assertEqual(set(one), {"length", "module_name", "version", "url", "hash", "hash_type"})
        self.assertEqual((one["module_name"], one["length"], one["hash_type"]), ("one", len(IMAGE), "md5"))
        self.assertEqual(one["hash"], hashlib.md5(IMAGE).hexdigest().upper())
        self.assertEqual(ota.report(dict(report, module_name="two", version="1.0.0")), 0)
        two = self.event(1)
        self.assertEqual((two["module_name"], two["version"], two["hash_type"]), ("two", "3.0.0", "sha256"))
        self.assertEqual(ota.progress(handle, "two", 50), 0)
        self.assertEqual(ota.progress(handle, "two", 101), -1)

        def steps(device):
            return [u["steps"] for u in device["updates"] if u.get("module") == "two" and len(u["steps"]) > 1]

        self.assertEqual([s["step"] for s in steps(self.cloud.wait(steps))[0]], [1, 50])
        self.assertEqual(ota.report(dict(report, module_name="two", version="3.0.0")), 0)
        ended = self.cloud.wait(lambda d: [u for u in d["updates"] if u["state"] == "succeeded"])
        done = [(u["module"], u["to"]) for u in ended["updates"] if u["state"] == "succeeded"]
        self.assertEqual(done, [("two", "3.0.0")])
        self.assertEqual(ota.report(dict(report, module_name="default", version="1.9.0")), 0)
        system = self.event(5)
        self.assertEqual((system["result"], system["module_name"], system["version"]), (0, "default", "1.10.0"))
        with open(ota.system_path, "rb") as file:
            self.assertEqual(file.read(), IMAGE[:5000])
        device.end()

    def verify(self, path, length, hash_type, hash):
        self.assertEqual(
            ota.verify({"store_path": path, "length": length, "hash_type": hash_type, "hash": hash}), 0
        )
        return self.event(3)

    def test_verify(self):
        path = self.file("verified")
        md5, sha = hashlib.md5(IMAGE).hexdigest(), hashlib.sha256(IMAGE).hexdigest()
        size = len(IMAGE)
        self.assertEqual(self.verify(path, size, "md5", md5), 0)
        self.assertEqual(self.verify(path, str(size), "sha256", sha.upper()), 0)
        self.assertEqual(self.verify(path, size, "md5", "0" * 32), -10)
        self.assertEqual(self.verify(path, size, "sha256", "0" * 64), -11)
        self.assertEqual(self.verify(path, size - 1, "sha256", sha), -13)
        self.assertEqual(self.verify(path + "x", size, "sha256", sha), -17)
        bad = {"store_path": path, "length": size, "hash_type": "null", "hash": ""}
        self.assertEqual((ota.verify(bad), ota.verify(dict(bad, hash_type="md5", hash="7")), ota.verify(7)), (-1,) * 3)
        self.assertRaises(KeyError, ota.verify, {})

    def test_download_fails(self):
        path = os.path.join(self.folder, "absent")
        self.assertEqual(ota.download({"url": "http://127.0.0.1:1/x", "store_path": path}), 0)
        self.assertEqual(self.event(2), -7)
        self.assertFalse(os.path.exists(path))
        self.assertEqual((ota.download(7), ota.init(7), ota.report(7), ota.upgrade(7), ota.on(9, None)), (-1,) * 5)

    def upgrade(self, names):
        path, target = os.path.join(self.folder, "up.zip"), os.path.join(self.folder, "installed")
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, name)
        data = {"length": os.path.getsize(path), "store_path": path, "install_path": target}
        self.assertEqual(ota.upgrade(data), 0)
        return self.event(4)

    def test_upgrade(self):
        self.assertEqual(self.upgrade(["a.py", "lib/b.py"]), 0)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "installed", "lib", "b.py")))
        for bad in ("../out.py", "/out.py"):
            self.assertEqual(self.upgrade([bad]), -25)
        ota.upgrade({"length": 1, "store_path": self.file("no.zip", b"x"), "install_path": self.folder})
        self.assertEqual(self.event(4), -13)


if __name__ == "__main__":
    unittest.main()
