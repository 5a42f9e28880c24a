"""Ways to draft a request, from the bare base model to the product: the rungs of the evaluation's ladder."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

from agent.nodes import REFUSAL, Nodes
from agent.prompts import HISTORY, Turn, render_general, render_tuned
from agent.runtime import Progress, Runtime, get_runtime
from agent.settings import Settings
from agent.state import Record, State
from rag.documents import Example, load_examples
from tools.apis import API_NAMES
from tools.errors import AssistantError, DataError
from tools.offline import snapshot
from tools.paths import data_dir

#: base: the base model with instructions; shots: and ten worked examples; grammar: and the grammar; retrieval: and
#: field cards and examples found for the question; tuned: the fine-tuned model alone; product: all, as it ships.
Mode = Literal["base", "shots", "grammar", "retrieval", "tuned", "product"]
MODES: tuple[Mode, ...] = get_args(Mode)
SHOTS = 10
_MAX_TOKENS = 200
_MATTERS = (".py", ".txt", ".json", ".jsonl", ".md")


@dataclass(frozen=True)
class Draft:
    """What was drafted for one question.

    `request` is the request line, `none` or whatever was written instead; `first` is what it was before any repair;
    `turns` are the earlier questions of the conversation with the requests that they got. `seconds` is the whole time
    of this question, `draft_seconds` that of retrieval and of the first draft.
    """

    request: str
    first: str
    turns: tuple[Turn, ...]
    seconds: float
    draft_seconds: float
    error: str | None = None


class Drafter(Protocol):
    """Drafts requests."""

    def draft(self, question: str, history: Sequence[str]) -> Draft:
        """Draft for a question, after the earlier ones of its conversation."""
        ...

    def close(self) -> None:
        """Stop the model."""
        ...


def open_drafter(
    settings: Settings, mode: Mode, *, only_draft: bool = False, progress: Progress | None = None
) -> Drafter:
    """Return what drafts as `mode` says.

    Args:
        settings: which model, home and so on; the backend should be offline, so that results can be compared.
        mode: the rung.
        only_draft: for the product, take the first draft and execute nothing.
        progress: told what is being built.

    Raises:
        DataError: a fine-tuned model is asked for and there is no adapter.
    """
    if mode == "tuned" and _is_plain(settings):
        raise DataError("There is no fine-tuned model.", "Train one, or name its folder (--adapter).")
    runtime = get_runtime(settings if mode in ("tuned", "product") else without_adapter(settings), progress)
    if mode == "product" and not only_draft:
        return ProductDrafter(runtime)
    if mode in ("product", "retrieval"):
        return FirstDrafter(runtime)
    return PlainDrafter(runtime, mode)


def without_adapter(settings: Settings) -> Settings:
    """Return settings with the base model in place of the fine-tuned one."""
    if _is_plain(settings):
        return settings
    from agent.model.weights import packaged_model

    return settings.model_copy(update={"model_path": settings.model_path or packaged_model(), "adapter_path": None})


def _is_plain(settings: Settings) -> bool:
    """Whether these settings run a model as it is, without an adapter."""
    if settings.model == "openai":
        return True
    return settings.adapter is None


class ProductDrafter:
    """The product: the whole graph, with execution and repair."""

    def __init__(self, runtime: Runtime) -> None:
        from langgraph.checkpoint.memory import InMemorySaver

        from agent.graph import build_graph

        self._runtime = runtime
        self._saver = InMemorySaver
        self._build = build_graph

    def draft(self, question: str, history: Sequence[str]) -> Draft:
        """Answer the earlier questions in a thread of their own, then the question."""
        # A checkpointer a question, or a long run would hold every conversation.
        graph = self._build(self._runtime.settings, self._saver())
        config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}}
        turns = []
        for earlier in history:
            turns.append(Turn(earlier, _request_of(cast(Record, graph.invoke({"question": earlier}, config)))))
        start = time.perf_counter()
        record = cast(Record, graph.invoke({"question": question}, config))
        seconds = time.perf_counter() - start
        request = _request_of(record)
        first = record["attempts"][0]["request"] if record["attempts"] else request
        spent = record["seconds"]
        error = record["error"]["message"] if record["error"] else None
        return Draft(request, first, tuple(turns), seconds, spent["retrieve"] + spent["draft"], error)

    def close(self) -> None:
        """Stop the model."""
        self._runtime.close()


def _request_of(record: Record) -> str:
    return REFUSAL if record["status"] == "refused" else record["request"] or ""


class FirstDrafter:
    """The product's first draft: its retrieval, prompt and grammar, without execution and repair."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._nodes = Nodes(runtime)

    def draft(self, question: str, history: Sequence[str]) -> Draft:
        """Draft for the earlier questions in turn, then for the question."""
        turns: list[Turn] = []
        text, error, seconds = "", None, 0.0
        for asked in (*history, question):
            text, error, seconds = self._draft(asked, turns)
            turns.append(Turn(asked, text or REFUSAL))
        return Draft(text, text, tuple(turns[:-1]), seconds, seconds, error)

    def _draft(self, question: str, turns: Sequence[Turn]) -> tuple[str, str | None, float]:
        start = time.perf_counter()
        past = [{"question": turn.question, "request": turn.request} for turn in turns]
        state = cast(dict[str, Any], {"question": question, "history": past})
        try:
            state |= self._nodes.begin(cast(State, state))
            if state["fault"]:
                return REFUSAL, None, time.perf_counter() - start
            state |= self._nodes.retrieve(cast(State, state))
            state |= self._nodes.draft(cast(State, state))
        except AssistantError as error:
            return "", _blame(error), time.perf_counter() - start
        return state["draft"], state["fault"], time.perf_counter() - start

    def close(self) -> None:
        """Stop the model."""
        self._runtime.close()


class PlainDrafter:
    """A model without retrieval: bare, with ten worked examples, with the grammar too, or fine-tuned and alone."""

    def __init__(self, runtime: Runtime, mode: Mode) -> None:
        self._runtime, self._mode = runtime, mode
        self._shots = fixed_shots() if mode in ("shots", "grammar") else ()

    def draft(self, question: str, history: Sequence[str]) -> Draft:
        """Draft for the earlier questions in turn, then for the question."""
        turns: list[Turn] = []
        text, error, seconds = "", None, 0.0
        for asked in (*history, question):
            start = time.perf_counter()
            try:
                text, error = self._complete(" ".join(asked.split()), turns[-HISTORY:]), None
            except AssistantError as fault:
                text, error = "", _blame(fault)
            seconds = time.perf_counter() - start
            turns.append(Turn(asked, text or REFUSAL))
        return Draft(text, text, tuple(turns[:-1]), seconds, seconds, error)

    def _complete(self, question: str, turns: Sequence[Turn]) -> str:
        if self._mode == "tuned":
            prompt = render_tuned(question, (), turns)
        else:
            prompt = render_general(question, (), self._shots, turns)
        grammar = None
        if self._mode == "grammar":
            from agent.grammar import build_grammar

            said = [text for turn in turns for text in (turn.question, turn.request)]
            grammar = build_grammar(question, said).gbnf
        completion = self._runtime.model.complete(
            prompt, grammar=grammar, max_tokens=_MAX_TOKENS, stop=("<|im_end|>", "\n")
        )
        return completion.text.strip()

    def close(self) -> None:
        """Stop the model."""
        self._runtime.close()


def _blame(error: AssistantError) -> str:
    """Return what goes into a prediction as its error; what may not happen again goes into none and is raised."""
    if error.retryable:
        raise error
    return error.message


@cache
def fixed_shots() -> tuple[Example, ...]:
    """Return ten worked examples, the same for every question, over all APIs in turn."""
    queues: dict[str, list[Example]] = {}
    for example in sorted(load_examples(), key=lambda example: hashlib.sha256(example.question.encode()).digest()):
        queues.setdefault(example.api, []).append(example)
    chosen: list[Example] = []
    while len(chosen) < SHOTS and any(queues.values()):
        chosen += [queue.pop(0) for _, queue in sorted(queues.items()) if queue]
    return tuple(chosen[:SHOTS])


def fingerprint(settings: Settings, mode: Mode, only_draft: bool) -> str:
    """Return a short text that changes with all that a draft depends on: model, settings, code, catalogue, data.

    Predictions kept under another fingerprint are not taken up again.

    Raises:
        DataError: the model or the adapter that was named is not there.
    """
    relevant = {"cards", "max_repairs", "hits", "prompt_style", "api", "model", "openai_base_url", "openai_model"}
    digest = hashlib.sha256(json.dumps(settings.model_dump(mode="json", include=relevant), sort_keys=True).encode())
    digest.update(f"{mode} {only_draft}".encode())
    settings = settings if mode in ("tuned", "product") else without_adapter(settings)
    if settings.model != "openai":
        adapter = settings.adapter
        weights = [settings.model_path] if settings.model_path else []
        weights += [adapter / name for name in ("adapter_config.json", "adapter_model.safetensors")] if adapter else []
        for path in weights:
            if not path.is_file():
                raise DataError(f"There is no {path}.", "Name a GGUF file (model_path), or an adapter's folder.")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update(Path(__file__).read_bytes())
    digest.update("".join(snapshot.fingerprint(api) for api in API_NAMES).encode())
    root = Path(__file__).resolve().parents[1]
    folders = [root / package for package in ("agent", "rag", "tools")]
    folders += [data_dir() / name for name in ("schema", "docs", "examples")]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            # The command line draws what is drafted, it has no part in it.
            if path.suffix in _MATTERS and "cli" not in path.relative_to(folder).parts:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
