# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the cloud hears of a firmware that HaaS's door fetches itself."""

import os

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.context import CONTEXT
from lib.proc import Process


class HaasProgress(Bench):
    ORIGIN = True

    def test_99_until_the_verdict(self):
        """100 once the image is verified; one with another digest, whose last byte came too, never has it."""
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        name, image = unique_name("haas"), self.origin.add("system.bin", 3_000_000)
        path = os.path.join(self.scratch, name)
        process = Process([CONTEXT.program("haas_system"), PK, name, SECRET, path], stdin=True,
                          env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.broker.port}"})
        self.addCleanup(process.kill)
        process.wait_line("ready 1")
        told = 0
        for md5, line, last in (("0" * 32, "system -10", -3), (image.md5, "system 0", 100)):
            self.broker.publish(upgrade_topic(PK, name), offer(image.size, f"2.0.{len(md5)}{last + 3}",
                                                               self.origin.url(image.name), md5))
            process.wait_line(line, 60)
            observer.ended_with(name, str(last))
            steps = [int(step) for step in observer.steps(name)[told:]]
            told += len(steps)
            # Nearly all of it came, and was told.
            self.assertGreaterEqual(max(steps[:-1]), 90, steps)
            self.assertLessEqual(max(steps[:-1]), 99, steps)
            self.assertEqual(os.path.exists(path), last == 100)
        process.child.stdin.close()
        self.assertEqual(process.wait(20), 0, process.tail())
