#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes the source package: the library with the crates that it needs, without the local cloud and without the tests. It
# builds without a network and with an empty cargo home. The same commit gives the same bytes.
#
#   scripts/dist.sh [FOLDER]     writes FOLDER/otakit-VERSION.tar.gz and its SHA256SUMS (build/dist)
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

out=${1:-build/dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=otakit-$version
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/$name
mkdir -p "$tree" "$out"

# What the repository has of the library, as it is in this working copy.
git ls-files -z -- CMakeLists.txt CMakePresets.json Cargo.toml Cargo.lock cbindgen.toml README.md README.zh-CN.md CHANGELOG.md \
    'LICENSE-*' abi cmake core docs examples_c hal include src python ':!python/tests' |
    xargs -0 cp --parents -t "$tree"

# Cargo looks at every member and at what only tests need, even when neither is built.
python3 scripts/dist.py manifest "$tree/Cargo.toml"
python3 scripts/dist.py documents "$tree"
quiet=(--manifest-path "$tree/Cargo.toml")
# This drops what nobody asks for any more from the lock file, and changes no version.
cargo metadata --format-version 1 --offline "${quiet[@]}" >/dev/null 2>&1 ||
    cargo metadata --format-version 1 "${quiet[@]}" >/dev/null
(cd "$tree" && cargo vendor --locked --quiet --versioned-dirs vendor >/dev/null)
python3 scripts/dist.py vendor "$tree"
mkdir "$tree/.cargo"
cat >"$tree/.cargo/config.toml" <<'END'
# The crates are in vendor/: nothing is fetched.
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END

tar --create --directory "$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu \
    --mode='u+rwX,go+rX,go-w' "$name" | gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >SHA256SUMS)
echo "$out/$name.tar.gz: $(stat -c %s "$out/$name.tar.gz") bytes, $(find "$tree/vendor" -mindepth 1 -maxdepth 1 | wc -l) crates"
