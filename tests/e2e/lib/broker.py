# SPDX-License-Identifier: MIT OR Apache-2.0
"""A mosquitto of the test's own, and a subscriber."""

import json
import os
import socket
import subprocess
import threading

from .context import tool
from .packets import Decoder
from .proc import Process, accepts, free_port, scratch, wait_until


class Mosquitto:
    """Plain listener on `port`; with an Authority also a TLS listener (`tls_ports[kind]`) per certificate kind."""

    def __init__(self, authority=None, kinds=("good",), port=None):
        self._dir = scratch()
        self.port = port or free_port()
        self.tls_ports = {kind: free_port() for kind in kinds} if authority else {}
        lines = ["per_listener_settings false", "allow_anonymous true", "user root", "persistence false",
                 "log_dest stderr", "log_type all", "max_queued_messages 0", "set_tcp_nodelay true",
                 f"listener {self.port} 127.0.0.1"]
        for kind, tls_port in self.tls_ports.items():
            lines += [f"listener {tls_port} 127.0.0.1",
                      f"certfile {authority.cert(kind)}", f"keyfile {authority.key(kind)}"]
        self._conf = os.path.join(self._dir.name, "mosquitto.conf")
        with open(self._conf, "w") as f:
            f.write("\n".join(lines) + "\n")
        self.start()

    def start(self):
        self.process = Process([tool("mosquitto"), "-c", self._conf])
        wait_until(lambda: accepts(self.port) or not self.process.alive(), what="mosquitto")
        if not self.process.alive():
            raise RuntimeError("mosquitto ended: " + self.process.err)

    def stop(self):
        self.process.terminate()

    def close(self):
        self.stop()
        self._dir.cleanup()

    def publish(self, topic, payload, qos=1, retain=False):
        """Hands one message to the broker; it has it when this returns (QoS 1)."""
        if not isinstance(payload, (str, bytes)):
            payload = json.dumps(payload, separators=(",", ":"))
        data = payload.encode() if isinstance(payload, str) else payload
        argv = [tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q", str(qos), "-s"]
        subprocess.run(argv + (["-r"] if retain else []), input=data, check=True, timeout=20)


class Observer:
    """A subscriber that collects (topic, payload) pairs, for tests that cannot read the wire (TLS)."""

    def __init__(self, broker, *filters):
        filters = filters or ("/ota/#", "/sys/#")
        self._seen, self._subscribed = [], threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", broker.port), timeout=5)
        self._socket.settimeout(None)
        connect = _text("MQTT") + bytes([4, 2, 0, 0]) + _text(f"observer-{os.getpid()}-{id(self)}")
        subscribe = b"\0\1" + b"".join(_text(f) + b"\0" for f in filters)
        self._socket.sendall(b"\x10" + bytes([len(connect)]) + connect + b"\x82" + bytes([len(subscribe)]) + subscribe)
        threading.Thread(target=self._read, daemon=True).start()
        if not self._subscribed.wait(10):
            raise RuntimeError("the broker did not acknowledge the observer's subscription")

    def _read(self):
        decoder = Decoder("S>C", 0)
        try:
            while data := self._socket.recv(65536):
                for packet in decoder.feed(data, 0.0):
                    if packet.name == "SUBACK":
                        self._subscribed.set()
                    elif packet.name == "PUBLISH":
                        self._seen.append((packet.topic, packet.payload.decode(errors="replace")))
        except OSError:
            pass

    def messages(self, topic_part=""):
        return [pair for pair in list(self._seen) if topic_part in pair[0]]

    def wait(self, topic_part, text="", timeout=20.0):
        """Waits for a message whose topic and payload contain the given parts; returns its payload."""
        def seen():
            return next((p for t, p in self.messages(topic_part) if text in p), None)
        return wait_until(seen, timeout, f"a message on {topic_part} with {text!r}")

    def steps(self, name):
        """The progress steps that a device reported, as strings, in order."""
        return [json.loads(p)["params"]["step"] for t, p in self.messages("/ota/device/progress/") if t.endswith(name)]

    def ended_with(self, name, step, timeout=20.0):
        """Waits until this is the step that a device reported last: its process may have ended before the broker passed
        its messages on."""
        return wait_until(lambda: self.steps(name)[-1:] == [step], timeout, f"step {step} of {name}")

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def _text(text):
    return len(text).to_bytes(2, "big") + text.encode()


def upgrade_topic(pk, dn):
    return f"/ota/device/upgrade/{pk}/{dn}"


def offer(size, version, url, md5, **more):
    """The upgrade message; `more` overrides keys of `data`, a value of None removes the key."""
    data = {"size": size, "version": version, "url": url, "md5": md5, **more}
    data = {k: v for k, v in data.items() if v is not None}
    return {"code": "1000", "data": data, "id": 1507707025, "message": "success"}
