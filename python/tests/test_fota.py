# SPDX-License-Identifier: MIT OR Apache-2.0
"""`fota` and `app_fota`: the printed scripts, and each function and parameter.  OTAKIT_LIBRARY names the library."""

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(HERE), "src")
sys.path[:0] = [SOURCES, HERE]

import app_fota  # noqa: E402
import fota  # noqa: E402
from ftp_server import Server as FtpServer  # noqa: E402
from http_server import Server as HttpServer  # noqa: E402
from misc import Power  # noqa: E402

IMAGE = bytes((at * 31 + (at >> 8)) & 255 for at in range(200_003))
SHA256 = hashlib.sha256(IMAGE).hexdigest()


class Base(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.package = os.path.join(self.folder, "package.bin")
        fota.package, fota.blocking, fota.on_apn = self.package, True, None
        self.http = HttpServer({"/fota.bin": IMAGE, "/fota2.bin": IMAGE[:999], "/empty": b""})
        self.ftp = FtpServer({"/fota.bin": IMAGE})
        self.addCleanup(self.http.close)
        self.addCleanup(self.ftp.close)
        self.restarts = []
        Power.on_restart = lambda: self.restarts.append(os.path.exists(self.package))
        self.events = []

    def ftp_url(self, user="user:password", path="/fota.bin"):
        return "ftp://%s@127.0.0.1:%d%s" % (user, self.ftp.port, path)

    def stored(self, path=None):
        with open(path or self.package, "rb") as file:
            return file.read()


class Scripts(Base):
    """As printed; the placeholders alone are filled in."""

    def run_script(self, name, replace):
        with open(os.path.join(HERE, "scripts", name + ".py"), encoding="utf-8") as file:
            text = file.read()
        for old, new in replace.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        environment = dict(os.environ, PYTHONPATH=SOURCES, OTAKIT_FOTA_PACKAGE=self.package)
        return subprocess.run(
            [sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=60
        )

    def test_remote(self):
        for url in (self.http.url("/fota.bin"), self.ftp_url()):
            ran = self.run_script("fota_remote", {"http://www.example.com/fota.bin": url})
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
            self.assertIn("download status: 2 download process: 100\notakit: restart", ran.stdout)
            self.assertNotIn("httpDownload error", ran.stdout)
            self.assertEqual(self.stored(), IMAGE)
            os.remove(self.package)

    def test_remote_fails(self):
        url = self.http.url("/absent")
        ran = self.run_script("fota_remote", {"http://www.example.com/fota.bin": url})
        self.assertIn("download status: -1 download process: 1006", ran.stdout)
        self.assertIn("ERROR:Fota:httpDownload error", ran.stdout)
        self.assertNotIn("restart", ran.stdout)

    def test_mini(self):
        old = """res = fota_obj.httpDownload(url1="http://www.example.com/fota.bin",callback=result)"""
        new = "res = fota_obj.httpDownload(url1=%r,url2=%r)"
        new %= (self.http.url("/fota.bin"), self.http.url("/fota2.bin"))
        ran = self.run_script("fota_remote", {old: new})
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("otakit: restart", ran.stdout)
        self.assertEqual((self.stored(), self.stored(self.package + ".2")), (IMAGE, IMAGE[:999]))

    def test_no_restart(self):
        url = self.http.url("/fota.bin")
        ran = self.run_script("fota_no_restart", {"http://www.example.com/dfota.bin": url})
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("download status: 0 download process: 100\notakit: restart", ran.stdout)
        self.assertEqual(self.stored(), IMAGE)

    def test_local(self):
        source = os.path.join(self.folder, "FotaFile.bin")
        with open(source, "wb") as file:
            file.write(IMAGE)
        ran = self.run_script("fota_local", {"/usr/FotaFile.bin": source})
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("INFO:Fota:power_reset...\notakit: restart", ran.stdout)
        self.assertEqual(self.stored(), IMAGE)

    def test_cancel(self):
        self.http.trickle = True
        replace = {"http://www.example.com/fota.bin": self.http.url("/fota.bin"), "sleep(40)": "sleep(0.4)"}
        ran = self.run_script("fota_cancel", replace)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("download status: -1 download process: 1011", ran.stdout)
        self.assertFalse(os.path.exists(self.package))


class Functions(Base):
    def download(self, reset_disable=0, **arguments):
        self.events.clear()
        return fota(reset_disable=reset_disable).httpDownload(callback=self.events.append, **arguments)

    def test_singleton_and_arguments(self):
        obj = fota()
        self.assertIs(obj, fota(reset_disable=1))
        from fota import fota as same

        self.assertIs(same(), obj)
        self.assertRaises(TypeError, obj.httpDownload, "http://h/")
        self.assertRaises(TypeError, fota, 1)
        self.assertEqual([obj.httpDownload(), obj.httpDownload(url1=7), obj.httpDownload(url1="")], [-1] * 3)

    def test_list_and_percentages(self):
        self.assertEqual(self.download(url1=self.http.url("/fota.bin")), 0)
        self.assertEqual(self.events[-1], [2, 100])
        self.assertTrue(all(type(event) is list and event[0] == 1 for event in self.events[:-1]))
        percents = [percent for _, percent in self.events]
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(self.restarts, [True])

    def test_reset_disable(self):
        self.assertEqual(self.download(reset_disable=1, url1=self.http.url("/fota.bin")), 0)
        self.assertEqual((self.events[-1], self.restarts), ([0, 100], []))

    def test_goes_on_where_it_broke(self):
        self.http.cuts = [1, 50_000, 70_000]
        self.assertEqual(self.download(url1=self.http.url("/fota.bin")), 0)
        self.assertEqual(self.stored(), IMAGE)
        self.assertTrue(any(wanted for _, wanted in self.http.log))

    def test_goes_on_without_ranges(self):
        self.http.ranges, self.http.cuts = False, [1, 50_000]
        self.assertEqual(self.download(url1=self.http.url("/fota.bin")), 0)
        self.assertEqual(self.stored(), IMAGE)

    def test_ftp_goes_on_where_it_broke(self):
        self.ftp.cuts = [50_000, 70_000]
        self.assertEqual(self.download(url1=self.ftp_url()), 0)
        self.assertEqual(self.stored(), IMAGE)
        self.assertEqual([argument for command, argument in self.ftp.log if command == "REST"], ["50000", "120000"])

    def test_codes(self):
        other = "0" * 64
        cases = {
            self.http.url("/absent"): 1006,
            self.http.url("/empty"): 1007,
            "http://127.0.0.1:1/": 1004,
            "gopher://h/": 1003,
            self.http.url("/fota.bin#sha256=" + other): 1009,
            self.ftp_url("user:wrong"): 1005,
            self.ftp_url(path="/absent"): 1006,
            self.ftp_url(path="/fota.bin#sha256=" + other): 1009,
            "ftp://host": 1003,
        }
        for url, code in cases.items():
            self.assertEqual(self.download(url1=url), -1, url)
            self.assertEqual(self.events[-1], [-1, code], url)
            self.assertFalse(os.path.exists(self.package))
        self.http.lengths = False
        self.assertEqual(self.download(url1=self.http.url("/fota.bin")), -1)
        self.assertEqual((self.events[-1], self.restarts), ([-1, 1007], []))

    def test_digests(self):
        for url in (self.http.url("/fota.bin"), self.ftp_url()):
            self.assertEqual(self.download(url1=url + "#sha256=" + SHA256), 0)
        obj = fota(reset_disable=1)
        self.assertEqual(obj.expect("md5", "0" * 32), 0)
        self.assertEqual(obj.httpDownload(url1=self.http.url("/fota.bin")), -1)
        self.assertEqual([obj.expect("md5", "0"), obj.expect("crc", "0"), obj.expect(None, None)], [-1, -1, 0])

    def test_redirect(self):
        self.http.redirects["/moved"] = "/fota.bin"
        self.assertEqual(self.download(url1=self.http.url("/moved")), 0)
        self.assertEqual(self.stored(), IMAGE)

    def test_cancel_from_another_thread(self):
        self.assertEqual(fota().download_cancel(), -1)
        self.http.trickle = self.ftp.trickle = True
        for url in (self.http.url("/fota.bin"), self.ftp_url()):
            results = []
            timer = threading.Timer(0.3, lambda: results.append(fota._object.download_cancel()))
            timer.start()
            began = time.monotonic()
            self.assertEqual(self.download(url1=url), -1)
            self.assertLess(time.monotonic() - began, 5)
            timer.join()
            self.assertEqual((results, self.events[-1]), ([0], [-1, 1011]))

    def test_asynchronous(self):
        fota.blocking = False
        ended = threading.Event()
        Power.on_restart = ended.set
        self.assertEqual(self.download(url1=self.http.url("/fota.bin")), 0)
        self.assertTrue(ended.wait(30))
        self.assertEqual((self.events[-1], self.stored()), ([2, 100], IMAGE))

    def test_one_download_at_a_time(self):
        self.http.trickle, fota.blocking = True, False
        obj = fota(reset_disable=1)
        ended = threading.Event()
        url = self.http.url("/fota.bin")
        self.assertEqual(obj.httpDownload(url1=url, callback=lambda args: args[0] == 1 or ended.set()), 0)
        self.assertEqual((obj.httpDownload(url1=url), obj.write(b"x", 1)), (-1, -1))
        self.assertEqual(obj.download_cancel(), 0)
        self.assertTrue(ended.wait(30))

    def test_callback_that_raises(self):
        def callback(args):
            raise RuntimeError("expected in this test")

        stderr, sys.stderr = sys.stderr, open(os.devnull, "w")
        try:
            obj = fota(reset_disable=1)
            for _ in range(2):
                self.assertEqual(obj.httpDownload(url1=self.http.url("/fota.bin"), callback=callback), 0)
        finally:
            sys.stderr.close()
            sys.stderr = stderr

    def test_apn(self):
        obj, seen = fota(), []
        arguments = dict(fota_apn="CMNET", ip_type=0, fota_user="abc", fota_password="123")
        self.assertEqual(obj.apn_set(**arguments), -1)
        fota.on_apn = lambda *given: seen.append(given)
        self.assertEqual((obj.apn_set(**arguments), obj.apn_set(ip_type=1), obj.apn_set(ip_type=2)), (0, 0, -1))
        self.assertEqual(seen, [("CMNET", 0, "abc", "123"), (None, 1, None, None)])
        fota.on_apn = lambda *given: -1
        self.assertEqual(obj.apn_set(), -1)

    def test_write_flush_verify(self):
        obj = fota()
        self.assertEqual((obj.flush(), obj.verify(), obj.write(b"x"), obj.write(b"", 0)), (-1, -1, -1, -1))
        for kind in (bytes, bytearray, memoryview):
            self.assertEqual(obj.write(kind(b"abc"), 6), 0)
            self.assertEqual(obj.write(kind(b"def"), 6), 0)
            self.assertEqual((obj.flush(), obj.verify(), self.stored()), (0, 0, b"abcdef"))
            os.remove(self.package)
        self.assertEqual((obj.write(b"abc", 6), obj.flush(), obj.verify()), (0, 0, -1))
        self.assertEqual((obj.write(b"abcdefg", 6), obj.flush(), obj.verify()), (-1, -1, -1))
        obj.expect("md5", hashlib.md5(b"abc").hexdigest().upper())
        self.assertEqual((obj.write(b"abc", 3), obj.flush(), obj.verify()), (0, 0, 0))
        obj.expect("md5", hashlib.md5(b"abd").hexdigest())
        self.assertEqual((obj.write(b"abc", 3), obj.flush(), obj.verify()), (0, 0, -1))


class AppFota(Base):
    def setUp(self):
        super().setUp()
        app_fota.root = self.folder
        self.app = app_fota.new()

    def test_download_flag_update(self):
        url = self.http.url("/fota2.bin")
        self.assertEqual(self.app.download(url, "/usr/a/app.py"), 0)
        requests = len(self.http.log)
        self.assertEqual(self.app.download(url, "/usr/a/app.py"), 0)
        self.assertEqual(len(self.http.log), requests)
        self.app.update()
        self.assertFalse(os.path.exists(self.folder + "/usr/a/app.py"))
        self.assertIsNone(self.app.set_update_flag())
        self.assertIsNone(self.app.update())
        self.assertEqual(self.stored(self.folder + "/usr/a/app.py"), IMAGE[:999])
        self.assertEqual(app_fota.run_updater(), -1)

    def test_bulk(self):
        good = {"url": self.http.url("/fota.bin"), "file_name": "/usr/one.py"}
        bad = {"url": self.http.url("/absent"), "file_name": "/usr/two.py"}
        self.assertEqual(self.app.bulk_download(info=[good, bad]), [bad])
        self.assertIsNone(self.app.bulk_download([good]))
        self.assertEqual(self.app.bulk_download([{}, dict(good, file_name="/usr/x", hash_type="md5", hash="0" * 32)])[0], {})

    def test_no_path_escapes(self):
        for name in ("../x", "/usr/../etc/x", "/usr/.updater/x", "/etc/x", "/usr//x", "/usr/", "x", "", None):
            self.assertEqual(self.app.download(self.http.url("/fota.bin"), name), -1, name)
        self.assertEqual(os.listdir(self.folder), [])

    def test_nothing_unless_all_is_whole(self):
        for name in ("/usr/one", "/usr/two"):
            self.assertEqual(self.app.download(self.http.url("/fota2.bin"), name), 0)
        with open(self.folder + "/usr/.updater/usr/two", "ab") as file:
            file.write(b"x")
        self.app.set_update_flag()
        self.assertEqual(app_fota.run_updater(), -1)
        self.assertFalse(os.path.exists(self.folder + "/usr/one"))
        with open(self.folder + "/usr/.updater/download.stat", "w") as file:
            file.write("{")
        self.assertEqual(app_fota.run_updater(), -1)

    def test_other_url_or_hash_is_fetched_anew(self):
        self.assertEqual(self.app.download(self.http.url("/fota.bin"), "/usr/f"), 0)
        md5 = hashlib.md5(IMAGE[:999]).hexdigest()
        self.assertEqual(self.app.download(self.http.url("/fota2.bin"), "/usr/f", "md5", md5), 0)
        self.assertEqual(self.stored(self.folder + "/usr/.updater/usr/f"), IMAGE[:999])


if __name__ == "__main__":
    unittest.main()
