"""What the graph knows: the conversation, and what belongs to one question."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Status = Literal["answered", "empty", "refused", "failed"]
Outcome = Literal["ok", "empty", "rejected", "error"]

#: How the error of an attempt begins whose hits have none of the asked-for values, and what was asked for follows.
NO_VALUE = "no value of"


class Turn(TypedDict):
    """An earlier question of the thread, with the request that answered it ("none" where it was refused)."""

    question: str
    request: str


class Attempt(TypedDict):
    """One draft and what became of it; `seconds` is drafting and execution together."""

    request: str
    outcome: Outcome
    error: str | None
    seconds: float


class Fault(TypedDict):
    """Why a question failed, and how to mend it."""

    message: str
    hint: str


class Seconds(TypedDict):
    """Where the time went."""

    retrieve: float
    draft: float
    execute: float
    total: float


class Record(TypedDict):
    """The answer to one question: what `ask --json` prints and what the graph gives out."""

    id: str | None
    question: str
    status: Status
    answer: str
    values: list[str]
    api: str | None
    request: str | None
    url: str | None
    total: int | None
    hits: list[dict[str, Any]]
    backend: str | None
    attempts: list[Attempt]
    seconds: Seconds
    error: Fault | None


class Input(TypedDict, total=False):
    """What a caller gives: the question, and perhaps a name for it and the only API to ask."""

    question: str
    id: str | None
    api: str | None


class State(Record, total=False):
    """Everything; `history` outlives a question, the rest is set anew by each."""

    history: list[Turn]
    started: float
    # Field cards and examples, as plain rows so that a checkpoint can hold them.
    cards: list[dict[str, str]]
    paths: dict[str, list[str]]
    examples: list[dict[str, str]]
    draft: str
    drafted_seconds: float
    fault: str | None
    result: dict[str, Any] | None
