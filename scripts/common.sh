# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# For sourcing by the other scripts: where things are, and build trees that share one cargo target folder.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
JOBS=${JOBS:-$(nproc)}
PATH=$PATH:/usr/sbin:/sbin:$HOME/.cargo/bin

# build_tree NAME [CMake option]...: configures build/NAME and builds it. The Rust library is made with the ci profile,
# and every tree finds the others' dependencies built already.
build_tree() {
    local name=$1
    shift
    cmake -S "$ROOT" -B "$ROOT/build/$name" -DCMAKE_BUILD_TYPE=Debug -DOTAKIT_CARGO_PROFILE=ci \
        -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" -DOTAKIT_WERROR=ON "$@" >"$ROOT/build/$name.configure.log" 2>&1 ||
        { cat "$ROOT/build/$name.configure.log"; return 1; }
    cmake --build "$ROOT/build/$name" --parallel "$JOBS"
}

# build_cloud: otakit-cloud; its path is in $CLOUD.
# shellcheck disable=SC2034 # used by those who source this
CLOUD=$TARGET_DIR/ci/otakit-cloud
build_cloud() {
    (cd "$ROOT" && cargo build --locked --profile ci --package otakit-cloud)
}

mkdir -p "$ROOT/build"
