"""Drives the chat: its server in a process, its page in a browser."""

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class Server:
    """The chat in a process of its own."""

    def __init__(self, home, **settings):
        self.home, self.settings = home, settings
        self.port = _free_port()
        self.process = None

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def start(self):
        environment = {
            **os.environ, "BIOTHINGS_ASSISTANT_HOME": str(self.home), "BIOTHINGS_ASSISTANT_BACKEND": "offline",
            "PYTHONPATH": str(REPOSITORY),
            **{f"BIOTHINGS_ASSISTANT_{name.upper()}": value for name, value in self.settings.items()},
        }  # fmt: skip
        code = (
            "from agent.settings import load_settings; from ui.serve import run; "
            f"run(load_settings(), {self.port}, True)"
        )
        self.process = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=self.home)
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "The server ended by itself."
            if self.health().get("status") in ("ok", "degraded"):
                return self
            time.sleep(0.5)
        raise AssertionError("The server did not become ready.")

    def health(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def peak_memory(self):
        """Return the most memory that the server and its model's process ever held, in bytes. (Linux.)"""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        ids = [str(self.process.pid), *(child for file in children for child in file.read_text().split())]
        peaks = (re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{one}/status").read_text()) for one in ids)
        return sum(int(peak[1]) * 1024 for peak in peaks)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Chat:
    """One page of the chat, driven as a person would."""

    def __init__(self, page, url):
        self.page, self.elsewhere = page, []
        page.set_default_timeout(60_000)
        page.on("request", lambda request: self._note(request.url, url))
        if page.url != f"{url}/login":
            page.goto(url, wait_until="commit")

    def _note(self, address, url):
        if not address.startswith((url, url.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(address)

    @property
    def answers(self):
        """What the assistant said: its steps are none of it."""
        return self.page.locator("[data-step-type=assistant_message]")

    def ready(self):
        # The settings come once the page is connected; what is sent before stays in the box.
        self.page.wait_for_selector("#chat-settings-open-modal")
        return self

    def send(self, text):
        self.page.click("#chat-input")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")

    def ask(self, text):
        """Ask, and return the answer's text once it is there with what belongs to it."""
        answer = self.say(text)
        answer.locator(".ba-answer").wait_for()
        return answer.inner_text()

    def say(self, text):
        """Send a message, and return what the assistant says to it: it need not be an answer."""
        before = self.answers.count()
        self.send(text)
        self.answers.nth(before).wait_for()
        self.idle()
        return self.answers.last

    def idle(self):
        self.page.wait_for_selector("#stop-button", state="detached")

    def stop(self):
        """Press Stop as soon as it is there: an answer may be quick."""
        pressed = "() => { const it = document.querySelector('#stop-button'); it?.click(); return Boolean(it) }"
        self.page.wait_for_function(pressed)

    def edit(self, text, new):
        """Put a question in other words, and send it again."""
        message = self.page.locator("[data-step-type=user_message]", has_text=text).first
        message.locator(".edit-message").focus()
        self.page.keyboard.press("Enter")
        box = self.page.locator("textarea:not(#chat-input)")
        box.fill(new)
        self.page.get_by_role("button", name="Confirm").click()
        box.wait_for(state="detached")

    def edit_request(self):
        """Open the last request for editing; return its card."""
        card = self.page.locator(".ba-card").last
        if card.get_attribute("open") is None:
            card.locator("summary").click()
        card.get_by_role("button", name="Edit and run").click()
        return card

    def run(self, query, fields=""):
        """Edit the last request and run it; return the new answer element."""
        before, card = self.page.locator(".ba-answer").count(), self.edit_request()
        card.locator("select").first.select_option("mygene")
        card.locator("textarea").fill(query)
        card.get_by_placeholder("the usual ones").fill(fields)
        card.locator(".ba-explain", has_text=query).wait_for()
        card.get_by_role("button", name="Run this request").click()
        self.page.locator(".ba-answer").nth(before).wait_for()
        # What it leaves open comes a moment later, and draws the answer anew.
        self.idle()
        return self.page.locator(".ba-answer").last

    def choose(self, **labels):
        """Choose in the settings of this chat: for each setting, the label of its value."""
        self.page.click("#chat-settings-open-modal")
        for name, label in labels.items():
            self.page.locator(f"#{name}").click()
            self.page.get_by_role("option", name=label, exact=True).click()
        self.page.get_by_role("button", name="Confirm").click()
        self.page.get_by_role("dialog").wait_for(state="detached")

    def attach(self, path):
        self.page.locator("input[type=file]").first.set_input_files(path)

    def table(self, answer):
        """Return the header and the rows that an answer's table shows; what it folds ends in `… more`."""
        header = answer.locator("thead th").all_inner_texts()
        rows = [row.locator("td").all_inner_texts() for row in answer.locator("tbody tr").all()]
        return [_plain(header), *map(_plain, rows)]

    def csv(self, answer):
        """Return the header and the rows of an answer's CSV."""
        # What a spreadsheet would read as a formula has a quote before it.
        text = re.sub(r"(?m)(^|,\"?)'", r"\1", self.download(answer, "CSV"))
        return [_plain(row) for row in csv.reader(io.StringIO(text))]

    def download(self, answer, button):
        """Press a download's button; return the file's content."""
        with self.page.expect_download() as saved:
            answer.get_by_role("button", name=button, exact=True).click()
        return saved.value.path().read_text("utf-8")

    def sign_in(self, name, password):
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.ready()

    def tab_to(self, name):
        """Press Tab until the button of this name has the focus."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.innerText") == name:
                return
        raise AssertionError(f"Tab does not reach {name}.")


def _plain(cells):
    return [" ".join(cell.split()) for cell in cells]
