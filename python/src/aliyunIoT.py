# SPDX-License-Identifier: MIT OR Apache-2.0
"""HaaS's `aliyunIoT`: a device at Aliyun. Callbacks run on one thread of this package, one at a time."""

import _thread
import json

import otakit_ffi
import otakit_haas

_connect = otakit_ffi.function("haas_device_open", "ssssip")
_end = otakit_ffi.function("haas_device_end", "q")
_publish = otakit_ffi.function("haas_device_publish", "qspQi")
_subscribe = otakit_ffi.function("haas_device_subscribe", "qsi")
_unsubscribe = otakit_ffi.function("haas_device_unsubscribe", "qs")


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
        with self._lock:  # The first event may be faster than this function.
            if _connect(region, product_key, device_name, secret, keepalive, handle) != 0:
                return -1
            self._handle = otakit_ffi.int64(handle)
        return 0

    def getDeviceHandle(self):
        """What `ota` takes as device_handle; 0 before connect."""
        return self._handle

    def subscribe(self, data):
        """{"topic", "qos"}: messages come to ON_SUBCRIBE as {"topic", "payload"}. 0, or -1."""
        return _subscribe(self._handle, data["topic"], data.get("qos", 0))

    def unsubscribe(self, data):
        """{"topic"}. 0, or -1."""
        return _unsubscribe(self._handle, data["topic"])

    def publish(self, data):
        """{"topic", "payload", "qos"}. 0, or -1."""
        payload = data["payload"]
        payload = payload.encode() if isinstance(payload, str) else payload
        return _publish(self._handle, data["topic"], payload, len(payload), data.get("qos", 0))

    def _post(self, what, method, params):
        self._next += 1
        message = {"id": str(self._next), "version": "1.0", "params": params, "method": method}
        return self.publish({"topic": self._topic + what, "payload": json.dumps(message), "qos": 1})

    def postProps(self, data):
        """{"params": a dict, or its JSON}: reports properties. 0, or -1."""
        params = data["params"]
        params = json.loads(params) if isinstance(params, str) else params
        return self._post("event/property/post", "thing.event.property.post", params)

    def postEvent(self, data):
        """{"id", "params"}: reports an event. 0, or -1."""
        params = data["params"]
        params = json.loads(params) if isinstance(params, str) else params
        name = data["id"]
        return self._post("event/%s/post" % name, "thing.event.%s.post" % name, params)

    def end(self):
        """Ends the connection; ON_CLOSE follows. 0, or -1."""
        return _end(self._handle)

    def _event(self, device, kind, value, data):
        with self._lock:
            if device == 0 or device != self._handle:
                return
        if kind == Device.ON_CONNECT:
            _subscribe(device, self._topic + "service/#", 0)
        if kind in (Device.ON_CLOSE, Device.ON_ERROR):
            self._handle = 0
        if kind == Device.ON_SUBCRIBE and data["topic"][: len(self._topic)] == self._topic:
            kind, data = self._service(data)
        callback = self._callbacks.get(kind)
        if callback is not None:
            callback(data if data is not None else {"code": value})

    def _service(self, data):
        message = json.loads(data["payload"])
        params = json.dumps(message.get("params"))
        name = data["topic"][len(self._topic + "service/") :]
        if name == "property/set":
            return Device.ON_PROPS, {"msg_id": message.get("id"), "params": params}
        return Device.ON_SERVICE, {"msg_id": message.get("id"), "service_id": name, "params": params}
