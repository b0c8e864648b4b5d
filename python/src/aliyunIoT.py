# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's `aliyunIoT`: a device at Aliyun. Callbacks run on one thread of this package, one at a time."""

import _thread
import binascii
import json

import utime

import otakit_ffi
import otakit_haas

_open = otakit_ffi.function("haas_device_open", "ssssip")
_register = otakit_ffi.function("haas_device_register", "sssspQ")
_end = otakit_ffi.function("haas_device_end", "q")
_publish = otakit_ffi.function("haas_device_publish", "qspQi")
_subscribe = otakit_ffi.function("haas_device_subscribe", "qsi")
_unsubscribe = otakit_ffi.function("haas_device_unsubscribe", "qs")


def _bytes(payload):
    return payload.encode() if isinstance(payload, str) else payload


def _now_ms():
    return utime.time_ns() // 1000000


class Device:
    ON_CONNECT = 1
    ON_CLOSE = 2
    ON_DISCONNECT = 3
    ON_EVENT = 4
    ON_SERVICE = 5
    ON_SUBCRIBE = 6
    ON_PROPS = 7
    ON_ERROR = 8
    ON_RAWDATA = 10

    def __init__(self):
        self._handle = 0
        self._lock = _thread.allocate_lock()
        self._callbacks = {}
        self._topic = ""
        self._ntp = ""
        self._on_time = None
        self._next = 0
        otakit_haas.listen(self._event)

    def on(self, event, callback):
        """Sets what is called for an event. 0."""
        self._callbacks[event] = callback
        return 0

    def connect(self, key_info):
        """Begins to connect; ON_CONNECT or ON_ERROR tells how it went. 0, or -1."""
        if not isinstance(key_info, dict) or self._handle:
            return -1
        product_key, device_name = key_info["productKey"], key_info["deviceName"]
        handle = bytearray(8)
        keepalive = key_info.get("keepaliveSec", 60)
        region, secret = key_info.get("region"), key_info["deviceSecret"]
        self._topic = "/sys/%s/%s/thing/" % (product_key, device_name)
        self._ntp = "/ext/ntp/%s/%s/" % (product_key, device_name)
        with self._lock:  # The first event may be faster than this function.
            if _open(region, product_key, device_name, secret, keepalive, handle) != 0:
                return -1
            self._handle = otakit_ffi.int64(handle)
        return 0

    def getDeviceHandle(self):
        """What `ota` takes as device_handle; 0 before connect."""
        return self._handle

    def register(self, data, callback):
        """{"productKey", "deviceName", "productSecret", "region"}: asks for the device's secret, once in its life. The
        callback gets {"code": 0, "deviceSecret"} or {"code": -1}. 0."""
        given = (data.get("region"), data["productKey"], data["deviceName"], data["productSecret"])
        _thread.start_new_thread(self._ask_secret, (given, callback))
        return 0

    def _ask_secret(self, given, callback):
        secret = bytearray(65)
        told = {"code": -1}
        if _register(given[0], given[1], given[2], given[3], secret, len(secret)) == 0:
            told = {"code": 0, "deviceSecret": otakit_ffi.text(secret)}
        otakit_ffi.call_user(callback, told)

    def subscribe(self, data):
        """{"topic", "qos"}: messages come to ON_SUBCRIBE as {"topic", "payload"}. 0, or -1."""
        return _subscribe(self._handle, data["topic"], data.get("qos", 0))

    def unsubscribe(self, data):
        """{"topic"}. 0, or -1."""
        return _unsubscribe(self._handle, data["topic"])

    def publish(self, data):
        """{"topic", "payload", "qos"}. 0, or -1."""
        payload = _bytes(data["payload"])
        return _publish(self._handle, data["topic"], payload, len(payload), data.get("qos", 0))

    def _post(self, what, method, data):
        params = data["params"]
        self._next += 1
        message = {"id": str(self._next), "version": "1.0", "method": method}
        message["params"] = json.loads(params) if isinstance(params, str) else params
        return self.publish({"topic": self._topic + what, "payload": json.dumps(message), "qos": 1})

    def postProps(self, data):
        """{"params": a dict, or its JSON}: reports properties. 0, or -1."""
        return self._post("event/property/post", "thing.event.property.post", data)

    def postEvent(self, data):
        """{"id", "params": a dict, or its JSON}: reports an event. 0, or -1."""
        name = data["id"]
        return self._post("event/%s/post" % name, "thing.event.%s.post" % name, data)

    def postRaw(self, data):
        """{"params": bytes}: reports data in the product's own format; the cloud's come to ON_RAWDATA. 0, or -1."""
        return self.publish({"topic": self._topic + "model/up_raw", "payload": data["params"], "qos": 1})

    def onProps(self, callback):
        """As on(ON_PROPS, callback): {"code", "msg_id", "params": JSON, "params_len"}. 0."""
        return self.on(Device.ON_PROPS, callback)

    def onService(self, callback):
        """As on(ON_SERVICE, callback): as for properties, and "service_id". 0."""
        return self.on(Device.ON_SERVICE, callback)

    def getNtpTime(self, callback):
        """Asks the cloud for the time: {"year", "month", "day", "hour", "minute", "second", "msecond", "timestamp" (ms
        since 1970)}, all in UTC. 0, or -1."""
        self._on_time = callback
        if _subscribe(self._handle, self._ntp + "response", 0) != 0:
            return -1
        payload = json.dumps({"deviceSendTime": str(_now_ms())})
        return self.publish({"topic": self._ntp + "request", "payload": payload, "qos": 0})

    def end(self):
        """Ends the connection; ON_CLOSE follows. 0, or -1."""
        return _end(self._handle)

    def _event(self, device, kind, value, data):
        with self._lock:
            if device == 0 or device != self._handle:
                return
        if kind == Device.ON_CONNECT:
            for what in ("service/#", "model/down_raw"):
                _subscribe(device, self._topic + what, 0)
        if kind in (Device.ON_CLOSE, Device.ON_ERROR):
            self._handle = 0
        if kind == Device.ON_SUBCRIBE:
            if "payload_hex" in data:
                data = {"topic": data["topic"], "payload": binascii.unhexlify(data["payload_hex"])}
            if data["topic"] == self._ntp + "response":
                self._tell_time(json.loads(data["payload"]))
                return
            kind, data = self._sort(data["topic"], data["payload"]) or (kind, data)
        callback = self._callbacks.get(kind)
        if callback is not None:
            callback(data if data is not None else {"code": value})

    def _sort(self, topic, payload):
        """The event and data of a message of the device model; None for any other message."""
        if topic == self._topic + "model/down_raw":
            return Device.ON_RAWDATA, {"code": 0, "params": _bytes(payload), "params_len": len(_bytes(payload))}
        services = self._topic + "service/"
        if topic[: len(services)] != services:
            return None
        message = json.loads(payload)
        params = json.dumps(message.get("params"))
        told = {"code": 0, "msg_id": message.get("id"), "params": params, "params_len": len(params)}
        name = topic[len(services) :]
        if name == "property/set":
            return Device.ON_PROPS, told
        told["service_id"] = name
        return Device.ON_SERVICE, told

    def _tell_time(self, answer):
        if self._on_time is None:
            return
        sent = int(answer["deviceSendTime"])
        now = (int(answer["serverRecvTime"]) + int(answer["serverSendTime"]) + _now_ms() - sent) // 2
        names = ("year", "month", "day", "hour", "minute", "second")
        told = dict(zip(names, utime.gmtime(now // 1000)))
        told["msecond"], told["timestamp"] = now % 1000, now
        self._on_time(told)
