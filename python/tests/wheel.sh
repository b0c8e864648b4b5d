#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The packages: a wheel with a ready library and one from the source distribution, which builds it; what is in them; the
# documents' scripts run from a fresh virtual environment, and under MicroPython from the folder that it was installed into;
# an installation where nothing can be built.  python/tests/wheel.sh LIBRARY CLOUD WORK
set -eu
tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(CDPATH='' cd -- "$tests/../.." && pwd)
OTAKIT_LIBRARY=$1 OTAKIT_CLOUD=$2 work=$3
export OTAKIT_LIBRARY OTAKIT_CLOUD
rm -rf "$work"
mkdir -p "$work/top/hal"
for licence in LICENSE-MIT LICENSE-APACHE; do
    cmp "$top/$licence" "$tests/../$licence"
done
# (A copy of what is built from: setuptools leaves its own files beside its sources.)
(cd "$top" && cp -r python core src include Cargo.toml Cargo.lock "$work/top" && cp -r hal/posix "$work/top/hal" &&
    if [ -e build.rs ]; then cp build.rs "$work/top"; fi)
rm -rf "$work/top/python/tests"
python3 -m venv "$work/venv"
pip="$work/venv/bin/pip --quiet --disable-pip-version-check"

$pip wheel --no-deps --wheel-dir "$work/wheel" "$work/top/python"
$pip install "setuptools>=70.1"
(cd "$work/top/python" && "$work/venv/bin/python" setup.py --quiet sdist --dist-dir "$work/sdist")
"$work/venv/bin/python" "$tests/packages.py" "$work"/wheel/otakit-*.whl "$work"/sdist/otakit-*.tar.gz

# From here on the library is the packages', and so are the modules.
ready=$OTAKIT_LIBRARY
unset OTAKIT_LIBRARY
cd "$work"
folder() {
    "$1/bin/python" -c 'import os, otakit_native; print(os.path.dirname(os.path.dirname(otakit_native.__file__)))'
}

# Where there is no cargo the modules come alone, and say what is missing.
python3 -m venv "$work/bare"
mkdir "$work/bin"
for tool in sh cat dirname env uname; do
    ln -s "$(command -v $tool)" "$work/bin/$tool"
done
PATH=$work/bin "$work/bare/bin/pip" --quiet --disable-pip-version-check install "$work"/sdist/otakit-*.tar.gz
if "$work/bare/bin/python" -c 'import fota' 2>"$work/said"; then
    echo "imported without a library"
    exit 1
fi
grep -q '^ImportError: .*OTAKIT_LIBRARY' "$work/said"
OTAKIT_LIBRARY=$ready "$work/bare/bin/python" -c 'import fota, app_fota, ota, aliyunIoT'
echo "installed without a library: it says so"

$pip install --no-index "$work"/wheel/otakit-*.whl
OTAKIT_PYTHON=$work/venv/bin/python OTAKIT_MODULES=installed python3 "$tests/test_scripts.py" CPython
OTAKIT_MODULES=$(folder "$work/venv") python3 "$tests/test_scripts.py" MicroPython
