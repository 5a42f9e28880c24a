"""Drives the chat: its server in a process, its page in a browser."""

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
        page.set_default_timeout(120_000)
        page.on("request", lambda request: self._note(request.url, url))
        page.goto(url, wait_until="commit")

    def _note(self, address, url):
        if not address.startswith((url, url.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(address)

    @property
    def answers(self):
        """What the assistant said: its steps are none of it."""
        return self.page.locator("[data-step-type=assistant_message]")

    def ready(self):
        self.page.wait_for_selector("#chat-input")
        self.page.wait_for_selector("#chat-settings-open-modal, [id^=starter], .message-content")
        return self

    def send(self, text):
        self.page.click("#chat-input")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")

    def ask(self, text):
        """Ask, and return the last answer's text once it is there."""
        before = self.answers.count()
        self.send(text)
        self.answers.nth(before).wait_for()
        self.idle()
        return self.answers.last.inner_text()

    def idle(self):
        self.page.wait_for_selector("#stop-button", state="detached")

    def run(self, query, fields=""):
        """Edit the last request and run it; return the new answer element."""
        page, before = self.page, self.page.locator(".ba-answer").count()
        card = page.locator(".ba-card").last
        if card.get_attribute("open") is None:
            card.locator("summary").click()
        card.get_by_role("button", name="Edit and run").click()
        card.locator("select").first.select_option("mygene")
        card.locator("textarea").fill(query)
        card.get_by_placeholder("the usual ones").fill(fields)
        page.wait_for_timeout(1500)
        card.get_by_role("button", name="Run this request").click()
        page.wait_for_function("n => document.querySelectorAll('.ba-answer').length > n", arg=before)
        return page.locator(".ba-answer").last
