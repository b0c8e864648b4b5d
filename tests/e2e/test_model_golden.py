# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each example of the advanced API, line by line: every packet that it sends, in its order, with QoS and the payload's
bytes, against what the reference was seen to send."""

import hashlib
import hmac
import json
import os
import re

from lib.bench import PK, SECRET, Bench, unique_name
from lib.broker import offer, upgrade_topic
from lib.cloud import Cloud
from lib.packets import FROM_DEVICE
from lib.proxy import RecordingProxy

SUB_PK = "a1SubProduct"
INFO = ('{"id":"%d","version":"1.0","params":[{"attrKey":"SYS_LP_SDK_VERSION","attrValue":"3.0.1","domain":"SYSTEM"},'
        '{"attrKey":"SYS_SDK_LANGUAGE","attrValue":"C","domain":"SYSTEM"}],"method":"thing.deviceinfo.update"}')
ENTERED = '{"id":0,"params":{"step":"0","desc":"Enter in downloading state"}}'
DONE = '{"id":0,"params":{"step":"100","desc":""}}'
REPLIES = "/sys/{0}/thing/event/+/post_reply"
OTA = (("/ota/device/request/{0}", 1), ("/ota/device/upgrade/{0}", 1), ("/sys/{0}/thing/config/get_reply", 0),
       ("/sys/{0}/thing/config/push", 0))
COMMON = ("/sys/{0}/thing/service/property/set", "/sys/{0}/thing/service/+", "/sys/{0}/thing/deviceinfo/update_reply",
          "/sys/{0}/thing/deviceinfo/delete_reply", "/sys/{0}/thing/dynamicTsl/get_reply", "/sys/{0}/rrpc/request/+",
          "/ext/ntp/{0}/response", "/ext/error/{0}", "/sys/{0}/thing/model/down_raw", "/sys/{0}/thing/model/up_raw_reply")
GATEWAY = ("/sys/{0}/thing/topo/add/notify", "/sys/{0}/thing/gateway/permit", "/sys/{0}/thing/sub/register_reply",
           "/sys/{0}/thing/sub/unregister_reply", "/sys/{0}/thing/topo/add_reply", "/sys/{0}/thing/topo/delete_reply",
           "/sys/{0}/thing/topo/get_reply", "/sys/{0}/thing/list/found_reply", "/ext/session/{0}/combine/login_reply",
           "/ext/session/{0}/combine/logout_reply", "/sys/{0}/thing/disable", "/sys/{0}/thing/enable",
           "/sys/{0}/thing/delete")


def subscribed(device, filters):
    return [f"SUBSCRIBE q{qos} {name.format(device)}" for name, qos in
            (f if isinstance(f, tuple) else (f, 0) for f in filters)]


def connected(device, first_id, version, replies, gateway=()):
    """What a master sends from CONNECT on until it is initialised. `version` None: that of the default HAL, a placeholder
    that is not reported."""
    inform = f'PUBLISH q1 /ota/device/inform/{device} {{"id":"{first_id + 1}","params":{{"version":"{version}"}}}}'
    return (["CONNECT"] + subscribed(device, OTA)
            + [f"PUBLISH q1 /sys/{device}/thing/deviceinfo/update {INFO % first_id}"] + ([inform] if version else [])
            + subscribed(device, ([REPLIES] if replies else []) + list(COMMON) + list(gateway)))


class Examples(Bench):
    ORIGIN = True

    def setUp(self):
        self.dn = unique_name()
        self.device = f"{PK}/{self.dn}"
        self.out = os.path.join(self.scratch, self.dn)

    def behind_proxy(self, port, name, *more):
        self.proxy = RecordingProxy(port)
        self.addCleanup(self.proxy.close)
        return self.program(name, "-k", PK, "-n", self.dn, "-s", SECRET, *more, broker_url=f"127.0.0.1:{self.proxy.port}")

    def sent(self):
        """The packets of the device, one line each; without acknowledgements, and of progress only the ends."""
        lines = []
        for p in self.proxy.list(direction=FROM_DEVICE):
            self.assertFalse(p.retain or p.dup, p)
            if p.name == "PUBLISH":
                lines.append(f"PUBLISH q{p.qos} {p.topic} {p.payload.decode()}")
            elif p.name in ("SUBSCRIBE", "UNSUBSCRIBE"):
                self.assertEqual(len(p.filters), 1)
                lines.append(f"{p.name} q{p.filters[0][1]} {p.filters[0][0]}")
            elif p.name not in ("PUBACK", "PINGREQ"):
                lines.append(p.name)
        steps = re.compile(r'PUBLISH q0 /ota/device/progress/\S+ \{"id":0,"params":\{"step":"(?:[1-9]|[1-9]\d)","desc":""\}\}$')
        return [line for line in lines if not steps.match(line)]

    def test_solo(self):
        process = self.behind_proxy(self.broker.port, "linkkit_solo", "-o", self.out)
        process.wait_line("is ready")
        self.proxy.wait(name="PUBLISH", topic=f"/sys/{self.device}/thing/event/property/post")
        image = self.origin.image
        self.broker.publish(upgrade_topic(PK, self.dn),
                            offer(image.size, "2.0.0", self.origin.url(image.name), image.md5))
        self.assertEqual(process.wait(60), 0, process.tail())
        sent = self.sent()
        first = f"PUBLISH q0 /sys/{self.device}/thing/event/property/post "
        posts = [line for line in sent if line.startswith(first)]
        for n, line in enumerate(posts):
            self.assertEqual(line, first + f'{{"id":"{3 + n}","version":"1.0","params":{{"Counter": {n}}},'
                                           '"method":"thing.event.property.post"}')
        wanted = (connected(self.device, 1, "1.0.0", True)
                  + [posts[0]]
                  + [f"PUBLISH q0 /ota/device/progress/{self.device} {ENTERED}",
                     f"PUBLISH q0 /ota/device/progress/{self.device} {DONE}", "DISCONNECT"]
                  + connected(self.device, 3 + len(posts), "2.0.0", True) + ["DISCONNECT"])
        # How many properties are posted depends on how long the offer took.
        self.assertEqual([line for line in sent if line not in posts[1:]], wanted)
        self.assertEqual([p.connect["keepalive"] for p in self.proxy.list("CONNECT")], [60, 60])

    def test_cota(self):
        cloud = Cloud()
        self.addCleanup(cloud.close)
        cloud.run("device", "add", PK, self.dn, SECRET)
        file = self.out + ".config"
        with open(file, "wb") as f:
            f.write(os.urandom(30000))
        cloud.run("config", "set", "--product", PK, "--file", file)
        process = self.behind_proxy(cloud.mqtt_port, "linkkit_cota", "-o", self.out)
        self.assertEqual(process.wait(60), 0, process.tail())
        self.assertEqual(self.sent(), connected(self.device, 1, None, False) + [
            f'PUBLISH q0 /sys/{self.device}/thing/config/get {{"id" : 0,"version":"1.0","params":{{"configScope":'
            '"product","getType":"file","attributeKeys":""},"method":"thing.config.get"}',
            f"PUBLISH q0 /ota/device/progress/{self.device} {ENTERED}",
            f"PUBLISH q0 /ota/device/progress/{self.device} {DONE}", "DISCONNECT"])

    def test_gateway(self):
        """One sub-device that has its secret and one that asks for it; what only time and chance decide is masked, and the
        signatures are checked."""
        cloud = Cloud()
        self.addCleanup(cloud.close)
        cloud.run("device", "add", PK, self.dn, SECRET)
        subs = [unique_name("sub") for _ in range(2)]
        secrets = {sub: f"secret-of-sub-device-{n}" for n, sub in enumerate(subs)}
        for sub, secret in secrets.items():
            cloud.run("device", "add", SUB_PK, sub, secret, "--ps", SECRET)
        file = self.out + ".img"
        with open(file, "wb") as f:
            f.write(os.urandom(30000))
        cloud.run("firmware", "add", file, "--product", SUB_PK, "--version", "2.0.0", "--auto")
        process = self.behind_proxy(cloud.mqtt_port, "linkkit_gateway", "-d", self.scratch,
                                    f"{SUB_PK}/{subs[0]}/{secrets[subs[0]]}", f"{SUB_PK}/{subs[1]}")
        self.assertEqual(process.wait(90), 0, process.tail())
        sent = [self.masked(line, secrets) for line in self.sent()]
        head = len(connected(self.device, 1, None, False, GATEWAY))
        self.assertEqual(sent[:head], connected(self.device, 1, None, False, GATEWAY))
        joined, at = [], 3
        for sub, registers in zip(subs, (False, True)):
            lines, at = self.joining(sub, registers, at)
            joined += lines
        joined.append(f'PUBLISH q0 /sys/{self.device}/thing/topo/get {{"id":"{at}","version":"1.0","params":{{}},'
                      '"method":"thing.topo.get"}')
        body = sent[head:]
        # The updates run beside the rest, each in its own order.
        for sub in subs:
            progress = [line for line in body if f"/progress/{SUB_PK}/{sub} " in line]
            self.assertEqual([line.split(" ", 3)[3] for line in progress], [ENTERED, DONE])
            self.assertLess(body.index(progress[-1]), body.index(self.inform(body, sub, "2.0.0")))
        rest = [line for line in body if "/progress/" not in line and '"2.0.0"' not in line]
        self.assertEqual(rest[:len(joined)], joined)
        ends = rest[len(joined):]
        self.assertEqual([re.sub(r'"id":"\d+"', '"id":"N"', line) for line in ends], [
            f'PUBLISH q0 /ext/session/{self.device}/combine/logout {{"id":"N","version":"1.0","params":{{"productKey":'
            f'"{SUB_PK}","deviceName":"{sub}"}},"method":"combine.logout"}}' for sub in subs] + ["DISCONNECT"])

    def inform(self, lines, sub, version):
        found = [line for line in lines if line.startswith(f"PUBLISH q0 /ota/device/inform/{SUB_PK}/{sub} ")
                 and line.endswith(f',"params":{{"version":"{version}"}}}}')]
        self.assertEqual(len(found), 1)
        return found[0]

    def joining(self, sub, registers, at):
        """What the gateway sends to bring a sub-device on line, its ids from `at` on; the lines and the next id."""
        names = f'"productKey":"{SUB_PK}","deviceName":"{sub}"'
        lines = []

        def call(topic, method, params):
            nonlocal at
            lines.append(f'PUBLISH q0 {topic} {{"id":"{at}","version":"1.0","params":{params},"method":"{method}"}}')
            at += 1

        if registers:
            call(f"/sys/{self.device}/thing/sub/register", "thing.sub.register", f"[{{{names}}}]")
        call(f"/sys/{self.device}/thing/topo/add", "thing.topo.add",
             f'[{{{names},"signmethod":"hmacSha1","sign":"SIGNED","timestamp":"TIME","clientId":"{SUB_PK}.{sub}"}}]')
        call(f"/ext/session/{self.device}/combine/login", "combine.login",
             f'{{{names},"clientId":"{SUB_PK}.{sub}|_v=sdk-c-3.0.1|","timestamp":"TIME","signMethod":"hmacSha1",'
             '"sign":"SIGNED","cleanSession":"true"}')
        lines += subscribed(f"{SUB_PK}/{sub}", COMMON)
        call(f"/sys/{SUB_PK}/{sub}/thing/deviceinfo/update", "thing.deviceinfo.update",
             '[{"attrKey":"SYS_ALIOS_ACTIVATION","attrValue":"ACTIVATION","domain":"SYSTEM"}]')
        lines += subscribed(f"{SUB_PK}/{sub}", OTA)
        lines.append(f'PUBLISH q0 /ota/device/inform/{SUB_PK}/{sub} {{"id":"{at}","params":{{"version":"1.0.0"}}}}')
        return lines, at + 1

    def masked(self, line, secrets):
        """Checks and masks signature, time and activation text."""
        found = re.search(r'(\{.*"sign":"([0-9a-f]{40})".*\})$', line)
        if found:
            params = json.loads(found.group(1))["params"]
            item = params[0] if isinstance(params, list) else params
            text = (f"clientId{item['clientId']}deviceName{item['deviceName']}productKey{item['productKey']}"
                    f"timestamp{item['timestamp']}")
            wanted = hmac.new(secrets[item["deviceName"]].encode(), text.encode(), hashlib.sha1).hexdigest()
            self.assertEqual(item["sign"], wanted)
        line = re.sub(r'"sign":"[0-9a-f]{40}"', '"sign":"SIGNED"', line)
        line = re.sub(r'"timestamp":"\d+"', '"timestamp":"TIME"', line)
        return re.sub(r'"03000100[0-9A-F]{8}010203040506000201020304(?:1{10}2{10}3{10}4{10})"', '"ACTIVATION"', line)
