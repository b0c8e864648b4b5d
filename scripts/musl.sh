#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Puts musl for 64-bit ARM into build/musl-aarch64, for cmake/toolchains/aarch64-musl.cmake: Debian's package musl-dev of
# that architecture, unpacked beside the system rather than installed, and a spec file that makes aarch64-linux-gnu-gcc
# use it. Does nothing when it is there already.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

root=${OTAKIT_MUSL_ROOT:-$ROOT/build/musl-aarch64}
[ ! -e "$root/musl.specs" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$root"
touch "$work/status"
# Package lists of the other architecture, without making it one of the system's.
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State::Lists=$work/lists"
    -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" download musl-dev:arm64)
dpkg -x "$work"/musl-dev_*_arm64.deb "$work/tree"
cp -a "$work/tree/usr/include/aarch64-linux-musl" "$root/include"
cp -a "$work/tree/usr/lib/aarch64-linux-musl" "$root/lib"

cat >"$root/musl.specs" <<SPECS
%rename cpp_options otakit_cpp_options

*cpp_options:
-nostdinc -isystem $root/include -isystem include%s %(otakit_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem $root/include -isystem include%s

*link_libgcc:
-L$root/lib -L .%s

*libgcc:
libgcc.a%s

*startfile:
$root/lib/crt1.o $root/lib/crti.o crtbeginT.o%s

*endfile:
crtend.o%s $root/lib/crtn.o

*link:
-nostdlib -static

SPECS
