#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The whole test suite: test.sh [--write]. A stage that fails is reported at the end; one that others build on ends the run.
# --write: when all passed, the stages' times go into docs/TESTING.md.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/stages.sh
. "$ROOT/scripts/stages.sh"
cd "$ROOT"
# One run from start to end builds nothing a second time: what cargo keeps for that would only fill the disk.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL-0}

if [ "${1-}" = --write ]; then
    STAGES_FILE=docs/TESTING.md
elif [ $# -gt 0 ]; then
    echo "usage: test.sh [--write]" >&2
    exit 2
fi

# The examples of HaaS and Quectel, built with the installed libraries of a tree without Link Kit.
installed_haas() {
    local at=$ROOT/build/haas/installed pair
    rm -rf "$at"
    cmake --install build/haas --prefix "$at" >build/haas.install.log || return 1
    for pair in haas:haas_ota quectel:quectel_fota haas-shared:haas_ota quectel-shared:quectel_fota; do
        # shellcheck disable=SC2046 # a list of words
        cc -std=c99 -Wall -Wextra -Werror "examples_c/${pair##*:}.c" \
            $(PKG_CONFIG_PATH=$at/lib/pkgconfig pkg-config --cflags --libs "otakit-${pair%%:*}") -o "$at/example" || return 1
        # Without arguments it says how it is used.
        LD_LIBRARY_PATH=$at/lib "$at/example" 2>/dev/null
        [ $? = 2 ] || return 1
        echo "installed: ${pair%%:*}"
    done
}

must "setup" scripts/setup.sh

# Each Rust library is one unit of code, which keeps one processor busy, and most tests wait more than they compute. So
# what only builds runs beside them.
first_builds() {
    must "otakit-cloud" build_cloud
    must "otakit-delta" build_delta
    must "build, with lab" tree test
    may "core without an operating system" core_alone
    may "headers: every pair, both orders" python3 tests/headers/pairs.py
}
beside first_builds
may "format" format
may "documents: words, options, links" python3 tests/docs/check.py
may "clippy" clippy
may "layers" layers
may "native header is up to date" native_header
may "every export is guarded" guarded
may "Rust tests" rust_tests
collect

trees() {
    must "build, C programs with sanitizers" tree asan
    may "C tests, sanitizers" in_tree asan
    must "build, without lab" tree nolab
    must "build, module only" tree module
    may "C tests, module only" in_tree module
    must "build, module only, without threads" tree polled
    may "C tests, module only, without threads" in_tree polled
    must "build, TLS by the firmware" tree halssl
    may "C tests, TLS by the firmware" in_tree halssl
    must "build, OneNET alone" tree onenet
    may "C tests, OneNET alone" in_tree onenet
    must "build, HaaS and Quectel alone" tree haas
    may "C tests, HaaS and Quectel alone" in_tree haas
    may "HaaS and Quectel alone, installed" installed_haas
}
beside trees
may "C tests" in_tree test
may "kills, power failures, failing storage" python3 tests/kill/run.py --build build/test
may "faults" python3 tests/e2e/faults.py --cloud "$CLOUD" --build build/test --step 61
collect

packages() {
    may "source package" scripts/dist-test.sh
    may "size and instructions" scripts/bench-gate.sh
    may "build: options, targets, prelinking, installed trees" python3 tests/build/run.py --build build/test
    may "compilers and linkers" scripts/matrix.sh --fast
}
beside packages
may "end to end" python3 tests/e2e/run.py --jobs 2 --cloud "$CLOUD" --delta "$DELTA" --build build/test \
    --module-build build/module --polled-build build/polled --nolab-build build/nolab --asan-build build/asan --halssl-build build/halssl
must "Python's library" env OTAKIT_PYTHON_PROFILE=ci OTAKIT_PYTHON_FEATURES=lab CARGO_TARGET_DIR="$TARGET_DIR" \
    sh python/build_library.sh build/python/libotakit_python.so
may "Python modules" sh python/tests/run.sh build/python/libotakit_python.so "$CLOUD" build/python/tests
may "control API, fuzzed from its document" python3 tests/api/run.py --cloud "$CLOUD"
may "documents: every code block" python3 tests/docs/run.py
may "web console in a browser" python3 tests/console/run.py --cloud "$CLOUD" --build build/test
collect
finish
