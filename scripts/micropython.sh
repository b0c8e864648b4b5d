#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Prints the path of a MicroPython (unix) that is new enough for the Python modules, 1.25. Without one in PATH it is taken
# from Debian, with the machine's own mirror: unpacked into build/micropython with the C library that it was built for,
# nothing is installed. Where there is none, one line says why, and the exit code is 1.
set -euo pipefail

SUITE=trixie
PACKAGES="micropython libc6 libffi8 libmbedtls21 libmbedcrypto16 libmbedx509-7"
PROBE='import sys, ffi; v = sys.implementation.version; sys.exit(0 if tuple(v[:2]) >= (1, 25) else 1)'

root=$(cd "$(dirname "$0")/.." && pwd)/build/micropython
launcher=$root/micropython
log=$root/log

none() {
    echo "no MicroPython: $*" >&2
    exit 1
}

for found in "$(command -v micropython || true)" "$launcher"; do
    if [ -x "$found" ] && "$found" -c "$PROBE" >/dev/null 2>&1; then
        echo "$found"
        exit 0
    fi
done

for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || none "there is neither a micropython 1.25 in PATH nor $tool to fetch one"
done
# The first source of Debian's own archive that apt is configured with; its security archive has another path.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' |
    head -n 1) || none "apt has no Debian archive configured"
for keys in "debian-archive-$SUITE-stable.gpg" debian-archive-keyring.gpg ''; do
    [ -n "$keys" ] || none "the archive's keys for $SUITE are not on this machine"
    keys=/usr/share/keyrings/$keys
    [ ! -e "$keys" ] || break
done

rm -rf "$root"
mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/etc" "$root/debs" "$root/files"
echo "deb [signed-by=$keys] $mirror $SUITE main" >"$root/etc/sources.list"
: >"$root/status"
private=(-o "Dir::Etc::sourcelist=$root/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o "Dir::State=$root" -o "Dir::State::lists=$root/lists" -o "Dir::State::status=$root/status"
    -o "Dir::Cache=$root" -o "Dir::Cache::archives=$root/archives" -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=2 -o Acquire::http::Timeout=20)
apt-get "${private[@]}" update >"$log" 2>&1 || none "the package lists of $SUITE could not be fetched ($log)"
# shellcheck disable=SC2086 # a list of words
(cd "$root/debs" && apt-get "${private[@]}" download $PACKAGES >>"$log" 2>&1) ||
    none "the packages could not be fetched ($log)"
for package in "$root"/debs/*.deb; do
    dpkg-deb --extract "$package" "$root/files"
done
loader=$(find "$root/files" -name 'ld-linux*.so.*' -print -quit)
libraries=$(dirname "$(find "$root/files" -name 'libffi.so.8' -print -quit)")
libc=$(dirname "$(find "$root/files" -name 'libc.so.6' -print -quit)")
[ -n "$loader" ] && [ -x "$root/files/usr/bin/micropython" ] || none "the packages have not what they had ($root/files)"
cat >"$launcher" <<END
#!/bin/sh
exec "$loader" --library-path "$libc:$libraries" "$root/files/usr/bin/micropython" "\$@"
END
chmod 755 "$launcher"
rm -rf "$root/lists" "$root/archives" "$root/debs"
"$launcher" -c "$PROBE" >>"$log" 2>&1 || none "what $SUITE has does not run here ($log)"
echo "$launcher"
