"""Take the pictures of the chat that the documents show.

`python tests/e2e/screenshots.py docs/images [--home FOLDER]`
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from conftest import BROWSERS
from driver import Chat, Server
from playwright.sync_api import sync_playwright

WIDE, NARROW = {"width": 1000, "height": 860}, {"width": 390, "height": 760}
LIST = "TP53 BRCA1 CDK2 EGFR P53 CAP KRAS NOSUCHGENE1 MYC RB1 PTEN TP53"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, help="a home folder whose indexes and model are built already")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(options.home or Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            for name, size, scheme, show in (
                ("chat-answer", WIDE, "light", show_answer),
                ("chat-edited", WIDE, "dark", show_edited),
                ("chat-list", NARROW, "light", show_list),
            ):
                context = browser.new_context(viewport=size, reduced_motion="reduce")
                page = context.new_page()
                page.add_init_script(f"localStorage.setItem('vite-ui-theme', '{scheme}')")
                show(Chat(page, server.url).ready())
                page.mouse.move(0, 0)
                page.wait_for_timeout(1000)
                page.screenshot(path=options.folder / f"{name}.png")
                context.close()
        finally:
            browser.close()
            server.stop()


def show_answer(chat):
    """A question, its work, its answer, and what the request means."""
    chat.ask("where is BRCA1 located?")
    chat.page.locator(".ba-card summary").click()


def show_edited(chat):
    """A request that was edited and run without the model, and its chart."""
    chat.ask("where is BRCA1 located?")
    chat.run("chr17:43000000-43400000", "symbol,genomic_pos")
    chart = chat.page.locator(".js-plotly-plot")
    chart.wait_for()
    chart.scroll_into_view_if_needed()


def show_list(chat):
    """A list of gene symbols on a phone."""
    chat.ask(LIST.replace(" ", "\n"))
    chat.page.locator(".ba-table").scroll_into_view_if_needed()


if __name__ == "__main__":
    main()
