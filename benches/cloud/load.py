# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients that cost little, so that the servers are measured: downloads, and thousands of devices over MQTT."""

import hashlib
import hmac
import select
import socket
import struct
import threading
import time

# Longer is broken.
PATIENCE = 120
PIECE = 1 << 20


def fetch(port, target):
    """Bytes of the body of one download; they are counted and dropped in the kernel, not copied."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link:
        link.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(65536) or b"\r\n\r\n"
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise SystemExit(f"bench: {target} was answered with {head[:200]!r}")
        count = len(head.split(b"\r\n\r\n", 1)[1])
        buffer = bytearray(PIECE)
        while True:
            n = link.recv_into(buffer, PIECE, socket.MSG_TRUNC)
            if not n:
                return count
            count += n


def throughput(port, target, clients, size):
    """Bytes a second that so many clients get together, of one download each."""
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(fetch(port, target))) for _ in range(clients)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    if counts != [size] * clients:
        raise SystemExit(f"bench: {counts} bytes came instead of {clients} times {size}")
    return clients * size / seconds


def _text(text):
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first, body):
    length, out = len(body), bytes([first])
    while length > 127:
        out += bytes([length & 127 | 128])
        length >>= 7
    return out + bytes([length]) + body


def connect(product, device, secret):
    """A sign-in of Link Kit."""
    signed = f"clientId{device}deviceName{device}productKey{product}"
    password = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return _packet(0x10, _text("MQTT") + bytes([4, 0xC2, 0, 240]) + _text(f"{device}|signmethod=hmacsha256,securemode=3|")
                   + _text(f"{device}&{product}") + _text(password))


def subscribe(product, device):
    """Ten filters, those that firmware with OTA, a thing model and remote configuration has."""
    filters = [f"/ota/device/upgrade/{product}/{device}"]
    filters += [f"/sys/{product}/{device}/thing/{rest}" for rest in (
        "ota/firmware/get_reply", "config/push", "config/get_reply", "deviceinfo/update_reply", "service/property/set",
        "event/property/post_reply", "event/+/post_reply", "service/+", "reset_reply")]
    return _packet(0x82, b"\0\1" + b"".join(_text(f) + b"\1" for f in filters))


def publish(topic, payload):
    """At least once, with the id 2."""
    return _packet(0x32, _text(topic) + b"\0\2" + payload.encode())


class Devices:
    """Many connections, each of which signs in, subscribes, and stays."""

    def __init__(self, port, product, secret, count):
        self.links = {}
        self.poll = select.epoll()
        names = [f"dev-{n:05d}" for n in range(count)]
        # Made before the clock starts.
        packets = [(connect(product, name, secret), subscribe(product, name)) for name in names]
        begin = time.monotonic()
        waiting = iter(packets)
        done, open_ones = 0, 0
        while done < count:
            # As many at a time as a listener's queue takes.
            while open_ones < 256 and (both := next(waiting, None)):
                link = socket.socket()
                link.setblocking(False)
                link.connect_ex(("127.0.0.1", port))
                self.links[link.fileno()] = [link, both, b""]
                self.poll.register(link, select.EPOLLOUT)
                open_ones += 1
            for number, event in self.poll.poll(PATIENCE) or self._late(done):
                finished = self._step(number, event)
                done, open_ones = done + finished, open_ones - finished
        self.seconds = time.monotonic() - begin

    @staticmethod
    def _late(done):
        raise SystemExit(f"bench: {done} devices have subscribed, and nothing more happens")

    def _step(self, number, event):
        """What a connection does next; whether it is ready."""
        state = self.links[number]
        link, packets, heard = state
        if event & select.EPOLLOUT:
            link.sendall(packets[0])
            self.poll.modify(link, select.EPOLLIN)
            return False
        data = link.recv(65536)
        if not data:
            raise SystemExit(f"bench: a device was sent away after {heard!r}")
        state[2] = heard = heard + data
        if len(heard) == 4:
            if heard != b"\x20\x02\0\0":
                raise SystemExit(f"bench: a sign-in was answered with {heard!r}")
            link.sendall(packets[1])
        if len(heard) < 4 + 14:
            return False
        if heard[4] != 0x90 or any(code > 1 for code in heard[8:18]):
            raise SystemExit(f"bench: filters were answered with {heard[4:]!r}")
        self.poll.unregister(link)
        return True

    def send(self, packet_of):
        """One message from each, acknowledged. `packet_of` makes it from a device's number."""
        for n, (link, *_) in enumerate(self.links.values()):
            link.setblocking(True)
            link.settimeout(PATIENCE)
            link.sendall(packet_of(n))
        for link, *_ in self.links.values():
            heard = b""
            while b"\x40\x02\0\2" not in heard:
                heard += link.recv(65536) or self._late(0)

    def close(self):
        for link, *_ in self.links.values():
            link.close()
        self.poll.close()
