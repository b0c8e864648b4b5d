# SPDX-License-Identifier: MIT OR Apache-2.0
"""`ota.upgrade`:  ota_upgrade.py FOLDER, where FOLDER has good.zip (a.py, lib/b.py, deflated), up.zip (../out.py),
root.zip (/out.py), damaged.zip."""

import os
import sys

import ota
from check import equal, exists, raises, read, run, write
from device import wait_for

FOLDER = sys.argv[1]
outcomes = []


def upgraded(name, **more):
    ota.on(4, outcomes.append)
    path = FOLDER + "/" + name
    data = {"length": os.stat(path)[6], "store_path": path, "install_path": FOLDER + "/installed"}
    data.update(more)
    equal(ota.upgrade(data), 0)
    wait_for(lambda: outcomes)
    return outcomes.pop()


def test_upgrade():
    equal(upgraded("good.zip"), 0)
    equal((read(FOLDER + "/installed/a.py"), len(read(FOLDER + "/installed/lib/b.py"))), (b"a", 20000))


def test_upgrade_fails():
    equal((upgraded("good.zip", length=1), upgraded("damaged.zip")), (-13, -13))
    write(FOLDER + "/no.zip", b"x")
    equal(upgraded("no.zip"), -13)
    equal((upgraded("up.zip"), upgraded("root.zip"), exists(FOLDER + "/out.py")), (-25, -25, False))
    equal(upgraded("good.zip", install_path=FOLDER + "/good.zip"), -14)
    equal(upgraded("good.zip", store_path=FOLDER + "/absent.zip"), -14)
    raises(KeyError, ota.upgrade, {"length": 1})


run(globals())
