#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Line coverage of the core (engine, platform, fetch, store, service) from the Rust tests. Needs cargo-llvm-cov
# (`cargo install cargo-llvm-cov`) and LLVM's tools (`rustup component add llvm-tools`).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

if ! cargo llvm-cov --version >/dev/null 2>&1; then
    echo "coverage: cargo-llvm-cov is not installed" >&2
    exit 1
fi
mkdir -p build
cargo llvm-cov --locked --lib --json --output-path build/coverage.json >build/coverage.log 2>&1 ||
    { tail -n 40 build/coverage.log; exit 1; }
python3 - build/coverage.json <<'PYTHON'
import json, sys

PARTS = ("src/engine/", "src/platform/", "src/fetch/", "src/store/", "src/service/")
files = json.load(open(sys.argv[1]))["data"][0]["files"]
sums = dict.fromkeys(PARTS, (0, 0))
print(f"{'file':44} {'lines':>6} {'missed':>6} {'cover':>7}   uncovered")
for file in sorted(files, key=lambda f: f["filename"]):
    name = "src/" + file["filename"].split("/src/", 1)[-1]
    part = next((p for p in PARTS if name.startswith(p)), None)
    if part is None or "/tests" in name:
        continue
    lines = file["summary"]["lines"]
    count, covered = lines["count"], lines["covered"]
    sums[part] = (sums[part][0] + count, sums[part][1] + covered)
    # Segments: line, column, count, has count, is entry, is gap.
    missed = sorted({s[0] for s in file["segments"] if s[3] and s[2] == 0 and not s[5]})
    print(f"{name:44} {count:6} {count - covered:6} {100 * covered / max(1, count):6.1f} %   "
          + " ".join(map(str, missed[:12])))
print()
for part, (count, covered) in sums.items():
    print(f"{part:44} {count:6} {count - covered:6} {100 * covered / max(1, count):6.1f} %")
PYTHON
