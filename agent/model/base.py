"""What every language model of the assistant offers: complete a prompt, perhaps under a grammar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Literal, Protocol, runtime_checkable

from tools.errors import ModelError

FinishReason = Literal["stop", "length", "cancelled"]
Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and of how much (None: not known)."""


class PromptTooLong(ModelError):
    """The prompt and the room for its completion exceed the model's context."""

    default_hint = "Ask a shorter question, start a new conversation, or raise the model's context."


class GrammarError(ModelError):
    """A grammar that the model's runtime cannot load, or that leaves no token to choose."""

    default_hint = "This is a fault of the assistant: please report the question that led to it."


class ModelTimeout(ModelError):
    """The model did not start, or did not finish a completion, in time."""

    default_hint = "Raise the model's time limit (BIOTHINGS_ASSISTANT_MODEL_TIMEOUT), or use a smaller model."
    retryable = True


@dataclass(frozen=True)
class Completion:
    """What a model wrote after a prompt.

    `finish_reason` is "stop" when the model ended by itself or at a stop string, "length" when `max_tokens` ran out
    and "cancelled" when the caller gave up; `text` then holds what there was until then.
    """

    text: str
    tokens: int
    """Tokens written."""
    prompt_tokens: int
    """Tokens of the prompt; 0 where a server does not say."""
    seconds: float
    """From the moment the model took the request up; the time spent waiting in line is not counted."""
    finish_reason: FinishReason
    reused_tokens: int = 0
    """Tokens of the prompt that were still evaluated from the request before."""
    prompt_seconds: float = 0.0
    """The part of `seconds` spent reading the prompt."""
    logprob: float | None = None
    """Natural logarithm of the probability of the text, without any grammar; None where it is not known."""
    margin: float | None = None
    """Smallest lead in logits of a written token over its runner-up; below 0 where the grammar overruled the model."""
    restarts: int = 0
    """How often the model's process had to be started anew to answer."""


@runtime_checkable
class Model(Protocol):
    """Completes prompts; safe to call from several threads."""

    name: str

    def complete(
        self,
        prompt: str,
        *,
        grammar: str | None = None,
        max_tokens: int = 128,
        stop: Sequence[str] = (),
        on_token: Callable[[str], None] | None = None,
        on_position: Callable[[int], None] | None = None,
        cancel: Event | None = None,
    ) -> Completion:
        """Complete `prompt`, greedily.

        Args:
            prompt: The whole prompt with its ChatML marks written out (`<|im_start|>user` ...).
            grammar: GBNF with a rule `root`; the text will obey it where the model's runtime can enforce one.
            max_tokens: Most tokens to write; 0 only reads the prompt, so that a later one with the same start is quick.
            stop: Strings that end the text; they are not part of it.
            on_token: Called with each piece of text as it is written.
            on_position: Called with the number of requests ahead whenever it changes; 0: it is this one's turn.
            cancel: Set it to stop between two tokens.

        Raises:
            ModelError: The model is not there, the prompt is too long, the grammar is not valid, time ran out, or the
                model failed twice.
        """
        ...

    def warm_up(self, prefix: str = "") -> None:
        """Begin to load the model, and to read `prefix`, in the background; never raises."""
        ...

    def close(self) -> None:
        """Release the model's process or connections; a later `complete` starts them again."""
        ...
