# SPDX-License-Identifier: MIT OR Apache-2.0
"""Attacks that need a real browser: pages of other sites, frames, texts of a hostile device."""

import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import urllib.request

from browser import Failure
from looks import quiet
from server import PASSWORD, PRODUCT, SECRET, Server, wait_until

DEVICE = "board-1"
HOSTILE = "\"><img src=x onerror=alert(1)><a hx-post=/console/jobs/1/cancel hx-trigger=load>x</a><script>alert(2)</script>\u202e'"
# What is kept of a version.
SHORT = "\"><img src=x onerror=alert(3)>\u202e'"
# What a page of another site may send without asking: a form of each type, and what a script sends.
FORMS = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]


class OtherSite:
    """A site on another port of this machine: for a browser it is the same site, with the same cookies."""

    def __init__(self):
        pages = self.pages = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Tests:
    def __init__(self, browser, args):
        self.browser, self.args = browser, args
        self.server, self.page, self.other = None, None, None

    def begin(self):
        self.server, self.other = Server(self.args.cloud), OtherSite()
        self.server.run("device", "add", PRODUCT, DEVICE, SECRET)
        image = self.server.image("image.bin", 1_000, 1)
        self.server.run("firmware", "add", image, "--product", PRODUCT, "--version", "2.0.0")
        self.server.run("job", "create", PRODUCT, "--version", "2.0.0", "--name", "Bait")
        self.page = self.browser.page()
        self.page.go(self.server.url + "/console")
        self.page.fill("Password", PASSWORD)
        self.page.click("Sign in", leaves=True)
        self.page.sees("Open jobs")

    def end(self):
        if self.other:
            self.other.close()
        if self.server:
            self.server.close()

    def tail(self):
        return self.server.process.tail() if self.server else ""

    def state(self):
        """All that a request could have changed."""
        said = [self.server.run(*words) for words in (("job", "list", "--json"), ("device", "list", "--json"), ("firmware", "list", "--json"))]
        jobs, devices, firmware = map(json.loads, said)
        return [job["state"] for job in jobs], [device["device_name"] for device in devices], len(firmware)

    def publish(self, topic, message):
        """As the device."""
        signed = f"clientId{DEVICE}deviceName{DEVICE}productKey{PRODUCT}"
        password = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        host, port = self.server.mqtt.split(":")
        subprocess.run(["mosquitto_pub", "-h", host, "-p", port, "-i", f"{DEVICE}|signmethod=hmacsha256,securemode=3|", "-u", f"{DEVICE}&{PRODUCT}",
                        "-P", password, "-q", "1", "-t", topic, "-m", json.dumps(message)], check=True, timeout=60)

    # The tests, one after the other.

    def test_pages_of_other_sites_change_nothing(self):
        before = self.state()
        if before != (["draft"], [DEVICE], 1):
            raise Failure(f"it begins with {before}")
        url, tried = self.server.url, 0
        targets = {"/console/jobs/1/cancel": "", "/console/devices": "product=p&device=stolen&secret=", "/api/jobs/1/cancel": "",
                   f"/console/devices/{PRODUCT}/{DEVICE}/delete": "", "/console/firmware/1/delete": "", "/api/devices": "a=b"}
        for path, fields in targets.items():
            inputs = "".join(f'<input name="{name}" value="{value}">' for name, _, value in (pair.partition("=") for pair in fields.split("&") if pair))
            for n, kind in enumerate(FORMS):
                self.other.pages[f"/form{n}"] = f'<form method="post" action="{url}{path}" enctype="{kind}">{inputs}</form>'
            self.other.pages["/script"] = "<title>other</title>"
            for host in ("127.0.0.1", "localhost"):
                for n in range(len(FORMS)):
                    self.page.go(f"http://{host}:{self.other.port}/form{n}")
                    self.page.js("window.left = true")
                    self.page.js("void document.forms[0].submit()")
                    self.page.loaded()
                    tried += 1
                self.page.go(f"http://{host}:{self.other.port}/script")
                self.page.js("await Promise.allSettled([fetch($0, {method: 'POST', mode: 'no-cors', credentials: 'include', body: $1}), "
                             "fetch($0, {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json'}, body: '{}'}), "
                             "fetch($0, {method: 'DELETE', credentials: 'include'})]).then(() => 1)", url + path, fields)
                tried += 3
        if self.state() != before:
            raise Failure(f"{before} has become {self.state()}")
        # The bait works: from its own page the same button does it.
        self.page.go(url + "/console/jobs/1")
        self.page.js("window.left = true")
        self.page.js("void document.querySelector('details[data-keep=cancel] form button').click()")
        self.page.loaded()
        wait_until(lambda: self.state()[0] == ["cancelled"], 60, f"the job to be cancelled by its own page, after {tried} tries of others", 0.2)

    def test_other_sites_read_nothing(self):
        for host in ("127.0.0.1", "localhost"):
            self.page.go(f"http://{host}:{self.other.port}/script")
            for path in ("/api/status", "/console/devices", "/metrics", "/api/session", "/console/live"):
                read = self.page.js("await fetch($0, {credentials: 'include'}).then(r => r.text(), () => null)", self.server.url + path)
                if read is not None:
                    raise Failure(f"{host} reads {path}: {read[:200]}")

    def test_no_page_is_framed(self):
        self.other.pages["/frame"] = f'<iframe src="{self.server.url}/console"></iframe>'
        self.page.console.clear()
        self.page.go(f"http://127.0.0.1:{self.other.port}/frame")
        refused = [line for line in self.page.console if "frame" in line.lower()]
        wait_until(lambda: refused or any("frame" in line.lower() for line in self.page.console), 30, "the browser to refuse the frame", 0.1)

    def test_what_a_hostile_device_says_is_text(self):
        self.page = self.browser.page()
        self.page.go(self.server.url + "/console")
        self.page.fill("Password", PASSWORD)
        self.page.click("Sign in", leaves=True)
        self.server.run("push", PRODUCT, DEVICE)
        self.publish(f"/ota/device/inform/{PRODUCT}/{DEVICE}", {"id": HOSTILE, "params": {"version": SHORT}})
        self.publish(f"/ota/device/inform/{PRODUCT}/{DEVICE}", {"id": "2", "params": {"version": SHORT, "module": SHORT}})
        self.publish(f"/ota/device/progress/{PRODUCT}/{DEVICE}", {"id": "3", "params": {"step": "-1", "desc": HOSTILE}})
        self.publish(f"/{PRODUCT}/{DEVICE}/user/{HOSTILE.replace('#', '').replace('+', '')}", {HOSTILE: HOSTILE})
        self.publish(f"/sys/{PRODUCT}/{DEVICE}/thing/event/{HOSTILE}/post", {HOSTILE: HOSTILE})
        urllib.request.urlopen(urllib.request.Request(self.server.url + "/healthz", headers={"User-Agent": "<img src=x onerror=alert(3)>", "Range": "<b>"})).read()
        paths = ["/console", "/console/products", "/console/devices", f"/console/devices/{PRODUCT}/{DEVICE}", "/console/firmware", "/console/jobs",
                 "/console/jobs/1", "/console/jobs/new?firmware=1", "/console/devices?q=%3Cimg%20src%3Dx%20onerror%3Dalert(4)%3E"]
        seen = 0
        for language in ("中文", "English"):
            for path in paths:
                self.page.go(self.server.url + path)
                # Long enough for what a page loads by itself.
                self.page.js("await new Promise(done => setTimeout(done, 300))")
                seen += "onerror" in self.page.text()
                made = self.page.js("document.querySelectorAll('img[src=x], a[hx-post], main script:not([src*=assets])').length")
                if made:
                    raise Failure(f"{path} has {made} elements of the device's")
            self.page.go(self.server.url + "/console")
            self.page.click(language, leaves=True)
        if seen < 8:
            raise Failure(f"only {seen} pages show what the device said: nothing was tried")
        quiet(self.page, self.server.url, allowed=["status of 401"])
