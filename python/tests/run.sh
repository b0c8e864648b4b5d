#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The Python modules' tests, under CPython and, where there is one, MicroPython, from the sources and from the wheel:
#   python/tests/run.sh LIBRARY CLOUD WORK
# LIBRARY is build_library.sh's, with the lab feature; WORK a folder to build in.
set -eu
tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
absolute() {
    echo "$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")"
}
mkdir -p "$3"
OTAKIT_LIBRARY=$(absolute "$1") OTAKIT_CLOUD=$(absolute "$2") work=$(absolute "$3")
export OTAKIT_LIBRARY OTAKIT_CLOUD
if OTAKIT_MICROPYTHON=$("$tests/../../scripts/micropython.sh"); then
    export OTAKIT_MICROPYTHON
    "$OTAKIT_MICROPYTHON" -c 'import sys; print("MicroPython", sys.implementation[1])'
else
    unset OTAKIT_MICROPYTHON
    echo "skipped: the tests under MicroPython"
fi
for test in test_tables test_import test_scripts test_portable; do
    python3 "$tests/$test.py"
done
sh "$tests/wheel.sh" "$OTAKIT_LIBRARY" "$OTAKIT_CLOUD" "$work/wheel"
