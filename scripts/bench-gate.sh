#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Fails when the library became larger, or needs more instructions for each MiB, than benches/baseline.json allows (5 %
# over it). Neither depends on how busy the machine is; time is never judged.
#
#   scripts/bench-gate.sh            judge
#   scripts/bench-gate.sh --accept   what is measured now becomes the baseline
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

tree=build/gate
mkdir -p "$tree"
cmake -S . -B "$tree" -DCMAKE_BUILD_TYPE=Release -DOTAKIT_CARGO_TARGET_DIR="$TARGET_DIR" -DOTAKIT_BUILD_EXAMPLES=ON \
    -DOTAKIT_BUILD_BENCHES=ON >"$tree/configure.log" 2>&1 || { cat "$tree/configure.log"; exit 1; }
cmake --build "$tree" --parallel "$JOBS"
benches/sizes.sh x86_64/release/full x86_64/size/none >"$tree/sizes.txt"
if [ "${1-}" = --accept ]; then
    benches/run.py --build "$tree" --sizes "$tree/sizes.txt" --write-baseline benches/baseline.json
else
    benches/run.py --build "$tree" --sizes "$tree/sizes.txt" --gate benches/baseline.json
fi
