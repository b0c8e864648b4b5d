#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the shared library that the Python modules load: the doors they use, and the HAL defaults inside.
#   python/build_library.sh OUT.so      OTAKIT_PYTHON_PROFILE (release), OTAKIT_PYTHON_FEATURES (added, e.g. lab),
#                                       OTAKIT_SOURCES (where Cargo.toml is)
set -eu
out=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# In a source distribution the library's sources are in native/, without the workspace that the lock file is of.
if [ -e "$here/native/Cargo.toml" ]; then
    top=${OTAKIT_SOURCES:-$here/native} locked=
else
    top=${OTAKIT_SOURCES:-$here/..} locked=--locked
fi
top=$(CDPATH='' cd -- "$top" && pwd)
profile=${OTAKIT_PYTHON_PROFILE:-release}
target=${CARGO_TARGET_DIR:-$top/target}
features=haas,quectel,mqtt,tls,signature${OTAKIT_PYTHON_FEATURES:+,$OTAKIT_PYTHON_FEATURES}

# shellcheck disable=SC2086 # none or one
cargo build $locked --lib --package otakit --manifest-path "$top/Cargo.toml" --target-dir "$target" \
    --profile "$profile" --no-default-features --features "$features"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/exports" <<'MAP'
{ global: haas_*; quectel_*; otakit_*; local: *; };
MAP
mkdir -p "$(dirname "$out")"
"${CC:-cc}" -shared -fPIC -O2 -std=gnu99 -I "$top/include/linkkit" -I "$top/include" -o "$work/library.so" \
    -Wl,--whole-archive "$target/$profile/libotakit.a" -Wl,--no-whole-archive "$top"/hal/posix/*.c \
    -Wl,--version-script="$work/exports" -Wl,--gc-sections -Wl,--no-undefined -lpthread -ldl -lm
cp "$work/library.so" "$out"
