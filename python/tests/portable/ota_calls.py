# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every function, parameter and callback of `ota` and `aliyunIoT`:
ota_calls.py PRODUCT NAME SECRET PRODUCT_SECRET HTTP FOLDER SIGNATURES"""

import array
import hashlib
import json
import os
import sys

import otakit_ffi
import otakit_haas
import ota
import utime
from aliyunIoT import Device
from check import equal, exists, image, raises, read, run, write
from device import Linked, hexadecimal, offer, wait_for

PRODUCT, NAME, SECRET, PRODUCT_SECRET, HTTP, FOLDER, SIGNATURES = sys.argv[1:8]
IMAGE = image()
SHA256, MD5 = hexadecimal(hashlib.sha256, IMAGE), hexadecimal(hashlib.md5, IMAGE)
STORED = FOLDER + "/stored.bin"
SYS = "/sys/%s/%s/thing/" % (PRODUCT, NAME)
max_size = otakit_ffi.function("otakit_policy_max_size", "Q")
option = otakit_ffi.function("otakit_set_option", "ii")
outcomes = []


def linked(secret=SECRET, **more):
    return Linked(PRODUCT, NAME, secret, **more)


def outcome(event, begun):
    """What on(event) is told after a call that returned `begun`."""
    equal(begun, 0)
    wait_for(lambda: outcomes and outcomes[0][0] == event)
    return outcomes.pop(0)[1]


def note(event):
    return lambda data: outcomes.append((event, data))


def listen():
    for event in (1, 2, 3, 4, 5):
        equal(ota.on(event, note(event)), 0)


def verified(path, length, hash_type, hash):
    listen()
    data = {"store_path": path, "length": length, "hash_type": hash_type, "hash": hash}
    return outcome(3, ota.verify(data))


def downloaded(url, path=STORED):
    listen()
    if exists(path):
        os.remove(path)
    return outcome(2, ota.download({"url": url, "store_path": path}))


def test_connect_on_and_end():
    one = linked(keepaliveSec=60)
    equal(one.device.connect({"productKey": PRODUCT, "deviceName": NAME, "deviceSecret": SECRET}), -1, "twice")
    assert one.up().handle > 0
    handle = one.handle
    one.end()
    equal((ota.init({"device_handle": handle}), one.device.end()), (-1, -1))
    equal(Device().connect(7), -1)
    raises(KeyError, Device().connect, {})
    equal(Device().getDeviceHandle(), 0)
    broker = os.getenv("OTAKIT_LAB_ALIYUN_MQTT")
    linked(region=broker).up().end()
    other = Device()
    info = {"region": "nowhere", "productKey": PRODUCT, "deviceName": NAME, "deviceSecret": SECRET}
    equal(other.connect(info), -1)


def test_end_while_connecting():
    """ON_CLOSE is the last event, however far the connection was; ON_CONNECT comes before it or not at all."""
    for delay in (0, 0, 1, 5, 20, 100):
        one = linked()
        utime.sleep_ms(delay)
        equal(one.device.end(), 0)
        wait_for(lambda: (Device.ON_CLOSE, {"code": 0}) in one.told, one.told)
        one.device._event(1, Device.ON_CONNECT, 0, None)
        utime.sleep_ms(50)
        events = [event for event, _ in one.told]
        assert events in ([Device.ON_CLOSE], [Device.ON_CONNECT, Device.ON_CLOSE]), (delay, events)
        equal(one.handle, 0)


def test_a_device_per_connection():
    """A script that makes a new Device whenever the link breaks: the older one is ended, and nothing is kept of it."""
    devices = []
    for _ in range(5):
        devices.append(linked().up())
    for older in devices[:-1]:
        older.wait(Device.ON_CLOSE)
        equal(older.handle, 0)
    newest = devices[-1]
    equal((newest.handle > 0, len(otakit_haas.attached())), (True, 1))
    equal(newest.device.getDeviceInfo()["deviceName"], NAME)
    newest.end()
    equal((len(otakit_haas.attached()), Device().getDeviceInfo()), (0, {}))
    for missing in (newest.device.uploadFile, newest.device.uploadContent):
        raises(NotImplementedError, missing, "name", b"", None)


def test_connect_fails():
    one = linked("wrong")
    equal(one.wait(Device.ON_ERROR)["code"], -1)
    equal((one.handle, one.device.publish({"topic": "t", "payload": ""})), (0, -1))


def test_constants():
    names = "CONNECT CLOSE DISCONNECT EVENT SERVICE SUBCRIBE PROPS ERROR".split()
    equal([getattr(Device, "ON_" + name) for name in names], [1, 2, 3, 4, 5, 6, 7, 8])
    equal(Device.ON_RAWDATA, 10)


def test_publish_subscribe_unsubscribe():
    one = linked().up()
    topic = "/%s/%s/user/echo" % (PRODUCT, NAME)
    equal(one.device.subscribe({"topic": topic, "qos": 1}), 0)
    utime.sleep_ms(300)
    for payload in ("hé", b"\x00\xff", "", "\0"):
        equal(one.device.publish({"topic": topic, "payload": payload, "qos": 1}), 0)
        equal(one.wait(Device.ON_SUBCRIBE), {"topic": topic, "payload": payload})
    # However long its JSON would be: 8000 NUL bytes, and topics and payloads of 15 KB.
    for payload in ("\0" * 8000, b"\xff" * 8000, "\n" * 15000, "x" * 60000, "\u00e9" * 7000):
        equal(one.device.publish({"topic": topic, "payload": payload, "qos": 1}), 0)
        told = one.wait(Device.ON_SUBCRIBE)["payload"]
        equal(told.encode() if isinstance(told, str) else told, payload.encode() if isinstance(payload, str) else payload)
    view = memoryview(array.array("H", [0x6261, 0x6463]))
    equal((one.device.publish({"topic": topic, "payload": view, "qos": 1}), one.wait(Device.ON_SUBCRIBE)["payload"]), (0, "abcd"))
    equal(one.device.unsubscribe({"topic": topic}), 0)
    equal((one.device.subscribe({"topic": "", "qos": 0}), one.device.subscribe({"topic": topic, "qos": 7})), (-1, -1))
    one.end()


def test_posts():
    """The cloud answers what is well-formed with code 200."""
    one = linked().up()
    for what in ("event/property/post_reply", "event/alarm/post_reply", "model/up_raw"):
        equal(one.device.subscribe({"topic": SYS + what, "qos": 0}), 0)
    utime.sleep_ms(300)
    posts = ((one.device.postProps, {}, "property"), (one.device.postEvent, {"id": "alarm"}, "alarm"))
    for post, more, name in posts:
        for params in ({"a": 1}, json.dumps({"a": 1})):
            equal(post(dict(more, params=params)), 0)
            answer = one.wait(Device.ON_SUBCRIBE)
            equal((answer["topic"], json.loads(answer["payload"])["code"]), (SYS + "event/%s/post_reply" % name, 200))
    equal(one.device.postRaw({"params": b"\x01\xfe"}), 0)
    equal(one.wait(Device.ON_SUBCRIBE), {"topic": SYS + "model/up_raw", "payload": b"\x01\xfe"})
    one.end()


def test_on_props_on_service_on_rawdata():
    one, told = linked().up(), []
    equal(one.device.onProps(lambda data: told.append(("props", data))), 0)
    equal(one.device.onService(lambda data: told.append(("service", data))), 0)
    utime.sleep_ms(300)
    one.say(SYS + "service/property/set", {"id": "7", "params": {"a": 1}})
    wait_for(lambda: told)
    name, data = told.pop()
    equal((name, data["msg_id"], data["code"], json.loads(data["params"])), ("props", "7", 0, {"a": 1}))
    equal(data["params_len"], len(data["params"]))
    one.say(SYS + "service/reset", {"id": "8", "params": {"hard": True}})
    wait_for(lambda: told)
    name, data = told.pop()
    equal((name, data["msg_id"], data["service_id"], json.loads(data["params"])), ("service", "8", "reset", {"hard": True}))
    one.say(SYS + "model/down_raw", b"\x00\x80x")
    equal(one.wait(Device.ON_RAWDATA), {"code": 0, "params": b"\x00\x80x", "params_len": 3})
    one.end()


def test_get_ntp_time():
    one, told = linked().up(), []
    equal(one.device.getNtpTime(told.append), 0)
    wait_for(lambda: told)
    now = utime.time_ns() // 1000000
    assert abs(told[0]["timestamp"] - now) < 60000, told
    keys = ("year", "month", "day", "hour", "minute", "second")
    equal(tuple([told[0][key] for key in keys]), tuple(utime.gmtime(told[0]["timestamp"] // 1000))[:6])
    equal(told[0]["msecond"], told[0]["timestamp"] % 1000)
    one.end()
    equal(one.device.getNtpTime(told.append), -1)


def test_register():
    told = []
    info = {"region": "cn-shanghai", "productKey": PRODUCT, "deviceName": NAME, "productSecret": PRODUCT_SECRET}
    equal(Device().register(info, told.append), 0)
    wait_for(lambda: told)
    # As text, which is how scripts take it; and as a dict.
    secret = told[0]
    equal((secret == SECRET, isinstance(secret, str), len(secret), "%s" % secret, secret + "x"), (True, True, len(SECRET), SECRET, SECRET + "x"))
    equal((secret["code"], secret["deviceSecret"], secret.get("deviceSecret"), secret[:3]), (0, SECRET, SECRET, SECRET[:3]))
    equal((secret == {"code": 0, "deviceSecret": SECRET}, "deviceSecret" in secret, {SECRET: 1}[str(secret)]), (True, True, 1))
    one = linked(secret=secret).up()
    one.end()
    equal(Device().register(dict(info, productSecret="wrong"), told.append), 0)
    wait_for(lambda: len(told) == 2)
    equal((told[1], told[1]["code"], bool(told[1]), told[1] == ""), ({"code": -1}, -1, False, True))
    raises(KeyError, Device().register, {}, told.append)


def test_arguments():
    equal([ota.init(7), ota.report(7), ota.download(7), ota.verify(7), ota.upgrade(7), ota.on(9, None)], [-1] * 6)
    for function in (ota.init, ota.report, ota.download, ota.verify, ota.upgrade):
        raises(KeyError, function, {})
    equal(ota.init({"device_handle": 12345}), -1)


def test_report_and_trigger():
    one = linked().listen()
    equal(one.report("one", "1.0.0"), 0)
    told = one.wait_ota(1)
    equal(sorted(told), ["hash", "hash_type", "length", "module_name", "url", "version"])
    equal((told["module_name"], told["version"], told["length"]), ("one", "2.0.0", len(IMAGE)))
    equal((told["hash_type"], told["hash"]), ("md5", MD5.upper()))
    equal(one.report("two", "1.0.0"), 0)
    told = one.wait_ota(1)
    equal((told["module_name"], told["version"], told["hash_type"]), ("two", "1.10.0", "sha256"))
    equal((ota.progress(one.handle, "two", 50, "half"), ota.progress(one.handle, "two", 101)), (0, -1))
    equal(one.report("two", "1.10.0"), 0)
    equal((one.report("", "1"), one.report("m", ""), one.report("m" * 65, "1")), (-1, -1, -1))
    one.end()


def test_system_firmware():
    one = linked()
    ota.system_path = FOLDER + "/system.image"
    one.listen()
    equal(one.report("default", "1.9.0"), 0)
    told = one.wait_ota(5)
    equal((told["result"], told["module_name"], told["version"]), (0, "default", "1.10.0"))
    equal(read(ota.system_path) == IMAGE[:5000], True)
    one.end()
    ota.system_path = None


def failure(one, step="-1"):
    """The next failure of that kind that the cloud is told; other updates of this device may come between."""
    def params(data):
        return json.loads(data["payload"])["params"]

    return params(one._take(one.told, Device.ON_SUBCRIBE, lambda data: params(data)["step"] == step))


def test_system_firmware_without_a_place():
    """The program hears of it, and so does the cloud."""
    one = linked().listen()
    progress = "/ota/device/progress/%s/%s" % (PRODUCT, NAME)
    equal(one.device.subscribe({"topic": progress, "qos": 0}), 0)
    one.say("/ota/device/upgrade/%s/%s" % (PRODUCT, NAME), offer("default", "9.0.0", HTTP + "/fota.bin", IMAGE))
    told = one.wait_ota(5)
    equal((told["result"], told["version"]), (-1, "9.0.0"))
    params = failure(one)
    equal((params.get("module"), "ota_system_path" in params["desc"]), (None, True))
    one.end()


def test_system_firmware_that_is_another():
    """The cloud hears why the update failed."""
    one = linked()
    ota.system_path = FOLDER + "/system.image"
    one.listen()
    ota.system_path = None
    equal(one.device.subscribe({"topic": "/ota/device/progress/%s/%s" % (PRODUCT, NAME), "qos": 0}), 0)
    one.say("/ota/device/upgrade/%s/%s" % (PRODUCT, NAME), offer("default", "9.1.0", HTTP + "/fota.bin", bytes(len(IMAGE))))
    told = one.wait_ota(5)
    equal((told["result"] < 0, told["version"]), (True, "9.1.0"))
    equal(failure(one, "-3").get("module"), None)
    one.end()


def test_packages_that_are_not_taken():
    one = linked().listen()
    progress = "/ota/device/progress/%s/%s" % (PRODUCT, NAME)
    equal(one.device.subscribe({"topic": progress, "qos": 0}), 0)
    files = [{"fileUrl": HTTP + "/fota.bin"}, {"fileUrl": HTTP + "/two.bin"}]
    for more, word in (({"isDiff": 1}, "differential"), ({"files": files}, "files"), ({"dProtocol": "mqtt"}, "MQTT")):
        one.say("/ota/device/upgrade/%s/%s" % (PRODUCT, NAME), offer("patched", "2", HTTP + "/fota.bin", IMAGE, **more))
        params = failure(one)
        equal((params["module"], word in params["desc"]), ("patched", True), params)
    equal([data for event, data in one.ota if event == 1 and data["module_name"] == "patched"], [])
    one.end()


def test_much_custom_data():
    """As much as this device can send itself in one message; more: `offers_with_much_custom_data_arrive` in Rust."""
    one = linked().listen()
    info = one.offer("large", "2", HTTP + "/fota.bin", IMAGE, extData={"_package_udi": "x" * 60000})
    equal(info["length"], len(IMAGE))
    one.end()


def test_download():
    equal((downloaded(HTTP + "/fota.bin"), read(STORED) == IMAGE), (0, True))
    equal((downloaded(HTTP + "/moved?to=/fota.bin"), read(STORED) == IMAGE), (0, True))
    equal((downloaded(HTTP + "/fota.bin?cut=70000&ota"), read(STORED) == IMAGE), (0, True))
    long = HTTP + "/fota.bin?" + "x" * 2000
    equal((downloaded(long), read(STORED) == IMAGE), (0, True))


def test_download_fails():
    max_size(10)
    equal((downloaded(HTTP + "/fota.bin"), exists(STORED)), (-16, False))
    max_size(0)
    cases = ((HTTP + "/absent", -6), (HTTP + "/fota.bin?nolength", -6), (HTTP + "/empty", -6),
             ("http://127.0.0.1:1/x", -7), ("http://no-such-host.invalid/x", -7), ("gopher://h/", -25),
             (HTTP + "/loop?to=/loop?to=x", -6), (HTTP + "/to?to=ftp://h/", -8))
    for url, code in cases:
        equal((downloaded(url), exists(STORED)), (code, False), url)
    option(0, 2)  # Attempts without a new byte.
    equal((downloaded(HTTP + "/fota.bin?short=1000"), exists(STORED)), (-9, False))
    option(0, 12)
    for place in (FOLDER + "/nowhere/stored.bin", FOLDER, "/", "/dev/null"):
        # Before anything is asked for: nobody is at this address.
        listen()
        equal(outcome(2, ota.download({"url": "http://127.0.0.1:1/x", "store_path": place})), -14, place)
    equal((ota.download({"url": "", "store_path": STORED}), ota.download({"url": "http://h/", "store_path": ""})), (-1, -1))
    equal(ota.download({"url": HTTP + "/fota.bin?slow&busy", "store_path": STORED}), 0)
    equal(ota.download({"url": HTTP + "/fota.bin", "store_path": STORED}), -1, "it is being fetched")
    wait_for(lambda: outcomes)
    equal(outcomes.pop(), (2, 0))


def test_verify():
    path, size = write(FOLDER + "/verified", IMAGE), len(IMAGE)
    equal((verified(path, size, "md5", MD5), verified(path, str(size), "sha256", SHA256.upper())), (0, 0))
    equal(verified(path, size, "md5", "0" * 32), -10)
    equal(verified(path, size, "sha256", "0" * 64), -11)
    equal((verified(path, size - 1, "sha256", SHA256), verified(path, size + 1, "sha256", SHA256)), (-13, -13))
    equal(verified(path + "x", size, "sha256", SHA256), -17)
    data = {"store_path": path, "length": size, "hash_type": "null", "hash": ""}
    equal((ota.verify(data), ota.verify(dict(data, hash_type="md5", hash="7"))), (-1, -1))


def test_what_is_no_file():
    """A pipe is not waited for, a device not read to its end, a folder not opened."""
    os.system("mkfifo " + FOLDER + "/pipe")
    for path in (FOLDER + "/pipe", "/dev/zero", "/dev/null", FOLDER):
        for length in (0, len(IMAGE)):
            equal(verified(path, length, "md5", MD5), -17, path)
            data = {"length": length, "store_path": path, "install_path": FOLDER + "/unpacked"}
            equal((outcome(4, ota.upgrade(data)), exists(FOLDER + "/unpacked")), (-17, False), path)
    os.remove(FOLDER + "/pipe")


def test_signatures():
    """What is offered with a signature is checked by it, when it is fetched and when it is verified."""
    one, signed = linked().listen(), read(SIGNATURES + "/image.bin")
    coded = read(SIGNATURES + "/ed.sig.b64").decode().replace("\n", "")
    equal(ota.trust_key(read(SIGNATURES + "/ed.pem").decode()), 0)
    try:
        for content, signature, code in ((signed, coded, 0), (IMAGE, coded, -12)):
            url = HTTP + ("/signed.bin" if content is signed else "/fota.bin") + "?%d" % code
            info = one.offer("signed", "2", url, content, digestsign=signature)
            if exists(STORED):
                os.remove(STORED)
            equal(ota.download({"url": info["url"], "store_path": STORED}), 0)
            equal((one.wait_ota(2), exists(STORED)), (code, code == 0))
            write(STORED, content)
            data = {"length": info["length"], "hash_type": info["hash_type"], "hash": info["hash"], "store_path": STORED}
            equal((ota.verify(data), one.wait_ota(3)), (0, code))
        ota.signed_only(True)
        info = one.offer("signed", "3", HTTP + "/fota.bin", IMAGE)
        equal((ota.download({"url": info["url"], "store_path": STORED}), one.wait_ota(2)), (0, -12))
        equal((ota.verify(dict(data, hash=info["hash"], length=info["length"])), one.wait_ota(3)), (0, -12))
    finally:
        ota.signed_only(False)
        equal(ota.trust_key(None), 0)
    one.end()


def test_what_was_offered_is_verified():
    one = linked().listen()
    for more, code in (({}, -11), ({"signMethod": "Md5", "sign": "0" * 32}, -10)):
        info = one.offer("wrong", "2", HTTP + "/fota.bin?wrong%d" % code, IMAGE[1:] + b"x", **more)
        if exists(STORED):
            os.remove(STORED)
        equal(ota.download({"url": info["url"], "store_path": STORED}), 0)
        equal((one.wait_ota(2), exists(STORED)), (code, False))
    one.end()


def test_expired_url_is_renewed():
    """By the request for an offer; where that is not answered by reporting the version again."""
    one = linked().listen()
    equal(one.report("renewed", "1.0.0"), 0)
    equal(one.device.subscribe({"topic": SYS + "ota/firmware/get", "qos": 0}), 0)
    info = one.offer("renewed", "2.0.0", HTTP + "/fota.bin?status=403", IMAGE)
    equal(ota.download({"url": info["url"], "store_path": STORED}), 0)
    asked = one.wait(Device.ON_SUBCRIBE)
    message = json.loads(asked["payload"])
    equal((asked["topic"], message["method"], message["params"]), (SYS + "ota/firmware/get", "thing.ota.firmware.get", {"module": "renewed"}))
    data = {"module": "renewed", "version": "2.0.0", "url": HTTP + "/fota.bin?fresh", "size": len(IMAGE)}
    data.update({"signMethod": "SHA256", "sign": SHA256})
    one.say(SYS + "ota/firmware/get_reply", {"id": message["id"], "code": 200, "data": data})
    equal((one.wait_ota(2), read(STORED) == IMAGE, one.ota), (0, True, []))

    equal(one.report("two", "1.0.0"), 0)
    known = one.wait_ota(1)
    info = one.offer("two", known["version"], HTTP + "/two.bin?status=410", IMAGE[:77])
    equal(ota.download({"url": info["url"], "store_path": STORED}), 0)
    equal((one.wait_ota(2), read(STORED) == IMAGE[:77], one.ota), (0, True, []))
    one.end()


def test_renewed_url_of_another_image():
    one = linked().listen()
    equal(one.device.subscribe({"topic": SYS + "ota/firmware/get", "qos": 0}), 0)
    info = one.offer("other", "2.0.0", HTTP + "/fota.bin?status=403&other", IMAGE)
    if exists(STORED):
        os.remove(STORED)
    equal(ota.download({"url": info["url"], "store_path": STORED}), 0)
    asked = one.wait(Device.ON_SUBCRIBE)
    data = {"module": "other", "version": "2.0.1", "url": HTTP + "/fota.bin", "size": len(IMAGE), "md5": MD5}
    one.say(SYS + "ota/firmware/get_reply", {"id": json.loads(asked["payload"])["id"], "code": 200, "data": data})
    equal((one.wait_ota(2), exists(STORED)), (-5, False))
    one.end()


def test_broken_offers():
    """Are refused, and the device goes on."""
    one = linked().listen()
    topic = "/ota/device/upgrade/%s/%s" % (PRODUCT, NAME)
    for message in (b"", b"{", b"[]", b"\xff", {"message": "success"}, {"message": "success", "data": {"module": 7}}):
        one.say(topic, message)
    info = one.offer("m", "2", HTTP + "/fota.bin", IMAGE, md5=MD5)
    equal((info["module_name"], one.ota), ("m", []))
    one.end()


def test_callbacks_that_raise():
    one = linked()

    def wrong(data):
        one.told.append(("wrong", data))
        raise [RuntimeError, SystemExit][len(one.told) % 2]("expected in this test")

    for event in range(1, 11):
        one.device.on(event, wrong)
    wait_for(lambda: one.told and one.handle)
    for event in (1, 2, 3, 4):
        ota.on(event, wrong)
    equal(ota.init({"device_handle": one.handle}), 0)
    begun = len(one.told)
    equal(ota.verify({"store_path": STORED + "x", "length": 1, "hash_type": "md5", "hash": "0" * 32}), 0)
    equal(ota.download({"url": "gopher://h/", "store_path": STORED}), 0)
    one.report("one", "1.0.0")
    wait_for(lambda: len(one.told) == begun + 3)
    one.device.register({"productKey": "p", "deviceName": "d", "productSecret": "s"}, wrong)
    wait_for(lambda: len(one.told) == begun + 4)
    equal(one.device.end(), 0)
    wait_for(lambda: len(one.told) == begun + 5)
    equal((verified(FOLDER + "/x", 1, "md5", "0" * 32), one.handle), (-17, 0))


run(globals())
