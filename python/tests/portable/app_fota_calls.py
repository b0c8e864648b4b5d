# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every function and parameter of `app_fota`:  app_fota_calls.py HTTP FOLDER   (HTTP: http_server.py)"""

import hashlib
import json
import os
import sys

import app_fota
from check import equal, exists, image, read, run, write

HTTP, FOLDER = sys.argv[1:3]
IMAGE = image()
TWO = IMAGE[:999]
_count = [0]


def hexadecimal(kind, data):
    return "".join(["%02x" % byte for byte in kind(data).digest()])


def fresh():
    """An updater over an empty file system."""
    _count[0] += 1
    app_fota.root = FOLDER + "/root%d" % _count[0]
    os.mkdir(app_fota.root)
    return app_fota.new()


def place(name):
    return app_fota.root + name


def area(name):
    return app_fota.root + "/usr/.updater" + name


def test_download():
    app = fresh()
    equal(app.download(HTTP + "/two.bin", "/usr/a/app.py"), 0)
    equal((read(area("/usr/a/app.py")) == TWO, exists(place("/usr/a/app.py"))), (True, False))
    equal(app.download(HTTP + "/absent", "/usr/b.py"), -1)
    equal(app.download("http://127.0.0.1:1/x", "/usr/b.py"), -1)
    equal((app.download(7, "/usr/b.py"), exists(area("/usr/b.py"))), (-1, False))


def test_what_is_there_is_not_fetched_again():
    app = fresh()
    equal(app.download(HTTP + "/two.bin?once", "/usr/app.py"), 0)
    # The second time nothing is asked for: the file is as it came.
    equal(app.download(HTTP + "/two.bin?once", "/usr/APP.py"), 0)
    equal(exists(area("/usr/APP.py")), False)
    write(area("/usr/app.py"), b"x" * 999)
    equal((app.download(HTTP + "/two.bin?once", "/usr/app.py"), read(area("/usr/app.py")) == TWO), (0, True))


def test_other_url_or_hash_is_fetched_anew():
    app, md5 = fresh(), hexadecimal(hashlib.md5, TWO)
    equal(app.download(HTTP + "/fota.bin", "/usr/f"), 0)
    equal(app.download(HTTP + "/two.bin", "/usr/f", "md5", md5), 0)
    equal(read(area("/usr/f")) == TWO, True)


def test_hashes():
    app, sha256, md5 = fresh(), hexadecimal(hashlib.sha256, TWO), hexadecimal(hashlib.md5, TWO)
    equal(app.download(HTTP + "/two.bin", "/usr/a", "sha256", sha256), 0)
    equal(app.download(HTTP + "/two.bin", "/usr/b", hash_type="md5", hash=md5.upper()), 0)
    equal(app.download(HTTP + "/two.bin", "/usr/c", "sha256", "0" * 64), -1)
    equal(app.download(HTTP + "/two.bin", "/usr/d", "sha256", "7"), -1)
    equal(app.download(HTTP + "/two.bin#sha256=" + "0" * 64, "/usr/e"), -1)
    equal([exists(area("/usr/" + name)) for name in "abcde"], [True, True, False, False, False])


def test_bulk_download():
    app = fresh()
    good = {"url": HTTP + "/fota.bin", "file_name": "/usr/one.py"}
    bad = {"url": HTTP + "/absent", "file_name": "/usr/two.py"}
    wrong = {"url": HTTP + "/fota.bin", "file_name": "/usr/x", "hash_type": "md5", "hash": "0" * 32}
    failed = app.bulk_download(info=[good, bad])
    equal((failed, failed[0] is bad), ([bad], True))
    equal(app.bulk_download([good]), None)
    equal(app.bulk_download([{}, good, wrong]), [{}, wrong])
    equal(app.bulk_download(), None)


def test_set_update_flag_and_update():
    app = fresh()
    equal(app.download(HTTP + "/two.bin", "/usr/a/app.py"), 0)
    equal(app.download(HTTP + "/fota.bin", "/usr/big.bin"), 0)
    equal((app.update(), exists(place("/usr/a/app.py"))), (None, False), "no flag, no update")
    equal(app.set_update_flag(), None)
    equal(app.update(), None)
    equal((read(place("/usr/a/app.py")) == TWO, read(place("/usr/big.bin")) == IMAGE), (True, True))
    equal([exists(area(name)) for name in ("/update.flag", "/download.stat", "/usr/a/app.py")], [False] * 3)
    equal(app_fota.run_updater(), -1)


def test_update_again_after_an_interruption():
    app = fresh()
    for name in ("/usr/one", "/usr/two"):
        equal(app.download(HTTP + "/two.bin", name), 0)
    app.set_update_flag()
    # It ended with one file in its place, and half of the other beside its own.
    write(place("/usr/one"), TWO)
    write(place("/usr/two.new"), TWO[:10])
    equal(app_fota.run_updater(), 0)
    equal((read(place("/usr/one")) == TWO, read(place("/usr/two")) == TWO, exists(place("/usr/two.new"))), (True, True, False))


def test_nothing_unless_all_is_whole():
    app = fresh()
    for name in ("/usr/one", "/usr/two"):
        equal(app.download(HTTP + "/two.bin", name), 0)
    write(area("/usr/two"), TWO + b"x")
    app.set_update_flag()
    equal((app_fota.run_updater(), exists(place("/usr/one"))), (-1, False))


def test_state_that_cannot_be_read():
    for state in (b"{", b"[7]", b"{}", b'[{"name":7}]', b'[{"name":"/usr/../../x"}]', b"\xff"):
        app = fresh()
        equal(app.download(HTTP + "/two.bin", "/usr/one"), 0)
        app.set_update_flag()
        write(area("/download.stat"), state)
        equal((app_fota.run_updater(), exists(place("/usr/one"))), (-1, False), state)
        # And the next download begins a new one.
        equal((app.download(HTTP + "/two.bin", "/usr/one"), app_fota.run_updater()), (0, 0))


def test_state_is_replaced_as_a_whole():
    app = fresh()
    equal(app.download(HTTP + "/two.bin", "/usr/one"), 0)
    before = read(area("/download.stat"))
    # Whoever is interrupted while writing leaves a file beside it, which nobody reads.
    write(area("/download.stat.new"), before[:7])
    app.set_update_flag()
    equal((app_fota.run_updater(), read(place("/usr/one")) == TWO), (0, True))
    equal(json.loads(before)[0]["name"], "/usr/one")


def test_no_path_escapes():
    app = fresh()
    for name in ("../x", "/usr/../etc/x", "/usr/.updater/x", "/etc/x", "/usr//x", "/usr/./x", "/usr/", "x", "", "/usr/a\0b", None):
        equal(app.download(HTTP + "/fota.bin", name), -1, name)
    equal(os.listdir(app_fota.root), [])


run(globals())
