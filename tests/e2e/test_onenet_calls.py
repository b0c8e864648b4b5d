# SPDX-License-Identifier: MIT OR Apache-2.0
"""OneNET's API call by call, against a platform that records every byte and answers whatever a test wants."""

import json
import time

from lib import ca
from lib.onenet import HANG, LIMIT, SUCCESS, Honest, OnenetBench, answer, image, task

POST_VERSION, CHECK_TASK, CHECK_TOKEN, DOWNLOAD, REPORT = range(5)
TOKEN = ("version=2018-10-31&res=products%2F123123&et=1537255523&method=sha1"
         "&sign=lsaPSiiGvEFFjXu5WU7a6IkScqE%3D")


class Wire(OnenetBench):
    """The requests of a C program, byte for byte as the platform's SDK sends them."""

    def setUp(self):
        self.platform_ = self.platform(Honest(image(22), token="ota_iF0hnXrq2CxLrP8vZ39l"))
        self.d = self.device(self.platform_)

    def last(self):
        return self.platform_.requests[-1].raw.decode()

    def test_general(self):
        self.d.call("init", TOKEN, "527776559", "1.0.0", "000", "00001", 1, 1)
        common = f"Host:ota.heclouds.com\r\nContent-Type:application/json\r\nAuthorization:{TOKEN}\r\n"
        self.assertEqual(self.d.call("version", LIMIT).ret, 0)
        self.assertEqual(self.last(), "POST /ota/device/version?dev_id=527776559 HTTP/1.1\r\n" + common +
                         "Content-Length:     41\r\n\r\n" '{"f_version":"1.0.0","s_version":"1.0.0"}')
        self.d.call("check-task", LIMIT)
        self.assertEqual(self.last(), "GET /ota/south/check?type=1&version=1.0.0&cdn=true&dev_id=527776559 HTTP/1.1\r\n" +
                         common + "\r\n")
        self.d.call("check-token", "ota_iF0hnXrq2CxLrP8vZ39l", LIMIT)
        self.assertEqual(self.last(), "GET /ota/south/download/ota_iF0hnXrq2CxLrP8vZ39l/check?dev_id=527776559 HTTP/1.1\r\n" +
                         common + "\r\n")
        self.d.call("download", "ota_iF0hnXrq2CxLrP8vZ39l", 0, 8, LIMIT)
        self.assertEqual(self.last(), "GET /ota/south/download/ota_iF0hnXrq2CxLrP8vZ39l HTTP/1.1\r\n"
                         f"Host:ota.heclouds.com\r\nAuthorization:{TOKEN}\r\nRange:0-7\r\n\r\n")
        self.d.call("report", "ota_iF0hnXrq2CxLrP8vZ39l", 50, LIMIT)
        self.assertEqual(self.last(), "POST /ota/south/device/download/ota_iF0hnXrq2CxLrP8vZ39l/progress?dev_id=527776559"
                         " HTTP/1.1\r\n" + common + "Content-Length:     11\r\n\r\n" '{"step":50}')

    def test_range_with_its_unit(self):
        self.assertEqual(self.d.call("set-number", 3, 2).ret, 0)
        self.d.init()
        self.d.call("download", "T", 8, 8, LIMIT)
        self.assertEqual(self.platform_.requests[-1].headers["range"], "bytes=8-15")

    def test_any_other_type_is_sota(self):
        self.d.init(kind=9)
        self.d.call("check-task", LIMIT)
        self.assertIn("?type=2&", self.last())

    def test_things_model(self):
        device = self.device(self.platform_, things=True).init("78329710")
        token = ("version=2018-10-31&res=products%2F123123%2Fdevices%2F78329710&et=2524579200&method=sha1"
                 "&sign=0dPRUCQcHIJH0VR8oOkuo69DX4Y%3D")
        device.call("version", LIMIT)
        self.assertEqual(self.last(), "POST /ota/123123/78329710/version HTTP/1.1\r\nHost:studio-ota.heclouds.com\r\n"
                         f"Content-Type:application/json\r\nAuthorization:{token}\r\nContent-Length:     41\r\n\r\n"
                         '{"f_version":"1.0.0","s_version":"1.0.0"}')
        device.call("download", 7, 0, 4, LIMIT)
        self.assertEqual(self.last(), "GET /ota/123123/78329710/7/download/ HTTP/1.1\r\nHost:studio-ota.heclouds.com\r\n"
                         f"Authorization:{token}\r\nRange:0-3\r\n\r\n")

    def test_current_platform(self):
        device = self.device(self.platform_, things=True)
        for option, value in ((0, 1), (4, 2), (5, 4102444800)):
            self.assertEqual(device.call("set-number", option, value).ret, 0)
        self.assertEqual(device.call("set-text", 102, "2022-05-01").ret, 0)
        self.assertEqual(device.call("set-text", 103, "userid/77").ret, 0)
        device.init("dev")
        device.call("check-task", LIMIT)
        request = self.platform_.requests[-1]
        self.assertEqual(request.target, "/fuse-ota/123123/dev/check?type=2&version=1.0.0")
        self.assertEqual(request.headers["host"], "iot-api.heclouds.com")
        self.assertRegex(request.headers["authorization"],
                         r"^version=2022-05-01&res=userid%2F77&et=4102444800&method=sha256&sign=")


class Results(OnenetBench):
    """0, local errors, the platform's numbers, HTTP's statuses; and what the callback gets."""

    def setUp(self):
        self.reply = answer(SUCCESS)
        self.platform_ = self.platform(lambda request: self.reply)
        self.d = self.device(self.platform_).init()

    def version(self, limit=LIMIT):
        return self.d.call("version", limit)

    def test_success(self):
        reply = self.version()
        self.assertEqual((reply.ret, reply.events, reply.state), (0, 1, POST_VERSION))
        self.assertEqual(json.loads(reply.data), SUCCESS)
        reply = self.d.call("check-token", "T", LIMIT)
        self.assertEqual((reply.ret, reply.state), (0, CHECK_TOKEN))
        reply = self.d.call("report", "T", 101, LIMIT)
        self.assertEqual((reply.ret, reply.state), (0, REPORT))

    def test_numbers_of_the_platform(self):
        """1..99 come back as they are, and the callback sees the body all the same."""
        for errno in (1, 12, 22, 99):
            self.reply = answer({"errno": errno, "error": "x"})
            reply = self.version()
            self.assertEqual((reply.ret, reply.events, self.d.call("errno").ret), (errno, 1, errno))
        for errno in (100, 4711, -3):
            self.reply = answer({"errno": errno})
            self.assertEqual((self.version().ret, self.d.call("errno").ret), (-12, errno))
        for code in (12012, 12013):
            self.reply = answer({"code": code, "msg": "not exist"})
            self.assertEqual(self.d.call("check-task", LIMIT).ret, 11)

    def test_http_statuses(self):
        for status in (301, 401, 403, 404, 500, 503):
            self.reply = answer(SUCCESS, status)
            reply = self.version()
            self.assertEqual((reply.ret, reply.events), (status, 0))
            self.assertEqual(self.d.call("download", "T", 0, 4, LIMIT).ret, status)

    def test_local_errors(self):
        for self.reply, ret in ((b"", -11), (None, -11), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", -11),
                                (b"garbage\r\n\r\n", -12), (answer(b"{"), -1), (answer({"error": "x"}), -1),
                                (answer(b"x" * 20000), -15)):
            self.assertEqual(self.version().ret, ret, self.reply)
            self.assert_told(r"\S")
        self.platform_.close()
        self.assertEqual(self.version().ret, -11)
        self.assert_told(r"cannot connect: .*Connection refused")

    def assert_told(self, what):
        """The last line says where the call went and what came back."""
        self.assertRegex(self.d.driver.log[-1], rf"onenet: 127\.0\.0\.1:{self.platform_.port} \(TCP\).*: {what}")

    def test_time(self):
        """A call ends with its time, whatever the platform does meanwhile."""
        slow = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
        for self.reply in (HANG, slow):
            if self.reply is slow:
                self.platform_.script = self.drip
            for limit in (100, 700):
                reply = self.version(limit)
                self.assertEqual((reply.ret, reply.events), (-13, 0))
                self.assertGreater(reply.ms, limit - 5)
                self.assertLess(reply.ms, limit + 400)
                self.assert_told(f"not done within the {limit} ms|no answer|no .* within")
        self.assertEqual(self.version(0).ret, -13)
        self.platform_.script = lambda request: answer(SUCCESS)
        self.assertEqual(self.version().ret, 0)

    @staticmethod
    def drip(request):
        time.sleep(3)
        return answer(SUCCESS)

    def test_end_from_another_thread(self):
        """ota_deinit ends a call under way at once; the device can be set up again."""
        self.reply = HANG
        self.d.call("deinit-later", 200)
        reply = self.version(20000)
        self.assertEqual((reply.ret, reply.events), (-5, 0))
        self.assertLess(reply.ms, 2000)
        self.assertEqual(self.version().ret, -5)
        self.reply = answer(SUCCESS)
        self.d.init()
        self.assertEqual(self.version().ret, 0)
        self.d.end()

    def test_tasks_that_make_no_sense(self):
        """Nothing of them reaches the program."""
        for fields, ret in (({"size": 0}, -3), ({"size": -1}, -3), ({"size": 2**32}, -15), ({"md5": ""}, -3),
                            ({"md5": "x" * 36}, -15), ({"target": "v" * 32}, -15), ({"token": "t" * 32}, -15),
                            ({"token": "a/b"}, -3), ({"size": None}, -3), ({"size": ""}, -3), ({"size": 2**64}, -15),
                            ({"size": "x"}, -3), ({"md5": None}, -3), ({"target": None}, -3), ({"token": None}, -3)):
            self.reply = answer(task(b"x", **fields))
            reply = self.d.call("check-task", LIMIT)
            self.assertEqual((reply.ret, reply.events), (ret, 1), fields)
            self.assertEqual((reply.target, reply.md5, reply.size, reply.token), ("", "", 0, ""), fields)
        self.reply = answer({"errno": 0})
        self.assertEqual(self.d.call("check-task", LIMIT).ret, -3)

    def test_a_task(self):
        self.reply = answer(task(b"x" * 22, token="ota_iF0hnXrq2CxLrP8vZ39l", target="V1", signal=10, power=50, retry=3,
                                 interval=60, ipPort="183.230.40.50:80"))
        reply = self.d.call("check-task", LIMIT)
        self.assertEqual((reply.ret, reply.state), (0, CHECK_TASK))
        self.assertEqual((reply.target, reply.size, reply.token, reply.ip), ("V1", 22, "ota_iF0hnXrq2CxLrP8vZ39l",
                                                                            "183.230.40.50:80"))
        self.assertEqual((reply.interval, reply.retry, reply.signal, reply.power, reply.type), (60, 3, 10, 50, 1))


    def test_fields_that_may_be_left_out(self):
        """Absent, null, empty, a number as text, negative, huge, of another type: the task is taken all the same, and a
        number outside its field's range becomes the nearest one."""
        absent = object()
        spellings = [(absent, 0), (None, 0), ("", 0), (" ", 0), ([], 0), ({}, 0), ("x", 0), (True, 0), (7.5, 0), (7, 7),
                     ("7", 7), (7.0, 7), (-1, -1), ("-1", -1), (-90, -90), (10**9, 10**9), (10**30, 10**30), (1e300, 1e300),
                     (-10**30, -10**30)]
        ranges = {"signal": (0, 255), "power": (0, 255), "retry": (-2**15, 2**15 - 1), "interval": (0, 2**32 - 1),
                  "type": (0, 255)}
        for field, (least, most) in ranges.items():
            for value, number in spellings:
                message = task(b"x" * 22, **{field: value})
                if value is absent:
                    del message["data"][field]
                self.reply = answer(message)
                reply = self.d.call("check-task", LIMIT)
                got = getattr(reply, field)
                self.assertEqual((reply.ret, got), (0, int(min(max(number, least), most))), (field, value))
        for value, text in ((absent, ""), (None, ""), ("", ""), (7, ""), ([], ""), ("1.2.3.4:80", "1.2.3.4:80"),
                            ("1" * 31, "1" * 31), ("1" * 32, ""), ("1" * 5000, "")):
            self.reply = answer(task(b"x" * 22, **({} if value is absent else {"ipPort": value})))
            reply = self.d.call("check-task", LIMIT)
            self.assertEqual((reply.ret, reply.ip), (0, text), value)

    def test_answers_however_they_are_framed(self):
        body = json.dumps(task(b"x" * 22)).encode()
        for text in (body, b"\xef\xbb\xbf" + body, b" \r\n" + body + b"\n\0", body.replace(b"0,", b'"0",', 1)):
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(text[at:at + 9]), text[at:at + 9]) for at in range(0, len(text), 9))
            for reply in (answer(text), answer(text, Content_Type="text/html"), b"HTTP/1.1 200 OK\r\n\r\n" + text,
                          b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"):
                self.reply = reply
                got = self.d.call("check-task", LIMIT)
                self.assertEqual((got.ret, got.size), (0, 22), reply)

    def test_the_number_of_a_refusal_is_the_last_calls(self):
        refused, good = answer({"errno": 4711}), answer(SUCCESS)
        calls = (("version", LIMIT), ("check-token", "T", LIMIT), ("report", "T", 1, LIMIT), ("version", 0),
                 ("check-task", LIMIT), ("download", "T", 0, 4, LIMIT), ("download", "T", 0, 0, LIMIT), ("check-token", None, 1))
        for call in calls:
            self.reply = refused
            self.assertEqual((self.version().ret, self.d.call("errno").ret), (-12, 4711))
            self.reply = good
            self.d.call(*call)
            self.assertEqual(self.d.call("errno").ret, 0, call)
        for self.reply, number in ((refused, 4711), (answer({"errno": -3}), -3), (answer(b"3"), 3), (good, 0)):
            self.d.call("download", "T", 0, 4, LIMIT)
            self.assertEqual(self.d.call("errno").ret, number)


class Slices(OnenetBench):
    """ota_download_package: the slice that was asked for, or an error."""

    def setUp(self):
        self.image = image(4097)
        self.script = Honest(self.image)
        self.platform_ = self.platform(self.script)
        self.d = self.device(self.platform_).init()
        self.out = self.path()
        self.d.call("out", self.out)

    def fetch(self, first, size):
        return self.d.call("download", "ota_T", first, size, LIMIT)

    def refused(self, reply, ret, first=0, size=4):
        """The error comes back, the callback hears nothing, and the next slice is fine."""
        honest, self.script.slice = self.script.slice, lambda request: reply
        got = self.fetch(first, size)
        self.assertEqual((got.ret, got.events), (ret, 0), reply[:80])
        self.script.slice = honest
        self.assertEqual(self.fetch(0, 4).ret, 0)

    def test_all_of_it(self):
        """size % slice == 1: the last slice has one byte."""
        self.d.call("check-task", LIMIT)
        first = self.fetch(0, 4096)
        self.assertEqual((first.ret, first.state, first.len), (0, DOWNLOAD, 4096))
        last = self.fetch(4096, 4096)
        self.assertEqual((last.ret, last.len), (0, 1))
        self.assertEqual(self.platform_.requests[-1].headers["range"], "4096-4096")
        self.assertEqual(self.fetch(4097, 4096).ret, -2)
        self.assertEqual(self.fetch(2**32 - 1, 2**32 - 1).ret, -2)
        self.d.call("out", None)
        self.assertEqual(self.content(self.out), self.image)

    def test_without_a_check(self):
        """The size is not known: the server's word counts."""
        self.assertEqual(self.fetch(4096, 4096).len, 1)
        self.assertEqual(self.fetch(5000, 10).ret, -3)

    def test_refusals(self):
        self.refused(b"HTTP/1.1 200 OK\r\n\r\n3", 3)
        self.refused(b"HTTP/1.1 200 OK\r\n\r\n\x03", 3)
        self.refused(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\x01\r\n0\r\n\r\n", 1)
        self.refused(answer(self.image[:4], 206, Content_Range="bytes 0-3/4097", Ota_Errno=5), 5)
        self.refused(answer(self.image[:4], Ota_Errno=6), 6)
        self.refused(answer({"errno": 22, "error": "x"}, Content_Type="application/json"), 22)
        self.refused(answer({"code": 12012, "msg": "x"}, Content_Type="application/json"), 11)

    def test_lies(self):
        self.d.call("check-task", LIMIT)
        self.refused(answer(self.image[:4], 206), -3)
        self.refused(answer(self.image[1:5], 206, Content_Range="bytes 1-4/4097"), -3)
        self.refused(answer(self.image[:5], 206, Content_Range="bytes 0-4/4097"), -3)
        self.refused(answer(self.image[:4], 206, Content_Range="bytes 0-3/5000"), -3)
        self.refused(answer(self.image[:3], 206, Content_Range="bytes 0-3/4097"), -3)
        self.refused(answer(self.image[:100]), -3)
        self.refused(answer(b"", 200), -3)
        self.refused(b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-3/4097\r\nContent-Length: 4\r\n\r\nab", -11)

    def test_a_server_without_ranges(self):
        """200 with the whole package: the slice is cut out of it, never appended as it comes."""
        self.d.call("check-task", LIMIT)
        for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n"):
            self.script.slice = lambda request: head + self.image
            self.d.call("out", self.out)
            self.assertEqual([self.fetch(at, 1000).len for at in range(0, 4097, 1000)], [1000, 1000, 1000, 1000, 97])
            self.d.call("out", None)
            self.assertEqual(self.content(self.out), self.image)

    def test_a_coding_that_nobody_asked_for_is_a_label(self):
        """Range and length are right, so these are the bytes that were asked for."""
        self.script.slice = lambda request: answer(self.image[:4], 206, Content_Range="bytes 0-3/4097", Content_Encoding="gzip")
        self.assertEqual((self.fetch(0, 4).ret, self.fetch(0, 4).len), (0, 4))

    def test_no_length_is_no_slice(self):
        """A body that only its end ends is a package when it has the task's size to the byte, and not otherwise."""
        bare = b"HTTP/1.1 200 OK\r\n\r\n"
        for body in (self.image, self.image[:4], b"<html>"):
            self.refused(bare + body, -3)
        self.d.call("check-task", LIMIT)
        self.refused(bare + self.image[:-1], -11)
        self.refused(bare + self.image + b"x", -3)
        self.refused(bare + b"<html>", -11)

    def test_refusals_however_they_are_framed(self):
        """In every framing, of every media type, with and without a byte-order mark: nothing of them reaches the program."""
        words = [(b'{"errno":12,"error":"expired"}', 12), (b'\xef\xbb\xbf{"errno":12}', 12), (b'{"code":12012,"msg":"x"}', 11),
                 (b' {"error":"x","errno":"22"}\n\0', 22), (b"3", 3), (b"\x03", 3), (b'{"errno":0,"error":"succ"}', -3),
                 (b'{"errno":12,"err', -3)]
        types = ["", "Content-Type: application/json\r\n", "Content-Type: application/json;charset=UTF-8\r\n",
                 "Content-Type: text/json\r\n", "Content-Type: application/octet-stream\r\n"]
        for checked in (False, True):
            if checked:
                self.d.call("check-task", LIMIT)
            for body, ret in words:
                for kind in types:
                    for status in (200, 206):
                        head = f"HTTP/1.1 {status} X\r\n{kind}".encode()
                        self.refused(head + b"Content-Length: %d\r\n\r\n" % len(body) + body, ret)
                        self.refused(head + b"\r\n" + body, ret)
                        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                        self.refused(head + chunked, ret)

    def test_packages_that_look_like_words(self):
        for package in (b'{"name":"json"}', b'{"errno":12,"error":"the package itself"}', b"\xef\xbb\xbf{", b"3"):
            self.script.image = package
            self.d.call("check-task", LIMIT)
            for head in (b"HTTP/1.1 200 X\r\n\r\n", b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(package)):
                self.script.slice = lambda request: head + package
                reply = self.fetch(0, 100)
                self.assertEqual((reply.ret, reply.len), (0, len(package)), package)

    def test_older_range_headers(self):
        self.script.slice = lambda request: answer(self.image[8:12], 206, Content_Range_Start=8, Content_Range_End=11)
        self.assertEqual(self.fetch(8, 4).ret, 0)
        self.assertEqual(self.fetch(0, 4).ret, -3)


class Secure(OnenetBench):
    """TLS is the default and checked; plain HTTP has to be asked for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = ca.Authority(cls.scratch)

    def serve(self, kind):
        certificate = (self.authority.cert(kind), self.authority.key(kind))
        return self.platform(lambda request: answer(SUCCESS), certificate=certificate)

    def device_at(self, platform, *options, host="localhost"):
        """Reaches the platform by the options alone, as a firmware does."""
        device = self.device(platform)
        device.call("set-text", 100, host)
        device.call("set-number", 2, platform.port)
        for option, value in options:
            self.assertEqual(device.call("set-text" if option >= 100 else "set-number", option, value).ret, 0)
        return device.init()

    def pem(self):
        return self.content(self.authority.ca).decode()

    def test_own_authority(self):
        platform = self.serve(ca.GOOD)
        self.assertEqual(self.device_at(platform, (101, self.pem())).call("version", LIMIT).ret, 0)
        self.assertEqual(platform.requests[-1].headers["host"], f"localhost:{platform.port}")

    def test_public_authorities_alone(self):
        self.assertEqual(self.device_at(self.serve(ca.GOOD)).call("version", LIMIT).ret, -11)

    def test_bad_certificates(self):
        for kind in (ca.WRONG_HOST, ca.EXPIRED, ca.UNKNOWN_CA):
            platform = self.serve(kind)
            self.assertEqual(self.device_at(platform, (101, self.pem())).call("version", LIMIT).ret, -11, kind)
            self.assertEqual(platform.requests, [])

    def test_plain_by_choice(self):
        plain = self.platform(lambda request: answer(SUCCESS))
        self.assertEqual((self.device_at(plain).call("version", 500).ret, plain.requests), (-13, []))
        self.assertEqual(self.device_at(plain, (1, 0)).call("version", LIMIT).ret, 0)
        self.assertEqual(len(plain.requests), 1)
