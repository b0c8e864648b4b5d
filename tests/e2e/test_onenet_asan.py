# SPDX-License-Identifier: MIT OR Apache-2.0
"""OneNET's C programs in a build with address and undefined-behaviour sanitizers (--asan-build)."""

from lib.context import CONTEXT
from lib.onenet import KEY, PRODUCT, Honest, OnenetBench, device_name, image
from test_asan import OPTIONS
from test_onenet_update import SLICE, walk


class OnenetSanitizers(OnenetBench):
    def test_driver(self):
        honest = Honest(image(2 * SLICE + 1))
        self.platform_ = self.platform(honest)
        walk(self, self.device(self.platform_, env=OPTIONS, build=CONTEXT.asan_build), self.path(), honest)

    def test_arguments(self):
        for program in ("onenet_arguments", "onenet_arguments_tm"):
            process = self.program(program, env=OPTIONS, build=CONTEXT.asan_build)
            self.assertEqual(process.wait(60), 0, process.tail())

    def test_examples(self):
        cloud, name = self.cloud(), device_name()
        cloud.add(name, image(20001))
        for program in ("onenet_ota", "onenet_ota_tm"):
            cloud.task(name)
            process = self.program(program, "-p", PRODUCT, "-d", name, "-k", KEY, "-o", self.path(),
                                   env={"OTAKIT_LAB_ONENET": cloud.url, **OPTIONS}, build=CONTEXT.asan_build)
            self.assertEqual(process.wait(60), 0, process.tail())
