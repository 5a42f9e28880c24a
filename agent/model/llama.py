"""A GGUF model run by llama.cpp in a worker process."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.model.base import Completion, GrammarError, ModelTimeout, PromptTooLong
from agent.model.line import Line
from agent.model.process import WorkerDied, WorkerProcess
from tools.errors import ModelError

_POLL_SECONDS = 0.05
"""How soon a cancellation is passed on to the worker."""
_GRACE_SECONDS = 5.0
"""How long a worker may take to notice that it is cancelled before it is ended by force."""
_ERRORS = {"prompt": PromptTooLong, "grammar": GrammarError}

log = logging.getLogger(__name__)


def physical_cores() -> int:
    """Return the number of physical cores that this process may use; hyper-threads slow llama.cpp down."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        # macOS and Windows have no such call; count all processors there.
        return max(os.cpu_count() or 1, 1)
    cores: set[str] = set()
    for processor in allowed:
        try:
            # Processors on one core name the same siblings.
            siblings = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
            cores.add(siblings.read_text(encoding="ascii"))
        except OSError:
            cores.add(str(processor))
    return max(len(cores), 1)


class _Holder:
    """Keeps the running worker where the finalizer reaches it without keeping the model alive."""

    process: WorkerProcess | None = None
    stops = 0

    def stop(self) -> None:
        self.stops += 1
        process, self.process = self.process, None
        if process is not None:
            process.stop()


class LlamaModel:
    """Completes prompts with a GGUF model; safe to call from several threads, which are served in order.

    The worker starts with the first completion, or with `warm_up`. When it dies it is started anew and the request is
    tried once more.
    """

    def __init__(
        self,
        path: Path,
        *,
        context: int = 4096,
        threads: int | None = None,
        timeout: float = 60.0,
        start_timeout: float = 60.0,
    ) -> None:
        """Describe the model; nothing is loaded yet.

        Args:
            path: The GGUF file.
            context: Most tokens of prompt and completion together.
            threads: Threads to compute with; all physical cores by default.
            timeout: Seconds that one completion may take, waiting in line not counted.
            start_timeout: Seconds that loading the model may take.
        """
        self.name = path.stem
        self.path = path
        self.context = context
        self.threads = threads or physical_cores()
        self.timeout = timeout
        self.start_timeout = start_timeout
        self.restarts = 0
        self._line = Line()
        self._holder = _Holder()
        self._number = 0
        # Also at interpreter exit.
        weakref.finalize(self, self._holder.stop)

    @property
    def pid(self) -> int | None:
        """The worker's process number; None when none runs."""
        process = self._holder.process
        return process.pid if process is not None and process.alive else None

    def complete(
        self,
        prompt: str,
        *,
        grammar: str | None = None,
        max_tokens: int = 128,
        stop: Sequence[str] = (),
        on_token: Callable[[str], None] | None = None,
        on_position: Callable[[int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        """Complete `prompt`: see `agent.model.base.Model`."""
        request = {
            "prompt": prompt,
            "grammar": grammar,
            "max_tokens": max_tokens,
            "stop": list(stop),
            "stream": on_token is not None,
        }
        with self._line.turn(on_position, cancel) as mine:
            if not mine:
                return Completion("", 0, 0, 0.0, "cancelled")
            return self._complete_with_retry(request, _Stream(on_token), cancel)

    def warm_up(self, prefix: str = "") -> None:
        """Load the model and read `prefix` in the background; what fails here fails again, visibly, in `complete`."""

        def work() -> None:
            try:
                if prefix:
                    self.complete(prefix, max_tokens=0)
                else:
                    with self._line.turn():
                        self._worker()
            except (ModelError, WorkerDied) as error:
                log.info("The model could not be warmed up: %s", error)

        threading.Thread(target=work, daemon=True, name="model-warm-up").start()

    def close(self) -> None:
        """End the worker; a completion under way in another thread fails, a later one starts a new worker."""
        self._holder.stop()

    def _complete_with_retry(
        self, request: dict[str, Any], stream: _Stream, cancel: threading.Event | None
    ) -> Completion:
        restarts = 0
        stops = self._holder.stops
        while True:
            try:
                return self._converse(self._worker(), request, stream, cancel, restarts)
            except WorkerDied as death:
                if self._holder.stops != stops:
                    raise ModelError("The model was closed while it was at work.", retryable=True) from None
                self._holder.process = None
                if restarts:
                    raise ModelError(
                        f"The model's process stopped twice on the same request ({death}).",
                        "Ask in other words; if other questions fail as well, run `biothings-assistant doctor`.",
                    ) from None
                restarts += 1
                self.restarts += 1
                stream.rewind()
                log.warning("The model's process stopped (%s); it is started anew and the request repeated.", death)

    def _worker(self) -> WorkerProcess:
        """Return a worker with the model loaded; called in turn only."""
        process = self._holder.process
        if process is not None and process.owner != os.getpid():
            process = None
        if process is None:
            if not self.path.is_file():
                raise ModelError(f"There is no model at {self.path}.")
            process = self._holder.process = WorkerProcess(self.path, self.context, self.threads)
        try:
            process.await_ready(self.start_timeout)
        except ModelError:
            self._holder.process = None
            process.kill()
            raise
        return process

    def _converse(
        self,
        process: WorkerProcess,
        request: dict[str, Any],
        stream: _Stream,
        cancel: threading.Event | None,
        restarts: int,
    ) -> Completion:
        self._number += 1
        number = self._number
        process.forget_complaints()
        process.send(id=number, **request)
        limit = time.monotonic() + self.timeout
        gone = False
        try:
            while True:
                event = process.next_event(_POLL_SECONDS)
                now = time.monotonic()
                # Whether events come or not: a quick model leaves no pause between its tokens.
                if not gone and ((cancel is not None and cancel.is_set()) or now >= limit):
                    gone, overdue = True, now >= limit
                    process.send(cancel=number)
                    limit = now + _GRACE_SECONDS
                elif gone and now >= limit:
                    self._end(process)
                    if overdue:
                        raise self._too_slow()
                    return Completion(stream.text, 0, 0, 0.0, "cancelled", restarts=restarts)
                if event is None or event.get("id") != number:
                    continue
                if event["event"] == "token":
                    stream.add(event["text"])
                elif event["event"] == "error":
                    message = event["message"]
                    if event["kind"] == "grammar":
                        message = f"{message} {process.complaint()}".rstrip()
                    raise _ERRORS.get(event["kind"], ModelError)(message)
                else:
                    if gone and overdue:
                        raise self._too_slow()
                    fields = {key: value for key, value in event.items() if key not in ("event", "id")}
                    return Completion(**fields, restarts=restarts)
        except (ModelError, WorkerDied):
            raise
        except BaseException:
            # The caller's callback failed, or the user interrupted: let the worker be free for the next request.
            if process.alive:
                process.send(cancel=number)
            raise

    def _end(self, process: WorkerProcess) -> None:
        self._holder.process = None
        process.kill()

    def _too_slow(self) -> ModelTimeout:
        return ModelTimeout(f"The model did not finish within {self.timeout:g} seconds.")


class _Stream:
    """Passes pieces of text on; after a restart only what goes beyond what was passed on before."""

    def __init__(self, on_token: Callable[[str], None] | None) -> None:
        self._on_token = on_token
        self._sent = ""
        self.text = ""

    def rewind(self) -> None:
        """Begin anew: the text comes from the start again."""
        self.text = ""

    def add(self, piece: str) -> None:
        """Take a piece of text."""
        self.text += piece
        if self._on_token is None or not self.text.startswith(self._sent):
            return
        rest = self.text[len(self._sent) :]
        if rest:
            self._sent = self.text
            self._on_token(rest)
