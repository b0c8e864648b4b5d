# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the fault matrix prints, and the document that it writes."""

import dataclasses
import itertools
import os

from .faultclient import BOUND_MS, CANCEL_MS, Done, Timed

CODES_FILE = os.path.join(os.path.dirname(__file__), "faults.codes")
NAMES = {0: "OTAKIT_OK", -10: "OTAKIT_ERR_CONNECT", -11: "OTAKIT_ERR_TIMEOUT", -12: "OTAKIT_ERR_BROKEN",
         -13: "OTAKIT_ERR_CERTIFICATE", -14: "OTAKIT_ERR_TLS", -21: "OTAKIT_ERR_STATUS", -22: "OTAKIT_ERR_REDIRECT",
         -23: "OTAKIT_ERR_INSECURE_REDIRECT", -24: "OTAKIT_ERR_LENGTH", -25: "OTAKIT_ERR_RANGE",
         -26: "OTAKIT_ERR_PROTOCOL", -27: "OTAKIT_ERR_ENCODING", -28: "OTAKIT_ERR_TRUNCATED",
         -29: "OTAKIT_ERR_EXPIRED", -30: "OTAKIT_ERR_DIGEST", -33: "OTAKIT_ERR_TOO_SLOW"}


@dataclasses.dataclass
class Case:
    """What to fetch, and the one code that has to come of it."""

    family: str
    name: str
    about: str
    expect: str
    content: bytes
    # A function each that makes a URL which no update has used: for otakit_download_file and for IOT_OTA_FetchYield.
    urls: tuple = ()
    # Failures in a row that the device accepts.
    attempts: int = 4
    # What has to come of it on a device, where that is something else: a download can begin again, a reading cannot.
    expect_device: str = ""


@dataclasses.dataclass
class Row:
    """A line of the table: through the native API, and as a Link Kit device."""

    case: Case
    native: Done = None
    device: Done = None
    timed: list = dataclasses.field(default_factory=list)
    problem: str = ""
    # How often it was measured again, alone.
    again: int = 0

    def blame(self, problem):
        """Notes what is wrong; the first problem counts."""
        self.problem = self.problem or problem

    @property
    def worst(self):
        """The worst timed call."""
        return max(self.timed, key=lambda timed: timed.worst, default=Timed(0, 0, 0, "-", 0, "-"))

    @property
    def own(self):
        """The call that was latest without a bare wait being late too."""
        return max(self.timed, key=lambda timed: timed.own, default=Timed(0, 0, 0, "-", 0, "-"))


def expected_codes():
    """Case names and the names of their codes; "native device" where the two differ."""
    with open(CODES_FILE, encoding="ascii") as f:
        return dict(line.rstrip().split(" ", 1) for line in f if line.strip() and not line.startswith("#"))


def name_of(done):
    """A code's name."""
    return NAMES.get(done.code, str(done.code)) if done else "-"


def show(rows):
    """The table."""
    print(f"{'case':36} {'expected':24} {'native':24} {'device':24} {'ms':>7} {'late':>6} {'machine':>7} of")
    for row in rows:
        done, worst = row.native or row.device, row.worst
        print(f"{row.case.name:36} {row.case.expect:24} {name_of(row.native):24} {name_of(row.device):24} "
              f"{done.ms if done else 0:7.0f} {worst.worst:6.1f} {worst.shared:7.1f} {worst.call}"
              + (f" (measured again, alone, {row.again} x)" if row.again else "")
              + (f"   FAILED: {row.problem}" if row.problem else ""))


@dataclasses.dataclass
class Figures:
    """The figures of a run."""

    rows: list
    measured: list
    control: float
    sweeps: list

    def lines(self):
        """The summary, a sentence each."""
        for name, count, wrong in self.sweeps:
            yield f"{name}: {count} downloads, {wrong} wrong."
        if not self.rows:
            return
        calls = sum(timed.calls for row in self.rows for timed in row.timed)
        worst = max(self.rows, key=lambda row: row.worst.worst)
        own = max(self.rows, key=lambda row: row.own.own)
        yield (f"Worst overrun of {calls} timed calls in {len(self.rows)} cases: {worst.worst.worst:.1f} ms "
               f"({worst.case.name}, `{worst.worst.call}`); during {worst.worst.shared:.1f} ms of that a bare wait in the "
               f"same process was late, too. Bound: {BOUND_MS} ms.")
        yield (f"Worst overrun that no bare wait shared, among calls beyond {BOUND_MS} ms: " + (
            f"{own.own.own:.1f} ms ({own.case.name}, `{own.own.own_call}`)." if own.own.own else "none."))
        yield f"Worst overrun of a bare wait of 10, 100 or 1000 ms in the same processes: {self.control:.1f} ms."
        if self.measured:
            late = max(self.measured, key=lambda m: m.worst.worst)
            cancel = max(self.measured, key=lambda m: m.cancel.worst)
            yield (f"Worst overrun in {len(self.measured)} states of a fetch: {late.worst.worst:.1f} ms ({late.state}, "
                   f"`{late.worst.call}`).")
            yield (f"Worst cancel from another thread, of {sum(len(m.cancels) for m in self.measured)}: "
                   f"{cancel.cancel.worst:.1f} ms ({cancel.state}). Bound: {CANCEL_MS} ms.")


DOCUMENT = """\
# What the library makes of faults

Written by `make faults`, which runs each of these {count} cases against the library: an image of {size} bytes is fetched
from a server that fails in one particular way, once with `otakit_download_file` (native), and once by a device on a broker
that calls `IOT_OTA_FetchYield` and `IOT_MQTT_Yield` in turn (device). What has to come of it is the one code that the table
names (`include/otakit.h`; the device's is that of `otakit_linkkit_ota_failure`), the same through both but where a
download can begin again from its first byte and a reading cannot. `OTAKIT_OK`: the
bytes were compared with the server's. Otherwise there is no image, or the verdict is "not valid". After each, **a clean
update of another image works in the same process**: into the same file with the same journal, and in the same session of
the same device; its bytes are compared, too. `mqtt` cases disturb the device's broker or the way to it.

The servers are for other clients too: `otakit-cloud faults` serves each case of the first six families at a URL of
its own.

## Time

Each call that has a time, or is documented not to block, is measured, in every case: `IOT_OTA_FetchYield`, `IOT_MQTT_Yield`,
`IOT_MQTT_Construct`, `_Subscribe_Sync`, `_Publish` and `_Destroy`, `IOT_OTA_Ioctl`, `_IsFetching`, `_IsFetchFinish` and
`_Deinit`, `otakit_linkkit_ota_*`, and the time between two calls of a watcher. Overrun is what a call took beyond its time
({bound} ms are allowed). Machines are busy, so threads of the same process do nothing but wait for 10, 100 or 1000 ms, on
condition variables and in `poll()`; one more is bound to each processor. Where a call comes back late, the time during which such a bare wait was late
as well, one that may run anywhere or the one on the same processor, is the machine's. What remains is ours. A case with a call
that was late beyond the bound, for whatever reason, is measured again alone, {repeats} times at most, and the last time
counts ({again} of the {count} cases here); ours beyond the bound fails the run. Storage is in memory: what a file system takes
for a sync comes on top of a watcher's time and of a cancel. The figures of the last run:

{figures}

| family | timed calls | worst overrun, ms | a bare wait late, ms | call |
|---|---|---|---|---|
{families}

A cancel comes from another thread while a call waits, {times} times in each state:

| state | worst overrun, ms | a bare wait late, ms | call | worst cancel, ms |
|---|---|---|---|---|
{states}
"""


def document(figures, size, times, repeats):
    """The table as Markdown."""
    rows = figures.rows
    by_family = [(family, list(group)) for family, group in itertools.groupby(rows, key=lambda row: row.case.family)]
    families = []
    for family, group in by_family:
        worst = max(group, key=lambda row: row.worst.worst).worst
        calls = sum(timed.calls for row in group for timed in row.timed)
        families.append(f"| {family} | {calls} | {worst.worst:.1f} | {worst.shared:.1f} | `{worst.call}` |")
    states = [f"| {m.state} | {m.worst.worst:.1f} | {m.worst.shared:.1f} | `{m.worst.call}` | {m.cancel.worst:.1f} |"
              for m in figures.measured]
    parts = [DOCUMENT.format(count=len(rows), size=size, bound=BOUND_MS, families="\n".join(families), times=times,
                             repeats=repeats, again=sum(row.again > 0 for row in rows), states="\n".join(states),
                             figures="\n".join(f"- {line}" for line in figures.lines()))]
    for family, group in by_family:
        parts.append(f"## {family}\n\n| case | the server | native | device | update after it |\n|---|---|---|---|---|")
        for row in group:
            about = row.case.about.replace("|", "\\|")
            native = f"`{name_of(row.native)}`" if row.native else "–"
            parts.append(f"| {row.case.name} | {about} | {native} | `{name_of(row.device)}` | right bytes |")
        parts.append("")
    return "\n".join(parts)
