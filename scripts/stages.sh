# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# For sourcing by test.sh and check.sh, after common.sh: stages, their times, and the commands that both run.

stage_rows=()
failed=()
started=$SECONDS

# stage TITLE COMMAND...
stage() {
    local title=$1 begin=$SECONDS verdict=ok
    shift
    printf '\n=== %s\n' "$title"
    "$@" || { verdict=FAILED; failed+=("$title"); }
    printf -- '--- %s: %s, %d s\n' "$title" "$verdict" $((SECONDS - begin))
    stage_rows+=("$title|$((SECONDS - begin))|$verdict")
    [ "$verdict" = ok ]
}

# Without these nothing further makes sense.
must() {
    stage "$@" || finish
}
may() {
    stage "$@" || true
}

# beside NAME: the function NAME, stages of its own, runs in the background from here to `collect`, with less right to a
# processor than the stages in front. What it prints is kept until then.
beside() {
    side=$ROOT/build/beside.$1
    rm -f "$side.rows"
    # A process group of its own, so that it ends with this script however that ends.
    set -m
    (
        set +m
        renice -n 10 -p "$BASHPID" >/dev/null
        stage_rows=() failed=()
        finish() {
            printf '%s\n' "${stage_rows[@]}" >"$side.rows"
            exit "${1-1}"
        }
        "$1"
        finish 0
    ) >"$side.log" 2>&1 </dev/null &
    side_pid=$!
    set +m
    trap 'kill -- -"$side_pid" 2>/dev/null' EXIT
}

# collect: waits for the stages beside and counts them in. One of them that others build on (`must`) ends the run here.
collect() {
    local begin=$SECONDS code=0 row
    wait "$side_pid" || code=$?
    trap - EXIT
    printf '\n=== beside, waited for %d s\n' $((SECONDS - begin))
    cat "$side.log"
    [ -e "$side.rows" ] || { failed+=("stages beside"); return 0; }
    while read -r row; do
        stage_rows+=("$row")
        case $row in *'|FAILED') failed+=("${row%%|*}") ;; esac
    done <"$side.rows"
    [ "$code" = 0 ] || finish
}

# finish: the times as a table, the verdict, the end. With STAGES_FILE set, a run in which nothing failed writes its table
# into that file, between the lines `<!-- stages: begin …` and `<!-- stages: end`.
finish() {
    local row title seconds verdict total=$((SECONDS - started)) table=$ROOT/build/stages.table
    printf '\n=== times\n'
    for row in "${stage_rows[@]}"; do
        IFS='|' read -r title seconds verdict <<<"$row"
        printf '%6d s  %-44s %s\n' "$seconds" "$title" "$verdict"
    done
    printf '\n=== stages: %d passed, %d failed, %d s\n' $((${#stage_rows[@]} - ${#failed[@]})) "${#failed[@]}" "$total"
    for title in "${failed[@]}"; do
        printf '    FAILED %s\n' "$title"
    done
    if [ -n "${STAGES_FILE-}" ] && [ ${#failed[@]} = 0 ]; then
        {
            printf '%s, %s processors, %s\n\n| stage | seconds |\n|---|---|\n' "$(uname -m)" "$(nproc)" "$(date +%F)"
            for row in "${stage_rows[@]}"; do
                IFS='|' read -r title seconds verdict <<<"$row"
                printf '| %s | %d |\n' "$title" "$seconds"
            done
            printf '| all | %d |\n' "$total"
        } >"$table"
        awk -v table="$table" '/<!-- stages: end/ { skip = 0 }
            !skip { print }
            /<!-- stages: begin/ { skip = 1; while ((getline line < table) > 0) print line }' "$STAGES_FILE" \
            >"$ROOT/build/stages.page"
        cp "$ROOT/build/stages.page" "$STAGES_FILE"
    fi
    exit $((${#failed[@]} > 0))
}

in_tree() {
    ctest --test-dir "$ROOT/build/$1" --output-on-failure --parallel 2
}

format() {
    cargo fmt --all --check && cargo fmt --manifest-path cloud/Cargo.toml --check
}
clippy() {
    cargo clippy --locked --workspace --all-targets --features "$ALL_PLATFORMS" -- -D warnings &&
        cargo clippy --locked --manifest-path cloud/Cargo.toml --target-dir "$TARGET_DIR" --all-targets -- -D warnings
}
rust_tests() {
    cargo test --locked --workspace --features "$ALL_PLATFORMS" --quiet &&
        cargo test --locked --manifest-path cloud/Cargo.toml --target-dir "$TARGET_DIR" --quiet
}
# What is to build without an operating system does, with a heap and without. Where this machine has no Rust library for that
# target, the host's stands in: there too the crate may use neither std nor, without the feature, a heap.
BARE_TARGET=thumbv7em-none-eabihf
core_alone() {
    local target=() features
    if [ -d "$(rustc --print target-libdir --target $BARE_TARGET 2>/dev/null)" ]; then
        target=(--target $BARE_TARGET)
    else
        echo "no Rust target $BARE_TARGET here (rustup target add $BARE_TARGET): only checked, for this machine"
    fi
    for features in "" alloc delta; do
        if [ ${#target[@]} -gt 0 ]; then
            cargo build --locked --package otakit-core --no-default-features --features "$features" \
                --target-dir "$TARGET_DIR" "${target[@]}" --release || return 1
        else
            cargo check --locked --package otakit-core --no-default-features --features "$features" \
                --target-dir "$TARGET_DIR" || return 1
        fi
    done
}
layers() {
    cargo run --quiet --locked -p xtask -- layers
}
native_header() {
    cargo run --quiet --locked -p xtask -- headers --check
}
guarded() {
    cargo run --quiet --locked -p xtask -- exports
}
