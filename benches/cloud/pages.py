# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a person sees, in a headless Chromium: how soon a page is there, what it weighs, how soon a bar moves."""

import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "console"))

from browser import Browser  # noqa: E402

# First contentful paint in ms, and the bytes of everything that came, heads included.
PAINT = """await (async () => {
    for (let n = 0; n < 200; n++) {
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        if (paint) {
            const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
            return [paint.startTime, all.reduce((sum, one) => sum + one.transferSize, 0)];
        }
        await new Promise(done => setTimeout(done, 25));
    }
})()"""

# When the bar shows another percentage, by the clock of the machine.
WATCH = """(() => {
    window.moves = [];
    const bar = () => document.querySelector("#job-bar [role=progressbar]")?.getAttribute("aria-valuenow");
    let last = bar();
    new MutationObserver(() => { if (bar() !== last) { last = bar(); window.moves.push([last, Date.now()]); } })
        .observe(document.body, {subtree: true, childList: true, attributes: true});
    return last;
})()"""


def paint(browser, url, words, runs):
    """Medians over browsers without a cache: ms to the first paint, ms to that of a page of words, bytes over the wire.

    Each browser shows the words once before. So it has a process for this server, as on the way from one page to the next; a
    browser makes a new one for the first page of a server that keeps others out (Cross-Origin-Opener-Policy)."""
    seen, peers = [], []
    for _ in range(runs + 1):
        for one, results in ((url, seen), (words + "?again", peers)):
            page = browser.page()
            page.go(words)
            page.go(one)
            results.append(page.js(PAINT))
            # One that stays open would listen for news, and take time from the next.
            page.close()
    # The first ones warm the browser up.
    columns = ((ms for ms, _ in seen[1:]), (ms for ms, _ in peers[1:]), (size for _, size in seen[1:]))
    return [statistics.median(column) for column in columns]


def bar(browser, url, report, steps):
    """ms from each report to the bar that shows it. `report` sends a percentage."""
    page = browser.page()
    page.go(url)
    page.js(WATCH)
    took = []
    for percent in steps:
        before = time.time() * 1000
        report(percent)
        page.until("window.moves.some(move => parseFloat(move[0]) === $0)", percent, what=f"the bar at {percent}")
        at = page.js("window.moves.find(move => parseFloat(move[0]) === $0)[1]", percent)
        took.append(at - before)
        # Somebody who reports without a pause would only be told of twice in one piece.
        time.sleep(0.3)
    return took


__all__ = ["Browser", "bar", "paint"]
