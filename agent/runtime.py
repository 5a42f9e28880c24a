"""The long-lived parts behind the graph: retrieval index, model and backend, opened once per settings and shared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agent.settings import Settings

if TYPE_CHECKING:
    from agent.model.base import Model
    from rag.index import Index
    from tools.backend import Backend

Progress = Callable[[str, int, int | None], None]


class Runtime:
    """Opens each part at its first use. Safe to share between threads."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings, self._progress = settings, progress
        self._lock = threading.RLock()
        self._backend: Backend | None = None
        self._parts: dict[str, Any] = {}

    @cached_property
    def index(self) -> Index:
        """The retrieval index; built at its first use."""
        from rag.index import open_index

        with self._lock:
            return open_index(self.settings.home, self._progress)

    @cached_property
    def model(self) -> Model:
        """The language model; merged and loaded at its first use."""
        from agent.model import open_model

        with self._lock:
            return open_model(self.settings, self._progress)

    @property
    def backend(self) -> Backend:
        """Where requests go; `auto` is decided once."""
        from tools.backend import resolve_backend
        from tools.http import Limits

        with self._lock:
            if self._backend is None:
                limits = Limits(read_seconds=self.settings.timeout, max_bytes=self.settings.max_answer_mb * 2**20)
                self._backend = resolve_backend(
                    self.settings.backend, self.settings.home, limits=limits, progress=self._progress
                )
            return self._backend

    @property
    def style(self) -> str:
        """The prompt's style: `tuned` for our fine-tuned model, `general` for any other."""
        settings = self.settings
        if settings.prompt_style != "auto":
            return settings.prompt_style
        ours = settings.model == "packaged" and settings.model_path is None and settings.adapter is not None
        return "tuned" if ours else "general"

    def part(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the part called `name`, made at its first use."""
        with self._lock:
            if name not in self._parts:
                self._parts[name] = make()
            return self._parts[name]

    def warm_up(self) -> None:
        """Begin to load the model while something else is done."""
        from agent.prompts import prefix

        self.model.warm_up(prefix(self.style))

    def coverage(self, api: str) -> Any:
        """What the offline store holds of an API: fields, species, assemblies."""
        from tools.offline.store import Store

        return Store(self.settings.home, progress=self._progress).index(api).coverage()

    def close(self) -> None:
        """Stop the model's process and close connections."""
        if "model" in self.__dict__:
            self.model.close()
        if self._backend is not None:
            self._backend.close()


_runtimes: dict[str, Runtime] = {}
_runtimes_lock = threading.Lock()


def get_runtime(settings: Settings, progress: Progress | None = None) -> Runtime:
    """Return the one runtime for these settings in this process."""
    key = settings.model_dump_json()
    with _runtimes_lock:
        if key not in _runtimes:
            _runtimes[key] = Runtime(settings, progress)
        return _runtimes[key]
