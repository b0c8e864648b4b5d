# SPDX-License-Identifier: MIT OR Apache-2.0
"""A download that is killed, and the same once more:  fota_resume.py URL FILE"""

import hashlib
import sys

import fota
from check import equal, image, read

fota.package = sys.argv[2]
obj = fota(reset_disable=1)
obj.expect("sha256", "".join(["%02x" % byte for byte in hashlib.sha256(image()).digest()]))
print("begun")
equal((obj.httpDownload(url1=sys.argv[1]), read(fota.package) == image()), (0, True))
print("done")
