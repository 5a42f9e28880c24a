import importlib
from types import SimpleNamespace

import pytest

pytest.importorskip("chainlit")

from ui.lists import LARGEST_BYTES


@pytest.fixture
def app(chat, monkeypatch):
    """The handlers of the app, for a chat of its own."""
    module = importlib.import_module("ui.app")
    monkeypatch.setattr(module, "_chat", chat)
    # Whether a list was attached to a message stands in the store of chats, which is not opened here.
    monkeypatch.setattr("ui.list_turn._kept_file", lambda _: None)
    return module


async def test_a_question_of_a_resumed_chat_that_is_edited_forgets_what_followed(app, session, enter, monkeypatch):
    async def shown(*_):
        pass

    forgotten = []

    async def delete_after(thread, when):
        forgotten.append((thread, when))

    monkeypatch.setattr(app, "show_panel", shown)
    monkeypatch.setattr(app._chat.data_layer, "delete_after", delete_after)
    enter(session)
    await app.resume_chat({"id": "t1", "steps": [{"id": "m1"}, {"id": "m2"}]})
    await app._drop_what_followed(SimpleNamespace(id="m3", created_at="3"))
    assert forgotten == []
    await app._drop_what_followed(SimpleNamespace(id="m1", created_at="1"))
    await app._drop_what_followed(SimpleNamespace(id="m3", created_at="3"))
    assert forgotten == [("t1", "1"), ("t1", "3")]


async def test_choices_of_a_page_that_are_wrong_do_not_end_a_question(app, session, enter, monkeypatch):
    asked = []

    async def ask(question, history, settings, show):
        asked.append((question, settings.hits, settings.backend))

    monkeypatch.setattr(app, "ask", ask)
    monkeypatch.setattr(app, "history_before", lambda _: [])
    session.chat_settings = {"hits": "x", "backend": "http://169.254.169.254/v1", "api": {}}
    emitter = enter(session)
    await app.answer_message(SimpleNamespace(id="m1", content="where is CDK2?", elements=[], created_at="1"))
    assert asked == [("where is CDK2?", 10, "offline")] and emitter.told[-1] == "end"


def test_a_list_that_is_pasted_may_be_as_long_as_one_that_is_attached(app):
    # Each line's end counts twice on its way, and a longer list is to arrive so that it can be told.
    assert app.sio.eio.max_http_buffer_size > 2 * LARGEST_BYTES


async def test_what_is_done_aside_has_threads_enough(app, monkeypatch):
    import asyncio

    given = []
    monkeypatch.setattr(asyncio.get_running_loop(), "set_default_executor", given.append)
    monkeypatch.setattr(app._chat, "prepare", lambda: None)
    await app.start()
    assert given[0]._max_workers >= 64
    given[0].shutdown()
