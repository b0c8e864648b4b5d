#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the library, the examples and the C tests for ARM, and runs the tests under qemu-user.
#
#   scripts/cross.sh [aarch64] [armv7] [aarch64-musl]
#
# Needs Debian's gcc-aarch64-linux-gnu, gcc-arm-linux-gnueabihf and qemu-user, and Rust's targets of the same names.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ $# -gt 0 ] || set -- aarch64 armv7 aarch64-musl
failed=0
for arch in "$@"; do
    printf '\n=== %s\n' "$arch"
    case $arch in *-musl) "$ROOT/scripts/musl.sh" ;; esac
    build_tree "cross-$arch" --toolchain "$ROOT/cmake/toolchains/$arch.cmake" -DOTAKIT_LAB=ON
    ctest --test-dir "$ROOT/build/cross-$arch" --output-on-failure --parallel 2 || failed=$((failed + 1))
done
exit $((failed > 0))
