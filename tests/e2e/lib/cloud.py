# SPDX-License-Identifier: MIT OR Apache-2.0
"""otakit-cloud as the tests start it: the fault server, and the local cloud."""

import itertools
import json
import os
import socket
import subprocess
import urllib.request

from .context import CONTEXT
from .proc import Process, scratch, wait_until


class FaultServer:
    """`otakit-cloud faults`: one misbehaviour per path. URLs carry a token under which the requests are logged."""

    def __init__(self):
        self._dir = scratch()
        port_file = os.path.join(self._dir.name, "port")
        self.process = Process([CONTEXT.cloud_program(), "faults", "--listen", "127.0.0.1:0", "--port-file", port_file])

        def read_port():
            if not self.process.alive():
                raise RuntimeError("the fault server ended: " + self.process.tail())
            try:
                with open(port_file) as f:
                    return int(f.read().strip().rsplit(":", 1)[-1])
            except (FileNotFoundError, ValueError):
                return None
        self.port = wait_until(read_port, what="the fault server's port file")
        self._tokens = itertools.count(1)

    def token(self):
        """A key that no other test of this server uses."""
        return f"t{next(self._tokens)}"

    def url(self, case, size, token, **query):
        more = "".join(f"&{k}={v}" for k, v in query.items())
        return f"http://127.0.0.1:{self.port}/{case}/{size}?k={token}{more}"

    def digest(self, size):
        """{"size", "md5", "sha256"} of the fault server's content of that size."""
        return self._get(f"/digest/{size}")

    def cases(self):
        """Every case: dicts with `name`, `family`, `about`, and `expect`, the outcomes that are right for a client."""
        return self._get("/cases")

    def log(self, token):
        """The requests made under a token, in order: dicts with `target` and `headers` (names in lower case)."""
        requests = self._get(f"/log?k={token}")["requests"]
        return [{**r, "headers": {name.lower(): value for name, value in r["headers"]}} for r in requests]

    def head_length(self, case, size):
        """How many bytes an answer's head has."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(f"GET /{case}/{size}?k={self.token()} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                data += more
        return data.index(b"\r\n\r\n") + 4

    def _get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.load(answer)

    def close(self):
        self.process.terminate()
        self._dir.cleanup()


class Cloud:
    """`otakit-cloud serve` with its data in a scratch directory, and the commands on that data."""

    # Seconds for the server to be ready, and for a command.
    READY, COMMAND = 10, 30

    def __init__(self, broker=None, password=None):
        self._dir = scratch()
        self.data = os.path.join(self._dir.name, "data")
        ready = os.path.join(self._dir.name, "ready")
        argv = [CONTEXT.cloud_program(), "serve", "--data", self.data, "--http", "127.0.0.1:0",
                "--ready-file", ready]
        if broker:
            argv += ["--broker", f"mqtt://127.0.0.1:{broker.port}"]
        else:
            argv += ["--mqtt", "127.0.0.1:0"]
        if password:
            secret = os.path.join(self._dir.name, "password")
            with open(secret, "w", encoding="utf-8") as file:
                file.write(password + "\n")
            argv += ["--password-file", secret]
        self.process = Process(argv)
        wait_until(lambda: os.path.exists(ready) or not self.process.alive(), self.READY, "the cloud's ready file")
        if not self.process.alive():
            raise RuntimeError("otakit-cloud ended: " + self.process.tail())
        with open(ready, encoding="utf-8") as file:
            where = json.load(file)
        self.http_port = int(where["http"].rsplit(":", 1)[-1])
        self.mqtt_port = broker.port if broker else int(where["mqtt"].rsplit(":", 1)[-1])

    def run(self, *args, check=True):
        """One command line of otakit-cloud on this cloud's data; returns its output."""
        done = subprocess.run([CONTEXT.cloud_program(), *args, "--data", self.data], capture_output=True, text=True,
                              timeout=self.COMMAND)
        if check and done.returncode != 0:
            raise AssertionError(f"otakit-cloud {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def close(self):
        self.process.terminate()
        self._dir.cleanup()
