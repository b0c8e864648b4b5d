#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Every fault there is a server for, against the library through its C API. Writes docs/FAULTS.md when all goes well.
# Arguments: only cases whose name contains one of them (docs/FAULTS.md then stays as it is).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

scripts/setup.sh
build_cloud
build_tree test -DOTAKIT_LAB=ON >"$ROOT/build/faults.build.log" 2>&1 || { cat "$ROOT/build/faults.build.log"; exit 1; }
exec python3 tests/e2e/faults.py --cloud "$CLOUD" --build build/test --write docs/FAULTS.md "$@"
