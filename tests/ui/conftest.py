import os
import tempfile
from types import SimpleNamespace

import pytest

# Chainlit writes its configuration into this folder when it is imported; the repository is not the place for that.
os.environ.setdefault("CHAINLIT_APP_ROOT", tempfile.mkdtemp(prefix="chat-"))


class Emitter:
    """Notes what the page is told."""

    def __init__(self):
        self.told = []

    async def task_start(self):
        self.told.append("start")

    async def task_end(self):
        self.told.append("end")


class Session(SimpleNamespace):
    """A chat whose first message was sent."""

    def __init__(self, user=None):
        super().__init__(
            id="session", thread_id="t1", user=user, has_first_interaction=True, chat_settings={}, files={}
        )


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def enter():
    """Return what makes a session that of the running task; it has an emitter of its own, as for each message."""
    from chainlit.context import context_var

    def enter(session):
        place = SimpleNamespace(session=session, emitter=Emitter())
        context_var.set(place)
        return place.emitter

    return enter


class Pages:
    """Stands in for Chainlit's part in `ui.turn`: notes what is put on the page, in its order."""

    def __init__(self, session):
        self.shown, self.steps = [], []
        page = self

        class Message(SimpleNamespace):
            async def send(self):
                page.shown.append(self)

        class CustomElement(SimpleNamespace):
            async def update(self):
                page.shown.append(self)

        class Step(SimpleNamespace):
            def __init__(self, name, _, **more):
                super().__init__(name=name, id=name, output="", is_error=False, **more)

            async def send(self):
                page.steps.append(self)

            async def update(self):
                pass

        self.Message, self.CustomElement, self.Step = Message, CustomElement, Step
        self.context = SimpleNamespace(session=session)
        self.chat_context = SimpleNamespace(get=lambda: [])


@pytest.fixture
def page(session, monkeypatch):
    import ui.turn

    pages = Pages(session)
    monkeypatch.setattr(ui.turn, "cl", pages)
    return pages


@pytest.fixture
def chat(tmp_path, monkeypatch):
    """The chat service, with a home of its own."""
    import ui.chat
    from agent.settings import Settings

    monkeypatch.setattr(ui.chat, "_chat", None)
    return ui.chat.configure(Settings(_env_file=None, home=tmp_path, backend="offline"))
