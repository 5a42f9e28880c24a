"""Take pictures of the chat in its main states, light, dark and narrow.

`python tests/e2e/screenshots.py FOLDER [--home FOLDER] [--only STATE …]` takes all of them, to be looked at;
`python tests/e2e/screenshots.py docs/images --docs` those that the documents show.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from conftest import BROWSERS
from driver import Chat, Server
from playwright.sync_api import sync_playwright

WIDE, NARROW = {"width": 1000, "height": 860}, {"width": 390, "height": 760}
#: Sign-in has a picture beside it where there is room.
WIDER = {"width": 1280, "height": 800}
LOOKS = {"light": (WIDE, "light"), "dark": (WIDE, "dark"), "narrow": (NARROW, "light")}
LIST = "TP53 BRCA1 CDK2 EGFR P53 CAP KRAS NOSUCHGENE1 MYC RB1 PTEN TP53"
USERS = "ann:correct-horse"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, help="a home folder whose indexes and model are built already")
    parser.add_argument("--only", nargs="+", choices=sorted(STATES), default=sorted(STATES), metavar="STATE")
    parser.add_argument("--docs", action="store_true", help="take those of the documents")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = (
        [(name, state, LOOKS[look]) for name, (state, look) in DOCUMENTS.items()]
        if options.docs
        else [(f"{state}-{look}", state, LOOKS[look]) for state in options.only for look in LOOKS]
    )
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = options.home or Path(folder)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            # One after the other: both keep their chats in the same home.
            for settings, signing_in in (({}, False), ({"chat_users": USERS}, True)):
                wanted = [picture for picture in pictures if (picture[1] == "sign-in") == signing_in]
                if wanted:
                    server = Server(home, **settings).start()
                    try:
                        for picture in wanted:
                            take(browser, server, options.folder, *picture)
                    finally:
                        server.stop()
        finally:
            browser.close()


def take(browser, server, folder, name, state, look):
    size, scheme = look
    if state == "sign-in" and size == WIDE:
        size = WIDER
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('vite-ui-theme', '{scheme}')")
    STATES[state](Chat(page, server.url))
    if state != "work":
        page.mouse.move(0, 0)
        page.wait_for_timeout(1000)
    page.screenshot(path=folder / f"{name}.png")
    context.close()


def show_start(chat):
    """An empty chat, with what can be asked."""
    chat.ready()
    chat.page.get_by_role("button", name="Genes", exact=True).click()


def show_work(chat):
    """A question that is being worked on."""
    chat.ready().send("which Reactome pathways is CDK2 in?")
    chat.page.get_by_text("Looked up fields").first.wait_for()


def show_answer(chat):
    """A question, its work, its answer, and what the request means."""
    chat.ready().ask("where is BRCA1 located?")
    chat.page.locator(".ba-card summary").click()


def show_edited(chat):
    """A request that was edited and run without the model, and its chart."""
    chat.ready().ask("where is BRCA1 located?")
    chat.run("chr17:43000000-43400000", "symbol,genomic_pos")
    chart = chat.page.locator(".js-plotly-plot")
    chart.wait_for()
    chart.scroll_into_view_if_needed()


def show_form(chat):
    """A request that is being edited, with a fault in it."""
    chat.ready().ask("where is BRCA1 located?")
    card = chat.edit_request()
    card.locator("textarea").fill("symbl:BRCA1")
    card.locator(".ba-fault").wait_for()


def show_choices(chat):
    """What a request leaves open, asked back."""
    chat.ready().ask("mygene /v3/query?q=alias:CAP&fields=symbol,name")
    chat.page.locator(".ba-choice").first.wait_for()


def show_refusal(chat):
    """A question that these databases do not answer."""
    chat.ready().say("what is the weather like?")


def show_empty(chat):
    """A request that finds nothing, and why."""
    chat.ready().ask("mygene /v3/query?q=symbol:CDK2 AND name:banana")


def show_settings(chat):
    """The settings of a chat."""
    chat.ready().page.click("#chat-settings-open-modal")
    chat.page.get_by_role("slider").wait_for()


def show_sign_in(chat):
    """The way in, where there are users."""
    chat.page.get_by_label("Password", exact=True).wait_for()


def show_list(chat):
    """A list of gene symbols."""
    chat.ready().ask(LIST.replace(" ", "\n"))
    chat.page.locator(".ba-table").scroll_into_view_if_needed()


STATES = {
    "start": show_start,
    "work": show_work,
    "answer": show_answer,
    "edited": show_edited,
    "form": show_form,
    "choices": show_choices,
    "refusal": show_refusal,
    "empty": show_empty,
    "settings": show_settings,
    "sign-in": show_sign_in,
    "list": show_list,
}
#: Those of the documents: their state and look.
DOCUMENTS = {
    "chat-answer": ("answer", "light"),
    "chat-edited": ("edited", "dark"),
    "chat-list": ("list", "narrow"),
}


if __name__ == "__main__":
    main()
