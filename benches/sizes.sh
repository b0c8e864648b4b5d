#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The flash size of the basic example, linked and stripped: one line `ARCH PROFILE FEATURES BYTES` per build.
# Architectures whose compiler or Rust target is missing are left out with a note.
#
#   benches/sizes.sh [ARCH/PROFILE/FEATURES]...
#
# PROFILE is a cargo profile, or `build-std`: the profile `size` with a standard library that is built along with it
# (docs/BENCHMARKS.md says what that takes). FEATURES is full, signature, rustls, hal or none; `+static` links the C
# library in too.
#
#   benches/sizes.sh --symbols ARCH/PROFILE/FEATURES
#
# What such a build consists of, once it was measured: bytes per crate, and the largest symbols.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

ALL="x86_64/release/full x86_64/size/full x86_64/size/signature x86_64/size/rustls x86_64/size/hal x86_64/size/none
     x86_64/size/none+static
     armv7/release/full armv7/size/full armv7/size/signature armv7/size/rustls armv7/size/hal armv7/size/none
     armv7/size/none+static armv7/build-std/none
     aarch64/release/full aarch64/size/full aarch64/size/signature aarch64/size/rustls aarch64/size/hal aarch64/size/none
     aarch64/size/none+static"

# The CMake options of a set of features.
options() {
    case ${1%+static} in
        full) echo -DOTAKIT_TLS=rustls -DOTAKIT_SIGNATURE=ON ;;
        signature) echo -DOTAKIT_TLS=none -DOTAKIT_SIGNATURE=ON -DOTAKIT_DELTA=OFF ;;
        rustls | none | hal) echo "-DOTAKIT_TLS=${1%+static}" -DOTAKIT_SIGNATURE=OFF -DOTAKIT_DELTA=OFF ;;
        *) echo "sizes: no feature set '$1'" >&2; exit 2 ;;
    esac
}

# What cargo reads besides, for the rest of this shell.
build_std() {
    export RUSTUP_TOOLCHAIN=nightly
    export CARGO_UNSTABLE_BUILD_STD=std,panic_abort CARGO_UNSTABLE_BUILD_STD_FEATURES=optimize_for_size
    export CARGO_UNSTABLE_PANIC_IMMEDIATE_ABORT=true CARGO_PROFILE_SIZE_PANIC=immediate-abort
    RUSTFLAGS='-Zunstable-options -Zlocation-detail=none -Cforce-unwind-tables=no --cfg sha2_backend_soft="compact"'
    [ "$1" != armv7 ] || RUSTFLAGS+=' -Ctarget-feature=+thumb-mode'
    export RUSTFLAGS
}

# The prefix of an architecture's binutils.
tools() {
    case $1 in
        armv7) echo arm-linux-gnueabihf- ;;
        aarch64) echo aarch64-linux-gnu- ;;
    esac
}

measure() {
    local arch=$1 profile=$2 features=$3 tree strip link=-Wl,--gc-sections cross=()
    tree=$ROOT/build/size/$arch-$profile-$features
    strip=$(tools "$arch")strip
    [ "$arch" = x86_64 ] || cross=(--toolchain "$ROOT/cmake/toolchains/$arch.cmake")
    # The firmware's TLS is the firmware's: its functions are left open, nobody runs this program.
    [ "$features" != hal ] || link+=,--unresolved-symbols=ignore-all
    case $features in *+static) link+=' -static' ;; esac
    if ! command -v "$strip" >/dev/null; then
        echo "sizes: $arch left out: no $strip" >&2
        return
    fi
    mkdir -p "$tree"
    if ! (
        [ "$profile" != build-std ] || build_std "$arch"
        # shellcheck disable=SC2046 # a list of words
        cmake -S "$ROOT" -B "$tree" "${cross[@]}" $(options "$features") \
            -DOTAKIT_CARGO_PROFILE="${profile/build-std/size}" -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" -DOTAKIT_BUILD_EXAMPLES=ON \
            -DCMAKE_C_FLAGS="-Os -ffunction-sections -fdata-sections" -DCMAKE_EXE_LINKER_FLAGS="$link -no-pie" &&
            cmake --build "$tree" --parallel "$JOBS"
    ) >"$tree/log" 2>&1; then
        echo "sizes: $arch/$profile/$features did not build, see $tree/log" >&2
        return
    fi
    "$strip" -o "$tree/stripped" "$tree/examples_c/linkkit_ota_basic"
    echo "$arch $profile $features $(stat -c %s "$tree/stripped")"
}

# Sections, then the bytes of each crate, then the largest symbols. A symbol belongs to the first crate in its name.
symbols() {
    local tree=$ROOT/build/size/$1-$2-$3 prefix
    prefix=$(tools "$1")
    "${prefix}size" -A "$tree/stripped" | awk '$2 > 4000 && $1 ~ /^\./ { print $2, $1 }' | sort -rn
    "${prefix}nm" -C --size-sort -S "$tree/examples_c/linkkit_ota_basic" | while read -r _ size _ name; do
        printf '%d %s\n' "0x$size" "$name"
    done >"$tree/symbols"
    awk '{ n = $1; $1 = ""; crate = match($0, /[a-z_0-9]+::/) ? substr($0, RSTART, RLENGTH - 2) : "(C, and data)"
           bytes[crate] += n } END { for (crate in bytes) print bytes[crate], crate }' "$tree/symbols" | sort -rn | head -n 20
    tail -n 20 "$tree/symbols" | tac | cut -c 1-120
}

if [ "${1-}" = --symbols ]; then
    IFS=/ read -r arch profile features <<<"$2"
    symbols "$arch" "$profile" "$features"
    exit
fi
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2086 # a list of words
    set -- $ALL
fi
for build in "$@"; do
    IFS=/ read -r arch profile features <<<"$build"
    measure "$arch" "$profile" "$features"
done
