# SPDX-License-Identifier: MIT OR Apache-2.0
"""The API's own rules: arguments, states and ioctls. The first line of a docstring is the case, the rest what must hold."""

import json

from lib.bench import (CHECK_CONFIG, CHECK_FIRMWARE, CONFIG_GETTYPE, CONFIG_ID, CONFIG_SIGN, CONFIG_SIGN_METHOD,
                       CONFIG_SIZE, CONFIG_URL, FETCHED_SIZE, FILE_SIZE, GENERAL, INVALID_PARAM, INVALID_STATE, MD5SUM,
                       OSC_FAILED, OTA_TYPE, PK, RESET_FETCHED_SIZE, STR_TOO_LONG, TYPE_COTA, TYPE_FOTA, TYPE_NONE,
                       VERSION, Bench)
from lib.broker import offer

WORDS = (OTA_TYPE, FETCHED_SIZE, FILE_SIZE)


class Handles(Bench):
    ORIGIN = True

    def test_second_init(self):
        """Second IOT_OTA_Init of the same device while one handle is open: NULL; after Deinit it works again."""
        device = self.up()
        self.assertEqual(device.call("init", PK, device.dn, device.m).handle, "null")
        self.assertEqual(device.call("deinit", device.h).ret, 0)
        device.init()
        self.assertEqual(device.call("report-version", device.h, "1").ret, 0)

    def test_init_without_identity(self):
        """Init(NULL, ..) and Init(pk, NULL): NULL."""
        device = self.device().connect()
        self.assertEqual(device.call("init", None, device.dn, device.m).handle, "null")
        self.assertEqual(device.call("init", PK, None, device.m).handle, "null")

    def rejected(self, device, h):
        for name, words in (("report-version", ("1.0",)), ("progress", (5, None)), ("ioctl", (FILE_SIZE, 4)),
                            ("lasterror", ()), ("deinit", ())):
            self.assertEqual(device.call(name, h, *words).ret, INVALID_PARAM, name)
        self.assertEqual(device.call("fetch", h, 100, 1).n, INVALID_PARAM)
        self.assertEqual(device.call("isfetching", h).ret, 0)
        self.assertEqual(device.call("isfinish", h).ret, 0)
        self.assertLess(device.call("size", h).ret, 0)

    def test_null_and_made_up_handles(self):
        """NULL handle: -2 everywhere, 0 from IsFetching and IsFetchFinish. Made-up ones: the same."""
        device = self.up()
        for h in ("null", "0x1", "0xdeadbeef", device.m):
            with self.subTest(handle=h):
                self.rejected(device, h)
        self.assertEqual(device.call("report-version", device.h, "1.0").ret, 0)

    def test_deinit_twice(self):
        """Deinit twice, and every call with a released handle: an error code, no crash, and a new session unharmed."""
        device = self.up()
        stale = device.h
        self.assertEqual(device.call("deinit", stale).ret, 0)
        self.assertEqual(device.call("deinit", stale).ret, INVALID_PARAM)
        device.init()
        device.offer()
        self.rejected(device, stale)
        self.assertEqual(device.fetching, 1)

    def test_message_after_deinit(self):
        """MQTT message on an OTA topic after Deinit: ignored, and the next session starts clean."""
        device = self.up()
        device.call("deinit", device.h)
        image = self.origin.image
        message = offer(image.size, "2.0.0", self.origin.url(image.name), image.md5)
        for topic in ("upgrade", "request", "thing/config/push"):
            device.proxy.inject_publish(device.topic(topic), json.dumps(message))
        device.call("yield", device.m, 200)
        self.assertEqual(device.call("isfetching", device.h).ret, 0)
        device.init()
        self.assertEqual(device.fetching, 0)

    def test_ota_handle_survives_mqtt_destroy(self):
        """The MQTT client goes first: OTA calls fail with a code, Deinit still works."""
        device = self.up()
        self.assertEqual(device.call("destroy", device.m).ret, 0)
        self.assertLess(device.call("report-version", device.h, "1.0").ret, 0)
        self.assertEqual(device.call("deinit", device.h).ret, 0)


class Arguments(Bench):
    ORIGIN = True

    def test_null_arguments(self):
        """ReportVersion(h, NULL), FetchYield without buffer or with length 0, Ioctl likewise: -2, last error unchanged."""
        device = self.up()
        device.offer()
        before = device.error
        self.assertEqual(device.call("report-version", device.h, None).ret, INVALID_PARAM)
        self.assertEqual(device.call("fetch-null", device.h, 100, 1).n, INVALID_PARAM)
        self.assertEqual(device.call("fetch-null", device.h, 0, 1).n, INVALID_PARAM)
        self.assertEqual(device.call("ioctl-null", device.h, FILE_SIZE, 4).ret, INVALID_PARAM)
        self.assertEqual(device.call("ioctl", device.h, FILE_SIZE, 0, "room=4").ret, INVALID_PARAM)
        self.assertEqual(device.error, before)

    def test_version_lengths(self):
        """ReportVersion of 0 or 33 characters: -1, err -2. 1 and 32: 0."""
        device = self.up()
        for length in (0, 33):
            self.assertEqual(device.call("report-version", device.h, "v" * length).ret, GENERAL)
            self.assertEqual(device.error, INVALID_PARAM)
        for length in (1, 32):
            self.assertEqual(device.call("report-version", device.h, "v" * length).ret, 0)
        device.flush()
        self.assertEqual([p["params"]["version"] for p in device.payloads("inform")][1:], ["v", "v" * 32])

    def test_version_with_quote(self):
        """ReportVersion with `"`: what goes out is valid JSON with that very version."""
        device = self.up()
        self.assertEqual(device.call("report-version", device.h, '1.0"x\\').ret, 0)
        device.flush()
        self.assertEqual(device.payloads("inform")[-1]["params"]["version"], '1.0"x\\')

    def test_progress_range(self):
        """ReportProgress -5 and 101: -1, err -2, nothing sent. -4..100: 0. A NULL text: an empty one."""
        device = self.up()
        for step in (-5, 101):
            self.assertEqual(device.call("progress", device.h, step, "x").ret, GENERAL)
            self.assertEqual(device.error, INVALID_PARAM)
        self.assertEqual(device.steps(), [])
        for step in (-4, -3, -2, -1, 0, 100):
            self.assertEqual(device.call("progress", device.h, step, None).ret, 0)
        self.assertEqual(device.steps(), ["-4", "-3", "-2", "-1", "0", "100"])
        self.assertEqual({p["params"]["desc"] for p in device.payloads("progress")}, {""})

    def test_progress_text_length(self):
        """ReportProgress text of 214 characters passes; a far too long one is -4, err -4, nothing sent."""
        device = self.up()
        self.assertEqual(device.call("progress", device.h, 50, "d" * 214).ret, 0)
        self.assertEqual(device.steps(), ["50"])
        self.assertEqual(device.call("progress", device.h, 50, "d" * 5000).ret, STR_TOO_LONG)
        self.assertEqual(device.error, STR_TOO_LONG)
        self.assertEqual(device.steps(), ["50"])

    def test_progress_text_is_escaped(self):
        device = self.up()
        self.assertEqual(device.call("progress", device.h, 50, 'a"b\\c\nd').ret, 0)
        self.assertEqual(device.steps(), ["50"])
        self.assertEqual(device.payloads("progress")[0]["params"]["desc"], 'a"b\\c\nd')

    def test_publish_while_offline(self):
        """Reports while MQTT is offline: -7, err -7."""
        device = self.up()
        device.proxy.refusing = True
        device.proxy.drop_all()
        device.pump(lambda: device.call("state", device.m).ret == 0, "the client to notice")
        for name, words in (("report-version", ("1.0",)), ("progress", (5, None))):
            self.assertEqual(device.call(name, device.h, *words).ret, OSC_FAILED)
            self.assertEqual(device.error, OSC_FAILED)


class Ioctl(Bench):
    ORIGIN = True

    def test_before_an_offer(self):
        """Ioctl (any type) in INITED: -3, err -3, buffer untouched. FetchYield: -3, err -3."""
        device = self.up()
        for kind in range(14):
            with self.subTest(kind=kind):
                reply = device.ioctl(kind, 4)
                self.assertEqual((reply.ret, reply.intact, reply.hex), (INVALID_STATE, 1, "cc" * 4))
                self.assertEqual(device.error, INVALID_STATE)
        self.assertEqual(device.fetch().n, INVALID_STATE)
        self.assertEqual(device.error, INVALID_STATE)

    def test_four_bytes_exactly(self):
        """Four-byte types write four bytes and no more (a 64-bit variable keeps its upper half)."""
        device = self.up()
        device.offer()
        for kind, value in ((OTA_TYPE, TYPE_FOTA), (FETCHED_SIZE, 0), (FILE_SIZE, 60000)):
            reply = device.ioctl(kind, 4, "room=8")
            self.assertEqual((reply.ret, reply.intact, reply.value), (0, 1, value))
            self.assertEqual(reply.hex[8:], "cc" * 4)

    def test_wrong_lengths(self):
        """Four-byte types with length 3, 8, 1 or -1: an error, err -2, buffer untouched."""
        device = self.up()
        device.offer()
        for kind in (OTA_TYPE, FETCHED_SIZE, FILE_SIZE):
            for length in (3, 8, 1, -1):
                with self.subTest(kind=kind, length=length):
                    reply = device.ioctl(kind, length, "room=8")
                    self.assertIn(reply.ret, (GENERAL,) if length > 0 else (GENERAL, INVALID_PARAM))
                    self.assertEqual((reply.intact, reply.hex), (1, "cc" * 8))
                    if reply.ret == GENERAL:
                        self.assertEqual(device.error, INVALID_PARAM)

    def test_misaligned_buffer(self):
        """Four-byte types into a buffer that is not 4-aligned: -1, err -2."""
        device = self.up()
        device.offer()
        for skew in (1, 2, 3):
            reply = device.ioctl(FILE_SIZE, 4, f"skew={skew}")
            self.assertEqual((reply.ret, reply.intact, reply.hex), (GENERAL, 1, "cc" * 4))
            self.assertEqual(device.error, INVALID_PARAM)

    def test_unknown_types(self):
        """Unknown type (99, -1): -1, err -2."""
        device = self.up()
        device.offer()
        for kind in (99, -1):
            reply = device.ioctl(kind, 4)
            self.assertEqual((reply.ret, reply.intact, reply.hex), (GENERAL, 1, "cc" * 4))
            self.assertEqual(device.error, INVALID_PARAM)

    def test_text_types(self):
        """MD5SUM with 33, 32, 8 and VERSION with 128, 5, 1: truncated, NUL-terminated, the rest zero."""
        device = self.up()
        device.offer(version="2.0.0")
        for kind, text, lengths in ((MD5SUM, self.origin.image.md5, (33, 32, 8, 64)), (VERSION, "2.0.0", (128, 6, 5, 1))):
            for length in lengths:
                with self.subTest(kind=kind, length=length):
                    reply = device.ioctl(kind, length)
                    expected = text[:length - 1].encode().ljust(length, b"\0")
                    self.assertEqual((reply.ret, reply.intact, bytes.fromhex(reply.hex)), (0, 1, expected))

    def test_negative_text_length(self):
        """VERSION or MD5SUM with length -1: -2, nothing written."""
        device = self.up()
        device.offer()
        for kind in (VERSION, MD5SUM):
            reply = device.ioctl(kind, -1)
            self.assertEqual((reply.ret, reply.intact, reply.hex), (INVALID_PARAM, 1, "cc" * 16))

    def test_check_while_fetching(self):
        """CHECK_FIRMWARE while FETCHING: -1, err -3."""
        device = self.up()
        device.offer()
        self.assertEqual(device.fetch().n, 4999)
        self.assertEqual(device.call("check", device.h).ret, GENERAL)
        self.assertEqual(device.error, INVALID_STATE)

    def test_check_twice(self):
        """CHECK_FIRMWARE called twice after success: the same answer, no step -3."""
        device = self.up()
        device.offer()
        reply = device.fetch_all()
        self.assert_valid(device, self.origin.image, reply)
        self.assertEqual(device.steps(), ["0"])

    def test_type_over_time(self):
        """OTA_TYPE: 2 while fetching firmware, 0 when finished."""
        device = self.up()
        device.offer()
        self.assertEqual(device.value(OTA_TYPE), TYPE_FOTA)
        device.fetch_all()
        self.assertEqual(device.value(OTA_TYPE), TYPE_NONE)

    def test_config_ioctls_during_firmware(self):
        """CHECK_CONFIG and the COTA strings around a firmware download: -1, err -2, never a crash."""
        device = self.up()
        device.offer()
        strings = (CONFIG_ID, CONFIG_SIGN, CONFIG_SIGN_METHOD, CONFIG_URL, CONFIG_GETTYPE)
        for kind in strings:
            reply = device.call("ioctl-string", device.h, kind)
            self.assertEqual((reply.ret, reply.text, device.error), (GENERAL, None, INVALID_PARAM))
        device.fetch_all()
        self.assertEqual((device.ioctl(CHECK_CONFIG).ret, device.error), (GENERAL, INVALID_PARAM))
        self.assertEqual(device.verdict(), (0, 1))

    def test_reset_needs_a_buffer(self):
        """RESET_FETCHED_SIZE in FETCHING and FETCHED: 0 with a buffer, -2 without."""
        device = self.up()
        device.offer()
        self.assertEqual(device.call("ioctl-null", device.h, RESET_FETCHED_SIZE, 4).ret, INVALID_PARAM)
        self.assertEqual(device.ioctl(RESET_FETCHED_SIZE).ret, 0)
        device.fetch_all()
        self.assertEqual(device.ioctl(RESET_FETCHED_SIZE).ret, 0)
        self.assertEqual(device.value(FETCHED_SIZE), 0)

    def test_reset_in_mid_download(self):
        """RESET_FETCHED_SIZE in mid download: the download starts again from 0 and ends valid."""
        device = self.up()
        device.offer()
        self.assertEqual((device.fetch().n, device.fetch().n), (4999, 4999))
        self.assertEqual((device.ioctl(RESET_FETCHED_SIZE).ret, device.value(FETCHED_SIZE)), (0, 0))
        self.assert_valid(device, self.origin.image, device.fetch_all())


class Config(Bench):
    """Remote configuration (COTA) over the same session."""

    ORIGIN = True

    def push_config(self, device, **more):
        image = self.origin.image
        params = {"configId": "cfg-7", "configSize": image.size, "sign": image.sha256, "signMethod": "Sha256",
                  "url": self.origin.url(image.name), "getType": "file", **more}
        device.push({"id": "123", "version": "1.0", "params": params, "method": "thing.config.push"},
                    device.topic("thing/config/push"), qos=0)

    def test_config_push(self):
        """COTA: type 1, the six values, CHECK_CONFIG after the download."""
        device = self.up()
        self.push_config(device)
        self.assertEqual((device.fetching, device.value(OTA_TYPE)), (1, TYPE_COTA))
        self.assertEqual(device.value(CONFIG_SIZE), self.origin.image.size)
        for kind, text in ((CONFIG_ID, "cfg-7"), (CONFIG_SIGN, self.origin.image.sha256),
                           (CONFIG_SIGN_METHOD, "Sha256"), (CONFIG_URL, self.origin.url("image.bin")),
                           (CONFIG_GETTYPE, "file")):
            reply = device.call("ioctl-string", device.h, kind)
            self.assertEqual((reply.ret, reply.text), (0, text))
        reply = device.fetch_all()
        self.assertEqual((reply.bytes, reply.finished), (60000, 1))
        self.assertEqual((device.ioctl(CHECK_CONFIG).ret, device.ioctl(CHECK_CONFIG).value), (0, 1))

    def test_config_strings_need_a_null_pointer(self):
        """COTA strings into a pointer that is not NULL on entry: -1, err -2, the pointer unchanged."""
        device = self.up()
        self.push_config(device)
        reply = device.call("ioctl-string", device.h, CONFIG_URL, "preset")
        self.assertEqual((reply.ret, reply.text, device.error), (GENERAL, "own", INVALID_PARAM))

    def test_firmware_ioctls_during_config(self):
        """VERSION and MD5SUM while only a config is active: an error or an empty text, never a crash."""
        device = self.up()
        self.push_config(device)
        for kind in (VERSION, MD5SUM):
            reply = device.ioctl(kind, 33)
            self.assertEqual(reply.intact, 1)
            if reply.ret == 0:
                self.assertEqual(reply.hex, "00" * 33)
            else:
                self.assertEqual((reply.ret, device.error), (GENERAL, INVALID_PARAM))

    def test_config_with_wrong_digest(self):
        device = self.up()
        self.push_config(device, sign="0" * 64)
        device.fetch_all()
        reply = device.ioctl(CHECK_CONFIG)
        self.assertEqual((reply.ret, reply.value), (0, 0))
        self.assertNotEqual((device.ioctl(CHECK_FIRMWARE).ret, device.ioctl(CHECK_FIRMWARE).get("value")), (0, 1))

    def test_answer_to_get_config(self):
        """get_reply with code 200, as a number or as a string, starts the download of the configuration."""
        for code in (200, "200"):
            with self.subTest(code=code):
                device = self.up()
                image = self.origin.image
                device.push({"id": "1", "code": code,
                             "data": {"configId": "c", "configSize": image.size, "sign": image.md5, "signMethod": "Md5",
                                      "url": self.origin.url(image.name), "getType": "file"}},
                            device.topic("thing/config/get_reply"), qos=0)
                self.assertEqual(device.value(OTA_TYPE), TYPE_COTA)
                device.fetch_all()
                self.assertEqual(device.ioctl(CHECK_CONFIG).value, 1)
