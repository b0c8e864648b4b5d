# SPDX-License-Identifier: MIT OR Apache-2.0
"""TLS by the firmware: a build with OTAKIT_TLS=hal carries MQTT and HTTPS over HAL_SSL_* (--halssl-build)."""

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import Observer, offer, upgrade_topic
from lib.ca import Authority
from lib.context import CONTEXT


class HalSsl(Bench):
    ORIGIN = True

    def test_whole_update(self):
        """Both connections go through HAL_SSL_*, the CA that was given is handed over, and all are closed."""
        observer = Observer(self.broker)
        self.addCleanup(observer.close)
        dn, image = unique_name(), self.origin.image
        authority = Authority(self.scratch).ca
        out = f"{self.scratch}/{dn}.bin"
        process = self.program("basic_over_hal_ssl", "-k", PK, "-n", dn, "-s", SECRET, "-o", out,
                               broker_url=f"mqtts://127.0.0.1:{self.broker.port}", build=CONTEXT.halssl_build,
                               env={"OTAKIT_LAB_CA": authority})
        observer.wait(f"/ota/device/inform/{PK}/{dn}", '"1.0.0"')
        url = self.origin.url(image.name).replace("http://", "https://")
        self.broker.publish(upgrade_topic(PK, dn), offer(image.size, "2.0.0", url, image.md5))
        self.assertEqual(process.wait(60), 0, process.tail())
        with open(out, "rb") as f:
            self.assertEqual(f.read(), image.content)
        with open(authority, "rb") as f:
            length = len(f.read()) + 1
        connects = [line.split()[2:] for line in process.err_lines if line.startswith("hal_ssl connect")]
        self.assertEqual([ca for _, _, ca in connects], [f"ca={length}"] * 2)
        self.assertEqual([int(port) for _, port, _ in connects], [self.broker.port, self.origin.port])
        counts = next(line for line in process.err_lines if line.startswith("hal_ssl read="))
        self.assertTrue(counts.endswith("open=0"), counts)
