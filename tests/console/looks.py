# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is true of every page: axe finds nothing serious in light and dark, nothing sticks out of the screen, no complaint in
the browser's console, nothing is loaded from elsewhere."""

import os

from browser import PATIENCE, Failure

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "vendor", "axe.min.js"), encoding="utf-8") as source:
    AXE = source.read()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = {"serious", "critical"}


def findings(page):
    """axe's serious findings on the page as it is: `rule: what; the first element`."""
    page.call("Runtime.evaluate", expression="window.axe || (() => {" + AXE + "})()", returnByValue=False)
    found = page.js("await axe.run(document, {runOnly: {type: 'tag', values: $0}, resultTypes: ['violations']}).then("
                    "r => r.violations.map(v => [v.impact, v.id, v.help, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary]))",
                    TAGS)
    return [": ".join(map(str, rest)) for impact, *rest in found if impact in SERIOUS]


def examine(page, name, folder):
    """Complaints about one page, in light and in dark; pictures of both go into a folder."""
    wrong = wide(page, name)
    for look in ("dark", "light"):
        page.dark(look == "dark")
        wrong += [f"{name}, {look}: axe: {finding}" for finding in findings(page)]
        page.screenshot(os.path.join(folder, f"{name}-{look}.png"))
    return wrong


def on_line(page, count):
    """Waits until the overview's tile says that so many devices are on line."""
    page.until("[...document.querySelectorAll('.tiles li')].some(e => e.innerText.includes('On line') && parseInt(e.innerText) === $0)",
               count, patience=2 * PATIENCE, what=f"{count} devices on line")


def wide(page, name):
    over = page.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{name}: {over} pixels wider than the screen"] if over > 0 else []


def quiet(page, origin, allowed=()):
    """Fails if the browser complained, or asked anybody else."""
    complaints = [line for line in page.console if not any(text in line for text in allowed)]
    strangers = {url for url in page.requests if not url.startswith((origin + "/", "data:", "about:"))}
    if complaints or strangers or page.dialogs:
        raise Failure(f"complaints: {complaints}, requests to others: {strangers}, dialogs: {page.dialogs}")
