# SPDX-License-Identifier: MIT OR Apache-2.0
# The way that scripts for QuecPython's modules begin and end an update of files: the network is waited for, the project's
# server is asked, what it names is fetched, an archive's file is put into the download area by the script itself.
import usys
import ujson
import uos
import utime as time
import log
import modem
import checkNet
import request
import ql_fs
import app_fota
import app_fota_download
from misc import Power

PROJECT_NAME = "Field_Update"
PROJECT_VERSION = "1.0.0"
SERVER = "http://www.example.com"

log.basicConfig(level=log.INFO)
updater_log = log.getLogger("Updater")
network = checkNet.CheckNetwork(PROJECT_NAME, PROJECT_VERSION)


class Updater(object):
    def __init__(self):
        self.imei = modem.getDevImei()
        self.fota = app_fota.new()

    def wanted(self):
        answer = request.get(SERVER + "/manifest.json?imei=%s" % self.imei)
        if answer.status_code != 200:
            return []
        return ujson.loads(answer.text)["files"]

    def run(self):
        failed = self.fota.bulk_download(info=[{"url": SERVER + path, "file_name": name} for path, name in self.wanted()])
        if failed:
            updater_log.error("failed: %s" % failed)
            return False
        area = app_fota.root + "/usr/.updater/usr"
        if not ql_fs.path_exists(area):
            ql_fs.mkdirs(area)
        ql_fs.touch(area + "/settings.json", {"version": "2.0.0"})
        size = uos.stat(area + "/settings.json")[6]
        app_fota_download.update_download_stat("", "/usr/settings.json", size)
        self.fota.set_update_flag()
        return True


if __name__ == "__main__":
    network.poweron_print_once()
    stage, state = network.wait_network_connected(30)
    if (stage, state) != (3, 1):
        print("network:", stage, state)
        usys.exit(1)
    try:
        if Updater().run():
            app_fota.run_updater()
            print("settings:", ql_fs.read_json(app_fota.root + "/usr/settings.json"))
            time.sleep_ms(10)
            Power.powerRestart()
    except Exception as error:
        usys.print_exception(error)
