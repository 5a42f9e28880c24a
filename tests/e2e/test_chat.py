"""What a person does in the chat, in the order in which they would come to it."""

import csv
import io
import json

import pytest
from driver import Chat, Server

LIST = ["TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC", "RB1", "PTEN", "NOSUCHGENE1", "TP53"]


def test_a_question_is_answered_with_its_request_and_work(chat):
    chat.ask("what is the summary of CDK2 in human?")
    page = chat.page
    assert page.locator(".ba-card").last.locator("summary").inner_text().startswith("Request:")
    assert page.get_by_text("Done in").count() == 1
    assert "Answered by the offline snapshot" in page.locator(".ba-answer").last.inner_text()
    assert chat.elsewhere == []
    assert page.title() == "BioThings Assistant" and "chainlit" not in page.inner_text("body").lower()


def test_a_request_is_edited_checked_run_and_saved_as_a_correction(chat, home):
    chat.ask("what is the summary of CDK2 in human?")
    answer = chat.run("symbol:CDK2", "symbol,entrezgene,ensembl.gene")
    assert "CDK2" in answer.inner_text()
    assert (
        answer.get_by_role("link", name="1017", exact=True).first.get_attribute("href")
        == "https://www.ncbi.nlm.nih.gov/gene/1017"
    )
    answer.locator("summary").click()
    answer.get_by_role("button", name="Save as the right request").click()
    answer.get_by_role("button", name="Saved").wait_for()
    from ui.feedback import Corrections

    saved = json.loads(Corrections(home).export()[-1])
    assert saved["question"] == "what is the summary of CDK2 in human?" and "symbol:CDK2" in saved["request"]


def test_a_fault_in_an_edited_request_is_said_at_once(chat):
    chat.ask("what is the summary of CDK2 in human?")
    card = chat.page.locator(".ba-card").last
    card.locator("summary").click()
    card.get_by_role("button", name="Edit and run").click()
    card.locator("textarea").fill("symbl:CDK2")
    card.locator(".ba-fault").wait_for()
    assert "symbol" in card.locator(".ba-fault").inner_text()
    assert card.get_by_role("button", name="Run this request").is_disabled()


def test_texts_of_an_api_stay_text(chat):
    chat.ask("what is the summary of CDK2 in human?")
    answer = chat.run("symbol:HOSTILE1", "symbol,name,summary")
    assert "<script>window.pwned=1</script>" in answer.inner_text()
    assert chat.page.evaluate("window.pwned") is None
    assert chat.page.locator("img[src*='evil']").count() == 0 and chat.page.locator("a[href*='evil']").count() == 0
    assert chat.elsewhere == []


def test_texts_of_a_user_stay_text(chat):
    chat.ask("<img src=x onerror=window.pwned=1> ![a](https://evil.example/a.png) **what** is this?")
    assert chat.page.evaluate("window.pwned") is None and chat.elsewhere == []


def test_downloads_hold_what_the_answer_holds(chat):
    chat.ask("what is the summary of CDK2 in human?")
    answer = chat.run("symbol:CDK2", "symbol,entrezgene,taxid")
    with chat.page.expect_download() as saved:
        answer.get_by_role("button", name="JSON", exact=True).click()
    hits = json.loads(saved.value.path().read_text())
    assert {hit["symbol"].upper() for hit in hits} == {"CDK2"}
    with chat.page.expect_download() as saved:
        answer.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text())))
    assert [row["_id"] for row in rows] == [hit["_id"] for hit in hits]


def test_a_list_becomes_one_table(chat):
    text = chat.ask("\n".join(LIST))
    assert "1 missing" in text and "1 given more than once" in text
    table = chat.page.locator(".ba-table").last
    assert table.locator("tbody tr").filter(has_text="NOSUCHGENE1").inner_text().split("\t")[1].strip() == "missing"


def test_a_list_of_two_hundred_is_attached(chat, tmp_path):
    path = tmp_path / "genes.csv"
    path.write_text("row,gene id\n" + "".join(f"{number},{number}\n" for number in range(1000, 1200)))
    chat.page.locator("input[type=file]").first.set_input_files(path)
    text = chat.ask("look these up")
    assert "200 NCBI Gene ids" in text and "found" in text


def test_stop_leaves_the_chat_usable(chat):
    chat.send("which variants in BRCA1 are pathogenic and how frequent are they in every population?")
    chat.page.wait_for_selector("#stop-button")
    chat.page.click("#stop-button")
    chat.page.get_by_text("Stopped.", exact=True).wait_for()
    assert chat.ask("what is the summary of CDK2 in human?")


def test_chats_are_listed_resumed_and_deleted_after_a_restart(chat, server):
    chat.ask("summary of the gene BRCA2 please")
    chat.page.wait_for_url("**/thread/**")
    address = chat.page.url
    server.restart()
    page = chat.page
    page.goto(address, wait_until="commit")
    page.locator(".ba-answer").first.wait_for()
    assert "summary of the gene BRCA2 please" in page.inner_text("body")
    assert chat.ask("and in mouse?")


def test_the_page_fits_a_phone(chat):
    chat.page.set_viewport_size({"width": 390, "height": 800})
    chat.ask("what is the summary of CDK2 in human?")
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_sign_in_is_asked_for_where_users_are_set(home, browser):
    guarded = Server(home, chat_users="ann:correct-horse,bob:battery-staple").start()
    context = browser.new_context(reduced_motion="reduce")
    try:
        page = Chat(context.new_page(), guarded.url).page
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("wrong-password")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("The name or the password is not right.").wait_for()
        page.get_by_label("Password").fill("correct-horse")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("#chat-input")
    finally:
        context.close()
        guarded.stop()


def test_two_people_ask_at_once(server, browser):
    contexts = [browser.new_context(reduced_motion="reduce") for _ in range(2)]
    chats = [Chat(context.new_page(), server.url).ready() for context in contexts]
    for chat, gene in zip(chats, ("CDK2", "EGFR"), strict=True):
        chat.send(f"what is the summary of {gene} in human?")
    for chat, gene in zip(chats, ("CDK2", "EGFR"), strict=True):
        chat.page.wait_for_selector(".ai-message")
        chat.idle()
        assert gene in chat.page.inner_text("body")
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", ["/answers/00000000.json", "/kept/x", "/answers/../../secret"])
def test_nothing_is_fetched_without_being_signed_in(server, path):
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(server.url + path) as answer:
            assert b"<!doctype html>" in answer.read().lower()  # the page itself
    except urllib.error.HTTPError as error:
        assert error.code in (403, 404)
