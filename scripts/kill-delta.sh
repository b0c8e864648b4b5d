#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Delta updates killed: after every block of a 4 MiB image, and at random moments of a 16 MiB one: kill-delta.sh [kills, 1000].
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

OTAKIT_DELTA_EVERY_MIB=4 OTAKIT_DELTA_MIB=16 OTAKIT_DELTA_KILLS=${1:-1000} \
    cargo test --locked --release -p otakit-delta --test kill -- --nocapture --test-threads 1
