# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's `aliyunIoT`: a device at Aliyun. Callbacks run on one thread of this package, one at a time."""

import _thread
import binascii
import json

import otakit_ffi
import otakit_haas
import otakit_time

_open = otakit_ffi.function("haas_device_open", "ssssip")
_register = otakit_ffi.function("haas_device_register", "sssspQ")
_end = otakit_ffi.function("haas_device_end", "q")
_publish = otakit_ffi.function("haas_device_publish", "qspQi")
_subscribe = otakit_ffi.function("haas_device_subscribe", "qsi")
_unsubscribe = otakit_ffi.function("haas_device_unsubscribe", "qs")


def _bytes(payload):
    return payload.encode() if isinstance(payload, str) else payload


def _text(payload):
    """As text where it is one."""
    try:
        return payload.decode()
    except UnicodeError:
        return payload


def _now_ms():
    return otakit_time.time_ns() // 1000000


class Secret(str):
    """What the callback of `register` gets: the device's secret as text, empty when there is none. It can be asked as a
    dict too: {"code": 0, "deviceSecret"} or {"code": -1}."""

    def _dict(self):
        return {"code": 0, "deviceSecret": str(self)} if self else {"code": -1}

    def __getitem__(self, key):
        return self._dict()[key] if isinstance(key, str) else str(self)[key]

    def __contains__(self, key):
        return key in self._dict() or key in str(self)

    def __eq__(self, other):
        return (self._dict() if isinstance(other, dict) else str(self)) == other

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(str(self))

    def get(self, key, default=None):
        return self._dict().get(key, default)

    def keys(self):
        return self._dict().keys()

    def items(self):
        return self._dict().items()


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
        self._info = {}
        self._ended = False
        self._callbacks = {}
        self._topic = ""
        self._ntp = ""
        self._on_time = None
        self._next = 0

    def on(self, event, callback):
        """Sets what is called for an event. 0."""
        self._callbacks[event] = callback
        return 0

    def connect(self, key_info):
        """Begins to connect; ON_CONNECT or ON_ERROR tells how it went. 0, or -1. Another Device that has the same names is
        ended: the broker would end one of the two for the other, again and again."""
        if not isinstance(key_info, dict) or self._handle:
            return -1
        product_key, device_name = key_info["productKey"], key_info["deviceName"]
        handle = bytearray(8)
        keepalive = key_info.get("keepaliveSec", 60)
        region, secret = key_info.get("region"), str(key_info["deviceSecret"])
        self._topic = "/sys/%s/%s/thing/" % (product_key, device_name)
        self._ntp = "/ext/ntp/%s/%s/" % (product_key, device_name)
        otakit_haas.start()
        with otakit_haas.lock:  # The first event may be faster than this function.
            for other in otakit_haas.attached():
                other._end_for(product_key, device_name)
            if _open(region, product_key, device_name, secret, keepalive, handle) != 0:
                return -1
            self._handle, self._info, self._ended = otakit_ffi.int64(handle), dict(key_info), False
            otakit_haas.attach(self._handle, self)
        return 0

    def _end_for(self, product_key, device_name):
        if (self._info.get("productKey"), self._info.get("deviceName")) == (product_key, device_name):
            self.end()

    def getDeviceInfo(self):
        """What connect was given: a dict with productKey, deviceName, ...; empty before."""
        return dict(self._info)

    def uploadFile(self, *_, **__):
        """Not there."""
        raise NotImplementedError("otakit has no file upload to the cloud (aliyunIoT.Device.uploadFile)")

    def uploadContent(self, *_, **__):
        """Not there."""
        raise NotImplementedError("otakit has no file upload to the cloud (aliyunIoT.Device.uploadContent)")

    def getDeviceHandle(self):
        """What `ota` takes as device_handle; 0 before connect."""
        return self._handle

    def register(self, data, callback):
        """{"productKey", "deviceName", "productSecret", "region"}: asks for the device's secret, once in its life. The
        callback gets it as text (see Secret), empty when there is none. 0."""
        given = (data.get("region"), data["productKey"], data["deviceName"], data["productSecret"])
        _thread.start_new_thread(self._ask_secret, (given, callback))
        return 0

    def _ask_secret(self, given, callback):
        secret = bytearray(65)
        begun = _register(given[0], given[1], given[2], given[3], secret, len(secret)) == 0
        otakit_ffi.call_user(callback, Secret(otakit_ffi.text(secret) if begun else ""))

    def subscribe(self, data):
        """{"topic", "qos"}: messages come to ON_SUBCRIBE as {"topic", "payload"}. 0, or -1."""
        return _subscribe(self._handle, data["topic"], data.get("qos", 0))

    def unsubscribe(self, data):
        """{"topic"}. 0, or -1."""
        return _unsubscribe(self._handle, data["topic"])

    def publish(self, data):
        """{"topic", "payload", "qos"}. 0, or -1."""
        payload = _bytes(data["payload"])
        return _publish(self._handle, data["topic"], payload, otakit_ffi.size(payload), data.get("qos", 0))

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
        """Ends the connection; ON_CLOSE follows, and no ON_CONNECT. 0, or -1."""
        self._ended = True
        return _end(self._handle)

    def _event(self, device, kind, value, data):
        if kind == Device.ON_CONNECT:
            for what in ("service/#", "model/down_raw"):
                _subscribe(device, self._topic + what, 0)
            if self._ended:
                return
        if kind in (Device.ON_CLOSE, Device.ON_ERROR):
            otakit_haas.detach(device)
            if device == self._handle:
                self._handle = 0
        if kind == Device.ON_SUBCRIBE:
            if "payload_hex" in data:
                data = {"topic": data["topic"], "payload": _text(binascii.unhexlify(data["payload_hex"]))}
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
        try:
            message = json.loads(payload)
            message.get("params")
        except (ValueError, AttributeError):
            return None
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
        told = dict(zip(names, otakit_time.gmtime(now // 1000)))
        told["msecond"], told["timestamp"] = now % 1000, now
        self._on_time(told)
