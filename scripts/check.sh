#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The quick part of the tests, for the time between two edits: check.sh [part...]. The parts, all of them unless named:
# format, clippy, unit (Rust tests), core (builds without an operating system), layers (imports go downward), header
# (include/otakit.h is up to date), exports (every export is guarded), docs (words, options and links of the documents), c (the C tests of one build tree).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/stages.sh
. "$ROOT/scripts/stages.sh"
cd "$ROOT"

[ $# -gt 0 ] || set -- format clippy unit core layers header exports docs c
for part; do
    case $part in
        format) may "format" format ;;
        clippy) may "clippy" clippy ;;
        unit) may "Rust tests" rust_tests ;;
        core) may "core without an operating system" core_alone ;;
        layers) may "layers" layers ;;
        header) may "native header is up to date" native_header ;;
        exports) may "every export is guarded" guarded ;;
        docs) may "documents: words, options, links" python3 tests/docs/check.py ;;
        c)
            must "build, with lab" tree test
            may "C tests" in_tree test
            ;;
        *)
            echo "check: no part is called $part; there are: format clippy unit core layers header exports docs c" >&2
            exit 2
            ;;
    esac
done
finish
