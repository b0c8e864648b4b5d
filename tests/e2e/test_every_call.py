# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every public call from every callback, and handles that are their owners' alone."""

from lib.bench import PK, Bench, unique_name
from lib.packets import FROM_BROKER


class EveryCall(Bench):
    def test_every_call_from_every_callback(self):
        """No dead lock, no crash, documented codes, the real client; the identity comes from IOT_SetupConnInfo."""
        process = self.program("every_call", PK, unique_name())
        self.assertEqual(process.wait(240), 0, process.tail())
        text = "\n".join(process.out_lines)
        for what in ("client id", "user name", "password", "host"):
            self.assertIn(f"{what} is not UTF-8 at byte 1", text)


class Subscriptions(Bench):
    """What a broker may do to subscriptions."""

    def test_a_backlog_does_not_hold_up_an_answer(self):
        """Subscribe_Sync with hundreds of messages in front of its answer, none of which anybody has taken."""
        device = self.up()
        topic = f"/user/{device.dn}/get"
        self.assertGreater(device.call("subscribe-sync", device.m, topic, 0, 3000).ret, 0)
        for _ in range(300):
            self.broker.publish(topic, "x" * 500, 0)
        reply = device.call("subscribe-sync", device.m, topic + "/other", 0, 5000)
        self.assertGreater(reply.ret, 0)
        seen = 0

        def all_there():
            nonlocal seen
            seen += device.call("messages").n
            return seen >= 300
        device.pump(all_there, "the messages")


class Renewals(Bench):
    """A broker that refuses after a reconnect what it granted before."""

    ORIGIN = True

    def test_refused_after_a_reconnect(self):
        """Event 5, CheckStateNormal 0, asked for again, event 3, 1."""
        device = self.up()
        proxy = device.proxy
        device.call("events")
        proxy.rewrite = refusal
        proxy.drop_all()
        device.pump(lambda: proxy.connections == 2 and device.call("state", device.m).ret == 0 and
                    len(proxy.list("SUBACK", FROM_BROKER, 2)) >= 4, "the refusals", 20)
        device.pump(lambda: codes(device).count("5") >= 1, "the event", 5)
        self.assertEqual(device.call("state", device.m).ret, 0)
        proxy.rewrite = None
        device.pump(lambda: device.call("state", device.m).ret == 1, "the renewal", 20)
        device.pump(lambda: codes(device).count("3") >= 1, "the event of the grant", 5)
        device.offer()
        self.assert_valid(device, self.origin.image, device.fetch_all())


def refusal(data):
    """The same bytes with every SUBACK made a refusal."""
    out, at = bytearray(data), 0
    while at + 5 <= len(out):
        if out[at] == 0x90 and out[at + 1] == 3:
            out[at + 4] = 0x80
        at += 2 + out[at + 1]
    return bytes(out)


_SEEN = {}


def codes(device):
    """All event codes that the device was told so far."""
    seen = _SEEN.setdefault(id(device), [])
    seen += [e.split(":")[0] for e in device.call("events").list.split(",") if e]
    return seen
