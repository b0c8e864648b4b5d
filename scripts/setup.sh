#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs what `make demo` and `make test` need and this machine lacks. Debian and its relatives; root is needed only
# when something is missing. Given as a base: git, gcc, make, python3 and a cargo that is new enough.
set -euo pipefail

export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d : -f 6)}
PATH=$PATH:/usr/sbin:/sbin:$HOME/.cargo/bin

# program:package
NEEDED="cmake:cmake ninja:ninja-build g++:g++ pkg-config:pkg-config openssl:openssl curl:curl mosquitto:mosquitto
        mosquitto_pub:mosquitto-clients nginx:nginx-light valgrind:valgrind
        arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf readelf:binutils unshare:util-linux
        gzip:gzip chromium:chromium"
# For the cloud's tests; Debian keeps the programs where no path leads.
POSTGRES="/usr/lib/postgresql/*/bin/postgres"
# For the layouts on 32-bit targets, which need a C library's headers too.
ARM_HEADERS=/usr/arm-linux-gnueabihf/include/stdio.h
CHINESE="/usr/share/fonts/truetype/wqy/*"
BASE="git gcc make python3 cargo"

die() {
    echo "setup: $*" >&2
    exit 1
}

for program in $BASE; do
    command -v "$program" >/dev/null || die "$program is missing; install it first"
done

# Whether version $1 is at least version $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

here=$(cd "$(dirname "$0")/.." && pwd)
rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/Cargo.toml")
cargo=$(cargo --version | cut -d ' ' -f 2)
at_least "$cargo" "$rust" || die "cargo $cargo is too old, $rust or newer is needed (rustup can install it)"
for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 ||
        echo "setup: note: 'cargo $component' is missing, which 'make test' needs" >&2
done

# What the core is built for without an operating system. Without rustup, tests say that they leave that build out.
bare=thumbv7em-none-eabihf
if command -v rustup >/dev/null && [ ! -d "$(rustc --print target-libdir --target $bare 2>/dev/null)" ]; then
    rustup target add $bare >/dev/null 2>&1 || echo "setup: note: rustup cannot add the target $bare" >&2
fi

missing=
for pair in $NEEDED; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
compgen -G "$POSTGRES" >/dev/null || command -v postgres >/dev/null || missing="$missing postgresql"
# The console's pictures have Chinese in them.
compgen -G "$CHINESE" >/dev/null || missing="$missing fonts-wqy-microhei"
[ -e "$ARM_HEADERS" ] || missing="$missing libc6-dev-armhf-cross"
# gcc without what it recommends has no C library to compile against, which crates with C inside need.
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
# Debian has virtual environments, which the wheel is tried in, in a package of their own.
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
[ -z "$missing" ] && exit 0

command -v apt-get >/dev/null || die "please install:$missing"
[ "$(id -u)" = 0 ] || die "please install, as root: apt-get install$missing"

# The servers are for the tests, which start their own: Debian must not start them as services.
policy=/usr/sbin/policy-rc.d
restore() {
    rm -f "$policy"
    if [ -e "$policy.otakit" ]; then mv "$policy.otakit" "$policy"; fi
}
if [ -e "$policy" ]; then mv "$policy" "$policy.otakit"; fi
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a list of words
if ! apt-get install -y --no-install-recommends $missing >"$log" 2>&1; then
    # The package lists may be old or absent.
    { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "apt-get failed"; }
fi
rm -f "$log"
