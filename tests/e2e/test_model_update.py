# SPDX-License-Identifier: MIT OR Apache-2.0
"""Updates through the device model: FOTA and COTA into HAL_Firmware_Persistence_*, on a master."""

import hashlib
import json
import os
import resource
import subprocess

from lib.bench import Bench
from lib.model import (POST_PROPERTY, QUERY_COTA_DATA, QUERY_FOTA_DATA, REQUEST_COTA, REQUEST_FOTA_IMAGE, ModelDevice,
                       events)


class UpdateBench(Bench):
    """A started device, offers and downloads."""

    ORIGIN = True
    FAULTS = True

    def start(self, **options):
        device = ModelDevice(self).start(**options)
        device.event("connect_succ")
        device.keep()
        device.events.clear()
        return device

    def offer(self, device, **more):
        """Pushes an offer; returns once the application was told."""
        before = device.names().count("fota")
        device.offer(**more)
        return device.event("fota", before + 1)

    def download(self, device, kind=QUERY_FOTA_DATA, length=128, devid=0):
        reply = device.call("lk-download", devid, kind, length, timeout=120)
        self.assertEqual(reply.intact, 1)
        return reply.ret

    def assert_stored(self, device, image):
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), image.md5)


class Fota(UpdateBench):
    """Firmware."""

    def test_offer_and_download(self):
        """ITE_FOTA(0, version); ITM_MSG_QUERY_FOTA_DATA with 128 bytes: Start, 472 x Write(127), Write(56), Stop."""
        device = self.start()
        image = self.origin.image
        self.assertEqual(self.offer(device, version="iotx_ver_2.0.0"), ["0", "iotx_ver_2.0.0"])
        self.assertEqual(self.download(device), 0)
        stored = device.call("lk-stored")
        pieces = -(-image.size // 127)
        self.assertEqual((stored.text, stored.starts, stored.writes, stored.stops), ("SWE", 1, pieces, 1))
        self.assertEqual((stored.first, stored.last, stored.bytes), (127, image.size - 127 * (pieces - 1), image.size))
        self.assert_stored(device, image)
        steps = [int(s) for s in device.steps()]
        self.assertEqual((steps[0], steps[-1]), (0, 100))
        self.assertEqual(steps, sorted(set(steps)))
        self.assertTrue(all(b - a > 5 for a, b in zip(steps[:-1], steps[1:-1])), steps)
        first = device.payloads("progress")[0]
        self.assertEqual(first, {"id": 0, "params": {"step": "0", "desc": "Enter in downloading state"}})
        self.assertEqual({p.qos for p in device.sent(device.topic("progress"))}, {0})
        self.assertEqual(events(device, "fota"), ["fota|0|iotx_ver_2.0.0"], "told once")
        self.assertEqual(self.download(device), -1, "it has been downloaded")

    def test_download_inside_the_callback(self):
        """The callback calls back into the API: IOT_Linkkit_Query inside ITE_FOTA."""
        device = self.start()
        device.call("lk-on-fota", 4096)
        device.offer()
        self.assertEqual(device.event("queried", timeout=60), ["0"])
        self.assert_stored(device, self.origin.image)
        device.report(POST_PROPERTY, "{}")
        device.sent(device.sys("thing/event/property/post"))

    def test_every_buffer_length(self):
        device = self.start()
        image = self.origin.image
        for length in (2, 33, 1024, 1025, image.size, image.size + 1, image.size + 2, 1 << 20):
            with self.subTest(length=length):
                device.keep()
                self.offer(device)
                self.assertEqual(self.download(device, length=length), 0)
                self.assertEqual(device.call("lk-stored").first, min(length - 1, image.size))
                self.assert_stored(device, image)

    def test_failing_write(self):
        """Write's -1 ends the update: the Write that says "not valid", Stop, -4 to the cloud, -1 to the caller; the next offer is taken."""
        device = self.start()
        for n in (1, 2, 13):
            device.keep(fail_at=n)
            self.offer(device)
            self.assertEqual(self.download(device, length=5000), -1)
            stored = device.call("lk-stored")
            self.assertEqual((stored.starts, stored.writes, stored.stops, stored.last), (1, n + 1, 1, 0))
            self.assertEqual(device.steps()[-1], "-4")
            device.quiet()
        self.assertEqual(device.names().count("fota"), 3, "no offer is told twice")
        device.keep()
        self.offer(device)
        self.assertEqual(self.download(device), 0)
        self.assert_stored(device, self.origin.image)

    def test_failing_stop(self):
        """An image that is not safely stored is not an update."""
        device = self.start()
        device.keep(fail_stop=1)
        self.offer(device)
        self.assertEqual(self.download(device, length=5000), -1)
        self.assertEqual(device.steps()[-1], "-4")

    def test_wrong_digest(self):
        """All bytes, Stop, -3 once, no 100, -1."""
        device = self.start()
        self.offer(device, md5="0" * 32)
        self.assertEqual(self.download(device, length=5000), -1)
        stored = device.call("lk-stored")
        self.assertEqual((stored.text, stored.bytes), ("SWE", self.origin.image.size))
        steps = device.steps()
        self.assertEqual((steps[-1], steps.count("-3"), steps.count("100")), ("-3", 1, 0))

    def test_missing_image(self):
        """404: no byte, only the Write that says "not valid", Stop, -2, -1, in bounded time."""
        device = self.start()
        self.offer(device, url=self.origin.url("missing.bin"))
        self.assertEqual(self.download(device), -1)
        stored = device.call("lk-stored")
        self.assertEqual((stored.writes, stored.bytes, stored.stops), (1, 0, 1))
        self.assertEqual(device.steps(), ["-2"])

    def test_broken_transfer_goes_on(self):
        """A connection that breaks in mid-body is resumed; every byte is written once."""
        device = self.start()
        token, size = self.faults.token(), 200000
        digest = self.faults.digest(size)
        device.push_fault("resume", size, digest, token)
        device.event("fota")
        self.assertEqual(self.download(device, length=5000), 0)
        self.assertEqual(hashlib.md5(device.content()).hexdigest(), digest["md5"])
        self.assertGreater(len(self.faults.log(token)), 1)

    def test_offer_of_size_zero_is_refused(self):
        device = self.start()
        device.offer(size=0)
        device.quiet()
        self.assertEqual((device.names().count("fota"), self.download(device)), (0, -1))

    def test_request_for_an_image(self):
        """ITM_MSG_REQUEST_FOTA_IMAGE: the text may be followed by anything after a NUL; its answer is an offer."""
        device = self.start()
        self.assertEqual(device.query(REQUEST_FOTA_IMAGE, b"app-1.0.0-20180101.1001", length=24), 0)
        topic = device.topic("request")
        packet = device.sent(topic)[0]
        self.assertEqual((packet.payload, packet.qos), (b'{"id":0,"params":{"version":"app-1.0.0-20180101.1001"}}', 1))
        image = self.origin.image
        device.push({"code": "1000", "data": {"size": image.size, "version": "2.0.0", "md5": image.md5,
                                              "url": self.origin.url(image.name)}, "id": 1, "message": "success"}, topic)
        device.event("fota")
        self.assertEqual(device.query(REQUEST_FOTA_IMAGE, "1.0.0"), -1, "an offer waits")
        self.assertEqual(device.query(REQUEST_COTA), -1)
        self.assertEqual(self.download(device), 0)

    def test_close_ends_nothing_half(self):
        """Close with an offer that was never downloaded, then all again."""
        device = self.start()
        self.offer(device)
        self.assertEqual(device.call("lk-close", 0).ret, 0)
        device.start()
        self.assertEqual(self.download(device), -1)
        self.offer(device)
        self.assertEqual(self.download(device), 0)

    def test_large_image(self):
        """300 MB, beyond what 32 bits can hold times 100: every percentage is right.

        The store rests at each percent, so that 6 % take longer than 50 ms, and the rule leaves no choice.
        """
        device = self.start()
        size = 300 * 1000 * 1000
        token, digest = self.faults.token(), self.faults.digest(size)
        device.call("lk-store", None, 0, 0)
        device.call("lk-pace", size // 100, 12)
        device.push_fault("ok", size, digest, token)
        device.event("fota")
        self.assertEqual(self.download(device, length=65536), 0)
        self.assertEqual(device.call("lk-stored").bytes, size)
        self.assertEqual([int(s) for s in device.steps()], [*range(0, 97, 6), 100])


class OwnStore(UpdateBench):
    """A device's own store (otakit_linkkit_set_store) in place of the HAL's."""

    def test_each_call_fails(self):
        """-4 to the cloud, -1 to the caller; stop is told that the image is not there, and only after a start."""
        device = self.start()
        size = self.origin.image.size
        for which, told in ((1, [f"own_start|{size}"]), (2, [f"own_start|{size}", "own_stop|0"]),
                            (3, [f"own_start|{size}", "own_stop|1"]), (0, [f"own_start|{size}", "own_stop|1"])):
            with self.subTest(fails=which):
                device.events.clear()
                self.assertEqual(device.call("lk-own-store", 0, which).ret, 0)
                self.offer(device)
                self.assertEqual(self.download(device, length=5000), 0 if which == 0 else -1)
                self.assertEqual(device.steps()[-1], "100" if which == 0 else "-4")
                self.assertEqual(events(device, "own_start", "own_stop"), [])
                device.collect()
                self.assertEqual(events(device, "own_start", "own_stop"), told)
        self.assertEqual(device.call("lk-stored").starts, 0, "the HAL's was not asked")

    def test_stores_that_cannot_be(self):
        device = self.start()
        self.assertNotEqual(device.call("lk-own-store", -1, 0).ret, 0)
        self.assertNotEqual(device.call("lk-own-store", 0, 4).ret, 0, "it lacks a function")
        self.assertEqual(device.call("lk-own-store", 0, -1).ret, 0)
        self.offer(device)
        self.assertEqual(self.download(device), 0)
        self.assertEqual(device.call("lk-stored").starts, 1, "back to the HAL's")


class FullDisk(UpdateBench):
    """The default HAL's store, and no room for the image."""

    def start(self, folder):
        device = ModelDevice(self, program="driver_default_store",
                             env={"OTAKIT_FIRMWARE_FILE": os.path.join(folder, "firmware.bin")})
        device.start().event("connect_succ")
        return device

    def update(self, device, folder, works):
        """One update; nothing is left of one that fails."""
        self.offer(device)
        self.assertEqual(device.call("lk-download", 0, QUERY_FOTA_DATA, 5000).ret, 0 if works else -1)
        files = os.listdir(folder)
        if works:
            self.assertEqual(files, ["firmware.bin"])
            with open(os.path.join(folder, "firmware.bin"), "rb") as f:
                self.assertEqual(hashlib.md5(f.read()).hexdigest(), self.origin.image.md5)
            self.assertEqual(device.steps()[-1], "100")
        else:
            self.assertEqual(files, [])
            self.assertEqual(device.steps()[-1], "-4")

    def test_file_that_may_not_grow(self):
        """write() fails in mid-image; with the limit gone the next offer is stored."""
        folder = os.path.join(self.scratch, "limited")
        os.mkdir(folder)
        device = self.start(folder)
        pid = device.driver.process.child.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (self.origin.image.size // 2, before[1]))
        self.update(device, folder, works=False)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.update(device, folder, works=True)

    def test_folder_that_is_not_there(self):
        """Start finds no place; once there is one the next offer is stored."""
        folder = os.path.join(self.scratch, "later")
        device = self.start(folder)
        self.offer(device)
        self.assertEqual(device.call("lk-download", 0, QUERY_FOTA_DATA, 5000).ret, -1)
        self.assertEqual(device.steps()[-1], "-4")
        os.mkdir(folder)
        self.update(device, folder, works=True)

    def test_full_file_system(self):
        """ENOSPC of a file system of one page; with room the next offer is stored. Who may not mount one gets a file that
        may not grow instead."""
        folder = os.path.join(self.scratch, "small")
        mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "otakit-test", folder]
        os.mkdir(folder)
        if subprocess.run(mount, capture_output=True).returncode == 0:
            self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
            device = self.start(folder)
            self.update(device, folder, works=False)
            subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
        else:
            device = self.start(folder)
            pid = device.driver.process.child.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
            self.update(device, folder, works=False)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.update(device, folder, works=True)


class Cota(UpdateBench):
    """Remote configuration."""

    def config(self, device, **more):
        before = device.names().count("cota")
        device.push_config(self.origin.image, **more)
        return device.event("cota", before + 1)

    def test_push(self):
        """ITE_COTA with its six values, ITM_MSG_QUERY_COTA_DATA with Sha256; the push is answered."""
        device = self.start()
        image = self.origin.image
        self.assertEqual(self.config(device), ["0", "cfg-1", str(image.size), "file", image.sha256, "Sha256",
                                               self.origin.url(image.name)])
        answer, qos = device.last(device.topic("thing/config/push_reply"))
        self.assertEqual((json.loads(answer), qos), ({"id": "5", "code": "200", "data": {}}, 0))
        self.assertEqual(self.download(device), -1, "it is no firmware")
        self.assertEqual(self.download(device, QUERY_COTA_DATA, 2048), 0)
        self.assertEqual(device.call("lk-stored").text, "SWE")
        self.assert_stored(device, image)
        self.assertEqual(device.steps()[-1], "100")

    def test_get(self):
        """ITM_MSG_REQUEST_COTA and its answer, with Md5"""
        device = self.start()
        image = self.origin.image
        self.assertEqual(device.query(REQUEST_COTA), 0)
        payload, qos = device.last(device.topic("thing/config/get"))
        self.assertEqual((payload, qos), ('{"id" : 0,"version":"1.0","params":{"configScope":"product","getType":"file",'
                                          '"attributeKeys":""},"method":"thing.config.get"}', 0))
        device.tell(device.topic("thing/config/get_reply"), {"id": "0", "version": "1.0", "code": 200, "data": {
            "configId": "c2", "configSize": image.size, "sign": image.md5, "signMethod": "Md5",
            "url": self.origin.url(image.name), "getType": "file"}})
        self.assertEqual(device.event("cota")[1], "c2")
        self.assertEqual(self.download(device, QUERY_COTA_DATA), 0)
        self.assert_stored(device, image)

    def test_inside_the_callback(self):
        device = self.start()
        device.call("lk-on-fota", 1000)
        device.push_config(self.origin.image)
        self.assertEqual(device.event("queried", timeout=60), ["0"])

    def test_wrong_sign(self):
        """-1, and no report of the digest, as in the reference"""
        device = self.start()
        self.config(device, sign="0" * 64)
        self.assertEqual(self.download(device, QUERY_COTA_DATA), -1)
        self.assertNotIn("100", device.steps())

    def test_unusable_pushes(self):
        """Answered with 400 in valid JSON; the application is not told."""
        device = self.start()
        for n, more in enumerate(({"signMethod": "Sm3"}, {"sign": "00"}, {"configSize": 0}, {"url": "nonsense"}), 1):
            device.push_config(self.origin.image, **more)
            answer, _ = device.last(device.topic("thing/config/push_reply"), n)
            self.assertEqual(json.loads(answer), {"id": "5", "code": "400", "data": {}}, more)
        self.assertNotIn("cota", device.names())

    def test_failing_write_of_a_configuration(self):
        device = self.start()
        device.keep(fail_at=2)
        self.config(device)
        self.assertEqual(self.download(device, QUERY_COTA_DATA, 1000), -1)
        self.assertEqual(device.steps()[-1], "-4")


