# SPDX-License-Identifier: MIT OR Apache-2.0
"""A broker of the test's own for one device: it answers as a broker does, holds back the answers that it is told to hold
back, and sends whatever bytes the test wants."""

import contextlib
import socket
import struct
import threading
import time

from .packets import FROM_BROKER, FROM_DEVICE, Decoder, encode, encode_id, encode_publish

_IDS = range(0x4000, 0x8000)


class Connection:
    """One connection of the device. `packets` is what both sides said, in order; what the test injects is not in it."""

    def __init__(self, broker, sock, number):
        self.broker, self.number, self._socket = broker, number, sock
        self.packets, self.filters, self.held = [], {}, []
        # Whether CONNACK has gone out, and whether the device may still say something.
        self.signed_in, self.open = False, True
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        decoder = Decoder(FROM_DEVICE, self.number)
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                for packet in decoder.feed(data, time.monotonic()):
                    self._take(packet)
        with self.broker.changed:
            self.open = False
            self.broker.changed.notify_all()
        self._socket.close()

    def _take(self, packet):
        with self.broker.changed:
            self.packets.append(packet)
            answers = self._answers(packet)
            hold = self.broker.hold
            if hold and hold(self, packet):
                self.held.append((packet, answers))
                answers = []
            for act in answers:
                act()
            self.broker.changed.notify_all()

    def _answers(self, packet):
        """What a broker does about a packet, as functions."""
        name, number = packet.name, packet.packet_id
        if name == "CONNECT":
            return [self.accept]
        if name == "SUBSCRIBE":
            filters = dict(packet.filters)
            return [lambda: self.filters.update(filters),
                    lambda: self.send(encode_id(0x90, number, bytes(filters.values())))]
        if name == "UNSUBSCRIBE":
            for each in packet.filters:
                self.filters.pop(each, None)
            return [lambda: self.send(encode_id(0xB0, number))]
        if name == "PUBLISH" and packet.qos:
            return [lambda: self.send(encode_id(0x40, number))]
        simple = {"PUBREC": encode_id(0x62, number or 0), "PINGREQ": encode(0xD0)}
        if name in simple:
            return [lambda: self.send(simple[name])]
        return [self.close] if name == "DISCONNECT" else []

    def accept(self):
        self.signed_in = True
        self.send(encode(0x20, b"\0\0"))

    def release(self):
        """Gives the answers that were held back, and holds back no more."""
        with self.broker.changed:
            self.broker.hold = None
            held, self.held = self.held, []
            for _, answers in held:
                for act in answers:
                    act()
            self.broker.changed.notify_all()

    def send(self, data):
        """Puts bytes on the connection. Whether it took them."""
        try:
            self._socket.sendall(data)
            return True
        except OSError:
            return False

    def publish(self, topic, payload, qos=1):
        """An application message; its packet id."""
        number = self.broker.next_id()
        self.send(encode_publish(topic, payload, qos, number))
        return number

    def close(self):
        """Ends it in good order: what was sent is delivered."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends it with RST."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.shutdown(socket.SHUT_RD)
        with self.broker.changed:
            self.open = False
        self._socket.close()

    def list(self, name, part=""):
        """The device's packets of a kind whose topic or filter contains a part."""
        return [p for p in list(self.packets) if p.name == name and p.direction != FROM_BROKER and
                part in (p.topic or " ".join(f if isinstance(f, str) else f[0] for f in p.filters))]


class ScriptedBroker:
    """Listens on `port`. `hold` is asked for each packet of the device whether its answer is held back."""

    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.connections, self.hold = [], None
        self._ids = iter(_IDS)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self.connections.append(Connection(self, sock, len(self.connections) + 1))
                self.changed.notify_all()

    def begin(self, hold=None):
        """Forgets the connections of before."""
        with self.changed:
            for connection in self.connections:
                connection.close()
            self.connections, self.hold, self._ids = [], hold, iter(_IDS)

    def next_id(self):
        return next(self._ids)

    @property
    def newest(self):
        return self.connections[-1] if self.connections else None

    def wait(self, condition, what, timeout=10.0):
        """Waits until `condition()` is true and returns its value."""
        end = time.monotonic() + timeout
        with self.changed:
            while not (value := condition()):
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"timed out after {timeout} s waiting for {what}; {self.story()}")
                self.changed.wait(min(left, 0.2))
            return value

    def told(self):
        """Something that a condition may be about has changed elsewhere."""
        with self.changed:
            self.changed.notify_all()

    def story(self):
        """What each connection said, for failure messages."""
        return "; ".join(f"connection {c.number}{'' if c.open else ' (over)'}: " +
                         " ".join(f"{p.name}{'' if p.packet_id is None else f'({p.packet_id})'}" for p in list(c.packets))
                         for c in self.connections)

    def close(self):
        self._listener.close()
        self.begin()
