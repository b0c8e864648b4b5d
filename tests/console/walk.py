# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a person does: sign in, upload firmware, verify it on one device, roll it out to five, pause, resume, look at a device
that fails and why, roll back, switch the language."""

import os

from browser import PATIENCE, Failure
from devices import Device
from looks import examine, on_line, quiet
from server import PASSWORD, PRODUCT, SECRET, Server, wait_until

TRIAL, FULL = "test-bench", "row-7"
ROWS = [f"row-{n}" for n in range(1, 6)]


class Tests:
    def __init__(self, browser, args):
        self.browser, self.args = browser, args
        self.server, self.page, self.boards = None, None, {}
        self.wrong = []

    def begin(self):
        self.server = Server(self.args.cloud)
        program = os.path.join(self.args.build, "examples_c", "linkkit_ota_basic")
        if not os.path.exists(program):
            raise Failure(f"{program} is not there: build the tree first")
        for name in [TRIAL, *ROWS, FULL]:
            self.server.run("device", "add", PRODUCT, name, SECRET)
            image = "/dev/full" if name == FULL else None
            self.boards[name] = Device(program, self.server.mqtt, PRODUCT, name, SECRET, self.server.folder, image=image)
            self.boards[name].start()
        self.old = self.server.image("greenhouse-1.0.0.bin", 200_000, 1)
        self.new = self.server.image("greenhouse-2.0.0.bin", 3_000_000, 2)
        self.server.run("firmware", "add", self.old, "--product", PRODUCT, "--version", "1.0.0")
        self.page = self.browser.page()

    def end(self):
        for board in self.boards.values():
            board.stop()
        if self.server:
            self.server.close()

    def tail(self):
        said = [self.server.process.tail()] if self.server else []
        for board in self.boards.values():
            if os.path.exists(board.log):
                with open(board.log, encoding="utf-8", errors="replace") as file:
                    said.append(f"{board.name}: {file.read()[-600:]}")
        return "\n".join(said)

    # Steps.

    def go(self, path):
        self.page.go(self.server.url + path)

    def look(self, name):
        """What is true of every page. Complaints are told at the end, all of them."""
        self.wrong += examine(self.page, name, self.args.pictures)

    def job(self, label):
        """A click on a button of a job, once it is there."""
        self.page.click(label, leaves=True)

    def bar(self):
        return self.page.js("document.querySelector('#job-bar [role=progressbar]')?.getAttribute('aria-valuenow')")

    # The tests, one after the other.

    def test_sign_in(self):
        self.go("/console")
        self.page.until("location.pathname === '/sign-in'")
        self.look("sign-in")
        self.page.fill("Password", "something else")
        self.page.click("Sign in", leaves=True)
        self.page.sees("That is not the password.")
        self.page.fill("Password", PASSWORD)
        self.page.click("Sign in", leaves=True)
        self.page.until("location.pathname === '/console'")
        self.page.sees("No job is running.")

    def test_devices_come_on_line(self):
        self.go("/console")
        on_line(self.page, 7)
        for name, path in [("products", "/console/products"), ("device-new", "/console/devices/new"), ("jobs-empty", "/console/jobs")]:
            self.go(path)
            self.look(name)
        self.page.click("Devices", leaves=True)
        for name in self.boards:
            self.page.sees(name)
        self.look("devices")

    def test_add_a_device(self):
        self.go("/console/devices/new")
        self.page.fill("Product", PRODUCT)
        self.page.fill("DeviceName", "row-8")
        self.page.click("Add a device", within="main form", leaves=True)
        self.page.sees("row-8")
        secret = self.page.js("document.getElementById('secret').innerText")
        if len(secret) < 16 or "•" in secret or "*" in secret:
            raise Failure(f"the secret is shown as {secret!r}")
        self.page.click("Delete the device", within="details.danger")
        self.page.click("Delete the device", within="details.danger form", leaves=True)
        self.page.until("location.pathname === '/console/devices'")
        if "row-8" in self.page.text():
            raise Failure("the device is still there")

    def test_upload(self):
        self.page.click("Firmware", within="nav", leaves=True)
        self.page.fill("Product", PRODUCT)
        self.page.fill("Version", "2.0.0")
        self.page.files("#file", self.new)
        self.page.sees("greenhouse-2.0.0.bin")
        self.page.click("Upload", within="#upload")
        self.page.until("[...document.querySelectorAll('table tbody th')].some(e => e.innerText.trim() === '2.0.0')", what="the firmware in the list")
        self.look("firmware")

    def test_create_a_job(self):
        self.page.click("New job with 2.0.0", leaves=True)
        self.page.fill("Name", "Greenhouse 2.0.0")
        self.page.tick("verify", TRIAL)
        for name in ROWS:
            self.page.tick("devices", name)
        self.page.fill("Stages", "60:100")
        self.page.click("Preview")
        self.page.sees("Stage 2")
        self.look("job-new")
        self.page.click("Create the draft", within="#job", leaves=True)
        self.page.sees("Draft")
        self.path = self.page.js("location.pathname")

    def test_verify_on_one_device(self):
        self.job("Verify on test devices")
        self.page.until("document.querySelector('#job-state .badge').innerText === 'Verified'", patience=2 * PATIENCE, what="the trial's end")
        self.runs(["1.0.0"] * 5, ROWS)
        self.runs(["2.0.0"], [TRIAL])
        self.job("Approve")
        self.page.sees("Approved")
        self.look("job-approved")

    def runs(self, versions, names):
        """A device reports the new version a moment before its process ends."""
        wait_until(lambda: sorted(self.boards[name].version for name in names) == versions, 2 * PATIENCE,
                   f"{versions} on {names}, not { {name: board.version for name, board in self.boards.items()} }", 0.1)

    def test_batch_of_five_paused_and_resumed(self):
        # With the devices off, the job can be paused before any of them has begun.
        for name in ROWS:
            self.boards[name].stop()
        self.job("Start")
        self.page.sees("Stage 1 of 2.")
        self.job("Pause")
        self.page.sees("Paused")
        if self.bar() != "0":
            raise Failure(f"the bar is at {self.bar()} before any device has begun")
        for name in ROWS:
            self.boards[name].start()
        # Those of the first stage were ordered before the pause; the others must not begin.
        self.page.until("document.getElementById('job-bar').innerText.includes('3 succeeded')", patience=2 * PATIENCE, what="the first stage's end")
        self.page.sees("2 waiting")
        self.runs(["1.0.0"] * 2 + ["2.0.0"] * 3, ROWS)
        if self.bar() != "60":
            raise Failure(f"the bar is at {self.bar()} with three of five done")
        self.look("job-paused")
        self.job("Resume")
        # Without a reload from here: the page follows by itself.
        self.page.until("document.querySelector('#job-state .badge').innerText === 'Done'", patience=2 * PATIENCE, what="the job's end")
        self.page.until("document.querySelector('#job-bar [role=progressbar]').getAttribute('aria-valuenow') === '100'", what="100 %")
        self.page.sees("5 succeeded")
        self.runs(["2.0.0"] * 5, ROWS)
        self.page.click("The same as a table")
        times, good, _ = self.page.js("await (await fetch(document.getElementById('chart').dataset.source)).json()")
        if good[-1] != 5 or times != sorted(set(times)):
            raise Failure(f"the chart has {good} at {times}")
        self.look("job-done")

    def test_a_device_that_fails_and_why(self):
        self.page.click("New job with this firmware", leaves=True)
        self.page.fill("Name", "Row 7")
        self.page.tick("devices", FULL)
        self.page.click("Create the draft", within="#job", leaves=True)
        self.job("Approve")
        self.job("Start")
        self.page.sees("The image could not be written", patience=2 * PATIENCE)
        self.page.sees("IOT_OTAP_BURN_FAILED")
        self.page.sees("Check the room and the state of the flash")
        self.page.until("document.querySelector('#job-state .badge').innerText === 'Paused'", what="the stop at the error threshold")
        self.look("job-failed")
        self.page.click(FULL, within="table", leaves=True)
        self.page.sees("The image could not be written")
        self.page.sees("What to do:")
        self.page.sees("/ota/device/progress/")
        if SECRET in self.page.js("document.documentElement.outerHTML"):
            raise Failure("the page shows the device's secret")
        self.look("device-failed")
        self.go("/console")
        self.page.sees("The image could not be written")
        self.look("overview")

    def test_roll_back(self):
        self.go(f"/console/devices/{PRODUCT}/{ROWS[0]}")
        self.page.choose("Firmware", "1.0.0")
        self.page.click("Push to this device", leaves=True)
        self.page.until("document.querySelector('.facts strong')?.innerText === '1.0.0'", patience=2 * PATIENCE, what="the old version on the device")
        self.runs(["1.0.0"], ROWS[:1])
        self.look("device-rolled-back")

    def test_languages(self):
        self.go(self.path)
        self.page.click("中文", leaves=True)
        self.page.sees("已完成")
        if self.page.js("document.documentElement.lang") != "zh-CN":
            raise Failure("the page does not say that it is in Chinese")
        self.look("zh-job")
        for name, path in [("zh-overview", "/console"), ("zh-devices", "/console/devices"), ("zh-firmware", "/console/firmware"),
                           ("zh-job-new", "/console/jobs/new?firmware=2"), ("zh-device", f"/console/devices/{PRODUCT}/{FULL}")]:
            self.go(path)
            self.look(name)
        self.page.click("English", leaves=True)
        self.page.sees("Updates and version history")

    def test_phone(self):
        self.page.size(360, 740, phone=True)
        for name, path in [("overview", "/console"), ("devices", "/console/devices"), ("firmware", "/console/firmware"), ("job", self.path),
                           ("job-new", "/console/jobs/new?firmware=2"), ("device", f"/console/devices/{PRODUCT}/{FULL}")]:
            self.go(path)
            self.look("phone-" + name)
        self.page.size(1280, 900)

    def test_dark_by_the_switch(self):
        self.go("/console/jobs")
        self.page.click("Dark", leaves=True)
        if self.page.js("getComputedStyle(document.body).colorScheme || getComputedStyle(document.documentElement).colorScheme") != "dark":
            raise Failure("the page is not dark")
        self.look("jobs-switched-dark")
        self.page.click("Auto", leaves=True)

    def test_roll_back_a_job(self):
        self.go(self.path)
        self.page.js("document.getElementById('do-rollback').click()")
        self.page.sees("the version that it had before")
        self.look("job-roll-back")
        self.page.click("Roll back", within="#job-state form", leaves=True)
        self.page.sees("Roll-back of job")
        self.page.until("document.querySelector('#job-state .badge').innerText === 'Done'", patience=2 * PATIENCE, what="the roll-back's end")
        # The first one went back before, by hand.
        self.page.sees("5 succeeded")
        self.runs(["1.0.0"] * 6, [TRIAL, *ROWS])
        self.look("job-rolled-back")

    def test_a_job_for_a_configuration(self):
        self.go("/console/firmware")
        self.page.js("document.querySelector('#configuration [name=product]').value = $0", PRODUCT)
        self.page.files("#configuration [type=file]", self.server.image("rates.json", 2_000, 3))
        self.page.click("Add a configuration", within="#configuration")
        self.page.until("[...document.querySelectorAll('table tbody td')].some(e => e.innerText.trim() === 'Configuration')", what="the configuration in the list")
        self.look("firmware-configuration")
        self.page.js("[...document.querySelectorAll('table tbody tr')].find(e => e.innerText.includes('rates.json')).querySelector('a.button').click()")
        self.page.sees("Devices are sent a push.")
        self.page.fill("Name", "Rates")
        for name in ROWS:
            self.page.tick("devices", name)
        self.page.click("Preview")
        self.page.sees("5 devices would get it now.")
        self.look("job-new-configuration")
        self.page.click("Create the draft", within="#job", leaves=True)
        self.page.sees("Draft")
        self.look("job-configuration")

    def test_nothing_to_complain_about(self):
        quiet(self.page, self.server.url, allowed=["status of 401"])
        if self.wrong:
            raise Failure("\n".join(dict.fromkeys(self.wrong)))

    def test_sign_out(self):
        self.go("/console")
        self.page.click("Sign out", leaves=True)
        self.page.until("location.pathname === '/sign-in'")
        self.go("/console/devices")
        self.page.until("location.pathname === '/sign-in'")
