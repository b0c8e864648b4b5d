# SPDX-License-Identifier: MIT OR Apache-2.0
"""Devices as processes: the example program `linkkit_ota_basic`, run again after each update as a board would restart."""

import os
import re
import subprocess
import threading

# The example's exit code after an update that came true.
VALID = 0


class Device:
    """One board. It runs from `start` to `stop`, and keeps the version of its firmware in between."""

    def __init__(self, program, mqtt, product, name, secret, folder, version="1.0.0", image=None):
        self.program, self.mqtt = program, mqtt
        self.identity = ["-k", product, "-n", name, "-s", secret]
        self.name, self.version = name, version
        # The image goes here; a full device is /dev/full.
        self.image = image or os.path.join(folder, name + ".bin")
        self.log = os.path.join(folder, name + ".log")
        self._lock = threading.Lock()
        self._process, self._thread, self._stopped = None, None, threading.Event()

    def start(self):
        self._stopped.clear()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def stop(self):
        """Off: the process is ended by its own handle."""
        self._stopped.set()
        with self._lock:
            if self._process:
                self._process.terminate()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _live(self):
        while not self._stopped.is_set():
            verdict, said = self._once()
            if self._stopped.is_set():
                return
            image = re.search(r"^image (\S+), .*: valid$", said, re.M)
            if verdict == VALID and image:
                self.version = image[1]
            else:
                # A board that failed restarts with its old firmware, after a moment.
                self._stopped.wait(1)

    def _once(self):
        with open(self.log, "ab") as log, self._lock:
            if self._stopped.is_set():
                return None, ""
            self._process = subprocess.Popen(
                [self.program, *self.identity, "-v", self.version, "-o", self.image, "-t", "3600"],
                env={**os.environ, "OTAKIT_LAB_ALIYUN_MQTT": self.mqtt},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        said = self._process.stdout.read().decode(errors="replace")
        self._process.stdout.close()
        verdict = self._process.wait()
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(said)
        return verdict, said
