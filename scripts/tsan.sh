#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The places where threads meet, under the thread sanitizer: Rust's tests of the engine, the MQTT client, the sources, the
# services and the stores; then C programs over a library built with it, on a broker and against servers that fail. Needs a
# nightly toolchain with rust-src (`rustup toolchain install nightly --component rust-src`), since Rust's own library has to
# be built with the sanitizer too. The assembler in `ring` is not seen by it.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

target=$(rustc -vV | sed -n 's/^host: //p')
sysroot=$(rustc +nightly --print sysroot 2>/dev/null) && [ -d "$sysroot/lib/rustlib/src/rust/library" ] ||
    { echo "tsan: no nightly toolchain with rust-src" >&2; exit 1; }
runtime=$sysroot/lib/rustlib/$target/lib/librustc-nightly_rt.tsan.a
out=build/tsan
mkdir -p "$out"
export RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR="$ROOT/target/tsan"
export TSAN_OPTIONS="exitcode=66 history_size=7 second_deadlock_stack=1"
build=(-Zbuild-std --target "$target" --locked --lib --features lab)

echo "=== Rust tests"
cargo +nightly test "${build[@]}" -- --quiet cancel engine fetch hal mqtt net service store 2>&1 | tee "$out/rust.log" |
    grep -E "^test result|ThreadSanitizer" || { tail -n 60 "$out/rust.log"; exit 1; }
if grep -q "ThreadSanitizer" "$out/rust.log"; then
    exit 1
fi

echo "=== C programs"
cargo +nightly rustc "${build[@]}" --crate-type staticlib >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log"; exit 1; }
library=$CARGO_TARGET_DIR/$target/debug/libotakit.a
# compile NAME SOURCE...: a C program with the sanitizer, linked with the runtime that rustc has, so that there is but one.
compile() {
    local name=$1
    shift
    mkdir -p "$out/$name.o"
    (cd "$out/$name.o" && gcc -c -std=gnu99 -g -O1 -fsanitize=thread -DOTAKIT_LAB -I"$ROOT/include" -I"$ROOT/include/linkkit" \
        "${@/#/$ROOT/}")
    gcc -o "$out/$name" "$out/$name.o"/*.o -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive "$library" \
        "$out/hal.a" -lpthread -ldl -lm -lrt
}
mkdir -p "$out/hal.o"
(cd "$out/hal.o" && gcc -c -std=gnu99 -g -O1 -fsanitize=thread -I"$ROOT/include" -I"$ROOT/include/linkkit" \
    "$ROOT"/hal/posix/*.c)
rm -f "$out/hal.a"
ar rc "$out/hal.a" "$out/hal.o"/*.o
unset RUSTFLAGS CARGO_TARGET_DIR
build_cloud >"$out/cloud.log" 2>&1 || { tail -n 40 "$out/cloud.log"; exit 1; }
compile fault_client tests/c/faults/{client,device,timed,resolver}.c
compile fault_client_over_shim tests/c/faults/{client,device,timed}.c tests/c/linkkit/hal_tcp/shim.c
# A program that the sanitizer has something to say about ends with 66, which ends the run.
exec python3 tests/e2e/faults.py --build "$out" --cloud "$CLOUD" --sanitizer --step 1021 \
    bounds mqtt sweep connect name- tls-honest tls-no resume drip-slow status-403 status-503-once redirect-chain chunked-1
