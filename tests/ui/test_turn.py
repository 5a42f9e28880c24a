import asyncio
import importlib
import logging
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("chainlit")

import agent.direct
import ui.choices
import ui.list_turn
import ui.request_card
import ui.turn
from agent.runtime import Runtime
from tools.errors import BadRequest, NetworkError, QueryError
from tools.query import Query
from ui.choices import find_choices
from ui.lists import read_list
from ui.rendering import escape

LINE = "mygene /v3/query?q=symbol:CDK2&fields=name"


def record(line=LINE, **changes):
    return {
        "id": None, "question": "what is CDK2?", "status": "answered", "answer": "cyclin dependent kinase 2",
        "values": [], "api": "mygene", "request": line, "url": None, "total": 1, "hits": [{"_id": "1017"}],
        "backend": "offline", "attempts": [], "seconds": {"total": 0.1}, "error": None, **changes,
    }  # fmt: skip


async def test_an_answer_does_not_wait_for_its_choices(page, chat, monkeypatch):
    asked = []

    async def choices(_):
        asked.append(len(page.shown))
        return {"ask": "Which?", "rows": [{"label": "a", "count": 1, "line": LINE}]}

    monkeypatch.setattr(ui.choices, "find_choices", choices)
    await ui.turn.show_answer(record())
    message, element = page.shown
    assert asked == [1] and message.elements == [element] and element.props["choices"]["ask"] == "Which?"


@pytest.mark.parametrize("fault", [QueryError("no"), RuntimeError("a fault of ours")])
async def test_an_answer_outlives_a_fault_in_its_choices(session, enter, chat, monkeypatch, caplog, fault):
    def choices(*_):
        raise fault

    enter(session)
    monkeypatch.setattr(ui.choices, "open_choices", choices)
    assert await find_choices(record()) is None
    # What can go wrong with a service is no news; a fault of ours is.
    assert bool(caplog.records) == isinstance(fault, RuntimeError)


async def test_a_fault_of_ours_is_in_the_log(page, caplog):
    try:
        raise ValueError("the cause")
    except ValueError as error:
        await ui.turn.show_fault(error)
    await ui.turn.show_fault(QueryError("Not a request.", "Write one."))
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR and "the cause" in caplog.text
    assert [message.content for message in page.shown][0].startswith("Something went wrong here")
    assert "the cause" not in page.shown[0].content


@pytest.fixture
def edit(page, session, enter, chat, monkeypatch):
    """Return what edits the request of an answer, and returns the reply and the id of the new answer."""

    async def run(line, settings, question):
        return record(line, question=question or line)

    async def nothing(_):
        return None

    monkeypatch.setattr(ui.request_card, "run_request_aside", run)
    monkeypatch.setattr(ui.choices, "find_choices", nothing)

    async def edit(answer, q, **more):
        enter(session)
        form = {"api": "mygene", "kind": "query", "q": q, "fields": "name", **more}
        reply = await ui.request_card.run_edited({"form": form, "answer": answer})
        return reply, page.shown[-1].elements[0].props["id"]

    return edit


def saved(chat):
    return [(row["question"], row["draft"], row["correction"]) for row in chat.corrections.rows()]


async def test_a_correction_is_one_of_the_draft_however_often_it_was_edited(edit, chat, page):
    first = chat.answers.keep(record(), "t1", "local")
    _, second = await edit(first, "symbol:CDK4")
    reply, third = await edit(second, "symbol:CDK6")
    assert reply == {"ok": True, "ran": True} and page.shown[-1].elements[0].props["draft"] == LINE
    # What the page says of draft and question does not count.
    payload = {"answer": third, "draft": "other", "question": "other"}
    assert await ui.request_card.save_correction(payload) == {"ok": True}
    assert saved(chat) == [("what is CDK2?", LINE, "mygene /v3/query?q=symbol:CDK6&fields=name")]


async def test_a_question_that_was_edited_stands_once_before_a_correction(edit, chat, page):
    turns = ["where is CDK2?", "where is CDK2?", "and in mouse?", "and in mouse?"]
    messages = [
        SimpleNamespace(id=str(n), metadata={"turn": {"question": q, "request": LINE}}) for n, q in enumerate(turns)
    ]
    page.chat_context.get = lambda: messages
    first = chat.answers.keep(record(question="and in mouse?"), "t1", "local")
    _, edited = await edit(first, "symbol:CDK4")
    assert await ui.request_card.save_correction({"answer": edited}) == {"ok": True}
    assert [row["history"] for row in chat.corrections.rows()] == [["where is CDK2?"]]


async def test_what_no_model_wrote_is_not_corrected(edit, chat, page):
    pasted = chat.answers.keep(record(question=LINE), "t1", "local")
    looked_up = chat.answers.keep(record(question="a list", list=True), "t1", "local")
    for answer in (pasted, looked_up):
        # Nor is the edited request the draft of the next one.
        for q in ("symbol:CDK4", "symbol:CDK6"):
            _, answer = await edit(answer, q)
            assert page.shown[-1].elements[0].props["draft"] is None
            assert not (await ui.request_card.save_correction({"answer": answer}))["ok"]
    assert saved(chat) == []


async def test_what_the_settings_add_is_in_no_correction(edit, chat, page):
    narrowed = record(f"{LINE}&species=mouse", origin={"drafted": LINE, "species": "mouse"})
    first = chat.answers.keep(narrowed, "t1", "local")
    _, unchanged = await edit(first, "symbol:CDK2", species="mouse")
    assert page.shown[-1].elements[0].props["draft"] is None
    _, edited = await edit(unchanged, "symbol:CDK4", species="mouse")
    assert await ui.request_card.save_correction({"answer": edited}) == {"ok": True}
    assert saved(chat) == [("what is CDK2?", LINE, "mygene /v3/query?q=symbol:CDK4&fields=name")]


async def test_a_choice_leaves_the_draft_as_the_model_wrote_it(edit, chat, page, session, enter):
    first = chat.answers.keep(record(), "t1", "local")
    enter(session)
    assert await ui.request_card.run_choice({"line": f"{LINE}&species=mouse", "answer": first})
    chosen = page.shown[-1].elements[0].props
    assert chosen["question"] == "what is CDK2?" and chosen["draft"] is None
    _, edited = await edit(chosen["id"], "symbol:CDK4", species="mouse")
    assert await ui.request_card.save_correction({"answer": edited}) == {"ok": True}
    # What a person chose is theirs.
    assert saved(chat) == [("what is CDK2?", LINE, "mygene /v3/query?q=symbol:CDK4&fields=name&species=mouse")]


async def test_the_species_of_the_settings_is_asked_for_in_sight(edit, chat, page, session, enter, monkeypatch):
    app = importlib.import_module("ui.app")
    attempt = {"request": LINE, "outcome": "ok", "error": None, "seconds": 0.1}
    closed = []

    async def ask(question, history, settings, show):
        async def done():
            closed.append(len(page.shown))

        await show(record(question=question, attempts=[attempt]), done)

    async def narrow(line, settings, question):
        return record(line, question=question, attempts=[{**attempt, "request": line}])

    monkeypatch.setattr(app, "_chat", chat)
    monkeypatch.setattr(app, "ask", ask)
    monkeypatch.setattr(app, "run_request_aside", narrow)
    monkeypatch.setattr("ui.list_turn._kept_file", lambda _: None)
    session.chat_settings = {"species": "mouse"}
    enter(session)
    await app.answer_message(SimpleNamespace(id="m1", content="what is CDK2?", elements=[], created_at="1"))
    (message,) = page.shown
    kept = chat.answers.get(message.elements[0].props["id"], "local")
    narrowed = f"{LINE}&species=mouse"
    assert closed == [1]  # once the answer stood on the page
    assert [attempt["request"] for attempt in kept["attempts"]] == [LINE, kept["request"]] == [LINE, narrowed]
    assert kept["origin"] == {"drafted": LINE, "species": "mouse"} and kept["seconds"]["total"] == 0.2
    # The conversation goes on from what was asked.
    assert message.metadata["turn"] == {"question": "what is CDK2?", "request": LINE}


async def test_the_work_on_a_request_is_shown(page, chat, monkeypatch):
    attempt = {"request": LINE, "outcome": "empty", "error": "nothing found", "seconds": 0.1}

    def run_request(*_, **__):
        time.sleep(0.3)
        return record(status="empty", attempts=[attempt])

    monkeypatch.setattr(agent.direct, "run_request", run_request)
    monkeypatch.setattr(chat, "runtime", lambda _: None)
    monkeypatch.setattr(ui.turn, "_TELL_SECONDS", 0.01)
    chat.preparation.report("genes", 1, 2)
    await ui.request_card.run_request_aside(LINE, chat.settings, "")
    assert [(step.name, step.output) for step in page.steps] == [
        ("Asked in 0.1 s", ""),
        ("Preparing", escape("genes: 1 of 2")),
        ("Asked the offline snapshot", f"{escape(LINE)}\nnothing found"),
    ]


async def test_a_request_that_cannot_be_sent_says_why_in_its_steps(page, chat, monkeypatch):
    fault = {"message": "no such field", "hint": "Write another."}
    failed = record(status="failed", error=fault)
    monkeypatch.setattr(agent.direct, "run_request", lambda *_, **__: failed)
    monkeypatch.setattr(chat, "runtime", lambda _: SimpleNamespace(doubt_service=lambda: None))
    await ui.request_card.run_request_aside(LINE, chat.settings, "")
    assert [(step.name, step.is_error) for step in page.steps] == [("Not sent", False), ("Checked the request", True)]


async def test_too_long_a_question_is_told_what_the_page_can_do(page, chat):
    advised = "A long list of identifiers can be given to `biothings-assistant run`."
    await ui.turn.show_answer(record(None, status="refused", question="CDK2 " * 500, answer=advised))
    (message,) = page.shown
    assert "attached as a file" in message.content and "given to" not in message.content


async def test_an_edit_that_was_stopped_is_told_from_one_that_ran(session, enter, chat, monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(ui.request_card, "run_request_aside", never)
    enter(session)
    form = {"api": "mygene", "kind": "query", "q": "symbol:CDK2", "fields": "name"}
    running = asyncio.create_task(ui.request_card.run_edited({"form": form, "answer": "x"}))
    from ui.tasks import stop_work, tasks_of

    while not tasks_of(session):
        await asyncio.sleep(0.01)
    assert await stop_work(session)
    assert await running == {"ok": True, "ran": False}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("(symbol:P16 OR alias:P16)", "symbol:CDKN2A"),
        (
            "(symbol:P16 OR alias:P16) AND type_of_gene:protein-coding",
            "symbol:CDKN2A AND ((symbol:P16 OR alias:P16) AND type_of_gene:protein-coding)",
        ),
    ],
)
def test_a_choice_keeps_what_else_was_stated(chat, monkeypatch, q, expected):
    monkeypatch.setattr(ui.choices, "_execute", lambda *_: SimpleNamespace(total=1, facets={}))
    hits = [{"_id": "1", "symbol": "CDKN2A"}, {"_id": "2", "symbol": "CDK2AP2"}]
    line = f"mygene /v3/query?q={q}&fields=name&species=human"
    ask, rows = ui.choices.open_choices(record(line, total=2, hits=hits), chat.settings)
    assert ask == "Which gene is meant?" and rows[0][2] == f"mygene /v3/query?q={expected}&fields=name&species=human"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("myvariant /v1/query?q=chr7:140753330-140753340", True),
        ("myvariant /v1/variant/chr7:g.140453136A>T", True),
        ("myvariant /v1/query?q=_id:chr7\\:g.140453136A>T", True),
        ("myvariant /v1/variant/chr7:g.140453136A>T?assembly=hg38", False),
        ("myvariant /v1/query?q=clinvar.gene.symbol:CHRNA4", False),
        ('myvariant /v1/query?q=clinvar.rcv.conditions.name:"ring chromosome 14"', False),
        ("myvariant /v1/variant/rs334", False),
    ],
)
def test_positions_and_nothing_else_are_asked_for_their_assembly(chat, monkeypatch, line, asked):
    sent = []

    def execute(query, _):
        sent.append(query.line)
        return SimpleNamespace(total=len(sent))

    monkeypatch.setattr(ui.choices, "_execute", execute)
    ask, rows = ui.choices.open_choices(record(line, api="myvariant", total=1), chat.settings)
    assert (ask == "Positions on which assembly?") is asked
    assert [(label, count) for label, count, _ in rows] == ([("hg19", 1), ("hg38", 2)] if asked else [])
    # Only a search can do without its hits; what is looked up does without their fields.
    searched = Query.parse(line).kind == "query"
    assert all(("size=0" in one) is searched and ("fields=_id" in one) is not searched for one in sent)
    assert not any("size=0" in row[2] or "fields=_id" in row[2] for row in rows)


@pytest.mark.parametrize(("backend", "counted"), [("live", "live"), ("offline", "offline"), (None, "auto")])
def test_choices_are_counted_where_the_answer_came_from(chat, monkeypatch, backend, counted):
    asked = []

    def execute(query, settings):
        asked.append(settings.backend)
        return SimpleNamespace(total=1)

    monkeypatch.setattr(ui.choices, "_execute", execute)
    answered = record("myvariant /v1/variant/chr7:g.140453136A>T", api="myvariant", backend=backend)
    ui.choices.open_choices(answered, chat.settings.model_copy(update={"backend": "auto"}))
    assert asked == [counted, counted]


@pytest.mark.parametrize(
    ("line", "hits"),
    [
        ("mygene /v3/query?q=symbol:CDK2&from=10", []),
        ("mygene /v3/query?q=alias:P16&species=human&from=10", [{"symbol": "CDKN2A"}, {"symbol": "CDK2AP2"}]),
        ("myvariant /v1/query?q=chr7:140753330-140753340&from=10", []),
    ],
)
def test_a_choice_shows_its_hits_from_the_first_on(chat, monkeypatch, line, hits):
    facets = {"taxid": {"terms": [{"term": 9606, "count": 3}, {"term": 10090, "count": 2}]}}
    monkeypatch.setattr(ui.choices, "_execute", lambda *_: SimpleNamespace(total=3, facets=facets))
    _, rows = ui.choices.open_choices(record(line, total=20, hits=hits), chat.settings)
    assert len(rows) == 2 and not any("from=" in row[2] for row in rows)


@pytest.fixture
def failing(page, chat, monkeypatch):
    """Return what looks up a list at a live service that fails, told where requests go then; and what it notes."""
    noted = SimpleNamespace(asked=[], doubts=0)

    async def look(instead, fault):
        def backend():
            name = instead if noted.doubts else "live"
            return SimpleNamespace(name=name, notice="" if name == "live" else "The live service cannot be reached.")

        def doubt():
            noted.doubts += 1

        def ask(query, backend, *_):
            noted.asked.append(backend.name)
            if backend.name == "live":
                raise fault
            return [{"query": "CHEMBL25", "_id": "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"}], []

        parts = {"backend": property(lambda _: backend()), "doubt_service": lambda _: doubt()}
        runtime = type("Failing", (), {**parts, "answering": Runtime.answering})()
        monkeypatch.setattr(chat, "runtime", lambda _: runtime)
        monkeypatch.setattr(ui.list_turn, "cl", page)
        monkeypatch.setattr(ui.list_turn, "look_up", ask)
        listing = read_list("\n".join(f"CHEMBL{number}" for number in range(20, 30)))
        await ui.list_turn.answer_list(listing, chat.settings, None)

    return look, noted


async def test_a_list_is_looked_up_offline_where_the_service_of_its_api_fails(failing, page):
    look, noted = failing
    await look("offline", NetworkError("no connection"))
    (message,) = page.shown
    assert noted.asked == ["live", "offline"]
    assert message.elements[0].props["backend"] == "offline" and "cannot be reached" in message.content


@pytest.mark.parametrize(
    ("instead", "fault", "doubts"), [("live", NetworkError("a moment"), 1), ("offline", BadRequest("no"), 0)]
)
async def test_a_list_fails_where_asking_elsewhere_would_not_mend_it(failing, page, instead, fault, doubts):
    look, noted = failing
    with pytest.raises(type(fault)):
        await look(instead, fault)
    assert noted.asked == ["live"] and noted.doubts == doubts and page.shown == []


def test_what_is_counted_and_from_where_is_edited():
    form = {"api": "mygene", "kind": "query", "q": "kinase", "size": "0", "from": "10", "facets": "type_of_gene"}
    line = ui.request_card.read_form({**form, "facet_size": "5"}, {}).line
    assert line == "mygene /v3/query?q=kinase&size=0&from=10&facets=type_of_gene&facet_size=5"
    emptied = ui.request_card.read_form({**form, "from": "", "facets": "", "facet_size": ""}, {}).line
    assert emptied == "mygene /v3/query?q=kinase&size=0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINE, True),
        (" https://mygene.info/v3/query?q=symbol%3ACDK2&fields=name\n", True),
        ("https://example.org/v3/query?q=symbol:CDK2", False),
        ("https://mygene.info/v3/query?q=symbol:CDK2 what is this?", False),
        ("mygene has which fields?", False),
    ],
)
def test_a_request_is_told_from_a_question(text, expected):
    assert ui.request_card.is_request_line(text) is expected


async def test_work_on_a_list_ends_with_its_turn(page, chat, session, enter, monkeypatch):
    ended = []

    async def work(_):
        try:
            yield "query", SimpleNamespace(api="mygene")
        finally:
            ended.append(True)

    async def say(*_):
        raise ValueError

    enter(session)
    monkeypatch.setattr(ui.list_turn, "work_aside", work)
    monkeypatch.setattr("ui.turn.Steps.say", say)
    # The fault holds the frame, and with it what it left unfinished.
    with pytest.raises(ValueError) as fault:
        await ui.list_turn.answer_list(read_list("rs11, rs12, rs13"), chat.settings, None)
    assert ended and fault
