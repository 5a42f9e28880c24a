"""Measure the chat on this machine: `python tests/e2e/measure.py [--chats 20] [--home FOLDER]`.

It starts the real app on the offline snapshot, opens it in a headless Chromium, and prints how long the first paint
takes, how much longer a question takes than `ask`, and how many chats fare who ask at the same moment. It ends with 1
where a figure is not what is wanted; `--out FILE` keeps the figures.
"""

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from conftest import BROWSERS
from driver import Chat, Server
from playwright.sync_api import sync_playwright

GENES = ("CDK2", "TP53", "EGFR", "BRAF", "KRAS", "MYC", "RB1", "PTEN", "ATM", "BRCA2", "MLH1", "MSH2", "APC", "VHL")
#: What somebody who waits is shown.
SIGN = "Working|Waiting for the model|ahead of yours|Looked up fields|Drafting|Checked|Asked"
#: What is wanted: a figure's name, and the most that it may be.
WANTED = {
    "first paint, s": 2.0, "above `ask`, s": 0.3, "not answered": 0, "without a sign": 0, "memory, MB": 1500,
}  # fmt: skip
#: Notes, in the page itself, the seconds from the key that sends a question to the first sign of work and to the
#: answer: a driver looks every half second only, and with many pages open seldom.
NOTE = """(sign) => {
  let sent = 0
  window.noted = {}
  addEventListener("keydown", (event) => { if (event.key === "Enter") sent = sent || event.timeStamp }, true)
  const note = (what) => { window.noted[what] ??= (performance.now() - sent) / 1000 }
  const look = () => {
    if (!sent) return
    if (new RegExp(sign).test(document.querySelector("main")?.textContent ?? "")) note("sign")
    if (document.querySelector(".ba-answer")?.getClientRects().length) note("answer")
  }
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true })
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chats", type=int, default=20)
    parser.add_argument("--home", type=Path, help="a home folder whose indexes and model are built already")
    parser.add_argument("--out", type=Path, help="write the figures to this file, as JSON")
    options = parser.parse_args()
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(options.home or Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            figures = {
                "first paint, s": say("first paint of a warm app", *first_paints(browser, server)),
                "above `ask`, s": say("from question to answer, above `ask`", *overheads(browser, server)),
                **load(browser, server, options.chats),
            }
        finally:
            browser.close()
            server.stop()
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")
    missed = [
        f"{name}: {figures[name]:.2f}, wanted at most {most}" for name, most in WANTED.items() if figures[name] > most
    ]
    for line in missed:
        tell(f"NOT MET: {line}")
    sys.exit(bool(missed))


def say(what, *seconds):
    """Print the times that something took; return their median."""
    if not seconds:
        tell(f"{what}: never")
        return 0.0
    middle = statistics.median(seconds)
    tell(f"{what}: {middle:.2f} s in the median, {max(seconds):.2f} s at most, of {len(seconds)}")
    return middle


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def first_paints(browser, server, times=6):
    for number in range(times):
        context = browser.new_context(reduced_motion="reduce")
        chat = Chat(context.new_page(), server.url).ready()
        if number:  # the first one warms the app
            yield chat.page.evaluate(PAINT) / 1000
        context.close()


def overheads(browser, server):
    """Yield how much longer the page took than the record says."""
    for gene in GENES[:6]:
        context = browser.new_context(reduced_motion="reduce")
        chat = Chat(context.new_page(), server.url).ready()
        chat.page.fill("#chat-input", f"where is {gene} located?")
        chat.page.evaluate(NOTE, SIGN)
        chat.page.keyboard.press("Enter")
        chat.page.locator(".ba-answer").wait_for()
        took = chat.page.evaluate("window.noted.answer")
        yield took - float(re.search(r"([\d.]+) s$", chat.page.locator(".ba-answer .ba-quiet").last.inner_text())[1])
        context.close()


def load(browser, server, count):
    """Let so many chats ask at once; return the figures."""
    chats = [Chat(browser.new_context(reduced_motion="reduce").new_page(), server.url).ready() for _ in range(count)]
    for number, chat in enumerate(chats):
        chat.page.fill("#chat-input", f"where is {GENES[number % len(GENES)]} located?")
        chat.page.evaluate(NOTE, SIGN)
    start = time.perf_counter()
    for chat in chats:
        chat.page.keyboard.press("Enter")
    asked = time.perf_counter() - start
    noted, waits = {}, {}
    while len(noted) < count and time.perf_counter() - start < 600:
        time.sleep(2)  # looking costs the pages time, too
        for number, chat in enumerate(chats):
            if number in noted:
                continue
            if place := re.search(r"(\d+) questions? (?:is|are) ahead", chat.page.locator("main").inner_text()):
                waits.setdefault(number, int(place[1]))
            if chat.answers.count():
                noted[number] = chat.page.evaluate("window.noted")
    signs, answers = ([one[what] for one in noted.values() if what in one] for what in ("sign", "answer"))
    tell(f"{count} chats at once (sent within {asked:.1f} s): {len(noted)} answered")
    say("until something shows that it works", *signs)
    say("until the answer", *answers)
    tell(f"told their place in line: {len(waits)}, up to {max(waits.values(), default=0)} ahead")
    memory = server.peak_memory() / 2**20
    tell(f"memory of server and model at its peak: {memory:,.0f} MB")
    return {
        "chats": count, "not answered": count - len(noted), "without a sign": count - len(signs),
        "last answer, s": max(answers, default=0.0), "memory, MB": memory,
    }  # fmt: skip


if __name__ == "__main__":
    main()
