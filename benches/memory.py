# SPDX-License-Identifier: MIT OR Apache-2.0
"""Heap by massif, stacks by benches/stacks.c, resident memory as the process tells it."""

import os
import re
import subprocess
import tempfile

KIB = 1024
# Frames that mark an allocation as the TLS library's: made by it, or under a call into it.
TLS = re.compile(r"\b(rustls|ring|webpki|rustls_pki_types)::")
SMALL = ("-s", 2, "-S", 1024)


def peak(rig, mib, *options, secure=False):
    """(bytes at the peak, those of them that are the TLS library's own)."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["valgrind", "--tool=massif", f"--massif-out-file={out.name}", "--peak-inaccuracy=0.0",
                        "--threshold=0.0", "--depth=60", *rig.update(mib, *options, secure=secure)],
                       capture_output=True, check=True)
        with open(out.name, encoding="utf-8") as file:
            head, tree = file.read().split("heap_tree=peak\n", 1)
    total = sum(int(re.findall(rf"{key}=(\d+)", head)[-1]) for key in ("mem_heap_B", "mem_heap_extra_B"))
    return total, tls_part(tree.split("#-----------", 1)[0].splitlines())


def tls_part(lines):
    """Sums the subtrees whose first frame that says whose they are is the TLS library's."""
    mine, inside = 0, None
    for line in lines:
        found = re.match(r"( *)n\d+: (\d+) (.*)", line)
        if not found:
            continue
        depth, size, place = len(found.group(1)), int(found.group(2)), found.group(3)
        if inside is not None and depth > inside:
            continue
        inside = None
        if TLS.search(place):
            mine += size
            inside = depth
    return mine


def stacks(rig, *options, secure=False):
    """{thread: (size, deepest)} of an update; threads of the firmware's own are left out."""
    preload = {**os.environ, "LD_PRELOAD": os.path.join(os.path.dirname(rig.program), "stacks.so")}
    done = subprocess.run(rig.update(1, *options, secure=secure), capture_output=True, text=True, env=preload, check=True)
    deepest = {}
    for name, size, used in re.findall(r"^stack (\S+) (\d+) (\d+)$", done.stderr, re.M):
        deepest[name] = int(size), max(int(used), deepest.get(name, (0, 0))[1])
    return deepest


def memory(rig, table, run):
    first = peak(rig, 1)[0]
    table.add("HTTP: peak heap, 1 MiB image", first, goal=96 * KIB, unit="B",
              note="5,000-byte buffer of the firmware included")
    table.add("HTTP: peak heap, 17 MiB image", peak(rig, 17)[0], first, goal=1.02, unit="B", note="the 1 MiB image")
    table.add("HTTP: peak heap, 2 slots of 1 KiB", peak(rig, 1, *SMALL)[0], goal=22 * KIB, unit="B")
    for title, options in (("1 MiB image", ()), ("2 slots of 1 KiB", SMALL)):
        total, tls = peak(rig, 1, *options, secure=True)
        table.add(f"HTTPS: peak heap, {title}, over the TLS library's own", total - tls, goal=100 * KIB, unit="B",
                  note=f"{tls:,} B more are the TLS library's")
    for scheme in ("HTTP", "HTTPS"):
        for name, (size, used) in sorted(stacks(rig, "-n", 2, secure=scheme == "HTTPS").items()):
            table.add(f"{scheme}: deepest stack, thread {name}", used, unit="B", note=f"of {size:,}")
    for title, mib in (("1 MiB", 1), ("256 MiB", 256)):
        said = run(rig.update(mib))[2][-1]
        table.add(f"HTTP: peak RSS of the process, {title}", said["rss_kib"], unit="KiB",
                  note="the bench program and libc included")
