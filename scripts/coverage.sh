#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Line coverage of the library under the test suite: the Rust tests, and the C, kill, fault, end-to-end and Python tests
# against an instrumented library. Writes docs/COVERAGE.md. Arguments: only these stages (rust c kill faults e2e
# python), to look at what they alone reach; docs/COVERAGE.md then stays as it is. How it counts: scripts/coverage.py.
#
# Needs `cargo install cargo-llvm-cov` and `rustup component add llvm-tools`.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

die() {
    echo "coverage: $*" >&2
    exit 1
}
tools=$(dirname "$(rustc --print target-libdir)")/bin
cargo llvm-cov --version >/dev/null 2>&1 || die "cargo-llvm-cov is missing: cargo install cargo-llvm-cov"
[ -x "$tools/llvm-profdata" ] || die "LLVM's tools are missing: rustup component add llvm-tools"

work=$ROOT/build/coverage-data
rm -rf "$work"
mkdir -p "$work/raw" "$work/objects"
stages=${*:-rust c kill faults e2e python}
features=platforms
tests=()
failed=

wanted() {
    case " $stages " in *" $1 "*) ;; *) return 1 ;; esac
}

# collect NAME: what the stage's processes left becomes NAME.profdata. One that was killed while it wrote its first
# bytes left nothing that can be read; the rest counts.
collect() {
    find "$work/raw" -name '*.profraw' >"$work/$1.files"
    "$tools/llvm-profdata" merge --sparse --failure-mode=all --input-files="$work/$1.files" \
        --output="$work/$1.profdata" 2>"$work/$1.merge.log" || die "no profile of stage $1 can be read"
    printf '    %d processes, %d of them unreadable\n' "$(wc -l <"$work/$1.files")" \
        "$(grep -c 'profraw' "$work/$1.merge.log" || true)"
    rm -rf "$work/raw"
    mkdir "$work/raw"
}

# stage NAME TITLE COMMAND...: its output is in build/coverage-data.
stage() {
    local name=$1 title=$2 begin=$SECONDS
    shift 2
    printf '=== %s\n' "$title"
    if ! "$@" >"$work/$name.log" 2>&1; then
        failed="$failed $name"
        printf '    FAILED, see %s\n' "${work#"$ROOT"/}/$name.log"
    fi
    collect "$name"
    printf '    %d s\n' $((SECONDS - begin))
}

# The archive as cargo makes it: prelinking drops the tables of what was counted. In a C program nothing else asks for
# the code that writes the counts.
tree() {
    local name=$1
    shift
    printf '=== build, %s\n' "$name"
    build_tree "$name" -DOTAKIT_LAB=ON -DOTAKIT_PRELINK=OFF -DOTAKIT_BUILD_BENCHES=OFF \
        -DCMAKE_EXE_LINKER_FLAGS=-Wl,-u,__llvm_profile_runtime "$@" >"$work/$name.build.log" 2>&1 ||
        { tail -n 40 "$work/$name.build.log"; die "$name cannot be built"; }
    cp -L "build/$name/lib/libotakit.so" "$work/objects/$name.so"
}

# Tests of what the archive shows and how it links are about the archive as it is shipped.
in_trees() {
    local tree result=0
    for tree; do
        ctest --test-dir "build/$tree" --output-on-failure --parallel 2 --exclude-regex '^(abi|link|package)\.' ||
            result=1
    done
    return $result
}

rust_tests() {
    cargo test --locked --package otakit --package otakit-core --lib --features "$features" --quiet
}

python_tests() {
    OTAKIT_PYTHON_PROFILE=ci OTAKIT_PYTHON_FEATURES=lab sh python/build_library.sh build/coverage-python/libotakit.so &&
        cp build/coverage-python/libotakit.so "$work/objects/python.so" &&
        sh python/tests/run.sh build/coverage-python/libotakit.so "$CLOUD" build/coverage-python/tests
}

echo "=== otakit-cloud"
build_cloud >"$work/cloud.log" 2>&1 || { tail -n 40 "$work/cloud.log"; die "otakit-cloud cannot be built"; }

# From here on everything is instrumented, in a target folder of its own. Counters live in a file that is mapped, so
# that they outlive a process that is killed.
TARGET_DIR=$TARGET_DIR/coverage
export CARGO_TARGET_DIR=$TARGET_DIR
export RUSTFLAGS="-C llvm-args=-runtime-counter-relocation"
eval "$(cargo llvm-cov show-env --sh --no-cfg-coverage 2>/dev/null)"
export LLVM_PROFILE_FILE="$work/raw/%p%c.profraw"

tree coverage "$PLATFORMS"
tree coverage-module -DOTAKIT_MQTT=OFF
tree coverage-halssl -DOTAKIT_TLS=hal
if wanted rust; then
    stage rust "Rust tests" rust_tests
    cargo test --locked --package otakit --package otakit-core --lib --features "$features" --no-run --message-format=json \
        2>"$work/rust.build.log" | python3 scripts/coverage.py --test-binary >"$work/test-binary"
    mapfile -t tests <"$work/test-binary"
fi
wanted c && stage c "C tests" in_trees coverage coverage-module coverage-halssl
wanted kill && stage kill "kills, power failures, failing storage" python3 tests/kill/run.py --build build/coverage
wanted faults && stage faults "faults" python3 tests/e2e/faults.py --cloud "$CLOUD" --build build/coverage --step 61
wanted e2e && stage e2e "end to end" python3 tests/e2e/run.py --jobs 2 --cloud "$CLOUD" --build build/coverage \
    --module-build build/coverage-module --halssl-build build/coverage-halssl
wanted python && stage python "Python modules" python_tests

"$tools/llvm-profdata" merge --sparse "$work"/*.profdata --output="$work/all.profdata"
write=()
[ $# -eq 0 ] && [ -z "$failed" ] && write=(--write docs/COVERAGE.md)
echo
python3 scripts/coverage.py --tools "$tools" --profile "$work/all.profdata" --reasons scripts/coverage.toml \
    --library "$work"/objects/*.so --tests "${tests[@]}" "${write[@]}" || failed="$failed count"
[ -z "$failed" ] || die "failed:$failed"
