#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The flash size of the basic example, linked and stripped, the C library aside: one line `ARCH PROFILE FEATURES BYTES`
# per build. Architectures whose compiler or Rust target is missing are left out with a note.
#
#   benches/sizes.sh [ARCH/PROFILE/FEATURES]...
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

ALL="x86_64/release/full x86_64/size/full x86_64/size/rustls x86_64/size/hal x86_64/size/none
     armv7/release/full armv7/size/full armv7/size/none aarch64/release/full aarch64/size/none"

# The CMake options of a set of features.
options() {
    case $1 in
        full) echo -DOTAKIT_TLS=rustls -DOTAKIT_SIGNATURE=ON ;;
        rustls | none | hal) echo "-DOTAKIT_TLS=$1" -DOTAKIT_SIGNATURE=OFF ;;
        *) echo "sizes: no feature set '$1'" >&2; exit 2 ;;
    esac
}

measure() {
    local arch=$1 profile=$2 features=$3 tree strip=strip lax='' cross=()
    tree=$ROOT/build/size/$arch-$profile-$features
    case $arch in
        armv7) strip=arm-linux-gnueabihf-strip cross=(--toolchain "$ROOT/cmake/toolchains/armv7.cmake") ;;
        aarch64) strip=aarch64-linux-gnu-strip cross=(--toolchain "$ROOT/cmake/toolchains/aarch64.cmake") ;;
    esac
    # The firmware's TLS is the firmware's: its functions are left open, nobody runs this program.
    [ "$features" != hal ] || lax=--unresolved-symbols=ignore-all
    if ! command -v "$strip" >/dev/null; then
        echo "sizes: $arch left out: no $strip" >&2
        return
    fi
    mkdir -p "$tree"
    # shellcheck disable=SC2046 # a list of words
    if ! { cmake -S "$ROOT" -B "$tree" "${cross[@]}" $(options "$features") \
        -DOTAKIT_CARGO_PROFILE="$profile" -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" -DOTAKIT_BUILD_TESTS=OFF \
        -DCMAKE_C_FLAGS="-Os -ffunction-sections -fdata-sections" \
        -DCMAKE_EXE_LINKER_FLAGS="-Wl,--gc-sections${lax:+,$lax}" &&
        cmake --build "$tree" --parallel "$JOBS"; } >"$tree/log" 2>&1; then
        echo "sizes: $arch/$profile/$features did not build, see $tree/log" >&2
        return
    fi
    "$strip" -o "$tree/stripped" "$tree/examples_c/linkkit_ota_basic"
    echo "$arch $profile $features $(stat -c %s "$tree/stripped")"
}

if [ $# -eq 0 ]; then
    # shellcheck disable=SC2086 # a list of words
    set -- $ALL
fi
for build in "$@"; do
    IFS=/ read -r arch profile features <<<"$build"
    measure "$arch" "$profile" "$features"
done
