# SPDX-License-Identifier: MIT OR Apache-2.0
"""A TCP proxy in front of a broker that records both directions as MQTT packets, and can break the link."""

import socket
import threading
import time

from .packets import FROM_BROKER, FROM_DEVICE, Decoder, encode_publish
from .proc import wait_until


class RecordingProxy:
    """Listens on `port`. `packets` is the record, in the order in which the bytes passed."""

    def __init__(self, broker_port):
        self.broker_port = broker_port
        self.packets = []
        self.refusing = False      # accepts and closes at once
        self.frozen = False        # relays nothing, keeps connections open
        self.delay = 0.0           # seconds that each portion is held back
        self.bytewise = False      # relays byte by byte
        self.rewrite = None        # makes other bytes of what the broker sends
        self._lock = threading.Lock()
        self._pairs = {}
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                device, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                device.close()
                continue
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port), timeout=5)
            except OSError:
                device.close()
                continue
            broker.settimeout(None)
            for s in (device, broker):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections += 1
                number = self._connections
                self._pairs[number] = (device, broker)
            for source, sink, way in ((device, broker, FROM_DEVICE), (broker, device, FROM_BROKER)):
                threading.Thread(target=self._pump, args=(number, source, sink, way), daemon=True).start()

    def _pump(self, number, source, sink, direction):
        decoder = Decoder(direction, number)
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if self.rewrite is not None and direction == FROM_BROKER:
                    data = self.rewrite(data)
                packets = decoder.feed(data, time.monotonic())
                with self._lock:
                    self.packets.extend(packets)
                time.sleep(self.delay)
                while self.frozen and number in self._pairs:
                    time.sleep(0.02)
                for at in range(0, len(data), 1 if self.bytewise else len(data)):
                    sink.sendall(data[at:at + 1] if self.bytewise else data)
        except OSError:
            pass
        self._drop(number)

    def _drop(self, number):
        with self._lock:
            pair = self._pairs.pop(number, ())
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def inject_publish(self, topic, payload):
        """Puts a QoS 0 PUBLISH that no broker sent on the newest connection, towards the device."""
        self.inject(encode_publish(topic, payload))

    def inject(self, data):
        """Puts bytes that no broker sent on the newest connection, towards the device."""
        with self._lock:
            device = self._pairs[max(self._pairs)][0]
        device.sendall(data)

    @property
    def connections(self):
        """How many connections were relayed so far."""
        return self._connections

    def drop_all(self):
        """Breaks every open connection; new ones are still accepted unless `refusing`."""
        for number in list(self._pairs):
            self._drop(number)

    def list(self, name=None, direction=FROM_DEVICE, connection=None, topic=None):
        """Recorded packets, filtered."""
        with self._lock:
            packets = list(self.packets)
        return [p for p in packets
                if (name is None or p.name == name) and (direction is None or p.direction == direction)
                and (connection is None or p.connection == connection) and (topic is None or p.topic == topic)]

    def wait(self, count=1, timeout=10.0, **filters):
        """Waits for at least `count` packets that match; returns them."""
        def enough():
            found = self.list(**filters)
            return found if len(found) >= count else None
        return wait_until(enough, timeout, f"{count} packets {filters}, seen {[p.name for p in self.list()]}")

    def close(self):
        self._listener.close()
        self.drop_all()
