"""What a person does in the chat, in the order in which they would come to it.

Most tests paste a request, which needs no model, so that they say something about the chat and nothing about a model.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter

import pytest
from driver import REPOSITORY, Chat, Server

LIST = ["TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC", "RB1", "PTEN", "CAP", "NOSUCHGENE1", "TP53"]
CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=symbol,name"
KINASES = "mygene /v3/query?q=kinase&fields=symbol,name"
QUESTION = "where is BRCA1 located?"
CDK2_NAME, EGFR_NAME = "cyclin dependent kinase 2", "epidermal growth factor receptor"
RSIDS = ["rs113488022", "rs429358", "rs7412", "rs6025", "rs1801133", "rs1799963", "rs334", "rs0000001", "rs334"]


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
    first, then = chat.ask(QUESTION), chat.ask("and TP53?")
    # The follow-up asks the same of the other gene. (Both are on chromosome 17, at places of their own.)
    assert "BRCA1" in first and "TP53" in then and "BRCA1" not in then
    assert re.search(r"chr17|chromosome 17", then) and chat.answers.count() == 2
    chat.edit(QUESTION, CDK2)
    # What followed the question is gone; the answer to the new one stands in its place.
    chat.page.locator(".ba-answer", has_text=CDK2_NAME).wait_for()
    assert chat.answers.count() == 1 and chat.page.get_by_text("and TP53?").count() == 0


def test_a_question_of_a_resumed_chat_is_edited(chat):
    page = chat.page
    chat.ask(CDK2)
    chat.ask(QUESTION)
    page.wait_for_url("**/thread/**")
    address = page.url
    page.goto(address, wait_until="commit")
    page.locator(".ba-answer").nth(1).wait_for()
    chat.ready()
    page.get_by_text("Done in").wait_for()
    chat.edit(CDK2, CDK2.replace("CDK2", "EGFR"))
    page.locator(".ba-answer", has_text=EGFR_NAME).wait_for()
    chat.idle()
    page.goto(address, wait_until="commit")
    page.locator(".ba-answer", has_text=EGFR_NAME).wait_for()
    # The work on the question that followed is gone with it.
    assert page.locator(".ba-answer").count() == 1 and page.get_by_text("Done in").count() == 0


def test_what_is_not_found_at_first_is_searched_in_another_way(chat):
    text = chat.ask("where is ZZOLD7 located?")
    assert "on chromosome 7" in text and "alias:ZZOLD7" in text
    chat.page.get_by_text(re.compile(r"Done in .*, \d attempts")).wait_for()


@pytest.mark.parametrize("question", ["?!…", "what is the weather like?"])
def test_what_is_no_question_to_these_databases_is_refused(chat, question):
    text = chat.say(question).inner_text()
    assert chat.page.locator(".ba-answer").count() == 0
    assert re.search(r"There is no question|not among what they hold", text)
    assert CDK2_NAME in chat.ask(CDK2)


def test_a_request_is_edited_checked_run_and_saved_as_a_correction(chat, home):
    chat.ask(QUESTION)
    draft = chat.page.locator(".ba-card summary").inner_text().removeprefix("Request: ")
    # Edited twice: what is corrected is the model's draft all the same.
    chat.run("symbol:CDK4", "symbol")
    answer = chat.run("symbol:CDK2", "symbol,entrezgene,ensembl.gene")
    link = answer.get_by_role("link", name="1017", exact=True).first
    assert link.get_attribute("href") == "https://www.ncbi.nlm.nih.gov/gene/1017"
    answer.locator("summary").click()
    answer.get_by_role("button", name="Save as the right request").click()
    answer.get_by_role("button", name="Saved").wait_for()
    command = [sys.executable, "-c", "from agent.cli import main; main()", "feedback", "export"]
    environment = {**os.environ, "BIOTHINGS_ASSISTANT_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    exported = subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, text=True).stdout
    saved = json.loads(exported.splitlines()[-1])
    assert saved["question"] == QUESTION and "symbol:CDK2" in saved["request"] and saved["draft"] == draft


def test_an_edited_request_outlives_a_lost_connection(chat):
    chat.ask(CDK2)
    card = chat.edit_request()
    card.locator("textarea").fill("symbol:EGFR")
    card.locator(".ba-explain", has_text="symbol:EGFR").wait_for()
    chat.page.route("**/project/action", lambda route: route.abort())
    card.get_by_role("button", name="Run this request").click()
    card.get_by_text("The chat did not answer").wait_for()
    assert card.locator("textarea").input_value() == "symbol:EGFR"
    chat.page.unroute("**/project/action")
    card.get_by_role("button", name="Run this request").click()
    chat.page.locator(".ba-answer", has_text=EGFR_NAME).wait_for()


def test_the_focus_stays_with_who_edits(chat):
    page = chat.page
    chat.ask(CDK2)
    card = chat.edit_request()
    page.wait_for_function(
        "document.activeElement.tagName === 'TEXTAREA' && document.activeElement.closest('.ba-form')"
    )
    card.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.innerText === 'Edit and run'")
    chat.run("symbol:EGFR", "symbol,name")
    page.wait_for_function("document.activeElement !== document.body")


@pytest.mark.parametrize(("request_line", "offered"), [(CDK2, 1), ("mygene /v3/gene/1017?fields=symbol", 0)])
def test_only_what_is_searched_is_sorted_skipped_and_counted(chat, request_line, offered):
    chat.ask(request_line)
    card = chat.edit_request()
    card.get_by_label("Hits", exact=True).wait_for()
    for label in ("Sort by", "Skip the first", "Count by"):
        assert card.get_by_label(label, exact=True).count() == offered


def test_an_answer_is_copied_as_it_is_read(chat):
    chat.ask(CDK2)
    chat.page.get_by_label("Copy this answer").last.click()
    chat.page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('CDK2'))")
    copied = chat.page.evaluate("navigator.clipboard.readText()")
    assert CDK2_NAME in copied and "\\" not in copied and "Answered by" not in copied
    # What the page itself copies stays as it is.
    chat.page.locator(".ba-card summary").click()
    chat.page.get_by_role("button", name="Copy request").click()
    chat.page.get_by_role("button", name="Copied").wait_for()
    assert chat.page.evaluate("navigator.clipboard.readText()").startswith("mygene /v3/")


def test_a_request_is_copied_where_there_is_no_clipboard(context, server):
    page = context.new_page()
    # As over plain http from another machine.
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    chat = Chat(page, server.url).ready()
    chat.ask(CDK2)
    page.locator(".ba-card summary").click()
    page.get_by_role("button", name="Copy request").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Copied"
    page.click("#chat-input")
    page.keyboard.press("Control+V")
    page.keyboard.press("Enter")
    page.locator(".ba-answer").nth(1).wait_for()
    page.close()


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
        ("myvariant /v1/variant/chr7:g.140753336A>T", "Positions on which assembly?", "hg38 (1)", "assembly=hg38"),
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


@pytest.mark.parametrize(
    "message",
    [
        "mygene /v3/gene/1017",
        "mygene /v3/gene/1017?fields=symbol,name,ensembl.gene",
        "mygene /v3/query?q=kinase&facets=type_of_gene&size=0",
        "mygene /v3/query?q=CDK2,NOSUCHGENE1&scopes=symbol&fields=symbol,name&species=human",
        "mygene /v3/metadata/fields?search=kegg",
        "\n".join(LIST),
        "\n".join(RSIDS),
    ],
)
def test_the_csv_of_any_answer_is_its_table(chat, message):
    chat.ask(message)
    answer = chat.page.locator(".ba-answer").last
    shown, written = chat.table(answer), chat.csv(answer)
    assert len(shown) > 1 and written[0] == shown[0] and len(written) >= len(shown)
    for row, cells in zip(shown, written, strict=False):
        for said, cell in zip(row, cells, strict=True):
            assert cell == said or (said.endswith("… more") and cell.startswith(said.removesuffix("… more").strip()))


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
    assert "1 ambiguous, 1 missing in the offline snapshot, 1 given more than once" in text
    table = chat.page.locator(".ba-table").last
    assert table.locator("tbody tr").filter(has_text="NOSUCHGENE1").inner_text().split("\t")[1].strip() == "missing"
    rows = list(csv.DictReader(io.StringIO(chat.download(chat.page.locator(".ba-answer").last, "CSV"))))
    assert {row["query"] for row in rows} == set(LIST)


def test_a_list_of_two_hundred_is_attached(chat, server, tmp_path):
    ids = [str(number) for number in range(1000, 1200)]
    path = tmp_path / "genes.csv"
    path.write_text("row,gene id\n" + "".join(f"{number},{number}\n" for number in ids))
    chat.attach(path)
    text = chat.ask("look these up")
    from tools.backend import resolve_backend
    from tools.client import execute
    from tools.query import Query

    query = Query(api="mygene", kind="batch", ids=ids, scopes=("entrezgene", "retired"), fields=("symbol",))
    matches = Counter(hit["query"] for hit in execute(query, resolve_backend("offline", server.home)).hits)
    found = sum(1 for count in matches.values() if count == 1)
    assert found > 100 and f"200 NCBI Gene ids: {found} found" in text
    rows = chat.csv(chat.page.locator(".ba-answer").last)[1:]
    assert Counter(row[1] for row in rows)["found"] == found and {row[0] for row in rows} == set(ids)
    assert all(row[2] for row in rows if row[1] == "found")
    # It was the first message of its chat, and is its sender's all the same.
    file = max((server.home / "chat" / "files").iterdir(), key=lambda one: one.stat().st_mtime)
    kept = chat.page.context.request.get(f"{server.url}/kept/{file.name}")
    assert kept.ok and kept.text() == path.read_text()


def test_stop_leaves_the_chat_usable(chat):
    chat.send("which variants in BRCA1 are pathogenic and how frequent are they in every population?")
    chat.stop()
    chat.page.get_by_text("Stopped.", exact=True).wait_for()
    assert CDK2_NAME in chat.ask(CDK2)


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
    # A question that names no species is about this one.
    assert "twin of mouse" in chat.ask("what is TWIN1 called?")


def test_the_api_that_was_chosen_is_asked(chat):
    from tools.apis import get_api

    chat.choose(api=get_api("mychem").title)
    assert "Request: mygene" not in chat.say("where is CDK2 located?").inner_text()
    chat.choose(api="Any")
    assert "Request: mygene" in chat.ask("where is CDK2 located?")


def test_who_answers_is_chosen(home, service, browser):
    own = Server(home, backend=service).start()
    context = browser.new_context(reduced_motion="reduce")
    try:
        chat = Chat(context.new_page(), own.url).ready()
        text = chat.ask(CDK2)
        assert "from the lab" in text and f"Answered by {service}" in text
        chat.choose(backend="Offline snapshot")
        text = chat.ask(CDK2)
        assert CDK2_NAME in text and "Answered by the offline snapshot" in text
    finally:
        context.close()
        own.stop()


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
    assert CDK2_NAME in chat.ask(CDK2)
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
    for chat, gene, other in zip(chats, ("CDK2", "EGFR"), ("EGFR", "CDK2"), strict=True):
        chat.answers.first.wait_for()
        chat.idle()
        text = chat.answers.last.inner_text()
        assert gene in text and other not in text and "chr" in text
        chat.page.close()


def test_sign_in_is_asked_for_where_users_are_set_and_chats_are_kept_apart(home, browser, tmp_path):
    guarded = Server(home, chat_users="ann:correct-horse,bob:battery-staple").start()
    contexts = {name: browser.new_context(reduced_motion="reduce") for name in ("ann", "bob")}
    try:
        page = Chat(contexts["ann"].new_page(), guarded.url).page
        page.get_by_label("Name").fill("ann")
        page.locator("img[src*='sign_in']").wait_for(state="attached")
        page.wait_for_function("document.querySelectorAll('img[alt=Image]').length === 0")
        page.get_by_label("Password", exact=True).fill("wrong-password")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("The name or the password is not right.").wait_for()
        assert "Unauthorized" not in page.locator("form").inner_text()
        ann = Chat(page, guarded.url).sign_in("ann", "correct-horse")
        bob = Chat(contexts["bob"].new_page(), guarded.url).sign_in("bob", "battery-staple")
        path = tmp_path / "list.csv"
        path.write_text("gene\n" + "\n".join(LIST))
        ann.attach(path)
        ann.ask("look these up")
        bob.ask(CDK2.replace("CDK2", "EGFR"))
        page.wait_for_url("**/thread/**")
        thread = page.url.rpartition("/")[2]
        addresses = [f"/project/thread/{thread}", *_kept_for("ann", home)]
        for address in addresses:
            # Hers, and nobody else's: not those of who signed in, nor of who did not.
            assert contexts["ann"].request.get(guarded.url + address).status == 200
            assert contexts["bob"].request.get(guarded.url + address).status in (401, 404)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(guarded.url + address)
            assert refused.value.code in (401, 404)
        secret = (home / "chat" / "secret").read_text()
        for address in ("/answers/../../secret", "/kept/..%2Fsecret", "/kept/../secret"):
            assert secret not in contexts["ann"].request.get(guarded.url + address).text()
        bob.page.goto(page.url, wait_until="commit")
        bob.page.get_by_text("symbol:EGFR").first.wait_for()
        assert bob.page.get_by_text("NOSUCHGENE1").count() == 0
        # Who is no longer among the users is out, whatever cookie they hold.
        guarded.settings["chat_users"] = "bob:battery-staple"
        guarded.restart()
        assert contexts["ann"].request.get(guarded.url + addresses[0]).status == 401
    finally:
        for context in contexts.values():
            context.close()
        guarded.stop()


def _kept_for(user, home):
    """Return where the last answer of a user is downloaded, and the last list that they attached."""
    from ui.sqlite import connect

    answers = connect(home / "chat" / "answers.sqlite")
    (answer,) = answers.execute("SELECT id FROM answers WHERE user = ? ORDER BY created DESC", (user,)).fetchone()
    chats = connect(home / "chat" / "chats.sqlite")
    (owner,) = chats.execute("SELECT id FROM users WHERE identifier = ?", (user,)).fetchone()
    files = [file for file in (home / "chat" / "files").iterdir() if file.name.startswith(owner)]
    return f"/answers/{answer}.json", f"/answers/{answer}.csv", f"/kept/{files[-1].name}"
