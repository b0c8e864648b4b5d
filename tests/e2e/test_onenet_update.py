# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whole updates with OneNET: the example that follows the platform's flow, and the one call that does all of it."""

import hashlib
import json
import os
import socket
import threading
import time

from lib import liars
from lib.broker import Mosquitto, Observer
from lib.onenet import KEY, LIMIT, PRODUCT, SUCCESS, Honest, OnenetBench, answer, device_name, image, part, task
from lib.packets import FROM_DEVICE, Decoder
from lib.proc import wait_until

SLICE = 4096


class Examples(OnenetBench):
    """The C examples, unchanged, against otakit-cloud."""

    def setUp(self):
        self.name, self.out = device_name(), self.path()
        self.cloud_ = self.cloud()

    def args(self, *more):
        return ("-p", PRODUCT, "-d", self.name, "-k", KEY, "-o", self.out, *more)

    def run_example(self, program, *more):
        process = self.program(program, *self.args(*more), env={"OTAKIT_LAB_ONENET": self.cloud_.url})
        return process.wait(60), process

    def upgraded(self, program, content, kind="sota", *more):
        self.cloud_.add(self.name, content)
        self.cloud_.task(self.name, "--kind", kind)
        code, process = self.run_example(program, *more)
        self.assertEqual(code, 0, process.tail())
        self.assertEqual(self.content(self.out), content)
        last = self.cloud_.tasks(self.name)[-1]
        self.assertEqual((last["state"], last["steps"][-2:]), ("succeeded", [101, 201]))
        status = json.loads(self.cloud_.run("status", PRODUCT, self.name, "--json"))["devices"][0]
        self.assertEqual((status["version"], status["updates"][-1]["state"]), ("2.0.0", "succeeded"))

    def test_flow_step_by_step(self):
        """Report, check, token and slice in turn, 101, 201; whatever the size is modulo the slice."""
        for size in (1, SLICE - 1, SLICE, SLICE + 1, 5 * SLICE + 1, 100000):
            with self.subTest(size=size):
                self.name = device_name()
                self.upgraded("onenet_ota", image(size))

    def test_flow_with_the_things_model(self):
        self.upgraded("onenet_ota_tm", image(3 * SLICE + 1))

    def test_fota(self):
        self.upgraded("onenet_ota", image(5000), "fota", "-t", "1")

    def test_nothing_to_do(self):
        """No task, one of the other kind, and one that is done."""
        self.cloud_.add(self.name, image(100))
        self.assertEqual(self.run_example("onenet_ota")[0], 5)
        self.cloud_.task(self.name, "--kind", "fota")
        self.assertEqual(self.run_example("onenet_ota")[0], 5)
        self.assertEqual(self.run_example("onenet_ota", "-t", "1")[0], 0)
        self.assertEqual(self.run_example("onenet_ota", "-t", "1")[0], 5)

    def test_wrong_key(self):
        self.cloud_.add(self.name, image(100))
        code, process = self.run_example("onenet_ota", "-k", "Zm9vYmFy")
        self.assertEqual(code, 2)
        self.assertIn("error 401", process.err)

    def test_wrong_digest(self):
        path = self.cloud_.add(self.name, image(9000), in_place=True)
        self.cloud_.task(self.name)
        with open(path, "r+b") as f:
            f.write(b"x")
        code, process = self.run_example("onenet_ota")
        self.assertEqual(code, 1, process.tail())
        last = self.cloud_.tasks(self.name)[-1]
        self.assertEqual((last["state"], last["steps"][-1]), ("failed", 205))

    def test_firmware_and_application_on_one_channel(self):
        """Two tasks of two kinds, each with its own image; every API of the platform."""
        for program, *options in (["onenet_fota_sota"], ["onenet_fota_sota_tm"], ["onenet_fota_sota_tm", "-c"]):
            self.name = device_name()
            os.makedirs(folder := self.path("folder"))
            self.cloud_.add(self.name, image(70001), "2.0.0")
            self.cloud_.add(self.name, image(30000), "3.0.0")
            self.cloud_.task(self.name, "--kind", "fota", "--power", "20", version="2.0.0")
            self.cloud_.task(self.name, "--kind", "sota", "--signal", "9", version="3.0.0")
            code, process = self.run_example(program, "-o", folder, *options)
            self.assertEqual(code, 0, process.tail())
            self.assertEqual(self.content(f"{folder}/fota.bin"), image(70001))
            self.assertEqual(self.content(f"{folder}/sota.bin"), image(30000))
            self.assertEqual([t["state"] for t in self.cloud_.tasks(self.name)], ["succeeded"] * 2)
            self.assertEqual(self.run_example(program, "-o", folder, *options)[0], 5)

    def test_low_battery(self):
        os.makedirs(folder := self.path("folder"))
        self.cloud_.add(self.name, image(100))
        self.cloud_.task(self.name, "--power", "50")
        code, process = self.run_example("onenet_fota_sota", "-o", folder, "-b", "49")
        self.assertEqual((code, os.listdir(folder)), (1, []), process.tail())
        self.assertEqual(self.cloud_.tasks(self.name)[-1]["steps"], [105])


class Gate:
    """A broker that answers each sign-in in turn with the next of its codes, and grants what a device subscribes."""

    def __init__(self, codes):
        self.codes, self.answered, self._link = list(codes), [], None
        self._subscribed, self._go = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        for code in self.codes:
            try:
                self._link, _ = self._listener.accept()
            except OSError:
                return
            with self._link:
                self._talk(self._link, code)
                self._go.wait(60)
            self._go.clear()
            self._subscribed.clear()

    def _talk(self, link, code):
        decoder = Decoder(FROM_DEVICE, 0)
        while True:
            data = link.recv(4096)
            if not data:
                return
            for packet in decoder.feed(data, 0):
                if packet.name == "CONNECT":
                    link.sendall(bytes([0x20, 2, 0, code]))
                    self.answered.append(code)
                    if code:
                        return
                if packet.name == "SUBSCRIBE":
                    link.sendall(bytes([0x90, 3]) + packet.packet_id.to_bytes(2, "big") + b"\x01")
                    self._subscribed.set()
                    return

    def notice(self, topic, payload):
        assert self._subscribed.wait(20)
        body = len(topic).to_bytes(2, "big") + topic.encode() + payload
        self._link.sendall(bytes([0x30, len(body)]) + body)

    def go_on(self):
        """Ends the connection; the next sign-in is answered."""
        self._go.set()

    def close(self):
        self._listener.close()
        self._go.set()


class Notices(OnenetBench):
    """$sys/{product}/{device}/ota/inform over MQTT, through a broker that lets such topics pass."""

    def setUp(self):
        self.broker = Mosquitto()
        self.addCleanup(self.broker.close)
        self.observer = Observer(self.broker, "$sys/#")
        self.addCleanup(self.observer.close)

    def listening(self, cloud):
        env = {"OTAKIT_LAB_ONENET_MQTT": f"127.0.0.1:{self.broker.port}"}
        device = self.device(cloud, things=True, env=env).init()
        self.assertEqual(device.call("inform-start").ret, 0)
        self.assertEqual(device.call("inform-start").ret, -7)
        return device

    def test_notice_and_reply(self):
        """A task's notice is answered at once, also while the program does something else, and wakes who waits."""
        cloud = self.cloud(broker=self.broker)
        cloud.port = cloud.http_port
        device = self.listening(cloud)
        self.assertEqual(device.call("inform-wait", 0).ret, 0)
        cloud.add(device.name, image(100))

        def informed():
            cloud.task(device.name)
            return any(each["informed"] for each in cloud.tasks(device.name))
        wait_until(informed, 20, "an answer to a notice", step=0.2)
        reply = json.loads(self.observer.wait(f"$sys/{PRODUCT}/{device.name}/ota/inform_reply"))
        self.assertEqual(reply["code"], 200)
        notices = [json.loads(p)["id"] for _, p in self.observer.messages(f"{device.name}/ota/inform")]
        self.assertIn(reply["id"], notices)
        self.assertEqual(device.call("inform-wait", 5000).ret, 1)
        self.assertEqual(device.call("check-task", LIMIT).ret, 0)
        self.assertEqual(device.call("inform-stop").ret, 0)
        self.assertEqual(device.call("inform-wait", 0).ret, -5)
        device.end()

    def test_refused_and_unreachable(self):
        """A broker that cannot be reached holds nobody up."""
        device = self.listening(self.platform(lambda request: answer(SUCCESS)))
        self.broker.close()
        reply = device.call("inform-wait", 300)
        self.assertEqual(reply.ret, 0)
        self.assertLess(reply.ms, 1500)
        device.end()

    def test_sign_in_refused_and_let_in_again(self):
        """3 (server unavailable) passes; 4 and 5 are told, at the first sign-in and at every later one, and end when the
        broker lets the device in."""
        for codes in ([3, 3, 0], [4, 0], [0, 3, 0], [0, 5, 0]):
            with self.subTest(codes=codes):
                self.walk_in(codes)

    def walk_in(self, codes):
        gate = Gate(codes)
        self.addCleanup(gate.close)
        env = {"OTAKIT_LAB_ONENET_MQTT": f"127.0.0.1:{gate.port}"}
        device = self.device(self.platform(lambda request: answer(SUCCESS)), things=True, env=env).init()
        self.assertEqual(device.call("inform-start").ret, 0)
        for at, code in enumerate(codes):
            wait_until(lambda: len(gate.answered) > at, 30, f"sign-in {at} of {codes}", step=0.02)
            if code in (4, 5):
                wait_until(lambda: device.call("inform-wait", 100).ret == -12, 20, "the refusal", step=0.02)
            elif code == 0:
                gate.notice(f"$sys/{PRODUCT}/{device.name}/ota/inform", b'{"id":"%d"}' % at)
                wait_until(lambda: device.call("inform-wait", 100).ret == 1, 20, "a notice", step=0.02)
            else:
                self.assertEqual(device.call("inform-wait", 0).ret, 0)
            gate.go_on()
        self.assertEqual(device.call("inform-stop").ret, 0)
        device.end()

    def test_general_variant_has_none(self):
        device = self.device(self.platform(lambda request: answer(SUCCESS))).init()
        self.assertEqual(device.call("inform-start").ret, -9)


class OneCall(OnenetBench):
    """onenet_ota_run against a platform that lies, and after each case the device is usable."""

    def up(self, script):
        self.platform_ = self.platform(script)
        self.d = self.device(self.platform_).init()
        self.out = self.path()
        return self.d

    def ends(self, script, ret, code, **options):
        """One run with this end; the image is not there, and an honest platform then serves the same device."""
        device = self.up(script)
        reply = device.run(self.out, **options)
        self.assertEqual((reply.ret, reply.code), (ret, code))
        self.assertFalse(os.path.exists(self.out))
        reported = [step for step in self.platform_.steps() if step > 100]
        self.assertEqual(reported[-1:], [code] if code else [])
        self.platform_.script = Honest(script.image)
        reply = device.run(self.out)
        self.assertEqual((reply.ret, reply.code), (0, 201))
        self.assertEqual(self.content(self.out), script.image)

    def test_sizes(self):
        for size in (1, SLICE - 1, SLICE, SLICE + 1, 20 * SLICE + 1):
            with self.subTest(size=size):
                device = self.up(Honest(image(size)))
                reply = device.run(self.out)
                self.assertEqual((reply.ret, reply.target, reply.size, reply.version), (0, "2.0.0", size, "2.0.0"))
                self.assertEqual(self.content(self.out), image(size))
                steps = self.platform_.steps()
                self.assertEqual(steps[-2:], [101, 201])
                self.assertEqual(sorted(set(steps)), steps)
                self.assertNotIn(100, steps)
                self.assertEqual(os.path.exists(self.out + ".part"), False)

    def test_token_before_each_slice(self):
        device = self.up(Honest(image(10 * SLICE)))
        self.assertEqual(device.run(self.out).ret, 0)
        asked = [r.path for r in self.platform_.requests if "/south/download/" in r.path and r.method == "GET"]
        self.assertEqual(asked, ["/ota/south/download/ota_T/check", "/ota/south/download/ota_T"] * 10)

    def test_token_expires_mid_download(self):
        """The task is asked for again, and the download goes on with the new token where it was."""
        class Expiring(Honest):
            checks = 0

            def check(self, request):
                self.checks += 1
                return answer(task(self.image, token=f"ota_{self.checks}"))

            def stands(self, request):
                return answer({"errno": 12 if self.slices >= 5 and "ota_1/" in request.path else 0})
        script = Expiring(image(10 * SLICE))
        device = self.up(script)
        self.assertEqual(device.run(self.out).ret, 0)
        self.assertEqual(self.content(self.out), script.image)
        self.assertEqual((script.checks, script.slices), (2, 10))

    def test_token_refused_by_the_download(self):
        """The same by the byte 3 of a slice's answer."""
        class Expiring(Honest):
            checks = 0

            def check(self, request):
                self.checks += 1
                return answer(task(self.image, token=f"ota_{self.checks}"))

            def slice(self, request):
                stale = self.slices == 3 and request.path.endswith("ota_1")
                return b"HTTP/1.1 200 OK\r\n\r\n3" if stale else part(self.image, request)
        script = Expiring(image(10 * SLICE))
        self.assertEqual(self.up(script).run(self.out).ret, 0)
        self.assertEqual((self.content(self.out), script.checks), (script.image, 2))

    def test_task_cancelled_mid_download(self):
        class Cancelled(Honest):
            def stands(self, request):
                return answer({"errno": 22 if self.slices >= 5 else 0})
        self.ends(Cancelled(image(10 * SLICE)), 22, 0)

    def test_wrong_digest(self):
        class Wrong(Honest):
            def slice(self, request):
                return part(self.image[:-1] + b"?", request)
        self.ends(Wrong(image(3 * SLICE)), -3, 205)

    def test_wrong_size(self):
        class Longer(Honest):
            def slice(self, request):
                return part(self.image + b"?", request)
        self.ends(Longer(image(3 * SLICE)), -3, 107)

    def test_differential_package(self):
        """A task of type 2: -9, reported as 107; nothing of it is asked for or stored."""
        class Patch(Honest):
            def check(self, request):
                return answer(task(self.image, type=2))
        script = Patch(image(3 * SLICE))
        self.ends(script, -9, 107)
        self.assertEqual(script.slices, 0)

    def test_empty_headers(self):
        """`Ota-Errno:` with nothing behind it refuses no slice."""
        class Blank(Honest):
            def slice(self, request):
                return part(self.image, request).replace(b"\r\n", b"\r\nOta-Errno:\r\n", 1)
        script = Blank(image(3 * SLICE))
        self.assertEqual(self.up(script).run(self.out).ret, 0)
        self.assertEqual(self.content(self.out), script.image)

    def test_size_0(self):
        class Empty(Honest):
            def check(self, request):
                return answer(task(b""))
        self.ends(Empty(image(100)), -3, 0)

    def test_a_server_without_ranges(self):
        class Whole(Honest):
            def slice(self, request):
                return answer(self.image)
        script = Whole(image(5 * SLICE + 1))
        self.assertEqual(self.up(script).run(self.out).ret, 0)
        self.assertEqual(self.content(self.out), script.image)

    def test_200_with_an_error_number(self):
        class Refusing(Honest):
            def slice(self, request):
                return answer(self.image[:SLICE], Ota_Errno=4)
        self.ends(Refusing(image(3 * SLICE)), 4, 107)

    def test_conditions(self):
        script = Honest(image(SLICE), power=50, signal=10)
        self.ends(script, -14, 105, power=49)
        self.ends(script, -14, 106, signal=9)
        device = self.up(script)
        self.assertEqual(device.run(self.out, power=50, signal=10).ret, 0)
        self.out = self.path()
        self.assertEqual(device.run(self.out, power=-1, signal=-1).ret, 0)

    def test_retries_of_the_task(self):
        """`retry` failures in a row are allowed, one more is not; `interval` is the time between them."""
        class Broken(Honest):
            failures = 0

            def slice(self, request):
                if self.slices > 2 and self.failures > 0:
                    self.failures -= 1
                    return None
                return part(self.image, request)
        script = Broken(image(5 * SLICE), retry=2, interval=1)
        script.failures = 2
        device = self.up(script)
        began = time.monotonic()
        self.assertEqual(device.run(self.out, interval=0).ret, 0)
        self.assertGreater(time.monotonic() - began, 1.9)
        script = Broken(image(5 * SLICE), retry=2)
        script.failures = 3
        self.ends(script, -11, 107)

    def test_failed_reports_end_nothing(self):
        class Deaf(Honest):
            def other(self, request):
                return answer({"errno": 7}) if request.path.endswith("/progress") else answer(SUCCESS)
        script = Deaf(image(5 * SLICE))
        self.assertEqual(self.up(script).run(self.out).ret, 0)
        self.assertEqual(self.content(self.out), script.image)

    def test_stopped_and_gone_on(self):
        """What `progress` ends, the next call goes on with; the platform hears of no failure."""
        script = Honest(image(40 * SLICE))
        device = self.up(script)
        reply = device.run(self.out, stop=20 * SLICE, checkpoint=SLICE)
        self.assertEqual((reply.ret, reply.code), (-16, 0))
        self.assertFalse(os.path.exists(self.out))
        before = script.slices
        reply = device.run(self.out, checkpoint=SLICE)
        self.assertEqual(reply.ret, 0)
        self.assertGreaterEqual(reply.resumed, 19 * SLICE)
        self.assertLessEqual(script.slices - before, 21)
        self.assertEqual(self.content(self.out), script.image)

    def test_killed_again_and_again(self):
        """A process that dies at any moment costs no more than a checkpoint; nothing wrong is ever called valid."""
        script = Honest(image(60 * SLICE))
        platform = self.platform(script)
        out, name = self.path(), None
        for kill_at in (7, 15, 31, 44):
            device = self.device(platform).init(name)
            name = device.name
            script.slices = 0
            done = kill_at - getattr(self, "done", 0)
            device.driver.send("run", out, SLICE, LIMIT, 1, SLICE, 99, 99, 0, 201)
            wait_until(lambda: script.slices >= done, 30, "some slices")
            device.driver.process.kill()
            self.assertFalse(os.path.exists(out))
            # Slices that were on their way beyond the last checkpoint are fetched again.
            self.done = os.path.getsize(out + ".part") // SLICE if os.path.exists(out + ".part") else 0
        device = self.device(platform).init(name)
        script.slices = 0
        reply = device.run(out, checkpoint=SLICE)
        self.assertEqual(reply.ret, 0)
        self.assertGreaterEqual(reply.resumed, 20 * SLICE)
        self.assertLessEqual(script.slices, 60 - reply.resumed // SLICE)
        self.assertEqual(self.content(out), script.image)

    def test_ended_from_another_thread(self):
        class Slow(Honest):
            def slice(self, request):
                time.sleep(0.1)
                return part(self.image, request)
        device = self.up(Slow(image(200 * SLICE)))
        device.call("deinit-later", 500)
        reply = device.run(self.out)
        self.assertEqual(reply.ret, -5)
        self.assertLess(reply.ms, 5000)
        device.end()

    def test_into_the_firmwares_store(self):
        """Without a path: HAL_Firmware_Persistence_*, here the default one, into a file."""
        folder = self.path("store")
        os.makedirs(folder)
        self.platform_ = self.platform(Honest(image(3 * SLICE + 1)))
        env = {"OTAKIT_FIRMWARE_FILE": f"{folder}/image", "OTAKIT_KV_DIR": f"{folder}/kv"}
        device = self.device(self.platform_, env=env).init()
        reply = device.run(None)
        self.assertEqual(reply.ret, 0)
        self.assertEqual(self.content(f"{folder}/image"), self.platform_.script.image)

    def test_resume_means_the_same_as_in_the_native_api(self):
        """One function, given to otakit_download_persistence and to onenet_ota_run."""
        script = Honest(image(40 * SLICE + 1))
        platform = self.platform(script)
        token = self.device(platform).call("token", 1, 2524579200, PRODUCT, None, KEY).text
        server = liars.Listener(lambda connection, _: liars.answer(connection, script.image))
        self.addCleanup(server.close)
        process = self.program("onenet_resume", token, device_name(), f"http://127.0.0.1:{server.port}/image",
                               str(len(script.image)), hashlib.sha256(script.image).hexdigest(),
                               hashlib.md5(script.image).hexdigest(),
                               env={"OTAKIT_LAB_ONENET": f"http://127.0.0.1:{platform.port}"})
        self.assertEqual(process.wait(60), 0, process.tail())


def walk(test, device, out, honest):
    """Calls that succeed and that fail, runs that end well and badly; ends the driver."""
    platform = test.platform_
    test.assertEqual(device.init().call("check-task", LIMIT).ret, 0)
    test.assertEqual(device.call("check-token", "ota_T", LIMIT).ret, 0)
    for first in (0, SLICE, 2 * SLICE):
        test.assertEqual(device.call("download", "ota_T", first, SLICE, LIMIT).ret, 0)
    for reply in (b"", b"garbage\r\n\r\n", answer(b"{"), answer(SUCCESS, 500), answer({"errno": 12})):
        platform.script = lambda request: reply
        test.assertNotEqual(device.call("version", LIMIT).ret, 0)
        test.assertNotEqual(device.call("check-task", LIMIT).ret, 0)
        test.assertNotEqual(device.call("download", "ota_T", 0, SLICE, LIMIT).ret, 0)
        test.assertNotEqual(device.run(out).ret, 0)
    platform.script = lambda request: time.sleep(0.5) or answer(SUCCESS)
    test.assertEqual(device.call("version", 50).ret, -13)
    platform.script = honest
    test.assertEqual(device.run(out, stop=SLICE).ret, -16)
    test.assertEqual(device.run(out).ret, 0)
    test.assertEqual(test.content(out), honest.image)
    device.call("deinit")
    test.assertEqual(device.call("version", LIMIT).ret, -5)
    device.end()


class Valgrind(OnenetBench):
    """No error, nothing definitely lost."""

    def setUp(self):
        self.honest = Honest(image(2 * SLICE + 1))
        self.platform_ = self.platform(self.honest)

    def test_driver(self):
        walk(self, self.device(self.platform_, under_valgrind=True), self.path(), self.honest)

    def test_arguments(self):
        for program in ("onenet_arguments", "onenet_arguments_tm"):
            process = self.program(program, under_valgrind=True)
            self.assertEqual(process.wait(120), 0, process.tail())

    def test_examples(self):
        cloud, name = self.cloud(), device_name()
        cloud.add(name, image(20001))
        for program in ("onenet_ota", "onenet_ota_tm"):
            cloud.task(name)
            process = self.program(program, "-p", PRODUCT, "-d", name, "-k", KEY, "-o", self.path(),
                                   env={"OTAKIT_LAB_ONENET": cloud.url}, under_valgrind=True)
            self.assertEqual(process.wait(120), 0, process.tail())
        for program in ("onenet_fota_sota", "onenet_fota_sota_tm"):
            cloud.task(name)
            process = self.program(program, "-p", PRODUCT, "-d", name, "-k", KEY, "-o", self.scratch, "-w", "1",
                                   env={"OTAKIT_LAB_ONENET": cloud.url, "OTAKIT_LAB_ONENET_MQTT": "127.0.0.1:9"},
                                   under_valgrind=True)
            self.assertEqual(process.wait(120), 0, process.tail())
