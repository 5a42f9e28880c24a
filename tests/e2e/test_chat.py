"""What a person does in the chat, in the order in which they would come to it.

Most tests paste a request, which needs no model, so that they say something about the chat and nothing about a model.
"""

import csv
import io
import json
import re
import urllib.error
import urllib.request

import pytest
from driver import Chat, Server

LIST = ["TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC", "RB1", "PTEN", "CAP", "NOSUCHGENE1", "TP53"]
CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=symbol,name"
KINASES = "mygene /v3/query?q=kinase&fields=symbol,name"
QUESTION = "where is BRCA1 located?"


def test_an_empty_chat_shows_what_can_be_asked_of_each_api(chat):
    for api in ("Genes", "Variants", "Drugs", "Diseases"):
        chat.page.get_by_role("button", name=api, exact=True).click()
        assert chat.page.locator("[id^=starter]").count() >= 3
    chat.page.get_by_role("button", name="Help").click()
    chat.page.get_by_role("heading", name="Reading an answer").wait_for()
    assert chat.elsewhere == []


def test_a_question_is_answered_with_its_request_and_work(chat):
    chat.ask(QUESTION)
    page = chat.page
    assert page.locator(".ba-card summary").last.inner_text().startswith("Request: ")
    page.get_by_text("Done in").click()
    for step in ("Looked up fields", "Drafting", "Checked the draft", "Asked the offline snapshot"):
        page.get_by_text(step).first.wait_for()
    assert "Answered by the offline snapshot" in page.locator(".ba-answer").last.inner_text()
    assert chat.elsewhere == []
    assert page.title() == "BioThings Assistant" and "chainlit" not in page.inner_text("body").lower()


def test_a_follow_up_is_asked_and_a_question_is_edited_and_sent_again(chat):
    chat.ask(QUESTION)
    chat.ask("and TP53?")
    assert chat.answers.count() == 2
    chat.edit(QUESTION, CDK2)
    # What followed the question is gone; the answer to the new one stands in its place.
    chat.page.locator(".ba-answer", has_text="cyclin dependent kinase 2").wait_for()
    assert chat.answers.count() == 1 and chat.page.get_by_text("and TP53?").count() == 0


def test_a_request_is_edited_checked_run_and_saved_as_a_correction(chat, home):
    chat.ask(QUESTION)
    answer = chat.run("symbol:CDK2", "symbol,entrezgene,ensembl.gene")
    link = answer.get_by_role("link", name="1017", exact=True).first
    assert link.get_attribute("href") == "https://www.ncbi.nlm.nih.gov/gene/1017"
    answer.locator("summary").click()
    answer.get_by_role("button", name="Save as the right request").click()
    answer.get_by_role("button", name="Saved").wait_for()
    from ui.feedback import Corrections

    saved = json.loads(Corrections(home).export()[-1])
    assert saved["question"] == QUESTION and "symbol:CDK2" in saved["request"]


def test_a_fault_in_an_edited_request_is_said_at_once(chat):
    chat.ask(CDK2)
    card = chat.edit_request()
    card.locator("textarea").fill("symbl:CDK2")
    card.locator(".ba-fault").wait_for()
    assert "symbol" in card.locator(".ba-fault").inner_text()
    assert card.get_by_role("button", name="Run this request").is_disabled()


def test_a_request_that_finds_nothing_says_which_part_of_it_does_not(chat):
    assert "This part alone finds nothing: name:banana" in chat.ask("mygene /v3/query?q=symbol:CDK2 AND name:banana")


def test_what_cannot_be_sent_says_why(chat):
    text = chat.ask("mygene /v3/query?q=symbl:CDK2")
    assert "no field 'symbl'" in text and "Not sent" in text


@pytest.mark.parametrize(
    ("request_line", "ask", "label", "found"),
    [
        ("mygene /v3/query?q=alias:CAP&fields=symbol", "Which gene is meant?", "CAP1 (1)", "CAP1"),
        ("mygene /v3/query?q=symbol:TWIN1&fields=symbol,taxid", "Which species is meant?", "mouse (1)", "10090"),
        ("myvariant /v1/query?q=chr7:140753330-140753340", "Positions on which assembly?", "hg38 (", "assembly=hg38"),
    ],
)
def test_what_a_request_leaves_open_is_asked_back(chat, request_line, ask, label, found):
    assert ask in chat.ask(request_line)
    before = chat.page.locator(".ba-answer").count()
    chat.page.get_by_role("button", name=label).click()
    answer = chat.page.locator(".ba-answer").nth(before)
    answer.wait_for()
    assert found in answer.inner_text()


def test_counts_are_drawn_and_tabulated(chat):
    chat.ask("mygene /v3/query?q=kinase&facets=type_of_gene&size=0")
    chat.page.get_by_role("img", name="Chart: gene type").wait_for()
    assert chat.page.locator(".ba-table tbody tr").first.inner_text().startswith("protein-coding")


def test_genes_are_drawn_along_their_chromosome(chat):
    chat.ask("mygene /v3/query?q=chr21:30000000-33000000&fields=symbol,genomic_pos&size=20")
    chat.page.get_by_role("img", name="Chart: Genes on chromosome 21").wait_for()


def test_texts_of_an_api_stay_text(chat):
    chat.ask("mygene /v3/query?q=symbol:HOSTILE1&fields=symbol,name,summary")
    answer = chat.page.locator(".ba-answer").last
    assert "<script>window.pwned=1</script>" in answer.inner_text()
    assert chat.page.evaluate("window.pwned") is None
    assert chat.page.locator("img[src*='evil']").count() == 0 and chat.page.locator("a[href*='evil']").count() == 0
    assert chat.elsewhere == []


def test_texts_of_a_user_stay_text(chat):
    chat.say("<img src=x onerror=window.pwned=1> ![a](https://evil.example/a.png) **what** is this?")
    assert chat.page.evaluate("window.pwned") is None and chat.elsewhere == []


def test_downloads_hold_what_the_answer_holds(chat):
    chat.ask(f"{KINASES}&size=20")
    answer = chat.page.locator(".ba-answer").last
    hits = json.loads(chat.download(answer, "JSON"))
    rows = list(csv.DictReader(io.StringIO(chat.download(answer, "CSV"))))
    assert len(hits) == 20 and [row["_id"] for row in rows] == [hit["_id"] for hit in hits]
    shown = answer.locator("tbody tr td:first-child").all_inner_texts()
    assert shown == [hit["_id"] for hit in hits]
    total = int(re.search(r"first of ([\d,]+)", answer.inner_text())[1].replace(",", ""))
    assert len(list(csv.DictReader(io.StringIO(chat.download(answer, f"All {total:,} as CSV"))))) == total


def test_a_thousand_hits_are_paged_filtered_and_sorted(chat):
    chat.ask("mygene /v3/query?q=type_of_gene:ncRNA&fields=symbol&size=1000")
    answer = chat.page.locator(".ba-answer").last
    assert answer.locator("tbody tr").count() == 25
    answer.get_by_role("button", name="Next").click()
    answer.get_by_text("page 2 of 40").wait_for()
    answer.get_by_role("button", name="symbol", exact=True).click()
    symbols = answer.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert answer.locator("th[aria-sort=ascending]").count() == 1 and symbols[0].startswith("A")
    answer.get_by_label("Filter these rows").fill(symbols[0])
    answer.get_by_text(re.compile(r"^\d+ of 1,000 rows")).wait_for()


def test_a_list_becomes_one_table(chat):
    text = chat.ask("\n".join(LIST))
    assert "1 ambiguous, 1 missing, 1 given more than once" in text
    table = chat.page.locator(".ba-table").last
    assert table.locator("tbody tr").filter(has_text="NOSUCHGENE1").inner_text().split("\t")[1].strip() == "missing"
    rows = list(csv.DictReader(io.StringIO(chat.download(chat.page.locator(".ba-answer").last, "CSV"))))
    assert {row["query"] for row in rows} == set(LIST)


def test_a_list_of_two_hundred_is_attached(chat, tmp_path):
    path = tmp_path / "genes.csv"
    path.write_text("row,gene id\n" + "".join(f"{number},{number}\n" for number in range(1000, 1200)))
    chat.page.locator("input[type=file]").first.set_input_files(path)
    text = chat.ask("look these up")
    assert "200 NCBI Gene ids" in text and "found" in text


def test_stop_leaves_the_chat_usable(chat):
    chat.send("which variants in BRCA1 are pathogenic and how frequent are they in every population?")
    chat.stop()
    chat.page.get_by_text("Stopped.", exact=True).wait_for()
    assert "CDK2" in chat.ask(CDK2)


def test_settings_of_a_chat_take_effect(chat):
    page = chat.page
    page.click("#chat-settings-open-modal")
    page.get_by_role("slider").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.locator("#species").click()
    page.get_by_role("option", name="mouse").click()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("dialog").wait_for(state="detached")
    chat.ask("mygene /v3/query?q=kinase")
    assert "30 rows, the first of" in page.locator(".ba-answer").last.inner_text()
    assert "in mouse" in chat.ask("\n".join(LIST))


def test_an_opinion_is_kept(chat, home):
    chat.ask(CDK2)
    chat.page.get_by_label("Helpful", exact=True).click()
    chat.page.get_by_role("dialog").get_by_role("textbox").fill("Just right.")
    chat.page.get_by_role("button", name="Submit feedback").click()
    chat.page.get_by_label("Helpful, chosen").wait_for()
    from ui.sqlite import connect

    rows = connect(home / "chat" / "chats.sqlite").execute("SELECT value, comment FROM feedbacks").fetchall()
    assert tuple(rows[-1]) == (1, "Just right.")


def test_the_keyboard_is_enough(chat):
    page = chat.page
    page.keyboard.press("Tab")
    page.locator("#chat-input").focus()
    chat.ask(CDK2)
    page.locator(".ba-card summary").focus()
    page.keyboard.press("Enter")
    chat.tab_to("Edit and run")
    page.keyboard.press("Enter")
    page.locator(".ba-form select").wait_for()
    unnamed = "e => !(e.getAttribute('aria-label') || e.innerText || e.title) && e.offsetParent"
    page.wait_for_function(f"[...document.querySelectorAll('button')].filter({unnamed}).length === 0")


def test_chats_are_listed_resumed_and_deleted_after_a_restart(chat, server):
    page = chat.page
    chat.ask("mygene /v3/query?q=symbol:BRCA2&fields=symbol,name")
    page.wait_for_url("**/thread/**")
    address = page.url
    server.restart()
    page.goto(address, wait_until="commit")
    page.locator(".ba-answer").first.wait_for()
    chat.ready()
    assert "CDK2" in chat.ask(CDK2)
    listed = page.locator(f"a[href='{address.partition(server.url)[2]}']")
    listed.locator("#thread-options").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Confirm").click()
    listed.wait_for(state="detached")
    assert server.home.joinpath("chat", "chats.sqlite").exists()


# The browser remembers the scheme: light comes last, as the other tests find it.
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_fits_a_phone(context, server, scheme):
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.add_init_script(f"localStorage.setItem('vite-ui-theme', '{scheme}')")
    chat = Chat(page, server.url).ready()
    chat.ask("mygene /v3/query?q=kinase&facets=type_of_gene&size=0")
    page.get_by_role("img", name="Chart: gene type").wait_for()
    chat.ask(KINASES)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("html").get_attribute("class").split() == [scheme]
    page.close()


def test_two_chats_ask_at_once(server, context):
    chats = [Chat(context.new_page(), server.url).ready() for _ in range(2)]
    for chat, gene in zip(chats, ("CDK2", "EGFR"), strict=True):
        chat.send(f"where is {gene} located?")
    for chat, gene in zip(chats, ("CDK2", "EGFR"), strict=True):
        chat.answers.first.wait_for()
        chat.idle()
        assert gene in chat.page.locator("main").inner_text()
        chat.page.close()


def test_sign_in_is_asked_for_where_users_are_set_and_chats_are_kept_apart(home, browser):
    guarded = Server(home, chat_users="ann:correct-horse,bob:battery-staple").start()
    contexts = {name: browser.new_context(reduced_motion="reduce") for name in ("ann", "bob")}
    try:
        page = Chat(contexts["ann"].new_page(), guarded.url).page
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password", exact=True).fill("wrong-password")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("The name or the password is not right.").wait_for()
        assert "Unauthorized" not in page.locator("form").inner_text()
        ann = Chat(page, guarded.url).sign_in("ann", "correct-horse")
        bob = Chat(contexts["bob"].new_page(), guarded.url).sign_in("bob", "battery-staple")
        for chat, gene in ((ann, "CDK2"), (bob, "EGFR")):
            chat.send(f"mygene /v3/query?q=symbol:{gene}&fields=symbol,name")
        for chat, gene in ((ann, "cyclin dependent kinase 2"), (bob, "epidermal growth factor receptor")):
            chat.page.locator(".ba-table", has_text=gene).wait_for()
        page.wait_for_url("**/thread/**")
        bob.page.goto(page.url, wait_until="commit")
        bob.page.get_by_text("symbol:EGFR").first.wait_for()
        assert bob.page.get_by_text("symbol:CDK2").count() == 0
    finally:
        for context in contexts.values():
            context.close()
        guarded.stop()


@pytest.mark.parametrize("path", ["/answers/00000000.json", "/kept/x", "/answers/../../secret"])
def test_nothing_is_fetched_without_being_signed_in(server, path):
    try:
        with urllib.request.urlopen(server.url + path) as answer:
            assert b"<!doctype html>" in answer.read().lower()  # the page itself
    except urllib.error.HTTPError as error:
        assert error.code in (403, 404)
