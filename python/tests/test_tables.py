# SPDX-License-Identifier: MIT OR Apache-2.0
"""The compatibility pages: every documented function and parameter has a row, every row a test, and every test is there."""

import os
import re
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
FOLDERS = [HERE, os.path.join(HERE, "portable"), os.path.join(TOP, "tests", "e2e")]
# What the two documents name.
DOCUMENTED = {
    "haas": """ota.init data_handle device_handle ota.report report_info product_key device_name module_name version
        ota.on on_trigger on_download on_verify url length hash hash_type ota.download store_path ota.verify
        default Device getDeviceHandle ON_CONNECT connect region productKey deviceName deviceSecret keepaliveSec
        network.WLAN STA_IF active isconnected utime.sleep_ms""",
    "quecpython": """fota reset_disable httpDownload url1 url2 callback args[0] args[1] http ftp mini apn_set fota_apn
        ip_type fota_user fota_password download_cancel write bytesData file_size flush verify Power.powerRestart
        log.basicConfig getLogger uos.stat utime.sleep _thread.start_new_thread asynchronous blocking app_fota.new
        download bulk_download set_update_flag update """
    + " ".join(str(code) for code in range(1001, 1015)),
}


def rows(page, end="## From C"):
    """(first cell, last cell) of every row of the page's tables, as far as the heading `end`."""
    with open(os.path.join(TOP, "docs", "compatibility", page + ".md"), encoding="utf-8") as file:
        lines, found, _ = file.read().partition("\n" + end + "\n")
    assert found, "no heading %s in %s" % (end, page)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.split("\n") if line[:1] == "|"]
    return [(row[0], row[-1]) for row in cells if set(row[0]) != {"-"} and row[-1] != "Test"]


def is_there(test):
    """`module.test_name` of a Python test, or the name of one of CMake's."""
    module, _, name = test.partition(".")
    for folder in FOLDERS:
        path = os.path.join(folder, module + ".py")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return re.search(r"def %s\(" % re.escape(name), file.read()) is not None
    path = os.path.join(TOP, "tests", "c", module, "CMakeLists.txt")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return "add_test(NAME %s " % test in file.read()


class Tables(unittest.TestCase):
    def test_every_row_has_a_test_that_is_there(self):
        for page in DOCUMENTED:
            found = rows(page)
            self.assertGreater(len(found), 30)
            for what, tests in found:
                names = re.findall(r"`([^`]+)`", tests)
                self.assertTrue(names, "%s: no test for %s" % (page, what))
                for name in names:
                    self.assertTrue(is_there(name), "%s: %s: there is no test %s" % (page, what, name))

    def test_everything_documented_has_a_row(self):
        for page, documented in DOCUMENTED.items():
            words = set()
            for what, _ in rows(page, "## Deliberate differences"):
                words |= set(re.split(r"[\s`,:;()=\[{}]+|\](?!\[)", what.replace("[0]", "_0").replace("[1]", "_1")))
            for name in documented.replace("[0]", "_0").replace("[1]", "_1").split():
                self.assertIn(name, words, page)

    def test_what_is_missing_is_noticed(self):
        self.assertFalse(is_there("ota_calls.test_nothing"))
        self.assertFalse(is_there("nothing.calls"))
        self.assertTrue(is_there("quectel.calls"))


if __name__ == "__main__":
    unittest.main()
