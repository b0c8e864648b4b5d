#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# End-to-end tests: e2e.sh [option of tests/e2e/run.py] [pattern...]. A pattern is a part of `module.Class.test`; without
# one all are run. Builds what the selected tests need, and nothing else.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

run=(python3 tests/e2e/run.py --jobs 2 --cloud "$CLOUD" --delta "$DELTA" --build build/test)
case " $* " in *" -h "* | *" --help "* | *" --list "*) exec "${run[@]}" "$@" ;; esac
trees=$("${run[@]}" --trees "$@")
for name in $trees; do
    log=build/$name.build.log
    echo "e2e: building $name"
    tree "$name" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    [ "$name" = test ] || run+=("--$name-build" "build/$name")
done
build_cloud
build_delta
exec "${run[@]}" "$@"
