# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two processes that update one place: a scheduler lets one storage operation at a time happen, and kills, by a seed."""

import os
import random
import shutil
import socket
import subprocess

from life import Wrong
from origin import Image

OK, BUSY = 0, -52
SIZE = 160 * 1024


class Party:
    """One process at a time, which waits before each of its storage operations."""

    def __init__(self, setup, folder, number, name, image, journal):
        self.setup, self.folder, self.name, self.image, self.journal = setup, folder, name, image, journal
        self.path = os.path.join(folder, "image")
        # Its own: the other's process has it in its memory, and must not see it shortened.
        self.state = f"{folder}.{number}"
        self.process = self.gate = self.at = None
        self.starts = 0

    def start(self, gated=True):
        self.starts += 1
        with open(self.state, "wb") as f:
            f.write(bytes(64))
        ours, theirs = socket.socketpair()
        env = {"PATH": os.environ.get("PATH", ""), "LD_PRELOAD": os.path.join(self.setup.programs, "kill_shim.so"),
               "SHIM_STATE": self.state, "SHIM_DIR": self.folder}
        if gated:
            env["SHIM_GATE"] = str(theirs.fileno())
        env.update((key, os.environ[key]) for key in ("LLVM_PROFILE_FILE",) if key in os.environ)
        url = self.setup.origin.url(self.name, f"{os.path.basename(self.folder)}-{self.starts}")
        self.process = subprocess.Popen(
            [os.path.join(self.setup.programs, "kill_download"), url, "2.0.0", str(self.image.size), self.image.sha256,
             self.path, self.journal, "1", "65536"],
            env=env, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        theirs.close()
        ours.settimeout(60)
        self.gate = ours.makefile("rwb", buffering=0)
        ours.close()

    def wait(self):
        """Until the next operation; None: the process has ended."""
        try:
            line = self.gate.readline()
        except ConnectionResetError:
            line = b""
        self.at = line.decode().strip() if line else None
        return self.at

    def answer(self, word):
        try:
            self.gate.write(word)
        except BrokenPipeError:
            # One thread of it was about to do the operation while another ended the process.
            pass
        return self.wait()

    def end(self):
        """Its exit code and the code that the download returned."""
        out, err = self.process.communicate(timeout=60)
        code = self.process.returncode
        self.gate.close()
        self.process = None
        if err or code not in (0, 1, -9):
            raise Wrong(f"ended with {code}: {err.strip()}")
        rets = [int(line.split()[1]) for line in out.splitlines() if line.startswith("ret ")]
        return code, rets[0] if rets else None

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.gate.close()


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


class Result:
    """What the table wants to know."""

    def __init__(self):
        self.lives = self.kills = self.refetched = self.resumed = self.read_back = self.worst = self.worst_stored = 0
        self.busy = self.steps = 0


def play(setup, images, seed):
    """One interleaving."""
    dice, result = random.Random(seed), Result()
    folder = os.path.join(setup.scratch, f"two-{seed}")
    os.mkdir(folder)
    old = dice.choice((None, dice.randbytes(SIZE)))
    if old is not None:
        with open(os.path.join(folder, "image"), "wb") as f:
            f.write(old)
    first, second = dice.choice((("one", "one"), ("one", "other"), ("one", "other")))
    journals = dice.choice((("journal", "journal"), ("journal", "journal-2"), ("journal", "-"), ("-", "-")))
    parties = [Party(setup, folder, number, name, images[name], j if j == "-" else os.path.join(folder, j))
               for number, (name, j) in enumerate(zip((first, second), journals))]
    kill, stay = dice.choice((0, 0.01, 0.05)), dice.choice((0.2, 0.5, 0.9, 0.98))
    allowed = [old, images["one"].content, images["other"].content]
    turn = parties[0]
    try:
        for party in parties:
            party.start()
            party.wait()
        while True:
            for party in parties:
                if party.process is not None and party.at is None:
                    code, ret = party.end()
                    result.lives += 1
                    result.kills += code == -9
                    result.busy += ret == BUSY
                    if code != -9 and ret not in (OK, BUSY):
                        raise Wrong(f"returned {ret}")
                    if ret == OK and content(party.path) != party.image.content:
                        raise Wrong("success, and another image is in the place")
                    if party.starts < 4 and (ret != OK or dice.random() < 0.3):
                        party.start()
                        party.wait()
            alive = [party for party in parties if party.process is not None]
            if not alive:
                break
            if turn not in alive or dice.random() > stay:
                turn = dice.choice(alive)
            result.steps += 1
            turn.answer(dice.choice((b"b", b"t", b"a")) if dice.random() < kill else b"g")
            if content(turn.path) not in allowed:
                raise Wrong("a wrong image is in the place")
        last = dice.choice(parties)
        last.start(gated=False)
        if last.end() != (0, OK) or content(last.path) != last.image.content:
            raise Wrong("the undisturbed life failed")
        left = sorted(name for name in os.listdir(folder) if not name.startswith("journal") and name != "image")
        if left:
            raise Wrong(f"left behind: {left}")
    finally:
        for party in parties:
            party.stop()
            if os.path.exists(party.state):
                os.unlink(party.state)
        shutil.rmtree(folder)
    return result


def two_updaters(harness, count):
    images = {"one": Image(SIZE, 11), "other": Image(SIZE, 12)}
    for name, image in images.items():
        harness.setup.origin.add(name, image)
    busy = steps = 0

    def work(results, n):
        nonlocal busy, steps
        result = play(harness.setup, images, harness.seed * 1000003 + n)
        busy, steps = busy + result.busy, steps + result.steps
        results.append(result)

    harness.results("two updaters of one place, interleaved and killed", work, range(1, count + 1))
    print(f"    {steps} operations scheduled, {busy} updaters told that the place is taken; the seed of interleaving N is "
          f"{harness.seed} * 1000003 + N")
