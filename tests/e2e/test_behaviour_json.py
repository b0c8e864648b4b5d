# SPDX-License-Identifier: MIT OR Apache-2.0
"""Upgrade messages: which are taken, which are dropped, and that a dropped one harms nothing."""

import json

from lib.bench import FILE_SIZE, INVALID_PARAM, INVALID_STATE, MD5SUM, VERSION, Bench
from lib.broker import offer


class Messages(Bench):
    ORIGIN = True

    def setUp(self):
        self.dev = self.up()
        image = self.origin.image
        self.good = offer(image.size, "2.0.0", self.origin.url(image.name), image.md5)

    def message(self, drop=(), **data):
        """The good message with other `data` values (None removes a key) and without some top-level keys."""
        m = {k: v for k, v in self.good.items() if k not in drop}
        if "data" in m:
            m["data"] = {k: v for k, v in {**m["data"], **data}.items() if v is not None}
        return m

    def taken(self, message, valid=True):
        """The message starts a download, which ends with the given verdict. Leaves the session ready for another."""
        before = len(self.dev.steps())
        self.dev.push(message)
        self.assertEqual(self.dev.fetching, 1, message)
        reply = self.dev.fetch_all()
        self.assertEqual((reply.finished, reply.intact), (1, 1), (message, reply))
        self.assertEqual(self.dev.verdict(), (0, int(valid)), message)
        self.assertEqual(self.dev.steps()[before:], ["0"] if valid else ["0", "-3"])
        return reply

    def dropped(self, message, told=None):
        """The message starts and ends nothing; the last error and a log line tell of it. Who offers an image that cannot be
        taken is told so, once."""
        state = (self.dev.fetching, self.dev.finished)
        published = len(self.dev.steps())
        lines = self.dev.logged("refused")
        self.dev.push(message)
        self.assertEqual((self.dev.fetching, self.dev.finished), state, message)
        self.assertEqual((self.dev.error, self.dev.logged("refused")), (INVALID_PARAM, lines + 1), message)
        offers = isinstance(message, dict) and message.get("message") == "success" and isinstance(message.get("data"), dict)
        module = offers and message["data"].get("module", "default")
        told = (offers and module in (None, "", "default")) if told is None else told
        self.assertEqual(self.dev.steps()[published:], ["-1"] if told else [], message)

    def test_needed_keys(self):
        """Any of message, data, size, version, url missing: dropped. So is a message that is not "success"."""
        for key in ("message", "data"):
            self.dropped(self.message(drop=(key,)))
        for key in ("size", "version", "url"):
            self.dropped(self.message(**{key: None}))
        self.dropped(self.message(md5=None))
        self.dropped({**self.good, "message": "fail"})
        for data in ("text", None, 7, [], [1]):
            self.dropped({**self.good, "data": data})
        self.assertEqual((self.dev.fetch().n, self.dev.error), (INVALID_STATE, INVALID_STATE))
        self.taken(self.good)

    def test_keys_that_do_not_matter(self):
        """`code` and `id` are not looked at."""
        self.taken({**self.good, "code": "200"})
        self.taken(self.message(drop=("code",)))
        self.taken(self.message(drop=("id",)))
        self.taken({**self.good, "id": "text"})

    def test_images_for_modules(self):
        """An image for a module is not the device's own firmware, whatever else the message says."""
        self.dropped(self.message(module="mcu"))
        self.assertEqual(self.dev.logged("image is for a module"), 1)
        self.dropped(self.message(module=7))
        self.taken(self.message(module="default"))
        self.taken(self.message(module=""))

    def test_sign_instead_of_md5(self):
        """`signMethod` and `sign` without `md5`, Md5 or SHA256 in any case: taken and checked."""
        image = self.origin.image
        for method, sign in (("Md5", image.md5), ("MD5", image.md5.upper()), ("SHA256", image.sha256),
                             ("Sha256", image.sha256)):
            with self.subTest(method=method):
                self.taken(self.message(md5=None, signMethod=method, sign=sign))
        self.taken(self.message(md5=None, signMethod="SHA256", sign="0" * 64), valid=False)
        self.taken(self.message(md5=None, signMethod="Md5", sign="0" * 32), valid=False)

    def test_unknown_sign_method(self):
        """A digest that cannot be checked is never called valid: dropped, or found invalid."""
        message = self.message(md5=None, signMethod="CRC32", sign="00000000")
        self.dev.push(message)
        if self.dev.fetching:
            self.dev.fetch_all()
            self.assertEqual(self.dev.verdict(), (0, 0))

    def test_md5_and_sign(self):
        """Both given: SHA-256 is what counts; two MD5s that differ are refused."""
        image = self.origin.image
        self.taken(self.message(signMethod="SHA256", sign=image.sha256))
        self.taken(self.message(signMethod="SHA256", sign="0" * 64), valid=False)
        self.taken(self.message(md5="0" * 32, signMethod="SHA256", sign=image.sha256))
        self.taken(self.message(signMethod="Md5", sign=image.md5.upper()))
        self.dropped(self.message(signMethod="Md5", sign="0" * 32))
        self.dropped(self.message(md5="0" * 32, signMethod="Md5", sign=image.md5))

    def test_whitespace(self):
        """Whitespace everywhere."""
        self.taken(" \r\n\t" + json.dumps(self.good, indent=3) + "\n ")

    def test_nested_keys(self):
        """A nested object with the same key names before the real ones: those of `data` count."""
        data = {"extra": {"size": 1, "url": "http://evil/", "md5": "0" * 32, "version": "x"}, **self.good["data"]}
        self.taken({"nested": {"data": {"size": 1}, "message": "fail"}, **self.good, "data": data})

    def test_duplicate_keys(self):
        """Duplicate keys: one of them counts, consistently, without harm."""
        text = json.dumps(self.good)
        self.taken(text.replace('"version": "2.0.0"', '"version": "1.9.9", "version": "2.0.0"'))

    def test_escapes(self):
        """`http:\\/\\/`, `\\u002f` and `\\"` in values: unescaped."""
        text = json.dumps(self.good)
        self.taken(text.replace("/", "\\/"))
        self.taken(text.replace("/image.bin", "\\u002fimage.bin"))
        self.dev.push(self.message(version='2.0 "quoted" \\ é'))
        reply = self.dev.ioctl(VERSION, 65)
        self.assertEqual(bytes.fromhex(reply.hex).rstrip(b"\0").decode(), '2.0 "quoted" \\ é')
        self.dev.fetch_all()

    def test_long_version(self):
        """Version of 200 characters: kept in full (Ioctl cuts to the buffer)."""
        self.dev.push(self.message(version="v" * 200))
        self.assertEqual(bytes.fromhex(self.dev.ioctl(VERSION, 256).hex).rstrip(b"\0"), b"v" * 200)
        self.assertEqual(bytes.fromhex(self.dev.ioctl(VERSION, 33).hex), b"v" * 32 + b"\0")

    def test_size_as_text(self):
        """Size as the string "60000", or with a fraction of zeros: taken."""
        for size in ("60000", 60000.0, "60000.0"):
            self.taken(self.message(size=size))

    def test_sizes_that_are_no_sizes(self):
        """6e4, null, 0, -5, 1.5, true, text, 17 and more digits that overflow: dropped."""
        text = json.dumps(self.good)
        for size in ("6e4", "null", "0", "-5", "1.5", "true", '""', '"abc"', '"60000 "', "{}", "[60000]",
                     "99999999999999999999999", '"-5"', '"0"'):
            with self.subTest(size=size):
                self.dropped(text.replace('"size": 60000', f'"size": {size}'), told=True)
        self.taken(self.good)

    def test_sizes_beyond_32_bits(self):
        """Size 5e9: taken; the 32-bit ioctl says so (-1, err -1), the native call has the value. 3e9 fits."""
        for size, fits in ((3000000000, True), (4294967295, True), (4294967296, False), (5000000000, False)):
            with self.subTest(size=size):
                device = self.up()
                device.offer(size=size)
                self.assertEqual(device.fetching, 1)
                reply = device.ioctl(FILE_SIZE)
                if fits:
                    self.assertEqual((reply.ret, reply.value), (0, size))
                else:
                    self.assertEqual((reply.ret, reply.hex, device.error), (-1, "cc" * 4, -1))
                native = device.call("size", device.h)
                self.assertEqual((native.ret, native.total), (0, size))

    def test_size_smaller_than_the_body(self):
        """Size 50000 for a body of 60000: at most the size is handed out, and it fails."""
        self.wrong_size(50000)

    def test_size_larger_than_the_body(self):
        """Size 70000 for a body of 60000: it fails, whatever the md5 of the body is."""
        self.wrong_size(70000)

    def wrong_size(self, size):
        self.dev.push(self.message(size=size))
        reply = self.dev.fetch_all()
        self.assertEqual((self.dev.finished, self.dev.verdict()), (1, (0, 0)))
        self.assertLessEqual(reply.bytes, min(size, 60000))
        self.taken(self.good)

    def test_wrong_md5(self):
        """md5 wrong: finished, invalid, step -3 once."""
        self.taken(self.message(md5="0" * 32), valid=False)
        self.taken(self.good)

    def test_md5_in_capitals(self):
        """md5 in upper case hex: compared without regard to case."""
        self.taken(self.message(md5=self.origin.image.md5.upper()))

    def test_md5_of_a_wrong_form(self):
        """md5 short, long, empty or not hex: dropped, and an older digest is not used in its place."""
        for md5 in ("7d28", "", "0" * 33, "g" * 32, "0" * 31 + " "):
            with self.subTest(md5=md5):
                self.dropped(self.message(md5=md5))
        self.dev.push(self.good)
        self.assertEqual(bytes.fromhex(self.dev.ioctl(MD5SUM, 33).hex)[:32].decode(), self.origin.image.md5)

    def test_not_json(self):
        """Not JSON, empty, `{`, truncated, an array at the top, invalid UTF-8: dropped; the next good one works."""
        text = json.dumps(self.good)
        for message in ("hello", "{", text[:-1], text[:60], json.dumps([self.good]), "null", "7", b"\xff\xfe\x00",
                        b'{"message":"success\xff"}'):
            with self.subTest(message=message):
                self.dropped(message)
        lines = self.dev.logged("refused")
        self.dev.proxy.inject_publish(self.dev.topic("upgrade"), "")
        self.dev.pump(lambda: self.dev.logged("refused") > lines, "the empty message")
        self.dropped("{}")
        self.taken(self.good)

    def test_trailing_bytes(self):
        """Trailing NUL and garbage: taken or dropped, without harm."""
        self.dev.push(json.dumps(self.good).encode() + b"\0garbage")
        if self.dev.fetching:
            self.dev.fetch_all()
            self.assertEqual(self.dev.verdict(), (0, 1))
        else:
            self.taken(self.good)

    def test_messages_beyond_the_buffer(self):
        """70 KB, 100 KB and 40000 levels deep: event 13, dropped, the connection stays."""
        for text in (json.dumps({**self.good, "pad": "p" * 70000}), json.dumps({**self.good, "pad": "p" * 100000}),
                     json.dumps(self.good)[:-1] + ',"deep":' + "[" * 40000 + "]" * 40000 + "}"):
            self.dev.call("events")
            self.broker.publish(self.dev.topic("upgrade"), text)
            self.dev.pump(lambda: "13:0" in self.dev.call("events").list.split(","), "BUFFER_OVERFLOW")
            self.assertEqual((self.dev.fetching, self.dev.call("state", self.dev.m).ret), (0, 1))
        self.assertEqual(self.dev.proxy.connections, 1)
        self.taken(self.good)

    def test_offers_larger_than_the_read_buffer(self):
        """Offers may take 64 KiB, whatever read buffer the program gave to the client; topic and header do not count."""
        bare = len(json.dumps(self.message(extData={"_package_udi": ""})))
        self.taken(self.message(extData={"_package_udi": "p" * (65536 - bare)}))
        for size in (3000, 15000, 25000, 32768, 60000):
            self.taken(self.message(extData={"_package_udi": "p" * size}))
        self.taken(json.dumps(self.good)[:-1] + ',"deep":' + "[" * 10000 + "]" * 10000 + "}")

    def test_optional_values_that_are_not_there(self):
        """Missing, null or empty: the same, for each value that an offer may do without."""
        text = json.dumps(self.good)
        for key in ("sign", "signMethod", "digestsign", "module", "isDiff", "dProtocol", "extData", "streamId", "files"):
            for value in ("null", '""', "[]", "{}"):
                with self.subTest(key=key, value=value):
                    self.taken(text.replace('"data": {', '"data": {"%s": %s, ' % (key, value)))
        image = self.origin.image
        for value in (None, ""):
            message = self.message(signMethod="SHA256", sign=image.sha256)
            message["data"]["md5"] = value
            self.taken(message)

    def test_byte_order_mark(self):
        self.taken(b"\xef\xbb\xbf" + json.dumps(self.good).encode())

    def test_packages_that_cannot_be_taken(self):
        """A difference, several files, bytes over MQTT: refused, and the platform is told why."""
        many = [{"fileSize": 1, "fileUrl": self.good["data"]["url"], "fileName": str(n)} for n in range(2)]
        told = 0
        for more, word in (({"isDiff": 1}, "differential"), ({"isDiff": "1"}, "differential"), ({"files": many}, "files"),
                           ({"dProtocol": "mqtt", "streamId": 1, "streamFileId": 1}, "MQTT"),
                           ({"dProtocol": "mqtt", "streamId": 1, "url": None}, "MQTT")):
            with self.subTest(more=more):
                self.dev.push(self.message(**more))
                told += 1
                answers = [p["params"] for p in self.dev.payloads("progress")]
                self.assertEqual((self.dev.fetching, self.dev.error, len(answers)), (0, INVALID_PARAM, told))
                self.assertEqual((answers[-1]["step"], word in answers[-1]["desc"]), ("-1", True), answers[-1])
        self.taken(self.message(isDiff=0, dProtocol="https", files=[]))
        image = self.origin.image
        self.taken(self.message(url=None, size=None, md5=None, files=[
            {"fileSize": image.size, "fileUrl": self.origin.url(image.name), "fileName": "a", "fileMd5": image.md5}]))

    def test_deep_nesting_that_fits(self):
        """5000 levels, which fit: taken or dropped, no stack overflow."""
        device = self.up()
        device.push(json.dumps(self.good)[:-1] + ',"deep":' + "[" * 5000 + "]" * 5000 + "}")
        self.assertIn(device.fetching, (0, 1))
        self.assertEqual(device.call("state", device.m).ret, 1)
