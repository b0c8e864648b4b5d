#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs every fuzz target for a while: fuzz.sh [--write] [seconds for each, 60] [target...]. Needs cargo-fuzz
# (`cargo install cargo-fuzz`) and clang's runtime as rustc brings it. What it finds stays in build/fuzz; the seeds in
# fuzz/corpus are only read. Without cargo-fuzz the same functions run on the seeds and on 20,000 mutations of them, as
# `make test` does. --write: the table goes into docs/TESTING.md, when every target ran for 60 s or more and none failed.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

write=
if [ "${1-}" = --write ]; then
    write=yes
    shift
fi
seconds=${1:-60}
shift || true
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is not installed; bounded run instead"
    exec cargo test --locked --lib fuzzing
fi

targets=$*
[ -z "$targets" ] || write=
[ -n "$targets" ] || targets=$(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | tail -n +2)
# The sanitizer's switches of a stable compiler.
export RUSTC_BOOTSTRAP=1
failed=0
table=build/fuzz.table
printf '| target | seeds | executions | of lasting interest |\n|---|---|---|---|\n' >"$table"
cargo fuzz build >build/fuzz.build.log 2>&1 || { tail -n 40 build/fuzz.build.log; exit 1; }
for target in $targets; do
    found=build/fuzz/$target
    mkdir -p "$found/corpus" "$found/artifacts"
    log=$found/log
    if cargo fuzz run "$target" "$found/corpus" "fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=8192 \
        -artifact_prefix="$found/artifacts/" -print_final_stats=1 >"$log" 2>&1; then
        verdict=ok
    else
        verdict=FAILED
        failed=$((failed + 1))
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '%-16s %12s executions   %s\n' "$target" "$executions" "$verdict"
    printf '| `%s` | %s | %s | %s |\n' "$target" "$(find "fuzz/corpus/$target" -type f | wc -l)" "$executions" \
        "$(find "$found/corpus" -type f | wc -l)" >>"$table"
    [ "$verdict" = ok ] || tail -n 30 "$log"
done
if [ -n "$write" ] && [ "$failed" = 0 ] && [ "$seconds" -ge 60 ]; then
    awk -v table="$table" '/<!-- fuzz: end -->/ { skip = 0 }
        !skip { print }
        /<!-- fuzz: begin/ { skip = 1; while ((getline line < table) > 0) print line }' docs/TESTING.md >build/TESTING.md
    cp build/TESTING.md docs/TESTING.md
fi
exit $((failed > 0))
