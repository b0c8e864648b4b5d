# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every case of the fault server: the outcome is one that the case names as right, and a clean update works after it."""

import concurrent.futures

from lib.bench import ATTEMPTS, CHECK_FIRMWARE, GENERAL, ONE_TRY, Bench

SIZE = 60000
AT_ONCE = 8

# What the cases call an outcome, as a program sees it through the C API.
SEEN = {"right bytes": "right", "error:digest": "digest"}
# Bytes that never stop coming, and never suffice: nothing ends such a download but the program.
ENDLESS = "drip-slow"
# Statuses of a URL that is not good any more.
REFUSED = ("401", "403", "410")


class Matrix(Bench):
    FAULTS = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.digest = cls.faults.digest(SIZE)
        cls.all_cases = [case for case in cls.faults.cases() if case["name"] != ENDLESS]

    def one(self, case):
        """Runs a case, then an honest one with the same session. Returns what was wrong, or None."""
        device = self.device(options=self.options(case["name"]))
        try:
            device.up()
            device.push_fault(case["name"], SIZE, self.digest, self.faults.token())
            reply = device.fetch_all(limit_s=240)
            allowed = {SEEN.get(each, "failed") for each in case["expect"]}
            seen = self.outcome(device, reply, self.digest)
            self.assertIn(seen, allowed, reply)
            self.assertLess(reply.longest, 3000)
            device.push_fault("ok", SIZE, self.digest, self.faults.token())
            self.assertEqual(self.outcome(device, device.fetch_all(), self.digest), "right", "the update after it")
        except (AssertionError, OSError) as problem:
            return f"{case['name']} ({case['about']}): {problem}"
        finally:
            device.driver.close()
            device.proxy.close()
        return None

    @staticmethod
    def options(name):
        """Fewer tries where the URL is refused, but one more where the first connection breaks by itself."""
        if not any(status in name for status in REFUSED):
            return None
        return {**ONE_TRY, ATTEMPTS: 2} if name.endswith("-mid") else ONE_TRY

    def family(self, name):
        cases = [case for case in self.all_cases if case["family"] == name]
        self.assertTrue(cases)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            problems = [problem for problem in pool.map(self.one, cases) if problem]
        self.assertEqual(problems, [], f"{len(problems)} of {len(cases)}:\n" + "\n".join(problems))

    def test_status(self):
        self.family("status")

    def test_range(self):
        self.family("range")

    def test_length(self):
        self.family("length")

    def test_stream(self):
        self.family("stream")

    def test_endless(self):
        """A byte a second: each is handed out in time, the program sees how slow it is, and Deinit ends it at once."""
        device = self.up()
        device.push_fault(ENDLESS, SIZE, self.digest, self.faults.token())
        reply = device.fetch_all(limit_s=5)
        self.assertEqual((device.fetching, reply.finished, reply.intact), (1, 0, 1), reply)
        self.assertTrue(2 <= reply.bytes <= 8 and reply.longest < 1500, reply)
        self.assertEqual(device.ioctl(CHECK_FIRMWARE).ret, GENERAL)
        end = device.call("deinit", device.h)
        self.assertEqual(end.ret, 0)
        self.assertLess(end.ms, 500)

    def test_redirect(self):
        self.family("redirect")

    def test_header(self):
        self.family("header")

    def test_no_family_is_left_out(self):
        self.assertEqual({case["family"] for case in self.all_cases},
                         {"status", "range", "length", "stream", "redirect", "header"})
