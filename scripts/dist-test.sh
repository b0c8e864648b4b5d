#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The source package: made twice it has the same bytes; unpacked in two folders it builds without a network and with an
# empty cargo home; both builds install the same bytes; no path of this machine is in them; a project that takes the
# package as a subdirectory links it.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

work=$ROOT/build/dist-test
profile=${OTAKIT_DIST_PROFILE:-release}
rm -rf "$work"
mkdir -p "$work/first" "$work/another/folder's deeper down" "$work/empty"
die() {
    echo "dist-test: $*" >&2
    exit 1
}

# together COMMAND COMMAND: both at once. The crate itself is one unit of Rust code, which keeps one processor busy.
together() {
    local first other
    $1 &
    first=$!
    $2 &
    other=$!
    wait "$first" || { wait "$other" || true; exit 1; }
    wait "$other" || exit 1
}

package() { # FOLDER
    scripts/dist.sh "$1" >"$1.log" 2>&1 || { cat "$1.log"; die "no package"; }
}
once() {
    package "$work/one"
}
twice() {
    package "$work/two"
}
together once twice
tail -n 1 "$work/one.log"
cmp "$work"/one/otakit-*.tar.gz "$work"/two/otakit-*.tar.gz || die "made twice, the package differs"
# The source itself may name no folder of this machine either.
tar -xzf "$work"/one/otakit-*.tar.gz -C "$work/first"
tar -xzf "$work"/one/otakit-*.tar.gz -C "$work/another/folder's deeper down"

OTAKIT_DOCS_ROOT=$(echo "$work"/first/otakit-*) python3 tests/docs/check.py links >"$work/links.log" ||
    { cat "$work/links.log"; die "the package's documents link to what is not there"; }
echo "no dead link in the package's documents"

# Without the right to make a network namespace cargo is only told that it is offline.
alone=(unshare --net)
"${alone[@]}" true 2>/dev/null || alone=(unshare --user --map-root-user --net)
"${alone[@]}" true 2>/dev/null || { alone=(); echo "dist-test: no network namespace here: only told to be offline"; }

rustup=${RUSTUP_HOME:-$HOME/.rustup}
build() { # FOLDER
    local top log=$1/build.log
    top=$(echo "$1"/otakit-*)
    # shellcheck disable=SC2016 # for the shell inside
    RUSTUP_HOME=$rustup CARGO_HOME="$work/empty" CARGO_NET_OFFLINE=true \
        env -u CARGO_TARGET_DIR -u RUSTFLAGS "${alone[@]}" sh -euc '
        cmake -S "$1" -B "$1/build" -DCMAKE_BUILD_TYPE=Release -DOTAKIT_CARGO_PROFILE="$2"
        cmake --build "$1/build" --parallel "$3"
        cmake --install "$1/build" --prefix "$1/installed" --strip' sh "$top" "$profile" "$JOBS" >"$log" 2>&1 ||
        { tail -n 40 "$log"; die "it does not build"; }
    (cd "$top/installed" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$1/sums"
}
first() {
    build "$work/first"
}
other() {
    build "$work/another/folder's deeper down"
}
together first other
diff "$work/first/sums" "$work/another/folder's deeper down/sums" || die "two builds differ"
echo "two builds in two folders: $(wc -l <"$work/first/sums") files, the same bytes"

# The library of the wheel, of what CMake's build left.
wheel() {
    local top
    top=$(echo "$work"/first/otakit-*)
    RUSTUP_HOME=$rustup CARGO_HOME="$work/empty" CARGO_NET_OFFLINE=true CARGO_TARGET_DIR="$top/build/cargo" \
        OTAKIT_PYTHON_PROFILE=$profile env -u RUSTFLAGS "${alone[@]}" sh "$top/python/build_library.sh" \
        "$top/installed/libotakit_python.so" >"$work/python.log" 2>&1 ||
        { tail -n 40 "$work/python.log"; die "the library of the Python modules does not build"; }
}

# A project that takes the package as a subdirectory.
parent() {
    RUSTUP_HOME=$rustup CARGO_HOME="$work/empty" CARGO_NET_OFFLINE=true "${alone[@]}" sh -euc '
        cmake -S "$1" -B "$1/build" -DTARBALL="$2" -DMAIN="$3" -DOTAKIT_CARGO_PROFILE="$4" -DOTAKIT_TLS=none \
            -DOTAKIT_SIGNATURE=OFF -DOTAKIT_SHARED=OFF
        cmake --build "$1/build" --parallel "$5"
        "$1/build/firmware"' sh "$work/parent" "$(echo "$work"/one/otakit-*.tar.gz)" "$ROOT/tests/c/link/main.c" \
        "$profile" "$JOBS" >"$work/parent.log" 2>&1 || { tail -n 40 "$work/parent.log"; die "FetchContent does not work"; }
}
mkdir "$work/parent"
cat >"$work/parent/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.18)
project(firmware C)
include(FetchContent)
FetchContent_Declare(otakit URL "${TARBALL}")
FetchContent_MakeAvailable(otakit)
add_executable(firmware "${MAIN}")
target_link_libraries(firmware PRIVATE otakit::linkkit)
END
together wheel parent
echo "FetchContent from the package: links and runs"

for path in "$work" "$ROOT" "$HOME" "$rustup" "$work/empty" /.cargo/ /.rustup/; do
    [ "$path" = / ] && continue
    if grep -raF -l -- "$path" "$work"/first/otakit-*/installed; then
        die "the files above name $path"
    fi
done
echo "no path of this machine in any installed file"

rm -rf "$work/first" "$work/another" "$work/parent/build"
