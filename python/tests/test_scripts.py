# SPDX-License-Identifier: MIT OR Apache-2.0
"""The scripts that the documents of HaaS and QuecPython print, under each interpreter: what is filled in are the
placeholders, and the name and number that the documents ask to be filled in."""

import os
import subprocess
import tempfile
import unittest

import interpreters
from cloud import PRODUCT, PRODUCT_SECRET, SECRET, Cloud
from ftp_server import Server as FtpServer
from http_server import Server as HttpServer

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGE = bytes((at * 31 + (at >> 8)) & 255 for at in range(200_003))


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.package = os.path.join(self.folder, "package.bin")
        self.http = HttpServer({"/fota.bin": IMAGE, "/fota2.bin": IMAGE[:999]})
        self.ftp = FtpServer({"/fota.bin": IMAGE})
        self.addCleanup(self.http.close)
        self.addCleanup(self.ftp.close)

    def filled(self, name, replace):
        """The script with its placeholders filled in; its path."""
        with open(os.path.join(HERE, "scripts", name + ".py"), encoding="utf-8") as file:
            text = file.read()
        for old, new in replace.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = os.path.join(self.folder, "script.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_script(self, name, replace):
        path = self.filled(name, replace)
        return interpreters.run(self.INTERPRETER, path, OTAKIT_FOTA_PACKAGE=self.package)

    def restarts(self, ran):
        """The script is well up to its end: the restart."""
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertEqual(ran.stdout.splitlines()[-1], "otakit: restart")
        self.assertNotIn("error", ran.stdout)
        self.assertEqual(self.stored(), IMAGE)

    def stored(self, path=None):
        with open(path or self.package, "rb") as file:
            return file.read()

    def test_fota_remote_http(self):
        ran = self.run_script("fota_remote", {"http://www.example.com/fota.bin": self.http.url("/fota.bin")})
        self.restarts(ran)
        self.assertIn("download status: 2 download process: 100\notakit: restart", ran.stdout)

    def test_fota_remote_ftp(self):
        ran = self.run_script("fota_remote", {"http://www.example.com/fota.bin": self.ftp.url()})
        self.restarts(ran)
        self.assertIn("download status: 2 download process: 100\notakit: restart", ran.stdout)

    def test_fota_remote_fails(self):
        for url, code in ((self.http.url("/absent"), 1006), (self.ftp.url(login="user:wrong"), 1005)):
            ran = self.run_script("fota_remote", {"http://www.example.com/fota.bin": url})
            self.assertIn("download status: -1 download process: %d" % code, ran.stdout)
            self.assertIn("ERROR:Fota:httpDownload error", ran.stdout)
            self.assertNotIn("restart", ran.stdout)

    def test_fota_mini(self):
        """The line that the script has as a comment, in place of the one above it."""
        one, two = "http://www.example.com/fota1.bin", "http://www.example.com/fota2.bin"
        replace = {
            '    res = fota_obj.httpDownload(url1="http://www.example.com/fota.bin",callback=result)    \n': "",
            "    #res = ": "    res = ",
            one: self.http.url("/fota.bin"),
            two: self.http.url("/fota2.bin"),
        }
        self.restarts(self.run_script("fota_remote", replace))
        self.assertEqual(self.stored(self.package + ".2"), IMAGE[:999])

    def test_fota_no_restart(self):
        ran = self.run_script("fota_no_restart", {"http://www.example.com/dfota.bin": self.http.url("/fota.bin")})
        self.restarts(ran)
        self.assertIn("download status: 0 download process: 100\notakit: restart", ran.stdout)

    def test_fota_local(self):
        source = os.path.join(self.folder, "FotaFile.bin")
        with open(source, "wb") as file:
            file.write(IMAGE)
        ran = self.run_script("fota_local", {"/usr/FotaFile.bin": source})
        self.restarts(ran)
        self.assertIn("INFO:Fota:power_reset...\notakit: restart", ran.stdout)

    def test_fota_cancel(self):
        replace = {"http://www.example.com/fota.bin": self.http.url("/fota.bin?slow"), "sleep(40)": "sleep(0.4)"}
        ran = self.run_script("fota_cancel", replace)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        self.assertIn("download status: -1 download process: 1011", ran.stdout)
        self.assertFalse(os.path.exists(self.package))

    def test_quec_modules(self):
        """The modules that public scripts import beside the updates, in the way that they use them."""
        manifest = b'{"files":[["/fota.bin","/usr/app.bin"],["/fota2.bin","/usr/lib/two.bin"]]}'
        self.http.files["/manifest.json"] = manifest
        path = self.filled("quec_modules", {"http://www.example.com": self.http.url("")})
        ran = interpreters.run(self.INTERPRETER, path, OTAKIT_APP_ROOT=self.folder, OTAKIT_MODEM_IMEI="867012345678901")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        lines = ran.stdout.splitlines()
        self.assertIn("settings: {'version': '2.0.0'}", lines)
        self.assertEqual(lines[-1], "otakit: restart")
        self.assertIn("/manifest.json?imei=867012345678901", [path for path, _ in self.http.log])
        self.assertEqual(self.stored(os.path.join(self.folder, "usr/app.bin")), IMAGE)
        self.assertEqual(self.stored(os.path.join(self.folder, "usr/lib/two.bin")), IMAGE[:999])

    def test_haas_modules(self):
        """Registered the first time, with the secret that was kept the second."""
        cloud = Cloud(self.folder)
        self.addCleanup(cloud.close)
        cloud.device("dev1")
        replace = {"<productKey>": PRODUCT, "<productSecret>": PRODUCT_SECRET, "<deviceName>": "dev1"}
        path = self.filled("haas_modules", replace)
        for secret in (["secret of %d characters" % len(SECRET)], []):
            kept = os.path.join(self.folder, "kv.json")
            ran = interpreters.run(self.INTERPRETER, path, OTAKIT_PYTHON_KV=kept, **cloud.environment)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
            first = ["pdp 1 is up", "imei -1 iccid -1"]
            self.assertEqual(interpreters.said(ran.stdout).splitlines(), [*first, *secret, "connected as dev1", "kept True"])

    def test_haas_ota(self):
        cloud = Cloud(self.folder)
        self.addCleanup(cloud.close)
        cloud.device("dev1")
        with open(os.path.join(self.folder, "app.py"), "wb") as file:
            file.write(IMAGE)
        cloud.add(os.path.join(self.folder, "app.py"), "1.10.0", "--module", "app", "--sign", "sha256")
        path = self.filled("haas_ota", {
            "<productKey>": PRODUCT,
            "<deviceName>": "dev1",
            "<deviceName >": "dev1",
            "<deviceSecret>": SECRET,
            "<your_store_path>": self.package,
            "<your_module_name>": "app",
            "<your_module_version>": "1.9.0",
        })
        argv, paths = interpreters.command(self.INTERPRETER, path, stay=True)
        environment = {**os.environ, **paths, **cloud.environment}
        script = subprocess.Popen(
            argv, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.addCleanup(script.kill)
        lines = []
        for line in script.stdout:
            lines.append(line.strip())
            if line.startswith("Ota verify succeed"):
                break
        script.terminate()
        script.communicate(timeout=20)
        self.assertEqual(lines[-3:], ["Ota download succeed", "0", "Ota verify succeed"], lines)
        self.assertEqual(self.stored(), IMAGE)
        update = cloud.updates("dev1")[-1]
        self.assertEqual((update["module"], update["from"], update["to"]), ("app", "1.9.0", "1.10.0"))


class CPython(Scripts):
    INTERPRETER = "cpython"


@unittest.skipUnless(interpreters.MICROPYTHON, "no MicroPython on this machine")
class MicroPython(Scripts):
    INTERPRETER = "micropython"


del Scripts

if __name__ == "__main__":
    unittest.main()
