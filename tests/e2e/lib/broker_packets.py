# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every packet that a broker may put on a connection, right and wrong, for a client in whatever state."""

import dataclasses
import itertools
import typing

from .packets import NAMES, encode, encode_id, encode_publish, encode_text

# What a server may send, with the flags that its packets have; PUBLISH has its own.
FLAGS = {2: 0, 4: 0, 5: 0, 6: 2, 7: 0, 9: 0, 11: 0, 13: 0}
UNKNOWN = 0x7FFF
# The client's limit for a packet, and what an offer may bring.
READ_BUFFER, OFFER_EXTRA = 2048, 25_000


@dataclasses.dataclass
class Packet:
    """`make(case)` is its bytes. `reason`: what the log says of it where it is illegal, "" where it is not."""

    name: str
    make: typing.Callable
    reason: str = ""
    # How the connection ends behind it: "", "close", "reset".
    ends: str = ""
    # The code of a CONNACK.
    connack: int = None
    # A message: where it goes, with which QoS and what the application must see of it.
    target: str = ""
    qos: int = 0
    seen: str = None
    # Whether it is a usable offer.
    offers: bool = False


def connacks():
    for code in (0, 1, 2, 3, 4, 5, 6, 255):
        yield Packet(f"CONNACK {code}", lambda _, code=code: encode(0x20, bytes([0, code])), "a second CONNACK", connack=code)
    yield Packet("CONNACK 0, session present", lambda _: encode(0x20, b"\1\0"), "a second CONNACK", connack=0)


def _user(case):
    return case.topic("user")


# What a message may be: its topic, its payload, what the application sees (None: nothing), whether it is an offer.
MESSAGES = {
    "offer": (lambda c: c.topic("upgrade"), lambda c: c.other_offer(), None, True),
    "large offer": (lambda c: c.topic("upgrade"), lambda c: c.other_offer(ext="e" * OFFER_EXTRA), None, True),
    "offer as answer": (lambda c: c.topic("request"), lambda c: c.other_offer(), None, True),
    "newer answer": (lambda c: c.topic("get_reply"), lambda c: c.other_answer(), None, True),
    "no topic of ours": (lambda c: "/nobody/asked/for/this", lambda c: b"x", None, False),
    "user message": (_user, lambda c: b"injected", "message injected 8", False),
    "largest user message": (_user, lambda c: b"largest".ljust(c.room(_user(c)), b"."), "message largest......... ", False),
    "user message too large": (_user, lambda c: b"x" * (c.room(_user(c)) + 1), None, False),
    "empty user message": (_user, lambda c: b"", "message  0", False),
    "empty offer": (lambda c: c.topic("upgrade"), lambda c: b"", None, False),
    "offer that is none": (lambda c: c.topic("upgrade"), lambda c: b"{\"data\":[1,", None, False),
    "bytes for an offer": (lambda c: c.topic("upgrade"), lambda c: bytes(range(256)), None, False),
}


def messages():
    flags = {"": {}, ", DUP": {"dup": True}, ", retained": {"retain": True}}
    for (what, (topic, payload, seen, offers)), qos, (how, bits) in itertools.product(MESSAGES.items(), range(3),
                                                                                      flags.items()):
        def make(case, topic=topic, payload=payload, qos=qos, bits=bits):
            return encode_publish(topic(case), payload(case), qos, case.message_id, **bits)
        yield Packet(f"{what}, QoS {qos}{how}", make, target=what, qos=qos, seen=seen, offers=offers)


def odd_messages():
    """Topics that are none are dropped and acknowledged; what breaks the form is not."""
    for what, topic in {"empty topic": b"", "wildcard in a topic": b"/a/+", "NUL in a topic": b"/a\0b",
                        "topic that is not UTF-8": b"/\xff"}.items():
        yield Packet(what, lambda c, topic=topic: encode_publish(topic, b"x", 1, c.message_id), target=what, qos=1)
    yield Packet("QoS 3", lambda c: encode(0x36, encode_text("/a") + b"\0\1x"), "PUBLISH with flags 6")
    for qos in (1, 2):
        yield Packet(f"QoS {qos}, id 0", lambda c, qos=qos: encode_publish("/a", b"x", qos, 0), "packet id 0")
        yield Packet(f"QoS {qos}, no id", lambda c, qos=qos: encode(0x30 | qos << 1, encode_text("/a")), "PUBLISH cut short")
        yield Packet(f"QoS {qos}, too large, id 0", lambda c, qos=qos: encode_publish("/a", b"x" * 5000, qos, 0), "packet id 0")
    yield Packet("topic beyond the end", lambda _: encode(0x30, b"\0\x09/a"), "PUBLISH cut short")
    yield Packet("topic beyond the end of a large one", lambda _: encode(0x30, b"\xff\xff" + b"/a" * 1500),
                 "PUBLISH cut short")
    yield Packet("PUBLISH of one byte", lambda _: encode(0x30, b"\0"), "PUBLISH of 1 byte")


def acknowledgements():
    """Of what is outstanding, of nothing, and of the id that does not exist."""
    for first, ident in itertools.product((0x40, 0x50, 0x62, 0x70, 0xB0), ("known", "unknown", "zero")):
        yield Packet(f"{NAMES[first >> 4]}, {ident} id", lambda c, first=first, ident=ident: encode_id(first, c.ident(ident)))
    codes = {"granted 0": b"\0", "granted 1": b"\1", "granted 2": b"\2", "refused": b"\x80", "two codes": b"\0\0",
             "refused and granted": b"\x80\0"}
    for ident, (what, code) in itertools.product(("known", "unknown"), codes.items()):
        yield Packet(f"SUBACK, {ident} id, {what}", lambda c, ident=ident, code=code: encode_id(0x90, c.ident(ident), code))
    for ident in ("known", "unknown"):
        yield Packet(f"SUBACK, {ident} id, no code", lambda c, ident=ident: encode_id(0x90, c.ident(ident)),
                     "SUBACK of 2 bytes")
        yield Packet(f"SUBACK, {ident} id, code 3", lambda c, ident=ident: encode_id(0x90, c.ident(ident), b"\3"),
                     "SUBACK with a code")
    yield Packet("PINGRESP", lambda _: encode(0xD0))


def never():
    """Types that no server sends."""
    connect = encode(0x10, encode_text("MQTT") + bytes([4, 2, 0, 60]) + encode_text("x"))
    only_clients = {"CONNECT": connect, "SUBSCRIBE": encode(0x82, b"\0\1" + encode_text("/a") + b"\0"),
                    "UNSUBSCRIBE": encode(0xA2, b"\0\1" + encode_text("/a")), "PINGREQ": encode(0xC0),
                    "DISCONNECT": encode(0xE0)}
    for name, data in only_clients.items():
        yield Packet(f"{name} from the server", lambda _, data=data: data, f"{name}, which only a client sends")
    for kind, body in itertools.product((0, 15), (b"", b"\0\0")):
        yield Packet(f"type {kind}, {len(body)} bytes", lambda _, k=kind, body=body: encode(k << 4, body),
                     f"type {kind}, which is reserved")


def forms():
    """Flags and lengths that a type cannot have."""
    bodies = {2: b"\0\0", 9: b"\0\1\0", 13: b""}
    for kind, right in FLAGS.items():
        body = bodies.get(kind, b"\0\1")
        for flags in {1, 2, 15} - {right} | ({0} if right else set()):
            yield Packet(f"{NAMES[kind]}, flags {flags}", lambda _, first=kind << 4 | flags, body=body: encode(first, body),
                         f"{NAMES[kind]} with flags {flags}")
        for length in {0, 1, len(body) + 1, 200} - ({len(body)} | ({4} if kind == 9 else set())):
            unit = "byte" if length == 1 else "bytes"
            yield Packet(f"{NAMES[kind]}, {length} {unit}",
                         lambda _, first=kind << 4 | right, length=length: encode(first, b"\0" * length),
                         f"{NAMES[kind]} of {length} {unit}")
    for first in (0x20, 0x30, 0x40, 0x90, 0xD0, 0xF0):
        yield Packet(f"{first:#x}, a length of five bytes", lambda _, first=first: bytes([first]) + b"\xff" * 4 + b"\1",
                     "a length of more than four bytes")
    yield Packet("HTTP", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "PUBACK with flags 8")


def cuts():
    """Packets that do not end, and none at all; then the connection ends."""
    for how in ("close", "reset"):
        yield Packet(f"nothing, {how}", lambda _: b"", ends=how)
        for share in (0.0, 0.02, 0.5, 1.0):
            def make(case, share=share):
                whole = encode_publish(case.topic("upgrade"), case.other_offer(), 1, case.message_id)
                return whole[:1 + int(share * (len(whole) - 2))]
            yield Packet(f"{share:.0%} of an offer, {how}", make, ends=how)


def every():
    """All of them, by name."""
    packets = {}
    for packet in itertools.chain(connacks(), messages(), odd_messages(), acknowledgements(), never(), forms(), cuts()):
        assert packet.name not in packets, packet.name
        packets[packet.name] = packet
    return packets
