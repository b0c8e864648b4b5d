#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Measures speed, memory and size against what people would use instead: prints one table, writes build/bench/bench.json
# and the tables in docs/BENCHMARKS.md and README.md. RUNS (5) is the number of interleaved runs; SIZES=0 leaves the builds for size
# out.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

tree=build/bench
mkdir -p "$tree"
cmake -S . -B "$tree" -DCMAKE_BUILD_TYPE=Release -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" -DOTAKIT_BUILD_EXAMPLES=ON \
    -DOTAKIT_BUILD_BENCHES=ON >"$tree/configure.log" 2>&1 || { cat "$tree/configure.log"; exit 1; }
cmake --build "$tree" --parallel "$JOBS" >"$tree/build.log" 2>&1 || { cat "$tree/build.log"; exit 1; }
[ "${SIZES-1}" = 0 ] || benches/sizes.sh >"$tree/sizes.txt"
touch "$tree/sizes.txt"
benches/run.py --build "$tree" --runs "${RUNS-5}" --sizes "$tree/sizes.txt" --markdown docs/BENCHMARKS.md \
    --readme README.md
