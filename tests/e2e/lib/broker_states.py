# SPDX-License-Identifier: MIT OR Apache-2.0
"""The states of a device (tests/c/linkkit/broker_states.c) that a broker can interfere with, and one case: a packet in a
state, with all that must hold afterwards."""

import dataclasses
import itertools
import json
import os
import random
import threading
import time
import typing

from . import liars
from .broker import offer
from .broker_packets import READ_BUFFER, UNKNOWN
from .context import CONTEXT
from .packets import encode_publish
from .proc import Process, wait_until
from .scripted import ScriptedBroker

PK = "a1TestProdK"
FIRST, OTHER, FINAL = "2.0.0", "3.0.0", "9.0.0"
# What a message is answered with.
ANSWERS = {0: (), 1: ("PUBACK",), 2: ("PUBREC", "PUBCOMP")}
# How late a call may be on a machine that is full, in milliseconds.
LATE_MS = 1500

_numbers = itertools.count(1)


class Images:
    """Serves the images of all cases, at /DEVICE/VERSION. What is in `stalled` stops half way, what is in `expired` is
    refused unless the URL is a fresh one."""

    def __init__(self):
        self.content = {version: random.Random(version).randbytes(20_000) for version in (FIRST, OTHER, FINAL)}
        self.stalled, self.expired, self.refused = {}, set(), set()
        self._server = liars.Listener(self._serve)

    def offer(self, name, version, fresh=False, **more):
        data = self.content[version]
        url = f"http://127.0.0.1:{self._server.port}/{name}/{version}{'?fresh' if fresh else ''}"
        return offer(len(data), version, url, liars.md5(data), **more)

    def _serve(self, connection, _):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if not more:
                return
            head += more
        path = head.split(b" ", 2)[1].decode()
        name, version = path.split("?")[0].strip("/").split("/")
        if name in self.expired and version == FIRST and not path.endswith("?fresh"):
            self.refused.add(name)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        data, offset = self.content[version], 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"range: bytes="):
                offset = int(line[13:].rstrip(b"-"))
        middle = len(data) // 2
        connection.sendall(liars.head(offset, len(data)) + data[offset:middle])
        if version == FIRST and name in self.stalled and not path.endswith("?fresh"):
            self.stalled[name].wait(20)
            if name in self.expired:
                # It ends here, and has no use any more.
                return
        connection.sendall(data[max(offset, middle):])

    def forget(self, name):
        self.expired.discard(name)
        self.refused.discard(name)
        self.stalled.pop(name, threading.Event()).set()

    def close(self):
        self._server.close()


@dataclasses.dataclass
class State:
    """`reach(case)` waits until the device is there and gives the connection that it is about. `on` ends what made it."""

    name: str
    reach: typing.Callable
    on: typing.Callable = lambda case: None
    # CONNACK is still to come.
    signing_in: bool = False
    # The device is not to be asked for what it has ended itself.
    session_ends: bool = False
    client_ends: bool = False
    # Whether the first offer is installed: "always", or unless another took its place before its first byte ("alone").
    first: str = ""


def base(case):
    """The device is up and has told its version."""
    def there():
        connection = case.broker.newest
        return connection and case.subscribed(connection) and (case.state.name == "renewing-newer" or
                                                               connection.list("PUBLISH", "/inform/")) and connection
    return case.broker.wait(there, "the device")


def held(case, number, what):
    def hold(connection, packet):
        return connection.number == number and what(packet)
    case.broker.hold = hold

    def there():
        found = [c for c in case.broker.connections if c.number == number and c.held]
        return found and found[0]
    return lambda: case.broker.wait(there, "what is held back")


def is_connect(packet):
    return packet.name == "CONNECT"


def connecting(case):
    return case.holding()


def when_held(case):
    return case.holding()


def offered(case):
    connection = base(case)
    number = connection.publish(case.topic("upgrade"), case.first_offer())
    case.broker.wait(lambda: any(p.packet_id == number for p in connection.list("PUBACK")), "PUBACK of the offer")
    return connection


def downloading(case):
    case.images.stalled[case.name] = threading.Event()
    connection = base(case)
    connection.publish(case.topic("upgrade"), case.first_offer())
    case.line("taking")
    return connection


def renewing(question):
    def reach(case):
        case.images.expired.add(case.name)
        connection = base(case)
        connection.publish(case.topic("upgrade"), case.first_offer())
        case.broker.wait(lambda: connection.list("PUBLISH", question) and
                         (question == "/request/" or case.topic("get_reply") in connection.filters), "the question")
        return connection
    return reach


def renew(case):
    # Where the packet was another offer, the platform stands by that one.
    if not case.taken:
        topic, answer = case.topic("request"), case.first_offer(True)
        if case.state.name == "renewing-newer":
            topic, answer = case.topic("get_reply"), case.answer(FIRST, True)
        case.broker.newest.publish(topic, answer)


def cut_link(what):
    def reach(case):
        connection = base(case)
        holding = held(case, 2, what)
        connection.close()
        found = holding()
        return found if what is is_connect else \
            case.broker.wait(lambda: len(found.held) >= len(case.filters()) and found, "the subscriptions")
    return reach


def expired_offline(case):
    """The URL expires during an outage: whom to ask is known only once that is over."""
    connection = downloading(case)
    holding = held(case, 2, is_connect)
    connection.close()
    found = holding()
    case.images.expired.add(case.name)
    case.images.stalled[case.name].set()
    wait_until(lambda: case.name in case.images.refused, what="a refused URL")
    return found


def renew_when_asked(case):
    newest = case.broker.newest
    case.broker.wait(lambda: newest.list("PUBLISH", "/request/"), "the question")
    renew(case)


def opening(case):
    case.line("cut me off")
    connection, holding = case.broker.newest, held(case, 2, is_connect)
    connection.close()
    found = holding()
    case.line("opened")
    return found


def deinit(case):
    return case.broker.wait(lambda: case.broker.newest and case.broker.newest.list("UNSUBSCRIBE") and case.broker.newest,
                            "UNSUBSCRIBE")


def says(name, part):
    return lambda packet: packet.name == name and (part in (packet.topic or packet.payload or "") or
                                                   any(part in f[0] for f in packet.filters))


HOLDS = {
    "connecting": is_connect,
    "subscribing": says("SUBSCRIBE", "/extra"),
    "subscribe-sync": says("SUBSCRIBE", "/extra"),
    "reporting": lambda packet: packet.name == "PUBLISH" and b"1.0.1" in packet.payload,
    "destroy": lambda packet: packet.name == "DISCONNECT",
}

STATES = {state.name: state for state in (
    State("connecting", connecting, signing_in=True),
    State("idle", base),
    State("subscribing", when_held),
    State("subscribe-sync", when_held),
    State("reporting", when_held),
    State("opening", opening, signing_in=True),
    State("offered", offered, lambda case: case.broker.newest.publish(case.topic("user"), "go"), first="alone"),
    State("downloading", downloading, lambda case: case.images.stalled[case.name].set(), first="always"),
    State("renewing", renewing("/request/"), renew, first="alone"),
    State("renewing-newer", renewing("/firmware/get"), renew, first="alone"),
    State("expired-offline", expired_offline, renew_when_asked, signing_in=True, first="always"),
    State("reconnecting", cut_link(is_connect), signing_in=True),
    State("resubscribing", cut_link(lambda packet: packet.name == "SUBSCRIBE")),
    State("deinit", deinit, session_ends=True),
    State("destroy", when_held, session_ends=True, client_ends=True),
)}


class Device:
    """The program, its broker, and the images: cases one after the other."""

    def __init__(self, images):
        self.images, self.broker = images, ScriptedBroker()
        self.process = Process([CONTEXT.program("broker_states"), PK, FINAL], stdin=True,
                               env={"OTAKIT_LAB_ALIYUN_MQTT": f"127.0.0.1:{self.broker.port}"})

    def close(self):
        self.process.kill()
        self.broker.close()


class Case:
    """One packet in one state."""

    def __init__(self, device, state, packet):
        self.device, self.state, self.packet = device, state, packet
        self.broker, self.images = device.broker, device.images
        self.name = f"state-{os.getpid()}-{next(_numbers)}"
        self._first_line = len(device.process.out_lines)
        self.message_id, self.taken = 0x7001, False

    # -- what packets are made of

    def topic(self, kind):
        if kind in ("user", "extra"):
            return f"/{PK}/{self.name}/user/{'get' if kind == 'user' else kind}"
        if kind == "get_reply":
            return f"/sys/{PK}/{self.name}/thing/ota/firmware/get_reply"
        return f"/ota/device/{kind}/{PK}/{self.name}"

    def filters(self):
        return [self.topic(kind) for kind in ("user", "request", "upgrade")] + [
            f"/sys/{PK}/{self.name}/thing/config/{kind}" for kind in ("get_reply", "push")]

    def subscribed(self, connection):
        return all(each in connection.filters for each in self.filters())

    def first_offer(self, fresh=False):
        return json.dumps(self.images.offer(self.name, FIRST, fresh))

    def other_offer(self, ext=None):
        return json.dumps(self.images.offer(self.name, OTHER, ext=ext))

    def answer(self, version, fresh=False):
        data = self.images.offer(self.name, version, fresh)["data"]
        return json.dumps({"id": "1", "code": 200, "data": {**data, "signMethod": "Md5", "sign": data["md5"]}})

    def other_answer(self):
        return self.answer(OTHER)

    def room(self, topic):
        """The longest payload on a topic with QoS 0 that the client's buffer takes, less what QoS adds."""
        qos = self.packet.qos
        return READ_BUFFER - 3 - 2 - len(topic) - (2 if qos else 0)

    def ident(self, which):
        if which == "unknown":
            return UNKNOWN
        return 0 if which == "zero" else self.known

    # -- what the device says

    def lines(self):
        return self.device.process.out_lines[self._first_line:]

    def line(self, text, timeout=30.0):
        def seen():
            if not self.device.process.alive():
                time.sleep(0.1)
                raise AssertionError(f"the program ended: {self.device.process.child.poll()}\n{self.device.process.tail()}")
            return next((line for line in self.lines() if line.startswith(text)), None)
        return wait_until(seen, timeout, f"{text!r}; {self.broker.story()}", 0.005)

    # -- one case

    def run(self):
        """AssertionError when something does not hold."""
        state, packet = self.state, self.packet
        self.broker.begin()
        if state.name in HOLDS:
            self.holding = held(self, 1, HOLDS[state.name])
        try:
            self.device.process.child.stdin.write(f"{self.name} {state.name}\n")
            self.device.process.child.stdin.flush()
            connection = state.reach(self)
            self._inject(connection)
            self._go_on(connection)
            self.line("done")
            self._judge(connection)
        finally:
            self.images.forget(self.name)

    def _inject(self, connection):
        said = [p.packet_id for p, _ in connection.held] or [p.packet_id for p in connection.packets]
        self.known = next((number for number in said if number), 1) if connection.held else \
            next((number for number in reversed(said) if number), 1)
        self.broken = bool(self.packet.ends) or (self.packet.connack != 0 if self.state.signing_in else
                                                 bool(self.packet.reason))
        subscribed = {"offer", "large offer", "offer as answer"} | (
            {"newer answer"} if self.state.name == "renewing-newer" else set())
        self.taken = self.packet.offers and self.packet.target in subscribed and not self.broken and \
            not self.state.session_ends
        # No answer to what the device says meanwhile may come between the two: it would end the packet that was cut.
        with self.broker.changed:
            connection.send(self.packet.make(self))
            if self.packet.ends == "close":
                connection.close()
            elif self.packet.ends == "reset":
                connection.reset()
        if self.state.signing_in and self.packet.connack == 0:
            # That was the answer.
            connection.held.clear()
            connection.signed_in = True

    def _go_on(self, connection):
        connection.release()
        if self.broken and not self.state.client_ends:
            self.broker.wait(lambda: self.broker.newest.number > connection.number, "another connection")
        # Before these the device is not ready to be asked.
        if self.state.session_ends or self.state.name == "connecting":
            self.line("follow")
        self.broker.wait(lambda: self.subscribed(self.broker.newest), "the subscriptions")
        if self.acknowledges():
            self.broker.wait(lambda: all(self.said(connection, answer) for answer in ANSWERS[self.packet.qos]),
                             " and ".join(ANSWERS[self.packet.qos]))
        self.state.on(self)
        self.line("follow")
        # What is acknowledged is not lost.
        if self.state.first == "always" or (self.state.first and not self.taken):
            self.line(f"image {FIRST} 1")
        if self.taken:
            self.line(f"image {OTHER} 1")
        self.broker.newest.publish(self.topic("upgrade"), json.dumps(self.images.offer(self.name, FINAL)))

    def _judge(self, connection):
        lines, wrong = self.lines(), []

        def must(holds, what):
            if not holds:
                wrong.append(what)
        for text in (f"image {FINAL} 1", "final 1", "whole 1", "late 0", "deinit 0", "destroy 0", "done"):
            must(text in lines, f"no line {text!r}")
        must("extra 0" not in lines, "subscription failed")
        for line in lines:
            if line.startswith("over ") and int(line.split()[2]) > LATE_MS:
                wrong.append(line)
        packet = self.packet
        if packet.seen is not None and not self.broken and not self.state.client_ends:
            must(sum(line.startswith(packet.seen) for line in lines) == 1, f"not one {packet.seen!r}")
        if self.state.name == "reporting":
            # Said again on the next connection, unless it was acknowledged before.
            again = [p for p in self.broker.newest.list("PUBLISH", "/inform/") if b"1.0.1" in p.payload]
            must(len(again) == 1 and again[0].dup == self.broken, "the report of the version was lost")
        # Reconnected exactly where the protocol was broken.
        last = self.broker.newest.number
        expected = connection.number + (1 if self.broken or self.state.client_ends else 0)
        must(last == expected, f"{last} connections, not {expected}")
        if self.broken and not self.state.client_ends:
            reason = self.reason()
            must(any(line.startswith("[") and reason in line for line in lines), f"no log line with {reason!r}")
        if wrong:
            raise AssertionError("; ".join(wrong) + f"; {self.broker.story()}\n" + "\n".join(lines))

    def acknowledges(self):
        return self.packet.target and not self.broken and not self.state.client_ends

    def said(self, connection, answer):
        return any(p.packet_id == self.message_id for p in connection.list(answer))

    def reason(self):
        """What the log has to say."""
        packet = self.packet
        if packet.ends:
            return "closed by the peer" if packet.ends == "close" else "broken"
        if self.state.signing_in and packet.connack:
            return f"CONNACK {packet.connack}"
        if self.state.signing_in and not packet.reason:
            return "before CONNACK"
        return packet.reason
