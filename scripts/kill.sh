#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the C tests and runs tests/kill/run.py with the options given.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

build_tree test -DOTAKIT_LAB=ON >/dev/null
python3 tests/kill/run.py --build build/test --jobs "$JOBS" "$@"
