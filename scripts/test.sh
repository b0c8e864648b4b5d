#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The whole test suite. A stage that fails is reported at the end; one that others build on ends the run.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

passed=0
failed=()
started=$SECONDS

# stage TITLE COMMAND...
stage() {
    local title=$1 begin=$SECONDS
    shift
    printf '\n=== %s\n' "$title"
    if "$@"; then
        passed=$((passed + 1))
        printf -- '--- %s: ok, %d s\n' "$title" $((SECONDS - begin))
    else
        failed+=("$title")
        printf -- '--- %s: FAILED, %d s\n' "$title" $((SECONDS - begin))
        return 1
    fi
}

finish() {
    printf '\n=== stages: %d passed, %d failed, %d s\n' "$passed" "${#failed[@]}" $((SECONDS - started))
    for title in "${failed[@]}"; do
        printf '    FAILED %s\n' "$title"
    done
    exit $((${#failed[@]} > 0))
}

# Without these nothing further makes sense.
must() {
    stage "$@" || finish
}
may() {
    stage "$@" || true
}

in_tree() {
    ctest --test-dir "build/$1" --output-on-failure --parallel 2
}

# The examples of HaaS and Quectel, built with the installed libraries of a tree without Link Kit.
installed_doors() {
    local at=$ROOT/build/doors/installed pair
    rm -rf "$at"
    cmake --install build/doors --prefix "$at" >build/doors.install.log || return 1
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

sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

must "setup" scripts/setup.sh
may "format" cargo fmt --all --check
may "clippy" cargo clippy --locked --workspace --all-targets --features otakit/onenet,otakit/haas,otakit/quectel -- -D warnings
may "Rust tests" cargo test --locked --workspace --features otakit/onenet,otakit/haas,otakit/quectel --quiet
may "native header is up to date" cargo run --quiet --locked -p xtask -- headers --check
must "otakit-cloud" build_cloud
must "build, with lab" build_tree test -DOTAKIT_LAB=ON "-DOTAKIT_PLATFORMS=linkkit;onenet;haas;quectel"
may "C tests" in_tree test
may "kills, power failures, failing storage" python3 tests/kill/run.py --build build/test
# Next to the tree with the same features: cargo has nothing to do.
must "build, C programs with sanitizers" build_tree asan -DOTAKIT_LAB=ON "-DOTAKIT_PLATFORMS=linkkit;onenet;haas;quectel" \
    -DCMAKE_C_FLAGS="$sanitize"
may "C tests, sanitizers" in_tree asan
must "build, without lab" build_tree nolab
must "build, module only" build_tree module -DOTAKIT_LAB=ON -DOTAKIT_MQTT=OFF
may "C tests, module only" in_tree module
must "build, OneNET alone" build_tree onenet -DOTAKIT_LAB=ON -DOTAKIT_PLATFORMS=onenet
may "C tests, OneNET alone" in_tree onenet
must "build, HaaS and Quectel alone" build_tree doors -DOTAKIT_LAB=ON "-DOTAKIT_PLATFORMS=haas;quectel"
may "C tests, HaaS and Quectel alone" in_tree doors
may "HaaS and Quectel alone, installed" installed_doors
must "build, TLS by the firmware" build_tree halssl -DOTAKIT_LAB=ON -DOTAKIT_TLS=hal
may "C tests, TLS by the firmware" in_tree halssl
may "faults" python3 tests/e2e/faults.py --cloud "$CLOUD" --build build/test --step 61
may "end to end" python3 tests/e2e/run.py --jobs 2 --cloud "$CLOUD" --build build/test \
    --module-build build/module --nolab-build build/nolab --asan-build build/asan --halssl-build build/halssl
must "Python's library" env OTAKIT_PYTHON_PROFILE=ci OTAKIT_PYTHON_FEATURES=lab CARGO_TARGET_DIR="$TARGET_DIR" \
    sh python/build_library.sh build/python/libotakit_python.so
may "Python modules" sh python/tests/run.sh build/python/libotakit_python.so "$CLOUD" build/python/tests
may "size and instructions" scripts/bench-gate.sh
finish
