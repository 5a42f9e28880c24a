"""The prompts: what the model reads before it drafts a request.

Two styles. `tuned` is what the fine-tuned model is trained on, and is
short since every token is read on a laptop's CPU; `general` serves any other model, with instructions and worked
examples. Training renders its prompts with the same function, so that what was learnt is what is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

#: Changes with every change of the tuned prompt; an adapter records the version that it was trained with.
PROMPT_VERSION = 3
#: How many fields a tuned prompt shows, and how many earlier turns.
CARDS = 12
HISTORY = 3
#: What an answer follows, and what ends it.
ASSISTANT = "<|im_start|>assistant\n"
END = "<|im_end|>"


class Card(Protocol):
    """A field as a prompt shows it."""

    @property
    def api(self) -> str:
        """The API's name."""
        ...

    @property
    def path(self) -> str:
        """The field's path."""
        ...

    @property
    def label(self) -> str:
        """What it holds, in a few words."""
        ...


class Example(Protocol):
    """A worked example."""

    @property
    def question(self) -> str:
        """What was asked."""
        ...

    @property
    def request(self) -> str:
        """The request line that answers it."""
        ...


@dataclass(frozen=True)
class Turn:
    """An earlier question of the conversation, with the request that answered it."""

    question: str
    request: str


@dataclass(frozen=True)
class Failure:
    """An attempt that failed, and why."""

    request: str
    error: str


def render_tuned(
    question: str, cards: Sequence[Card], history: Sequence[Turn] = (), failures: Sequence[Failure] = ()
) -> str:
    """Write the fine-tuned model's prompt, up to where its answer begins.

    The conversation turn by turn; behind the question stand the fields that were found for it, the best of each API
    first. A failed attempt is a turn whose reply is the error.
    """
    text = _template("tuned") + "<|im_end|>\n"
    text += "".join(_message("user", flatten(turn.question)) + _message("assistant", turn.request) for turn in history)
    # Paths alone: their order says most, and every token is read on a laptop's CPU.
    text += _message("user", "\n".join([flatten(question), *_by_api(cards, lambda card: card.path)]))
    for failure in failures:
        text += _message("assistant", failure.request) + _message("user", f"Error: {flatten(failure.error)}")
    return text + ASSISTANT


def render_general(
    question: str,
    cards: Sequence[Card],
    examples: Sequence[Example] = (),
    history: Sequence[Turn] = (),
    failures: Sequence[Failure] = (),
) -> str:
    """Write a prompt for a model that was not trained for this: instructions, worked examples, cards, question."""
    text = _template("general")
    for example in examples:
        text += _message("user", f"Q: {flatten(example.question)}") + _message("assistant", example.request)
    described = _by_api(cards, lambda card: f"{card.path} = {card.label}")
    lines = ["Fields:", *described, *_turns(history), f"Q: {flatten(question)}", *_failures(failures)]
    return text + _message("user", "\n".join(lines)) + ASSISTANT


def prefix(style: str) -> str:
    """Return what every prompt of a style begins with, so that a model can read it ahead of the first question."""
    return _template(style)


def flatten(text: str) -> str:
    """Put a text on one line, without the marks that delimit messages."""
    return " ".join(text.replace("<|", "< |").split())


def _by_api(cards: Sequence[Card], show: Callable[[Card], str]) -> Iterable[str]:
    """Cards by API, in the order in which each API first appears: the name once, then a line a field."""
    for api in dict.fromkeys(card.api for card in cards):
        yield api
        yield from (show(card) for card in cards if card.api == api)


def _turns(history: Sequence[Turn]) -> Iterable[str]:
    for turn in history:
        yield f"Before: {flatten(turn.question)}"
        yield f"Request: {turn.request}"


def _failures(failures: Sequence[Failure]) -> Iterable[str]:
    for failure in failures:
        yield f"Tried: {failure.request}"
        yield f"Error: {flatten(failure.error)}"


def _message(role: str, text: str) -> str:
    return f"<|im_start|>{role}\n{text}<|im_end|>\n"


@cache
def _template(name: str) -> str:
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
