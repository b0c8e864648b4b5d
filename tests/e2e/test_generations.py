# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs written against the V3.10 and V2.3 headers, each with an update by the basic API and one by the device model."""

import json

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic


class Generations(Bench):
    ORIGIN = True

    def upgrade(self, program, **options):
        observer, name = Observer(self.broker), unique_name()
        self.addCleanup(observer.close)
        process = self.program(program, PK, name, SECRET, **options)
        image = self.origin.image
        for part in ("basic ready", "model ready"):
            process.wait_line(part)
            observer.wait(f"/ota/device/inform/{PK}/{name}", '"1.0.0"', 60)
            self.broker.publish(upgrade_topic(PK, name), offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        self.assertEqual(process.wait(90), 0, process.tail())
        return observer, name

    def test_v310(self):
        observer, name = self.upgrade("generation_v310")
        posted = observer.wait(f"/sys/{PK}/{name}/thing/event/property/history/post")
        self.assertEqual(json.loads(posted)["method"], "thing.event.property.history.post")

    def test_v23(self):
        observer, name = self.upgrade("generation_v23")
        line = json.loads(observer.wait(f"/sys/{PK}/{name}/thing/log/post"))
        self.assertEqual(line["params"]["contents"], ['info ota a line "with" quotes'])

    def test_under_valgrind(self):
        for program in ("generation_v310", "generation_v23"):
            with self.subTest(program=program):
                self.upgrade(program, under_valgrind=True)
