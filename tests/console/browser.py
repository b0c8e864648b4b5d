# SPDX-License-Identifier: MIT OR Apache-2.0
"""A headless Chromium, driven over its DevTools protocol through a pair of pipes; nothing but the standard library.

    with Browser() as browser:
        page = browser.page()
        page.go("http://127.0.0.1:8080/console")
        page.click("Add a device", leaves=True)
"""

import base64
import itertools
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

# Seconds that anything may take on a busy machine; nothing waits longer than it needs.
PATIENCE = float(os.environ.get("CONSOLE_PATIENCE", 90))


class Failure(AssertionError):
    pass


class Browser:
    def __init__(self):
        program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        if not program:
            raise Failure("chromium is not installed (scripts/setup.sh does it)")
        self.profile = tempfile.mkdtemp(prefix="otakit-console-")
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()

        def pipes():
            # The protocol is spoken on 3 and 4. The copies are made above both first: one end may be one of them.
            a, b = os.dup(to_browser), os.dup(from_browser)
            high_a, high_b = os.dup2(a, 198), os.dup2(b, 199)
            os.dup2(high_a, 3)
            os.dup2(high_b, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-default-apps", "--force-color-profile=srgb", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=pipes)
        os.close(to_browser)
        os.close(from_browser)
        self.out = from_us
        self.into = to_us
        self.numbers = itertools.count(1)
        self.answers = {}
        self.pages = {}
        self.lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except Failure:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _listen(self):
        rest = b""
        while True:
            try:
                piece = os.read(self.into, 1 << 20)
            except OSError:
                return
            if not piece:
                return
            *messages, rest = (rest + piece).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    with self.lock:
                        waiting = self.answers.pop(message["id"], None)
                    if waiting:
                        waiting.put(message)
                elif message.get("sessionId") in self.pages:
                    self.pages[message["sessionId"]].on_event(message["method"], message["params"])

    def call(self, method, params=None, session=None, patience=PATIENCE):
        number = next(self.numbers)
        waiting = queue.Queue()
        with self.lock:
            self.answers[number] = waiting
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        rest = json.dumps(message).encode() + b"\0"
        try:
            while rest:
                rest = rest[os.write(self.out, rest):]
            answer = waiting.get(timeout=patience)
        except (OSError, queue.Empty):
            raise Failure(f"the browser does not answer {method}") from None
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def page(self, **settings):
        """A page with cookies of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session, context)
        self.pages[session] = page
        page.begin(**settings)
        return page


class Page:
    def __init__(self, browser, session, context):
        self.browser, self.session, self.context = browser, session, context
        self.console = []     # errors and complaints of the page's policy
        self.requests = []    # URLs
        self.dialogs = []

    def call(self, method, **params):
        return self.browser.call(method, params, self.session)

    def close(self):
        del self.browser.pages[self.session]
        self.browser.call("Target.disposeBrowserContext", {"browserContextId": self.context})

    def begin(self, width=1280, height=900, dark=False, languages="en-GB,en;q=0.9", phone=False):
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})
        self.size(width, height, phone)
        self.dark(dark)

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def dark(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def on_event(self, method, params):
        if method == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"].get("exception", {}).get("description", params)))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.console.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            threading.Thread(target=self.call, args=("Page.handleJavaScriptDialog",), kwargs={"accept": True}).start()

    def js(self, code, *values):
        """The value of an expression; `values` are $0, $1… in it."""
        named = ", ".join(f"${n}" for n in range(len(values)))
        whole = f"(async ({named}) => ({code}))({', '.join(map(json.dumps, values))})"
        result = self.call("Runtime.evaluate", expression=whole, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failure(f"{code[:200]}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def until(self, code, *values, patience=PATIENCE, what=None):
        """Waits until an expression is true; gives its value."""
        end = time.monotonic() + patience
        while True:
            try:
                value = self.js(code, *values)
            except Failure as failure:
                # The page may be on its way to another one.
                value, last = None, failure
            else:
                last = value
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f"waited for nothing: {what or code} ({last}); the page is {self.text()[:1500]}")
            time.sleep(0.05)

    def go(self, url):
        self.js("window.left = true")
        result = self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise Failure(f"{url}: {result['errorText']}")
        self.loaded()

    def loaded(self):
        self.until("!window.left && document.readyState === 'complete'", what="the page is loaded")

    def text(self):
        try:
            return self.js("document.body ? document.body.innerText : ''") or ""
        except Failure:
            return ""

    def sees(self, text, patience=PATIENCE):
        self.until("document.body.innerText.includes($0)", text, patience=patience, what=f"to see {text!r}")

    def element(self, name, within="body"):
        """JavaScript that finds a button, link or summary by its words."""
        return (f"""(() => {{ const wanted = {json.dumps(name)};
            const shown = e => e.checkVisibility({{visibilityProperty: true}});
            const all = [...document.querySelectorAll({json.dumps(within)} + " :is(button, a, summary)")].filter(shown);
            const words = e => (e.getAttribute("aria-label") || e.innerText).trim();
            return all.find(e => words(e) === wanted) || all.find(e => words(e).startsWith(wanted)); }})()""")

    def field(self, name):
        """JavaScript that finds a field by the beginning of its label."""
        return (f"""[...document.querySelectorAll("label")].filter(l => l.checkVisibility() && l.control)
            .find(l => l.innerText.trim().startsWith({json.dumps(name)}))?.control""")

    def click(self, name, within="body", leaves=False):
        """Clicks on what has these words, where a mouse would hit it. `leaves`: another page comes.

        One step in the page: pieces of it are replaced while it is looked at."""
        found = self.element(name, within)
        hit = f"""(e => {{ if (!e) return false; e.scrollIntoView({{block: "center"}}); const r = e.getBoundingClientRect();
            const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
            if (!top || !(e.contains(top))) return false;
            {"window.left = true;" if leaves else ""} e.click(); return true; }})({found})"""
        self.until(hit, what=f"to click on {name!r}")
        if leaves:
            self.loaded()

    def tick(self, name, value):
        """Ticks the box of a group of boxes."""
        box = f"document.querySelector('input[type=checkbox][name=' + {json.dumps(name)} + '][value=' + CSS.escape({json.dumps(value)}) + ']')"
        self.until(f"!!{box}", what=f"to find the box {name}={value}")
        self.js(f"{box}.checked || {box}.click()")

    def fill(self, name, text):
        """Types into a field."""
        found = self.field(name)
        self.until(f"!!{found}", what=f"to find the field {name!r}")
        self.js(f"(e => {{ e.focus(); if (e.select) e.select(); }})({found})")
        self.call("Input.insertText", text=text)

    def choose(self, name, label):
        """Chooses from a list what begins with this label."""
        found = self.field(name)
        self.until(f"!!{found}", what=f"to find the list {name!r}")
        done = self.js(f"""(e => {{ const o = [...e.options].find(o => o.text.trim().startsWith($0));
            if (!o) return false; e.value = o.value; e.dispatchEvent(new Event("change", {{bubbles: true}})); return true; }})({found})""", label)
        if not done:
            raise Failure(f"{name!r} has no {label!r}")

    def files(self, selector, *paths):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=list(paths), nodeId=node)

    def screenshot(self, path):
        """A picture of what the screen shows of the top of the page."""
        self.js("scrollTo(0, 0)")
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))
