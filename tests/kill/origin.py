# SPDX-License-Identifier: MIT OR Apache-2.0
"""An HTTP server on loopback that answers ranges and keeps book of every answer."""

import hashlib
import random
import re
import socket
import threading


class Image:
    """Reproducible random bytes and what a client must know of them."""

    def __init__(self, size, seed):
        self.content = random.Random(seed).randbytes(size)
        self.size = size
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.etag = f'"{self.sha256[:16]}"'


class Answer:
    """One answer: its first byte in the image, its header's length, whether it was a range."""

    def __init__(self, start, header, partial):
        self.start, self.header, self.partial = start, header, partial


class Origin:
    """Serves images below /<name>/<life>; `answers(life)` is what that life was given."""

    def __init__(self):
        self._images, self._answers = {}, {}
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def add(self, name, image):
        self._images[name] = image

    def image(self, name):
        return self._images[name]

    def url(self, name, life):
        return f"http://127.0.0.1:{self.port}/{name}/{life}"

    def answers(self, life):
        with self._lock:
            return self._answers.pop(str(life), [])

    def close(self):
        self._socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self._answer(connection)
            except OSError:
                pass  # The client was killed.

    def _answer(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(8192)
            if not more:
                return
            request += more
        lines = request.decode("latin-1").split("\r\n")
        fields = dict((k.strip().lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:] if line))
        _, name, life = lines[0].split()[1].split("/")
        image = self._images[name]
        start, partial = 0, False
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", fields.get("range", ""))
        if wanted and fields.get("if-range", image.etag) == image.etag:
            start, partial = int(wanted[1]), True
        head = [f"HTTP/1.1 {'206 Partial Content' if partial else '200 OK'}", f"ETag: {image.etag}",
                f"Content-Length: {image.size - start}", "Accept-Ranges: bytes", "Connection: close"]
        if partial:
            head.append(f"Content-Range: bytes {start}-{image.size - 1}/{image.size}")
        header = ("\r\n".join(head) + "\r\n\r\n").encode()
        with self._lock:
            self._answers.setdefault(life, []).append(Answer(start, len(header), partial))
        connection.sendall(header)
        connection.sendall(memoryview(image.content)[start:])
