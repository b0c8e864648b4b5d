# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers that fail below HTTP: TLS servers that stall, lie or break off, and addresses nobody answers at."""

import hashlib
import socket
import ssl
import struct
import threading
import time


def image(size):
    """The content that the fault server serves for a size."""
    mask, words = (1 << 64) - 1, []
    for k in range((size + 7) // 8):
        z = (size + (k + 1) * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        words.append((z ^ (z >> 31)).to_bytes(8, "little"))
    return b"".join(words)[:size]


def md5(data):
    return hashlib.md5(data).hexdigest()


def reset(connection):
    """Ends a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Listener:
    """A loopback port; `serve(connection, number)` runs in a thread per connection, `number` counts from 1."""

    def __init__(self, serve, address="127.0.0.1", port=0):
        self._serve, self.connections, self.also = serve, 0, None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), backlog=64, family=family)
        self.port = self._listener.getsockname()[1]
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(connection, self.connections), daemon=True).start()

    def _run(self, connection, number):
        try:
            self._serve(connection, number)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        self._closed.set()
        self._listener.close()
        if self.also:
            self.also.close()


class BlackHole:
    """A port whose queue of connections is full: SYNs get no answer, as behind a firewall that drops."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self._waiting = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(s)

    def close(self):
        for s in [*self._waiting, self._listener]:
            s.close()


def hang(connection):
    """Takes what comes and says nothing, until the client goes."""
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


def request(connection):
    """Reads one request's head: its offset (of `Range: bytes=N-`), or None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            return None
        data += more
    for line in data.split(b"\r\n"):
        if line.lower().startswith(b"range: bytes="):
            return int(line[13:].rstrip(b"-"))
    return 0


def head(offset, size, length=True):
    """The head of an honest answer."""
    lines = ["HTTP/1.1 206 Partial Content", f"Content-Range: bytes {offset}-{size - 1}/{size}"] if offset else \
            ["HTTP/1.1 200 OK"]
    if length:
        lines.append(f"Content-Length: {size - offset}")
    return ("\r\n".join([*lines, 'ETag: "x"', "Connection: close"]) + "\r\n\r\n").encode()


def answer(connection, content):
    """One honest HTTP answer."""
    offset = request(connection)
    if offset is not None:
        connection.sendall(head(offset, len(content)) + content[offset:])


class Bio:
    """A TLS server handshake whose outgoing flights pass through our hands."""

    def __init__(self, connection, context):
        self.connection = connection
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    def handshake(self, flights=None, half=False):
        """Runs it; stops before the flight after `flights`, of which `half` is sent. Whether it was completed."""
        sent = 0
        while True:
            try:
                self.tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = self._out.read()
            if data:
                if flights is not None and sent >= flights:
                    if half:
                        self.connection.sendall(data[:len(data) // 2])
                    return False
                self.connection.sendall(data)
                sent += 1
            if done:
                return True
            more = self.connection.recv(65536)
            if not more:
                return False
            self._in.write(more)

    def recv(self, size):
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                more = self.connection.recv(65536)
                if not more:
                    return b""
                self._in.write(more)

    def sendall(self, data):
        for at in range(0, len(data), 8192):
            self.tls.write(data[at:at + 8192])
            self.connection.sendall(self._out.read())


def context(authority, kind="good", only=None):
    """A server's TLS context with the certificate of a kind; `only` one version."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.cert(kind), authority.key(kind))
    if only:
        made.minimum_version = made.maximum_version = only
    return made


def tls_cases(authority, content):
    """name: (what the server does, expected outcomes, serve function)."""
    v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

    def honest(kind, only=None):
        made = context(authority, kind, only)

        def serve(connection, _):
            with made.wrap_socket(connection, server_side=True) as tls:
                answer(tls, content)
        return serve

    def stalled(only, flights, half=False, end=hang):
        made = context(authority, only=only)

        def serve(connection, _):
            Bio(connection, made).handshake(flights, half)
            end(connection)
        return serve

    def once(bad, good):
        return lambda connection, number: (bad if number == 1 else good)(connection, number)

    def raw(data, end=hang):
        def serve(connection, _):
            connection.recv(65536)
            connection.sendall(data)
            end(connection)
        return serve

    def cut(part, length=True, end=socket.socket.close, made=context(authority)):
        """Ends the connection after `part` of the body without close_notify."""
        def serve(connection, _):
            bio = Bio(connection, made)
            if bio.handshake():
                offset = request(bio)
                if offset is not None:
                    body = content[offset:]
                    bio.sendall(head(offset, len(content), length) + body[:int(len(body) * part)])
            end(connection)
        return serve

    def quiet_body(connection, number, made=context(authority)):
        bio = Bio(connection, made)
        bio.handshake()
        hang(bio)

    def flipped(at, made=None):
        """One bit of the server's first flight is another one, once."""
        made = made or context(authority)

        def serve(connection, _):
            class Flipping:
                def __init__(self):
                    self.first = True

                def sendall(self, data):
                    if self.first and len(data) > at:
                        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
                    self.first = False
                    connection.sendall(data)

                def recv(self, size):
                    return connection.recv(size)
            bio = Bio(Flipping(), made)
            try:
                if bio.handshake():
                    answer(bio, content)
            except ssl.SSLError:
                pass
        return serve

    hello_10 = bytes.fromhex("160301002a" "02000026" "0301") + bytes(32) + bytes.fromhex("00" "002f" "00")
    good = honest("good")
    right, refused = ["right bytes"], ["error:certificate"]
    return {
        "tls-honest": ("an honest server, TLS 1.3 or 1.2", right, good),
        "tls-only-1-2": ("an honest server, TLS 1.2 alone", right, honest("good", v12)),
        "tls-only-1-3": ("an honest server, TLS 1.3 alone", right, honest("good", v13)),
        "tls-expired": ("a certificate that has expired", refused, honest("expired")),
        "tls-not-yet-valid": ("a certificate that is not valid yet", refused, honest("not-yet")),
        "tls-self-signed": ("a certificate that signs itself", refused, honest("self-signed")),
        "tls-wrong-host": ("a certificate for another host", refused, honest("wrong-host")),
        "tls-unknown-ca": ("a certificate of an authority that is not trusted", refused, honest("unknown-ca")),
        "tls-1-0-only": ("a ServerHello of TLS 1.0", ["error:tls"], raw(hello_10)),
        "tls-version-alert": ("the alert protocol_version", ["error:tls"], raw(bytes.fromhex("15030100020246"))),
        "tls-plain-http": ("plain HTTP on the https port", ["error:tls"],
                           raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
        "tls-plain-503-once": ("503 in plain on the https port, once", right, once(
            raw(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", end=socket.socket.close), good)),
        "tls-garbage-once": ("bytes that are no TLS, once", right, once(raw(bytes(range(256))), good)),
        **{f"tls-1-2-flip-{at}-once": (f"TLS 1.2: a flipped bit in byte {at} of the first flight, once", right,
                                       once(flipped(at, context(authority, only=v12)), good)) for at in (3, 60, 200, 400)},
        **{f"tls-1-3-flip-{at}-once": (f"TLS 1.3: a flipped bit in byte {at} of the first flight, once", right,
                                       once(flipped(at, context(authority, only=v13)), good)) for at in (20, 200, 400)},
        "tls-silent": ("accepts, then silence, always", ["error:stall"], lambda c, _: hang(c)),
        "tls-silent-once": ("accepts, then silence, once", right, once(lambda c, _: hang(c), good)),
        "tls-half-hello": ("half of the server's first flight, then silence", ["error:stall"],
                           stalled(None, 0, half=True)),
        "tls-1-2-stall-flight-1": ("TLS 1.2: silence before the first flight", ["error:stall"], stalled(v12, 0)),
        "tls-1-2-stall-flight-2": ("TLS 1.2: silence before the Finished", ["error:stall"], stalled(v12, 1)),
        "tls-1-3-stall-flight-1": ("TLS 1.3: silence before the first flight", ["error:stall"], stalled(v13, 0)),
        "tls-1-3-stall-flight-2": ("TLS 1.3: silence after the first flight", ["error:stall"], stalled(v13, 1)),
        "tls-stall-answer": ("the handshake, then silence", ["error:stall"], quiet_body),
        "tls-close-mid-handshake": ("closes after half of the first flight, always", ["error:unavailable"],
                                    stalled(None, 0, half=True, end=socket.socket.close)),
        "tls-close-mid-handshake-once": ("closes after half of the first flight, once", right,
                                         once(stalled(None, 0, half=True, end=socket.socket.close), good)),
        "tls-rst-mid-handshake-once": ("RST after half of the first flight, once", right,
                                       once(stalled(None, 0, half=True, end=reset), good)),
        "tls-no-close-notify": ("breaks off after a third without close_notify, once", right, once(cut(1 / 3), good)),
        "tls-no-close-notify-no-length": ("breaks off after a third without close_notify nor length, once", right,
                                          once(cut(1 / 3, length=False), good)),
        "tls-truncated-always": ("breaks off before the first byte without close_notify, always",
                                 ["error:unavailable"], cut(0)),
        "tls-complete-no-close-notify": ("everything, then no close_notify", right, cut(1)),
        "tls-rst-in-body-once": ("RST after half of the body, once", right, once(cut(1 / 2, end=reset), good)),
    }


def connect_cases(content):
    """name: (about, expected outcomes, function that starts a server and returns the image's URL and the server)."""
    def honest(connection, _):
        answer(connection, content)

    def rst(connection, _):
        # Once the client has seen the connection made: a RST that comes sooner is a refusal to it.
        time.sleep(0.2)
        reset(connection)

    def rst_once(connection, number):
        (rst if number == 1 else honest)(connection, number)

    def slow_accept(connection, number):
        time.sleep(1)
        honest(connection, number)

    def late_close(connection, _):
        request(connection)

    def served(serve, host="127.0.0.1"):
        def make():
            server = Listener(serve, "::1" if host == "dns-v6-only.test" else "127.0.0.1")
            return f"http://{host}:{server.port}/image", server
        return make

    def first_resets():
        dead = Listener(rst)
        healthy = Listener(honest, "127.0.0.2", dead.port)
        dead.also = healthy
        return f"http://dns-first-dead.test:{dead.port}/image", dead

    def black_hole():
        hole = BlackHole()
        return f"http://127.0.0.1:{hole.port}/image", hole

    def nobody():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{free.getsockname()[1]}/image", None

    def unreached(host):
        return lambda: (f"http://{host}:80/image", None)

    right, unavailable, unconnected = ["right bytes"], ["error:unavailable"], ["error:connect"]
    return {
        "connect-refused": ("nobody listens", unconnected, nobody),
        "connect-black-hole": ("SYNs get no answer", unconnected, black_hole),
        "connect-rst": ("RST right after the connection is made, always", unavailable, served(rst)),
        "connect-rst-once": ("RST right after the connection is made, once", right, served(rst_once)),
        "connect-close": ("closed right after the connection is made, always", unavailable, served(lambda c, _: None)),
        "connect-close-after-request": ("closed after the request, always", unavailable, served(late_close)),
        "connect-slow": ("1 s until the request is read", right, served(slow_accept)),
        "name-two-addresses": ("a name whose first address refuses, the second answers", right,
                               served(honest, "localhost")),
        "name-first-resets": ("a name whose first address accepts and resets, always; the second answers", right,
                              first_resets),
        "name-slow": ("1.5 s until the name is resolved", right, served(honest, "dns-slow.test")),
        "name-server-fails": ("the name server fails, always", unconnected, unreached("dns-servfail.test")),
        "name-server-fails-once": ("the name server fails once", right, served(honest, "dns-fails-once.test")),
        "name-server-silent": ("the name server does not answer", unconnected, unreached("dns-stall.test")),
        "name-not-there": ("the name server knows no such name", unconnected, unreached("dns-none.test")),
        "name-without-address": ("a name without an address", unconnected, unreached("dns-empty.test")),
        "name-v6-only": ("a name with an IPv6 address alone", right, served(honest, "dns-v6-only.test")),
        "name-v6-dead": ("a name whose IPv6 address is dead, then an IPv4 address", right,
                         served(honest, "dns-v6-dead.test")),
        "name-unknown": ("a name that nobody knows", unconnected, unreached("no-such-host.invalid")),
        "name-impossible": ("a name whose label is longer than DNS allows", unconnected,
                            unreached("x" * 64 + ".test")),
    }
