#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the shared library that the Python modules load: the platforms they use, and the HAL defaults inside. Except for the
# profiles ci and dev no path of this machine is in it, and no symbol that nobody needs.
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
top=$(CDPATH='' cd -- "$top" && pwd -P)
profile=${OTAKIT_PYTHON_PROFILE:-release}
folder=$profile
target=${CARGO_TARGET_DIR:-$top/target}
features=haas,quectel,mqtt,tls,signature${OTAKIT_PYTHON_FEATURES:+,$OTAKIT_PYTHON_FEATURES}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$target" "$(dirname "$out")"
target=$(CDPATH='' cd -- "$target" && pwd -P)

# (From the top, where a source package says that its crates are in the folder vendor.)
build() { # [OPTION OF CARGO]...
    # shellcheck disable=SC2086 # none or one
    (cd "$top" && cargo build $locked --lib --package otakit --target-dir "$target" \
        --profile "$profile" --no-default-features --features "$features" "$@")
}

# The compilers' options that replace paths: one for each `FROM=TO`, of which the last one that fits counts.
maps() { # OPTION BETWEEN
    between=
    for map in "$(rustc --print sysroot)=/rust" "${CARGO_HOME:-$HOME/.cargo}=/cargo" "$top=/otakit" "$target=/otakit/target"; do
        from=${map%=*}
        real=$(CDPATH='' cd -- "$from" 2>/dev/null && pwd -P) || real=$from
        printf '%s%s=%s' "$between" "$1" "$map"
        between=$2
        [ "$real" = "$from" ] || printf '%s%s=%s=%s' "$between" "$1" "$real" "${map##*=}"
    done
}

link=
case $profile in
    ci) build ;;
    dev)
        build
        folder=debug
        ;;
    *)
        link=-Wl,--strip-all
        # C inside crates.
        CFLAGS="${CFLAGS-} '$(maps -ffile-prefix-map "' '")'" CC_SHELL_ESCAPED_FLAGS=1
        export CFLAGS CC_SHELL_ESCAPED_FLAGS
        # Of cargo's places for flags only one counts: ours go where those of the user are.
        separator=$(printf '\037')
        if [ -n "${CARGO_ENCODED_RUSTFLAGS-}" ]; then
            export CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$separator$(maps --remap-path-prefix "$separator")"
            build
        elif [ -n "${RUSTFLAGS-}" ]; then
            CARGO_ENCODED_RUSTFLAGS=$(printf '%s' "$RUSTFLAGS" | tr -s ' ' "$separator")
            export CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$separator$(maps --remap-path-prefix "$separator")"
            build
        else
            host=$(rustc -vV | sed -n 's/^host: //p')
            build --config "target.$host.rustflags=['$(maps --remap-path-prefix "', '")']"
        fi
        ;;
esac

cat > "$work/exports" <<'MAP'
{ global: haas_*; quectel_*; otakit_*; local: *; };
MAP
# From the top, so that __FILE__ is short.
(
    cd "$top"
    "${CC:-cc}" -shared -fPIC -O2 -std=gnu99 -I include/linkkit -I include -o "$work/library.so" \
        -Wl,--whole-archive "$target/$folder/libotakit.a" -Wl,--no-whole-archive hal/posix/*.c \
        -Wl,--version-script="$work/exports" -Wl,--gc-sections -Wl,--no-undefined $link -lpthread -ldl -lm
)
cp "$work/library.so" "$out"
