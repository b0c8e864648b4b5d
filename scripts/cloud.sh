#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The longer tests of the local cloud, and its figures: cloud.sh kill, cloud.sh fuzz [SECONDS], cloud.sh bench [OPTION]...
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

case ${1-} in
    kill)
        # What each prints at its end is of interest.
        OTAKIT_LONG=1 cargo test --locked --manifest-path cloud/Cargo.toml --target-dir "$TARGET_DIR" --test cloud -- \
            --nocapture kill::on_ kill_jobs::on_ 2>&1 | grep -E '^test |kills:|panicked|^failures|error'
        ;;
    fuzz)
        build_cloud
        python3 tests/api/run.py --cloud "$CLOUD" --seconds "${2:-20}"
        ;;
    bench)
        shift
        cargo build --locked --release --manifest-path cloud/Cargo.toml --target-dir "$TARGET_DIR"
        exec python3 benches/cloud/run.py --cloud "$TARGET_DIR/release/otakit-cloud" "$@"
        ;;
    *)
        echo "usage: cloud.sh kill | fuzz [SECONDS] | bench [OPTION]..." >&2
        exit 2
        ;;
esac
