# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# For sourcing by the other scripts: where things are, and build trees that share one cargo target folder.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
JOBS=${JOBS:-$(nproc)}
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d : -f 6)}
PATH=$PATH:/usr/sbin:/sbin:$HOME/.cargo/bin

# Every platform, from the one list there is, the feature `platforms` of Cargo.toml: for cargo and for CMake.
# shellcheck disable=SC2034 # used by those who source this
ALL_PLATFORMS=otakit/platforms
PLATFORMS=-DOTAKIT_PLATFORMS=$(sed -n 's/^platforms = \[\(.*\)\]/\1/p' "$ROOT/Cargo.toml" | tr -d '" ' | tr , ';')

# build_tree NAME [CMake option]...: configures build/NAME and builds it. The Rust library is made with the ci profile,
# and every tree finds the others' dependencies built already. The preset `dev`: tests, examples, warnings are errors.
build_tree() {
    local name=$1
    shift
    cmake --preset dev -S "$ROOT" -B "$ROOT/build/$name" \
        -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" "$@" >"$ROOT/build/$name.configure.log" 2>&1 ||
        { cat "$ROOT/build/$name.configure.log"; return 1; }
    cmake --build "$ROOT/build/$name" --parallel "$JOBS"
}

# tree NAME: a build tree that the tests or the demos need. Only where valgrind and the sanitizers look do programs keep the
# library's debug information, which is most of their size.
tree() {
    local plain=-DCMAKE_EXE_LINKER_FLAGS=-Wl,--strip-debug
    case $1 in
        test) build_tree test -DOTAKIT_LAB=ON "$PLATFORMS" ;;
        # Beside the tree with the same features: cargo has nothing to do.
        asan) build_tree asan -DOTAKIT_LAB=ON "$PLATFORMS" \
            -DCMAKE_C_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" ;;
        nolab) build_tree nolab -DOTAKIT_DELTA=OFF "$plain" ;;
        module) build_tree module -DOTAKIT_LAB=ON -DOTAKIT_MQTT=OFF "$plain" ;;
        polled) build_tree polled -DOTAKIT_LAB=ON -DOTAKIT_MQTT=OFF -DOTAKIT_DRIVER=polled "$plain" ;;
        halssl) build_tree halssl -DOTAKIT_LAB=ON -DOTAKIT_TLS=hal "$plain" ;;
        onenet) build_tree onenet -DOTAKIT_LAB=ON -DOTAKIT_PLATFORMS=onenet "$plain" ;;
        # Without Link Kit.
        haas) build_tree haas -DOTAKIT_LAB=ON "-DOTAKIT_PLATFORMS=haas;quectel" "$plain" ;;
        demo) build_tree demo -DOTAKIT_LAB=ON -DOTAKIT_BUILD_TESTS=OFF "$PLATFORMS" "$plain" ;;
        *) echo "no build tree is called $1" >&2; return 1 ;;
    esac
}

# build_cloud: otakit-cloud; its path is in $CLOUD.
# shellcheck disable=SC2034 # used by those who source this
CLOUD=$TARGET_DIR/ci/otakit-cloud
build_cloud() {
    cargo build --locked --profile ci --manifest-path "$ROOT/cloud/Cargo.toml" --target-dir "$TARGET_DIR"
}

# build_delta: otakit-delta, which makes the packages of the tests; its path is in $DELTA.
# shellcheck disable=SC2034 # used by those who source this
DELTA=$TARGET_DIR/ci/otakit-delta
build_delta() {
    cargo build --locked --profile ci --manifest-path "$ROOT/Cargo.toml" --package otakit-delta --target-dir "$TARGET_DIR"
}

mkdir -p "$ROOT/build"
