import asyncio
import json
import os

import pytest

pytest.importorskip("chainlit")

import chainlit as cl
from chainlit.types import Feedback, Pagination, ThreadFilter
from chainlit.user import User
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tools.errors import DataError
from tools.query import Query
from ui.answers import Answers, as_csv, as_json
from ui.data_layer import open_data_layer
from ui.feedback import Corrections, read_opinions


@pytest.fixture
def step():
    return {
        "id": "s1", "threadId": "t1", "type": "assistant_message", "name": "x", "output": "Hello\\: World\\.",
        "createdAt": "2026-01-01T00:00:00Z",
        "tags": ["a"], "modes": {"m": "1"}, "metadata": {"turn": {"question": "q"}}, "unknown": 1, "showInput": False,
    }  # fmt: skip


@pytest.fixture(params=["SQLite", "Postgres"])
async def address(request):
    """Where chats are kept: the default, and a Postgres that may be emptied."""
    if request.param == "SQLite":
        return None
    given = os.environ.get("POSTGRES_TEST_ADDRESS")
    if given is None:
        pytest.skip("POSTGRES_TEST_ADDRESS names no database that may be emptied.")
    engine = create_async_engine(given)
    async with engine.begin() as connection:
        for table in ("users", "threads", "steps", "elements", "feedbacks"):
            await connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    await engine.dispose()
    return given


async def test_a_chat_is_saved_resumed_listed_and_deleted(tmp_path, address, step, monkeypatch):
    class Session:
        has_first_interaction = True

    monkeypatch.setattr("chainlit.data.utils.context", type("C", (), {"session": Session()})())
    forgotten = []
    layer = open_data_layer(tmp_path, address, forgotten.append)
    user = await layer.create_user(User(identifier="local"))
    await layer.update_thread("t1", name="first", user_id=user.id, tags=["one", "two"], metadata={"a": 1})
    await layer.create_step(step)
    await layer.close()

    layer = open_data_layer(tmp_path, address, forgotten.append)  # as after a restart
    thread = await layer.get_thread("t1")
    assert thread["tags"] == ["one", "two"] and thread["metadata"] == {"a": 1}
    assert thread["steps"][0]["metadata"] == {"turn": {"question": "q"}}
    page = await layer.list_threads(Pagination(first=1), ThreadFilter(userId=user.id))
    assert [row["name"] for row in page.data] == ["first"] and not page.pageInfo.hasNextPage
    none = await layer.list_threads(Pagination(first=1), ThreadFilter(userId=user.id, search="absent"))
    assert none.data == []
    marked = await layer.list_threads(Pagination(first=1), ThreadFilter(userId=user.id, search="hello: World."))
    assert [row["name"] for row in marked.data] == ["first"]
    assert await layer.get_thread_author("t1") == "local"
    await layer.delete_thread("t1")
    assert await layer.get_thread("t1") is None and forgotten == ["t1"]
    await layer.close()


async def test_chats_are_listed_page_by_page(tmp_path, address):
    layer = open_data_layer(tmp_path, address)
    user = await layer.create_user(User(identifier="local"))
    for number in range(5):
        await layer.update_thread(f"t{number}", name=str(number), user_id=user.id)
    names, cursor = [], None
    while True:
        page = await layer.list_threads(Pagination(first=2, cursor=cursor), ThreadFilter(userId=user.id))
        names += [row["name"] for row in page.data]
        if not page.pageInfo.hasNextPage:
            break
        cursor = page.pageInfo.endCursor
    assert sorted(names) == ["0", "1", "2", "3", "4"]
    await layer.close()


def test_answers_belong_to_their_user_and_chat(tmp_path):
    answers = Answers(tmp_path / "a.sqlite")
    name = answers.keep({"request": "x"}, "t1", "ann")
    assert answers.get(name, "ann") == {"request": "x"} and answers.get(name, "bob") is None
    answers.forget("t1")
    assert answers.get(name, "ann") is None


def test_downloads_hold_all_hits_and_no_formulas():
    query = Query.parse("mygene /v3/query?q=symbol:CDK2&fields=name")
    hits = [{"_id": "1017", "name": "=cmd()"}, {"_id": "-5", "name": "a, b"}]
    assert json.loads(b"".join(as_json(hits))) == hits and json.loads(b"".join(as_json([]))) == []
    text = b"".join(as_csv(query, hits)).decode()
    assert text.splitlines() == ["_id,name", "1017,'=cmd()", '-5,"a, b"']


def test_corrections_are_kept_and_exported(tmp_path):
    corrections = Corrections(tmp_path)
    for _ in range(2):  # saved twice, kept once
        corrections.save("local", "q", ["earlier"], "draft", "mygene /v3/query?q=symbol:CDK2", 3)
    (line,) = corrections.export()
    assert json.loads(line) == {
        "question": "q", "history": ["earlier"], "request": "mygene /v3/query?q=symbol:CDK2", "draft": "draft",
    }  # fmt: skip


def test_a_correction_that_is_saved_again_keeps_its_id(tmp_path):
    corrections = Corrections(tmp_path)
    for question, total in (("q", 3), ("other", 1), ("q", 4)):
        corrections.save("local", question, [], "draft", "mygene /v3/query?q=symbol:CDK2", total)
    # Verdicts name corrections by their ids: with another one, what was accepted would be lost.
    assert {row["question"]: (row["id"], row["total"]) for row in corrections.rows()} == {"q": (1, 4), "other": (2, 1)}


async def _kept(layer, path, name):
    """Keep a step and a file that belongs to it."""
    path.write_text("TP53")
    await layer.create_step({"id": name, "threadId": "t1", "type": "user_message", "name": "x", "createdAt": name})
    element = cl.File(name="list.txt", path=str(path), for_id=name, thread_id="t1", mime="text/plain")
    await layer.create_element(element)
    return element


async def test_a_list_that_comes_first_is_its_senders(tmp_path, address, session, enter):
    layer = open_data_layer(tmp_path, address)
    session.user = await layer.create_user(User(identifier="ann"))
    enter(session)
    # As when a list is attached to the first message: nobody has written down yet whose chat it is.
    await _kept(layer, tmp_path / "list.txt", "s1")
    (file,) = (tmp_path / "files").iterdir()
    assert file.name.startswith(layer.storage_provider.path(f"{session.user.id}/").name)
    assert await layer.get_thread_author("t1") == "ann"
    await layer.close()


@pytest.mark.parametrize("how", ["after", "one"])
async def test_files_and_opinions_go_with_what_they_belong_to(tmp_path, address, session, enter, how):
    layer = open_data_layer(tmp_path, address)
    session.user = await layer.create_user(User(identifier="ann"))
    enter(session)
    for name in ("s1", "s2"):
        element = await _kept(layer, tmp_path / "list.txt", name)
        await layer.upsert_feedback(Feedback(forId=name, value=1, threadId="t1"))
    if how == "after":
        await layer.delete_after("t1", "s1")
    else:
        await layer.delete_step("s2")
    (file,) = (tmp_path / "files").iterdir()
    assert element.id not in file.name
    for table, column in (("steps", "id"), ("elements", "forId"), ("feedbacks", "forId")):
        rows = await layer.execute_sql(f'SELECT "{column}" AS step FROM {table}', {})
        assert [row["step"] for row in rows] == ["s1"]
    await layer.close()


async def test_a_loss_is_logged_and_told(tmp_path, address, chat, caplog):
    layer = chat.data_layer = open_data_layer(tmp_path, address)
    chat.ready.set()
    assert await layer.execute_sql("SELECT 1 AS one", {}) == [{"one": 1}] and chat.health()["status"] == "ok"
    assert await layer.execute_sql("INSERT INTO nowhere VALUES (:secret)", {"secret": "s3cret"}) is None
    assert "INSERT INTO nowhere" in caplog.text
    health = chat.health()
    assert health["status"] == "degraded" and "store of chats" in health["detail"] and "nowhere" not in str(health)
    await layer.close()


@pytest.mark.parametrize("on", ["s1", "r1"])
async def test_opinions_are_read_with_what_they_are_on(tmp_path, address, session, enter, step, on):
    home = tmp_path
    if address is None:
        assert await asyncio.to_thread(read_opinions, home, None) == []
    layer = open_data_layer(home / "chat", address)
    session.user = await layer.create_user(User(identifier="ann"))
    enter(session)
    await layer.update_thread("t1", user_id=session.user.id)
    await layer.create_step({"id": "r1", "threadId": "t1", "type": "run", "name": "on_message", "createdAt": "1"})
    turn = {"question": "where is CDK2?", "request": "mygene /v3/query?q=symbol:CDK2&fields=genomic_pos"}
    await layer.create_step({**step, "parentId": "r1", "metadata": {"turn": turn}})
    # Chainlit puts the opinion on the work on a question, or on the answer where no work is around it.
    await layer.upsert_feedback(Feedback(forId=on, value=0, comment="Too long.", threadId="t1"))
    await layer.close()
    (opinion,) = await asyncio.to_thread(read_opinions, home, address)
    assert opinion == {
        "when": step["createdAt"], "user": "ann", **turn, "value": "down", "comment": "Too long.",
    }  # fmt: skip


def test_a_store_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "chats.sqlite").touch()
    with pytest.raises(DataError, match="no such table"):
        read_opinions(tmp_path, None)
