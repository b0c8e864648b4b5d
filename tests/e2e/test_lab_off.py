# SPDX-License-Identifier: MIT OR Apache-2.0
"""A build without OTAKIT_LAB goes where the platform's rules send it, whatever the environment says (--nolab-build)."""

import os
import subprocess

from lib.bench import PK, SECRET, Bench, unique_name
from lib.ca import Authority
from lib.context import CONTEXT
from lib.proxy import RecordingProxy
from test_troubleshooting import cases as documented

# The program's network is the shim, which tells where it was sent and connects to nothing but this machine.
ENV = {"SHIM_LOCAL_ONLY": "1"}


class LabOff(Bench):
    def attempts(self, build):
        proxy = RecordingProxy(self.broker.port)
        self.addCleanup(proxy.close)
        process = self.program("basic_over_shim", "-k", PK, "-n", unique_name(), "-s", SECRET, "-t", "1",
                               broker_url=f"mqtt://127.0.0.1:{proxy.port}", build=build,
                               env={**ENV, "OTAKIT_LAB_CA": Authority(self.scratch).ca})
        code = process.wait(90)
        hosts = {line.split()[2] for line in process.err_lines if line.startswith("hal_tcp connect")}
        if build == CONTEXT.nolab_build:
            for line in documented()["lab-off"]:
                self.assertIn(line, process.out_lines)
        return code, hosts, proxy.connections

    def test_variable_is_ignored(self):
        self.assertEqual(self.attempts(CONTEXT.nolab_build),
                         (2, {f"{PK}.iot-as-mqtt.cn-shanghai.aliyuncs.com"}, 0))

    def test_variable_works_with_the_option(self):
        """The same program of the lab build is redirected: it connects, and no offer comes."""
        self.assertEqual(self.attempts(CONTEXT.build), (4, {"127.0.0.1"}, 1))

    def test_no_delta_packages(self):
        """The same build has no code for delta packages, and says so."""
        done = subprocess.run([CONTEXT.program("native_download", CONTEXT.nolab_build), "base", __file__, "delta",
                               "http://127.0.0.1:9/", "1000", "0" * 64, os.path.join(self.scratch, "image")],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("get -63 at 0", done.stdout)
        self.assertIn("[err] delta: this build applies no delta packages: build it with -DOTAKIT_DELTA=ON", done.stdout)
