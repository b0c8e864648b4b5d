# SPDX-License-Identifier: MIT OR Apache-2.0
"""A device at the local cloud, for the tests of `ota` and `aliyunIoT`. That cloud lets a device publish on any topic: what
the platform would say, the device says to itself."""

import hashlib
import json

import utime

import ota
from aliyunIoT import Device
from check import equal


def hexadecimal(kind, data):
    return "".join(["%02x" % byte for byte in kind(data).digest()])


def wait_for(condition, what=""):
    for _ in range(1500):
        if condition():
            return
        utime.sleep_ms(20)
    raise AssertionError("it never came " + what)


class Linked:
    """A device that keeps what its callbacks are told: a list of (event, data)."""

    def __init__(self, product, name, secret, **more):
        self.product, self.name, self.told, self.ota = product, name, [], []
        self.device = Device()
        for event in range(1, 11):
            self.device.on(event, self._note(event, self.told))
        info = {"region": "cn-shanghai", "productKey": product, "deviceName": name, "deviceSecret": secret}
        info.update(more)
        equal(self.device.connect(info), 0)

    @staticmethod
    def _note(event, into):
        return lambda data: into.append((event, data))

    def wait(self, event):
        """The data of the first such event, which is taken out."""
        return self._take(self.told, event)

    def wait_ota(self, event):
        return self._take(self.ota, event)

    @staticmethod
    def _take(told, event, of=lambda data: True):
        def places():
            return [at for at, (kind, data) in enumerate(told) if kind == event and of(data)]

        wait_for(places, "(%r) %r" % (event, told))
        return told.pop(places()[0])[1]

    def up(self):
        equal(self.wait(Device.ON_CONNECT), {"code": 0})
        return self

    def listen(self):
        """Up, and listening for updates."""
        for event in range(1, 6):
            equal(ota.on(event, self._note(event, self.ota)), 0)
        equal(ota.init({"device_handle": self.up().handle}), 0)
        return self

    @property
    def handle(self):
        return self.device.getDeviceHandle()

    def say(self, topic, message):
        """What the platform would say."""
        payload = message if isinstance(message, bytes) else json.dumps(message)
        equal(self.device.publish({"topic": topic, "payload": payload, "qos": 1}), 0)

    def report(self, module, version):
        info = {"device_handle": self.handle, "product_key": self.product, "device_name": self.name}
        info.update({"module_name": module, "version": version})
        return ota.report(info)

    def offer(self, module, version, url, image, **more):
        """An offer of the platform's; returns what on(1) is told of it. An update that the cloud still has to offer again
        to this device may come first: it is left."""
        self.say("/ota/device/upgrade/%s/%s" % (self.product, self.name), offer(module, version, url, image, **more))
        return self._take(self.ota, 1, lambda info: (info["module_name"], info["version"]) == (module, version))

    def end(self):
        equal(self.device.end(), 0)
        self.wait(Device.ON_CLOSE)
        equal(self.handle, 0)


def offer(module, version, url, image, **more):
    data = {"module": module, "version": version, "url": url, "size": len(image)}
    data.update({"signMethod": "SHA256", "sign": hexadecimal(hashlib.sha256, image)})
    data.update(more)
    return {"code": "1000", "id": 1, "message": "success", "data": data}
