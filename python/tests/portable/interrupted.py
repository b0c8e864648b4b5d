# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ctrl-C in a download:  interrupted.py KIND SLOW GOOD FOLDER   Prints `begun`, waits to be interrupted, and goes on."""

import sys

import app_fota
import fota
import utime
from check import equal, exists, image, read

KIND, SLOW, GOOD, FOLDER = sys.argv[1:5]
fota.package, app_fota.root = FOLDER + "/package.bin", FOLDER
obj = fota(reset_disable=1)


def heard(args):
    if args[1] > 0:
        print("begun")


def download(url, callback=None):
    if KIND == "fota":
        return obj.httpDownload(url1=url, callback=callback)
    if callback is not None:
        print("begun")
    if KIND == "app_fota":
        return app_fota.new().download(url, "/usr/app.bin")
    return 0 if app_fota.new().bulk_download([{"url": url, "file_name": "/usr/app.bin"}]) is None else -1


def stored():
    return read(fota.package if KIND == "fota" else FOLDER + "/usr/.updater/usr/app.bin")


for _ in range(2):
    try:
        download(SLOW, heard)
        print("not interrupted")
    except KeyboardInterrupt:
        print("interrupted")
    equal([exists(fota.package), exists(fota.package + ".part")], [False, False])
    utime.sleep_ms(10)
equal((download(GOOD), stored() == image()), (0, True))
equal((obj.write(b"abc", 3), obj.verify(), read(fota.package)), (0, 0, b"abc"))
print("usable")
