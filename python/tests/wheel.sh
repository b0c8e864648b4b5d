#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The wheel: built, installed into a fresh virtual environment, and the documents' scripts run from there; under MicroPython
# from the folder that it was installed into.  python/tests/wheel.sh LIBRARY CLOUD WORK
set -eu
tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
OTAKIT_LIBRARY=$1 OTAKIT_CLOUD=$2 work=$3
export OTAKIT_LIBRARY OTAKIT_CLOUD
rm -rf "$work"
mkdir -p "$work"
# (A copy of what is built from: setuptools leaves its own files beside its sources.)
mkdir "$work/python"
(cd "$tests/.." && cp -r src setup.py pyproject.toml build_library.sh "$work/python")
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check wheel --no-deps --wheel-dir "$work/wheel" "$work/python"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install --no-index "$work"/wheel/otakit-*.whl
# From here on the library is the wheel's, and so are the modules.
unset OTAKIT_LIBRARY
rm -rf "$work/python"
cd "$work"
installed=$("$work/venv/bin/python" -c 'import os, otakit_native; print(os.path.dirname(os.path.dirname(otakit_native.__file__)))')
OTAKIT_PYTHON=$work/venv/bin/python OTAKIT_MODULES=installed python3 "$tests/test_scripts.py" CPython
OTAKIT_MODULES=$installed python3 "$tests/test_scripts.py" MicroPython
