"""The long-lived parts behind the graph: retrieval, model and backend, opened once per settings and shared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agent.settings import Settings

if TYPE_CHECKING:
    from agent.model.base import Model
    from rag.names import Names
    from rag.retrieve import Retriever
    from tools.backend import Backend
    from tools.offline.search import Coverage
    from tools.offline.store import Store

Progress = Callable[[str, int, int | None], None]
Part = TypeVar("Part")

#: Settings that say how one question is answered; runtimes that differ in nothing else share model and indexes.
_OF_A_QUESTION = {"backend", "api", "hits", "cards", "max_repairs", "timeout", "max_answer_mb", "cache"}


class Runtime:
    """Opens each part at its first use, each under a lock of its own. Safe to share between threads."""

    def __init__(self, settings: Settings, progress: Progress | None = None, sibling: Runtime | None = None) -> None:
        """Open nothing yet; `sibling` has the model, the retriever and the store that this one shall use, too."""
        self.settings, self._progress, self._sibling = settings, progress, sibling
        self._guard = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._parts: dict[str, Any] = {}
        self._prepared = False

    @property
    def retriever(self) -> Retriever:
        """What finds fields and examples; its index is built at its first use."""
        if self._sibling is not None:
            return self._sibling.retriever

        def make() -> Retriever:
            from rag.index import open_index
            from rag.retrieve import Retriever

            return Retriever(open_index(self.settings.home, self._progress))

        return self._part("retriever", make)

    @property
    def names(self) -> Names:
        """What names of diseases, chemicals and genes are known; collected at their first use."""
        if self._sibling is not None:
            return self._sibling.names

        def make() -> Names:
            from rag.names import open_names

            return open_names(self.settings.home, self._progress)

        return self._part("names", make)

    @property
    def model(self) -> Model:
        """The language model; merged and loaded at its first use."""
        if self._sibling is not None:
            return self._sibling.model

        def make() -> Model:
            from agent.model import open_model

            return open_model(self.settings, self._progress)

        return self._part("model", make)

    @property
    def backend(self) -> Backend:
        """Where requests go; `auto` is decided anew as what is known of the live services grows old."""
        settings, name, notice = self.settings, self.settings.backend, ""
        if name == "auto":
            from tools.backend import probe_live

            notice = probe_live()
            name = "offline" if notice else "live"

        def make() -> Backend:
            from tools.backend import resolve_backend
            from tools.http import Limits

            limits = Limits(read_seconds=settings.timeout, max_bytes=settings.max_answer_mb * 2**20)
            return resolve_backend(
                name,
                settings.home,
                limits=limits,
                progress=self._progress,
                cache=settings.cache,
                store=self.store if name == "offline" else None,
            )

        # Siblings that ask the same place share its connections; all share the indexes.
        owner = self._sibling or self
        backend = owner._part(f"backend {name} {settings.timeout} {settings.max_answer_mb} {settings.cache}", make)
        return replace(backend, notice=notice) if notice else backend

    def answering(self, ask: Callable[[Backend], Part]) -> tuple[Part, Backend]:
        """Ask the backend; under `auto` offline where the live service fails and then answers no probe either.

        Args:
            ask: what is asked of a backend, all of it, so that one place answers for the whole.

        Returns:
            The answer, and the backend that gave it.

        Raises:
            AssistantError: there is no usable answer.
        """
        from tools.errors import ServiceError

        backend = self.backend
        try:
            return ask(backend), backend
        except ServiceError as fault:
            if not fault.retryable or backend.name != "live":
                raise
            self.doubt_service()
            instead = self.backend
            if instead.name == "live":
                raise
        return ask(instead), instead

    def doubt_service(self) -> None:
        """Have `auto` decided anew, since a service did not answer."""
        if self.settings.backend == "auto":
            from tools.backend import forget_probes

            forget_probes()

    @property
    def store(self) -> Store:
        """The offline indexes."""
        if self._sibling is not None:
            return self._sibling.store

        def make() -> Store:
            from tools.offline.store import Store

            return Store(self.settings.home, progress=self._progress)

        return self._part("store", make)

    @property
    def style(self) -> str:
        """The prompt's style: `tuned` for our fine-tuned model, `general` for any other."""
        settings = self.settings
        if settings.prompt_style != "auto":
            return settings.prompt_style
        ours = settings.model == "packaged" and settings.model_path is None and settings.adapter is not None
        return "tuned" if ours else "general"

    def coverage(self, api: str) -> Coverage:
        """What the offline store holds of an API: fields, species, assemblies."""
        return self.store.index(api).coverage()

    def prepare(self) -> None:
        """Begin to load model and backend, aside; what fails here fails again where it is used."""
        with self._guard:
            prepared, self._prepared = self._prepared, True
        if prepared:
            return

        def load_model() -> None:
            from agent.prompts import prefix

            self.model.warm_up(prefix(self.style))

        # The model first: it loads in a process of its own, which leaves this one free for the rest.
        _aside(load_model)
        _aside(lambda: self.backend)

    def close(self) -> None:
        """Stop the model's process and close indexes and connections."""
        with self._guard:
            parts, self._parts, self._prepared = self._parts, {}, False
        for name, part in parts.items():
            if name in ("model", "retriever") or name.startswith("backend "):
                part.close()

    def _part(self, name: str, make: Callable[[], Part]) -> Part:
        with self._guard:
            lock = self._locks.setdefault(name, threading.RLock())
        with lock:
            if name not in self._parts:
                self._parts[name] = make()
            return cast(Part, self._parts[name])


def _aside(work: Callable[[], object]) -> None:
    def run() -> None:
        from tools.errors import AssistantError

        try:
            work()
        except AssistantError:
            pass

    threading.Thread(target=run, daemon=True, name="prepare").start()


_runtimes: dict[str, Runtime] = {}
_runtimes_lock = threading.Lock()


def get_runtime(settings: Settings, progress: Progress | None = None) -> Runtime:
    """Return the one runtime for these settings in this process."""
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    key = f"{settings.model_dump_json()}\n{key}"  # the dump hides the key
    with _runtimes_lock:
        if key not in _runtimes:
            from tools.catalogue import set_home

            # APIs and field listings of the user's own stand below the home folder.
            set_home(settings.home)
            wanted = settings.model_dump(exclude=_OF_A_QUESTION)
            others = (other for other in _runtimes.values() if other._sibling is None)
            same = (other for other in others if other.settings.model_dump(exclude=_OF_A_QUESTION) == wanted)
            _runtimes[key] = Runtime(settings, progress, next(same, None))
        return _runtimes[key]
