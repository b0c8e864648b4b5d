# SPDX-License-Identifier: MIT OR Apache-2.0
"""A download that is killed, and the same once more:  ota_resume.py PRODUCT NAME SECRET URL FILE"""

import sys

import ota
from check import equal, image, read
from device import Linked

PRODUCT, NAME, SECRET, URL, FILE = sys.argv[1:6]
one = Linked(PRODUCT, NAME, SECRET).listen()
info = one.offer("resumed", "2.0.0", URL, image())
equal(ota.download({"url": info["url"], "store_path": FILE}), 0)
print("begun")
equal((one.wait_ota(2), read(FILE) == image()), (0, True))
one.end()
print("done")
