# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a wheel and a source distribution hold:  packages.py WHEEL SDIST"""

import sys
import tarfile
import zipfile

PUBLIC = {"fota.py", "app_fota.py", "ota.py", "aliyunIoT.py"}
LICENCES = {"LICENSE-MIT", "LICENSE-APACHE"}


def check(what, condition):
    print("%s: %s" % ("ok" if condition else "FAILED", what))
    if not condition:
        sys.exit(1)


with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = wheel.namelist()
tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
check("at the top there are the public modules and names of ours: %s" % sorted(tops),
      {name for name in tops if not name.startswith("otakit_")} == PUBLIC)
check("the wheel has the library", "otakit_native/libotakit_python.so" in names)
check("the wheel has the shims", "otakit_shims/utime.py" in names)
check("the wheel has the licences", LICENCES <= {name.rsplit("/", 1)[-1] for name in names if ".dist-info/" in name})
with tarfile.open(sys.argv[2]) as sources:
    names = {name.split("/", 1)[-1] for name in sources.getnames()}
wanted = {"build_library.sh", "setup.py", "pyproject.toml", "src/fota.py", "src/otakit_shims/utime.py", "native/Cargo.toml",
          "native/Cargo.lock", "native/src/lib.rs", "native/core/Cargo.toml", "native/core/src/lib.rs", "native/hal/posix/HAL_Malloc.c", "native/include/otakit.h"} | LICENCES
check("the source distribution has what it is built from, without %s" % sorted(wanted - names), wanted <= names)
