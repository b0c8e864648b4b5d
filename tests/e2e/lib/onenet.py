# SPDX-License-Identifier: MIT OR Apache-2.0
"""OneNET for the tests: a platform that records and lies, otakit-cloud that does not, and the driver for both."""

import hashlib
import itertools
import json
import os
import socket
import ssl
import threading
import unittest

from .cloud import Cloud
from .context import CONTEXT
from .driver import Driver, valgrind
from .proc import Process, scratch

KEY = "KuF3NT/jUBJ62LNBB/A8XZA9CqS3Cu79B/ABmfA1UCw="
PRODUCT = "123123"
LIMIT = 10000

_names = itertools.count(1)


def device_name():
    """A device that no other test of any process uses."""
    return f"{os.getpid()}{next(_names)}"


class Request:
    """One request as it came."""

    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.path = self.target.split("?")[0]
        self.headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}

    def range(self):
        first, last = self.headers["range"].removeprefix("bytes=").split("-")
        return int(first), int(last)


def answer(body, status=200, **headers):
    """An HTTP answer with a length."""
    body = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def part(image, request):
    """The slice that was asked for, as an honest platform sends it."""
    first, last = request.range()
    last = min(last, len(image) - 1)
    return answer(image[first:last + 1], 206, Content_Range=f"bytes {first}-{last}/{len(image)}")


SUCCESS = {"errno": 0, "error": "succ"}
HANG = object()


class Platform:
    """Answers each request with what `script(request)` returns: bytes, None (close at once), HANG (never)."""

    def __init__(self, script, certificate=None):
        self.script, self.requests, self._open = script, [], []
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            raw = b""
            while b"\r\n\r\n" not in raw:
                more = connection.recv(65536)
                if not more:
                    return
                raw += more
            head, _, body = raw.partition(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                           if line.lower().startswith(b"content-length:")), 0)
            while len(body) < length:
                body += connection.recv(65536)
            request = Request(head + b"\r\n\r\n" + body)
            self.requests.append(request)
            reply = self.script(request)
            if reply is HANG:
                connection.recv(1)
            elif reply is not None:
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                # Closing with unread input would reset the connection and take the answer along.
                connection.settimeout(2)
                connection.recv(1)
        except OSError:
            pass
        finally:
            connection.close()

    def steps(self):
        """Everything that was reported, in order."""
        return [json.loads(r.body)["step"] for r in self.requests if b'"step"' in r.body]

    def close(self):
        try:
            # Wakes the accepting thread, which would serve one more connection.
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()


def task(image, token="ota_T", **more):
    """The answer to a check."""
    data = {"target": "2.0.0", "token": token, "size": len(image), "md5": hashlib.md5(image).hexdigest(), "signal": 0,
            "power": 0, "retry": 0, "interval": 0, "type": 1, **more}
    return {"errno": 0, "error": "succ", "data": data}


class Honest:
    """A script for a general-variant platform with one task; methods are there to be overridden."""

    def __init__(self, image, **more):
        self.image, self.more = image, more
        self.slices = 0

    def __call__(self, request):
        path = request.path
        if path == "/ota/south/check":
            return self.check(request)
        if path.startswith("/ota/south/download/"):
            if path.endswith("/check"):
                return self.stands(request)
            self.slices += 1
            return self.slice(request)
        return self.other(request)

    def check(self, request):
        return answer(task(self.image, **self.more))

    def stands(self, request):
        return answer(SUCCESS)

    def slice(self, request):
        return part(self.image, request)

    def other(self, request):
        return answer(SUCCESS)


class Device:
    """A driver that is one device."""

    def __init__(self, bench, url, things=False, env=None, build=None, under_valgrind=None):
        self.things, self.bench = things, bench
        self.name = device_name()
        full = {"OTAKIT_LAB_ONENET": url, **(env or {})}
        self.driver = Driver(full, under_valgrind, build, "onenet_driver_tm" if things else "onenet_driver")
        bench.addCleanup(self.driver.close)

    def call(self, name, *words, **options):
        return self.driver.call(name, *words, **options)

    def init(self, name=None, version="1.0.0", kind=2, product=PRODUCT, key=KEY, cdn=0):
        self.name = name or self.name
        if self.things:
            reply = self.call("init", product, self.name, key, version, kind)
        else:
            token = self.call("token", 1, 2524579200, product, None, key).text
            reply = self.call("init", token, self.name, version, "000", "00001", kind, cdn)
        self.bench.assertEqual(reply.ret, 0)
        return self

    def run(self, path, slice=4096, interval=1, checkpoint=0, signal=99, power=99, stop=0, apply=201, limit=LIMIT):
        return self.call("run", path, slice, limit, interval, checkpoint, signal, power, stop, apply, timeout=120)

    def end(self):
        """Ends the driver; the callback must have run on its main thread alone."""
        self.bench.assertEqual(self.driver.quit(60), 0, self.driver.process.tail())


class OnenetBench(unittest.TestCase):
    """A scratch directory, platforms that lie, devices."""

    @classmethod
    def setUpClass(cls):
        folder = scratch()
        cls.addClassCleanup(folder.cleanup)
        cls.scratch = folder.name

    def platform(self, script, **options):
        platform = Platform(script, **options)
        self.addCleanup(platform.close)
        return platform

    def device(self, platform, **options):
        return Device(self, f"http://127.0.0.1:{platform.port}", **options)

    def cloud(self, **options):
        cloud = OnenetCloud(**options)
        self.addCleanup(cloud.close)
        return cloud

    def path(self, name="image"):
        return os.path.join(self.scratch, f"{name}-{next(_names)}")

    def program(self, name, *args, env=None, build=None, under_valgrind=False):
        argv = [CONTEXT.program(name, build), *args]
        process = Process(valgrind(argv) if under_valgrind else argv, env=env)
        self.addCleanup(process.kill)
        return process

    def content(self, path):
        with open(path, "rb") as f:
            return f.read()


def image(size):
    """Bytes that do not repeat with a slice's length."""
    return b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(size // 32 + 1))[:size]


class OnenetCloud(Cloud):
    """otakit-cloud with a device and a firmware."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def add(self, name, content, version="2.0.0", in_place=False):
        """Registers a device and a firmware for its product."""
        self.run("device", "add", PRODUCT, name, KEY)
        path = os.path.join(self._dir.name, f"fw-{version}-{len(content)}")
        with open(path, "wb") as f:
            f.write(content)
        self.run("firmware", "add", path, "--product", PRODUCT, "--version", version, "--replace",
                 *(["--in-place"] if in_place else []))
        return path

    def task(self, name, *options, version="2.0.0"):
        self.run("onenet", "task", PRODUCT, name, "--version", version, *options)

    def tasks(self, name):
        return json.loads(self.run("onenet", "tasks", PRODUCT, name))
