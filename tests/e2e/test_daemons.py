# SPDX-License-Identifier: MIT OR Apache-2.0
"""Processes that fork while threads of the library are at work for HaaS, QuecPython and OneNET."""

import os
import time

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Mosquitto, Observer, offer, upgrade_topic
from lib.onenet import PRODUCT, OnenetBench
from lib.proc import wait_until


class Daemons(Bench):
    """Of daemon() and of a fork beside which the first process goes on."""

    ORIGIN = True

    def started(self, program, *args, rate="150k"):
        path = os.path.join(self.scratch, unique_name(program) + ".bin")
        url = self.origin.url(self.origin.add("slow.bin", 300_000).name) + f"?rate={rate}"
        process = self.program(program, *(word.format(path=path, url=url) for word in args))
        return process, path

    def line(self, process, text, timeout=30):
        """A line of whichever process: the first one's end is no end of the program."""
        wait_until(lambda: any(text in line for line in process.out_lines), timeout, f"{text!r}\n{process.tail()}")

    def whole(self, path):
        with open(path, "rb") as file, open(os.path.join(self.origin.root, "slow.bin"), "rb") as image:
            self.assertEqual(file.read(), image.read())

    def test_haas_connection(self):
        """The child signs in again, hears messages and offers, and its device ends as it should."""
        for habit, events in (("connected", [3, 1, 105, 6, 2]), ("connecting", [1, 105, 6, 2])):
            with self.subTest(habit):
                name = unique_name("haas")
                observer = Observer(self.broker)
                self.addCleanup(observer.close)
                process, path = self.started("haas_daemon", habit, PK, name, SECRET, "{path}")
                self.line(process, "ready 0 0 0 0")
                self.line(process, "child event 1 0")
                # The child asks for its topics at once; the broker tells when it has.
                observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"')
                time.sleep(0.5)
                image = self.origin.image
                self.broker.publish(upgrade_topic(PK, name),
                                    offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
                self.line(process, "child event 105 0")
                observer.ended_with(name, "100")
                self.broker.publish(f"/{name}/end", "x")
                self.line(process, "child done 1")
                told = [int(line.split()[2]) for line in process.out_lines if line.startswith("child event")]
                self.assertEqual(told, events, process.out)
                self.assertTrue(os.path.exists(path))

    def test_haas_download(self):
        """A download that was under way is done again in a daemon; its file counts as being fetched meanwhile."""
        process, path = self.started("haas_daemon", "fetching", PK, "dn", SECRET, "{path}", "{url}")
        self.line(process, "child done 1")
        self.assertIn("begun 0\n", process.out)
        self.assertEqual(process.out.count("child event 102 0"), 1, process.out)
        self.assertIn("child again -1", process.out)
        self.assertIn("this process goes on for the one that began it", process.out)
        self.whole(path)

    def test_haas_download_beside(self):
        """Where the first process goes on it has the file, and the child a failure with a line."""
        process, path = self.started("haas_daemon", "beside", PK, "dn", SECRET, "{path}", "{url}", rate="50k")
        self.assertEqual(process.wait(60), 0, process.tail())
        self.assertEqual(process.out.count("first event 102 0"), 1, process.out)
        self.assertEqual(process.out.count("child event 102 -9"), 1, process.out)
        self.assertIn("given up in this process: the one that began it still runs", process.out)
        self.whole(path)

    def test_quectel(self):
        """Each download has one last event, in the child too."""
        for habit, last in (("start", "child ends 1"), ("fetch", "child fetched 0")):
            with self.subTest(habit):
                process, path = self.started("quectel_daemon", habit, "{url}", "{path}")
                self.line(process, "child done")
                self.assertIn("begun 0", process.out)
                self.assertIn(last, process.out_lines, process.out)
                self.assertEqual(process.out.count("child status 0 100"), habit == "start", process.out)
                self.assertIn("child cancel -1\nchild start 0", process.out)
                self.whole(path)

    def test_quectel_init(self):
        """quectel_fota_init in a child ends what its parent's thread was at, soon and with an event."""
        process, path = self.started("quectel_daemon", "init", "{url}", "{path}")
        self.line(process, "child done")
        self.assertIn("init 0 1", process.out_lines, process.out)
        self.assertEqual(process.out.count("child status -1 1011"), 1, process.out)
        self.assertIn("child ends 1", process.out_lines)

    def test_quectel_beside(self):
        """Where the first process goes on it has the file; the child is told that it has not."""
        for habit, first, child in (("start-beside", "first status 0 100", "child status -1 1011"),
                                    ("fetch-beside", "first fetched 0", "child fetched 1011")):
            with self.subTest(habit):
                process, _ = self.started("quectel_daemon", habit, "{url}", "{path}", rate="50k")
                self.assertEqual(process.wait(60), 0, process.tail())
                for line in (first, child):
                    self.assertEqual(process.out_lines.count(line), 1, process.out)
                self.assertIn("given up in this process: the one that began it still runs", process.out)


class Notices(OnenetBench):
    """OneNET's notices in a daemon."""

    def test_notices(self):
        broker = Mosquitto()
        self.addCleanup(broker.close)
        cloud = self.cloud(broker=broker)
        cloud.port = cloud.http_port
        env = {"OTAKIT_LAB_ONENET_MQTT": f"127.0.0.1:{broker.port}"}
        device = self.device(cloud, things=True, env=env).init()
        observer = Observer(broker, "$sys/#")
        self.addCleanup(observer.close)
        self.assertEqual(device.call("inform-start").ret, 0)
        self.assertEqual(device.call("inform-wait", 500).ret, 0)
        device.driver.is_daemon = True
        self.assertEqual(device.call("daemon").ret, 0)

        def told():
            broker.publish(f"$sys/{PRODUCT}/{device.name}/ota/inform", '{"id":"77"}')
            return device.call("inform-wait", 1000).ret == 1
        wait_until(told, 20, "a notice in the child")
        observer.wait(f"$sys/{PRODUCT}/{device.name}/ota/inform_reply", '"77"')
        self.assertEqual(device.call("inform-stop").ret, 0)
        device.end()
