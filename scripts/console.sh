#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A web console to look at, until Ctrl-C: a cloud on loopback, five devices that are C programs, one finished job, one that runs.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

scripts/setup.sh
echo "console: building (the first time takes a few minutes)"
log=build/console.log
{ build_cloud && tree demo; } >"$log" 2>&1 ||
    { cat "$log" >&2; echo "console: the build failed" >&2; exit 1; }
# It ends what it starts, by their own handles.
exec python3 tests/console/demo.py --cloud "$CLOUD" --build build/demo
