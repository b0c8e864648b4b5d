# SPDX-License-Identifier: MIT OR Apache-2.0
"""MQTT 3.1.1 control packets, decoded from a byte stream for comparison with golden transcripts."""

from dataclasses import dataclass, field

NAMES = {1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP",
         8: "SUBSCRIBE", 9: "SUBACK", 10: "UNSUBSCRIBE", 11: "UNSUBACK", 12: "PINGREQ", 13: "PINGRESP",
         14: "DISCONNECT"}

FROM_DEVICE, FROM_BROKER = "C>S", "S>C"


@dataclass
class Packet:
    """One packet. Which of the fields are set depends on `name`."""
    name: str
    direction: str
    connection: int
    time: float
    packet_id: int = None
    topic: str = None
    payload: bytes = None
    qos: int = None
    dup: bool = False
    retain: bool = False
    filters: list = field(default_factory=list)   # SUBSCRIBE: (filter, qos); UNSUBSCRIBE: filter
    codes: list = field(default_factory=list)     # SUBACK
    code: int = None                              # CONNACK
    connect: dict = None                          # CONNECT


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def short(self):
        self.at += 2
        return int.from_bytes(self.data[self.at - 2:self.at], "big")

    def block(self):
        length = self.short()
        self.at += length
        return self.data[self.at - length:self.at]

    def text(self):
        return self.block().decode()

    def rest(self):
        return self.data[self.at:]

    def more(self):
        return self.at < len(self.data)


class Decoder:
    """Feed it stream bytes of one direction of one connection; it returns the packets that became complete."""

    def __init__(self, direction, connection):
        self.direction, self.connection, self.buffer = direction, connection, b""

    def feed(self, data, now):
        self.buffer += data
        packets = []
        while True:
            split = self._split()
            if split is None:
                return packets
            first, body = split
            packets.append(self._decode(first, body, now))

    def _split(self):
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self.buffer):
                return None
            length |= (self.buffer[at] & 0x7F) << shift
            at += 1
            if not self.buffer[at - 1] & 0x80:
                break
            shift += 7
        if len(self.buffer) < at + length:
            return None
        first, body = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return first, body

    def _decode(self, first, body, now):
        name = NAMES.get(first >> 4, f"TYPE{first >> 4}")
        p = Packet(name, self.direction, self.connection, now)
        r = _Reader(body)
        if name == "CONNECT":
            p.connect = self._connect(r)
        elif name == "CONNACK":
            r.byte()
            p.code = r.byte()
        elif name == "PUBLISH":
            p.dup, p.qos, p.retain = bool(first & 8), first >> 1 & 3, bool(first & 1)
            p.topic = r.text()
            p.packet_id = r.short() if p.qos else None
            p.payload = r.rest()
        elif name == "SUBSCRIBE":
            p.packet_id = r.short()
            while r.more():
                p.filters.append((r.text(), r.byte()))
        elif name == "SUBACK":
            p.packet_id = r.short()
            p.codes = list(r.rest())
        elif name == "UNSUBSCRIBE":
            p.packet_id = r.short()
            while r.more():
                p.filters.append(r.text())
        elif len(body) >= 2:
            p.packet_id = r.short()
        return p

    @staticmethod
    def _connect(r):
        c = {"protocol": r.text(), "level": r.byte(), "flags": r.byte(), "keepalive": r.short(),
             "client_id": r.text()}
        if c["flags"] & 0x04:
            c["will_topic"], c["will_payload"] = r.text(), r.block()
        c["username"] = r.text() if c["flags"] & 0x80 else None
        c["password"] = r.text() if c["flags"] & 0x40 else None
        return c


# ---- packets as bytes

def encode(first, body=b""):
    """A packet of a first byte and a body, with the length between them."""
    return bytes([first]) + encode_length(len(body)) + body


def encode_length(length):
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | (0x80 if length else 0))
        if not length:
            return bytes(out)


def encode_text(text):
    data = text if isinstance(text, bytes) else text.encode()
    return len(data).to_bytes(2, "big") + data


def encode_publish(topic, payload=b"", qos=0, packet_id=1, dup=False, retain=False):
    """`topic` as text, or as bytes that need not be any."""
    data = payload if isinstance(payload, bytes) else payload.encode()
    number = packet_id.to_bytes(2, "big") if qos else b""
    return encode(0x30 | dup << 3 | qos << 1 | retain, encode_text(topic) + number + data)


def encode_id(first, packet_id, more=b""):
    """A packet that is a packet id, and perhaps something behind it."""
    return encode(first, packet_id.to_bytes(2, "big") + more)
