"""What all chats share: the settings, the stores, the preparation of model and indexes, and the threads that work."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agent.runtime import Progress, Runtime, get_runtime
from agent.settings import Settings
from tools.apis import API_NAMES
from tools.errors import AssistantError
from ui.answers import Answers
from ui.data_layer import DataLayer, open_data_layer
from ui.feedback import Corrections

log = logging.getLogger(__name__)
#: More chats than this wait before they wait for the model; each waiting one holds a thread.
THREADS = 64


@dataclass
class Preparation:
    """What is being built at the moment, for whoever waits for it."""

    listener: Progress | None = None
    _building: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self, what: str, done: int, total: int | None) -> None:
        """Note that `done` of `total` of `what` is done."""
        with self._lock:
            if total is not None and done >= total:
                self._building.pop(what, None)
            else:
                self._building[what] = (done, total)
        if self.listener is not None:
            self.listener(what, done, total)

    @property
    def text(self) -> str:
        """What is being built, in words; empty when nothing is."""
        with self._lock:
            rows = list(self._building.items())
        return "; ".join(f"{what}: {done:,}" + (f" of {total:,}" if total else "") for what, (done, total) in rows)

    def clear(self) -> None:
        """Forget what was being built, at its end."""
        with self._lock:
            self._building.clear()


class Chat:
    """The one chat service of this process."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        """Describe it; nothing is opened yet."""
        self.settings = settings
        self.folder = settings.home / "chat"
        self.preparation = Preparation(progress)
        self.workers = ThreadPoolExecutor(THREADS, thread_name_prefix="chat")
        self.ready = threading.Event()
        self.fault: str | None = None

    @cached_property
    def answers(self) -> Answers:
        """The records behind the answers."""
        return Answers(self.folder / "answers.sqlite")

    @cached_property
    def corrections(self) -> Corrections:
        """The corrections that users saved."""
        return Corrections(self.settings.home)

    @cached_property
    def data_layer(self) -> DataLayer:
        """The chats."""
        return open_data_layer(self.folder, self.settings.chat_database, lambda thread: self.answers.forget(thread))

    def runtime(self, settings: Settings | None = None) -> Runtime:
        """Return the parts behind the graph for these settings."""
        # The first one is that of the chat itself, so that all others share its model.
        get_runtime(self.settings, self.preparation.report)
        return get_runtime(settings or self.settings, self.preparation.report)

    def prepare(self) -> None:
        """Open model and indexes, building what is missing, aside; what fails here fails again where it is used."""

        def work() -> None:
            try:
                runtime = self.runtime()
                runtime.prepare()
                _ = runtime.retriever, runtime.names, runtime.model
                backend = runtime.backend
                if backend.name == "offline":
                    for api in API_NAMES:
                        runtime.store.index(api)
                import agent.graph  # noqa: F401  it takes a second, which no question should wait for
            except AssistantError as error:
                self.fault = f"{error.message} {error.hint}".strip()
            except Exception as error:
                log.exception("The preparation failed.")
                self.fault = f"{type(error).__name__}: {error}"
            finally:
                self.preparation.clear()
                self.ready.set()

        threading.Thread(target=work, daemon=True, name="prepare-chat").start()

    def health(self) -> dict[str, Any]:
        """Return how things stand."""
        if not self.ready.is_set():
            return {"status": "preparing", "detail": self.preparation.text}
        detail = " ".join(filter(None, (self.fault, self.data_layer.fault)))
        return {"status": "degraded" if detail else "ok", "detail": detail}


_chat: Chat | None = None


def configure(settings: Settings, progress: Progress | None = None) -> Chat:
    """Set up the chat of this process."""
    global _chat
    _chat = Chat(settings, progress)
    return _chat


def get_chat() -> Chat:
    """Return the chat of this process; with the settings of the environment where nothing was configured."""
    global _chat
    if _chat is None:
        from agent.settings import load_settings

        _chat = Chat(load_settings())
    return _chat
