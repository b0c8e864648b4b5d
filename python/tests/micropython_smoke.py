# SPDX-License-Identifier: MIT OR Apache-2.0
"""Under MicroPython: the library loads, and a package that the application writes is judged."""

import os
import fota  # The first import gives the module, the second what can be called.

del fota
import fota

fota.package = "micropython_package.bin"
obj = fota(reset_disable=1)
assert obj.write(b"abc", 6) == 0 and obj.write(bytearray(b"def"), 6) == 0
assert obj.flush() == 0 and obj.verify() == 0
with open(fota.package, "rb") as file:
    assert file.read() == b"abcdef"
os.remove(fota.package)
assert obj.write(b"abc", 6) == 0 and obj.flush() == 0 and obj.verify() == -1
print("micropython: ok")
