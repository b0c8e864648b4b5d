#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A firmware update end to end: a local cloud, a device made of unchanged Link Kit code, 8 MiB of firmware. In a terminal the
# cloud stays at the end, with its console, until Ctrl-C; elsewhere the demo ends by itself.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

PRODUCT=a1DemoProd1
DEVICE=demo-device
SECRET=demo0123456789abcdef0123456789ab
SIZE=$((8 * 1024 * 1024))
WORK=$ROOT/.demo
DATA=$WORK/cloud

cloud_pid=
stop_cloud() {
    if [ -n "$cloud_pid" ]; then
        kill "$cloud_pid" 2>/dev/null || true
        wait "$cloud_pid" 2>/dev/null || true
    fi
}
trap stop_cloud EXIT

die() {
    echo "demo: $*" >&2
    exit 1
}

# Runs a step silently, showing what it said only if it fails.
quietly() {
    local log=$WORK/$1.log
    shift
    "$@" >"$log" 2>&1 || { cat "$log" >&2; die "failed: $*"; }
}

# The value of a key in a JSON file; empty where there is none.
json() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$1" "$2"
}

device() {
    OTAKIT_LAB_ALIYUN_MQTT=$mqtt "$ROOT/build/demo/examples_c/linkkit_ota_basic" \
        -k "$PRODUCT" -n "$DEVICE" -s "$SECRET" -o "$WORK/ota.bin" "$@"
}

# `make clean` apart, each run starts from nothing.
rm -rf "$WORK"
mkdir -p "$DATA"
scripts/setup.sh
echo "demo: building (the first time takes a few minutes)"
quietly build-cloud build_cloud
quietly build-library tree demo

"$CLOUD" serve --data "$DATA" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --ready-file "$WORK/ready" \
    >"$WORK/cloud.log" 2>&1 &
cloud_pid=$!
for _ in $(seq 150); do
    [ -s "$WORK/ready" ] && break
    kill -0 "$cloud_pid" 2>/dev/null || { cat "$WORK/cloud.log" >&2; die "the cloud ended"; }
    sleep 0.1
done
[ -s "$WORK/ready" ] || die "the cloud is not ready after 15 s"
mqtt=$(json "$WORK/ready" mqtt)
mqtt=${mqtt##*://}
console=$(json "$WORK/ready" http)/console

head -c "$SIZE" /dev/urandom >"$WORK/fw-2.0.0.bin"
quietly device-add "$CLOUD" device add --data "$DATA" "$PRODUCT" "$DEVICE" "$SECRET"
quietly firmware-add "$CLOUD" firmware add --data "$DATA" "$WORK/fw-2.0.0.bin" \
    --product "$PRODUCT" --version 2.0.0 --auto

echo "demo: device $PRODUCT/$DEVICE, version 1.0.0, against a local cloud at $mqtt"
begin=$(date +%s.%N)
verdict=0
device -v 1.0.0 || verdict=$?
end=$(date +%s.%N)

same=no
if cmp -s "$WORK/fw-2.0.0.bin" "$WORK/ota.bin"; then same=yes; fi

reported=0
if [ "$verdict" = 0 ]; then
    # As after the reboot into the new firmware. No offer comes while it waits, which is exit code 4.
    device -v 2.0.0 -t 2 >"$WORK/reboot.log" 2>&1 || [ $? = 4 ] || die "the new version could not be reported"
    "$CLOUD" status --data "$DATA" --wait 10 "$PRODUCT" "$DEVICE" >"$WORK/status.txt" 2>&1 || reported=$?
else
    "$CLOUD" status --data "$DATA" "$PRODUCT" "$DEVICE" >"$WORK/status.txt" 2>&1 || true
fi

text="not valid (exit code $verdict)"
if [ "$verdict" = 0 ]; then text=valid; fi
if [ -e "$WORK/ota.bin" ]; then got=$(stat -c %s "$WORK/ota.bin"); else got=0; fi
echo
echo "summary"
echo "  version   1.0.0 -> 2.0.0"
echo "  bytes     $got of $SIZE, same as published: $same"
printf '  seconds   %.1f\n' "$(echo "$end $begin" | awk '{print $1 - $2}')"
echo "  digest    $text"
echo "  the cloud's view"
sed 's/^/    /' "$WORK/status.txt"

[ "$verdict" = 0 ] || exit "$verdict"
[ "$same" = yes ] || die "the image differs from what was published"
[ "$reported" = 0 ] || die "the cloud does not see the update as done"
echo
if [ -t 0 ] && [ -t 1 ] && [ -z "${CI-}" ]; then
    echo "This cloud's console: $console (Ctrl-C ends the cloud)"
    echo "One with five devices and two jobs: make console"
    trap 'exit 0' INT TERM
    wait "$cloud_pid" || die "the cloud ended"
fi
# Nobody is there to look at it: it ends with the demo, and its data stay.
echo "This cloud's console: http://127.0.0.1:8080/console, after"
echo "  ${CLOUD#"$ROOT/"} serve --data ${DATA#"$ROOT/"}"
echo "One with five devices and two jobs: make console"
