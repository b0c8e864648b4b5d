#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# usage: one_function_per_object.sh NM ARCHIVE
# An object with two HAL_* functions would clash with a firmware that brings one of them; a helper without the prefix
# could clash with anything. (Names that begin with two underscores are the compiler's: sanitizers add some.)
set -eu
"$1" -A -g --defined-only "$2" | awk '
    { name = $NF; object = $1; sub(/:[0-9a-f]*$/, "", object) }
    name ~ /^HAL_/ { count++; if (seen[object]++) { print object " defines two HAL functions"; bad = 1 } next }
    name !~ /^(otakit_hal_|__)/ { print object " defines " name; bad = 1 }
    END { if (count < 40) { print "only " count " HAL functions found"; bad = 1 } exit bad }'
