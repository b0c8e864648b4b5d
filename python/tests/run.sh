#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The Python modules' tests: python/tests/run.sh LIBRARY CLOUD, where LIBRARY is build_library.sh's, with the lab feature.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
OTAKIT_LIBRARY=$1
OTAKIT_CLOUD=$2
export OTAKIT_LIBRARY OTAKIT_CLOUD
python3 "$here/test_fota.py"
python3 "$here/test_ota.py"
if command -v micropython > /dev/null; then
    MICROPYPATH=$here/../src:.frozen micropython "$here/micropython_smoke.py"
else
    echo "skipped: no micropython on this machine"
fi
