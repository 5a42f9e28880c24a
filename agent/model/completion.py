"""Greedy completion over the runtime: stop strings, whole characters, confidence.

Much of a request stands in its prompt (fields, identifiers) or in the request before (`/v3/query?q=symbol:`). What
followed the same tokens there is evaluated together with the token just chosen, four for the price of two, and so is
what the grammar leaves no choice about; each is still chosen by the model: guesses change nothing but the speed.
"""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from agent.model.runtime import FORCED, GUESSES, Grammar, Logits, Runtime, RuntimeFault

_MOST_HABITS = 20_000


def complete(
    runtime: Runtime,
    prompt: str,
    *,
    grammar: str | None,
    max_tokens: int,
    stop: Sequence[str],
    emit: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Complete `prompt` and return the fields of a `Completion`.

    Args:
        runtime: The loaded model.
        prompt: The whole prompt.
        grammar: GBNF, or None.
        max_tokens: Most tokens to write; 0 reads the prompt only.
        stop: Strings that end the text.
        emit: Called with each piece of text that is certain to belong to it.
        cancelled: Asked before each evaluation.

    Raises:
        RuntimeFault: The prompt is empty or too long, the grammar is not valid, or llama.cpp fails.
    """
    begin = time.perf_counter()
    tokens = runtime.tokenize(prompt)
    if not tokens:
        raise RuntimeFault("prompt", "The prompt is empty.")
    if len(tokens) + max_tokens > runtime.context:
        raise RuntimeFault(
            "prompt",
            f"The prompt's {len(tokens)} tokens and {max_tokens} to write exceed the model's {runtime.context}.",
        )
    rules = runtime.grammar(grammar) if grammar else None
    try:
        reused = runtime.read(tokens, cancelled)
        read_at = time.perf_counter()
        writer = _Writer(runtime, rules, tokens, max_tokens, _Text(stop, emit), cancelled)
        reason = "cancelled" if reused is None else writer.run() if max_tokens else "length"
    finally:
        if rules is not None:
            rules.close()
    return {
        "text": writer.text.finish(),
        "tokens": len(writer.written),
        "prompt_tokens": len(tokens),
        "seconds": time.perf_counter() - begin,
        "finish_reason": reason,
        "reused_tokens": reused or 0,
        "prompt_seconds": read_at - begin,
        "logprob": writer.logprob if writer.written else None,
        "margin": writer.margin if writer.written else None,
    }


class _Text:
    """Bytes of tokens in, whole characters out, up to the first stop string."""

    def __init__(self, stop: Sequence[str], emit: Callable[[str], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = [word for word in stop if word]
        self._held = max((len(word) for word in self._stop), default=1) - 1
        self._emit = emit
        self._sent = 0
        self._all = ""

    def add(self, data: bytes) -> bool:
        """Add the bytes of a token; return True when a stop string is complete."""
        self._all += self._decoder.decode(data)
        # A stop string may have begun in what was held back.
        ends = [at for word in self._stop if (at := self._all.find(word, self._sent)) >= 0]
        if ends:
            self._all = self._all[: min(ends)]
            self._stop, self._held = [], 0
        self._send(len(self._all) - self._held)
        return bool(ends)

    def finish(self) -> str:
        """Send what was held back and return the whole text; a character cut in half is left out."""
        self._send(len(self._all))
        return self._all

    def _send(self, end: int) -> None:
        if end > self._sent:
            self._emit(self._all[self._sent : end])
            self._sent = end


class _Writer:
    """Writes tokens after a prompt that has been read."""

    def __init__(
        self, runtime: Runtime, grammar: Grammar | None, prompt: Sequence[int], max_tokens: int, text: _Text,
        cancelled: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._runtime = runtime
        self._grammar = grammar
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._cancelled = cancelled
        #: Where in the prompt two tokens last stood, by what follows them.
        self._seen = {pair: place + 2 for place, pair in enumerate(pairwise(prompt))}
        self.text = text
        self.written: list[int] = []
        self.logprob = 0.0
        self.margin = math.inf

    def run(self) -> str:
        """Write until the end, a stop string, the limit or a cancellation; return the finish reason."""
        reason = self._run()
        recent = [*self._prompt[-3:], *self.written]
        if len(self._runtime.habits) > _MOST_HABITS:
            self._runtime.habits.clear()
        for place in range(3, len(recent)):
            self._runtime.habits[tuple(recent[place - 3 : place])] = tuple(recent[place : place + GUESSES])
        return reason

    def _run(self) -> str:
        guesses: list[int] = []
        while True:
            token = self._choose(self._runtime.logits(len(guesses)))
            if self._runtime.is_end(token):
                return "stop"
            self.written.append(token)
            if self.text.add(self._runtime.piece(token)):
                return "stop"
            if len(self.written) >= self._max_tokens:
                return "length"
            if self._cancelled():
                return "cancelled"
            if self._grammar is not None:
                self._grammar.accept(token)
            if guesses and guesses[0] == token:
                del guesses[0]
                continue
            self._runtime.forget(len(self._runtime.tokens) - len(guesses))
            guesses = self._guess()
            self._runtime.evaluate([token], guesses)

    def _guess(self) -> list[int]:
        """Return what must follow the tokens so far, and what may well follow."""
        room = self._max_tokens - len(self.written)
        forced = self._runtime.tokenize(self._grammar.forced()) if self._grammar is not None else []
        if len(forced) >= GUESSES:
            return forced[: min(FORCED, room)]
        recent = (*self._prompt[-2:], *self.written, *forced)[-3:]
        place = self._seen.get((recent[-2], recent[-1])) if len(recent) > 1 else None
        found = self._runtime.habits.get(recent) or (self._prompt[place : place + GUESSES] if place else ())
        return [*forced, *found][: min(GUESSES, room)]

    def _choose(self, logits: Logits) -> int:
        best = int(logits.argmax())
        token = best if self._grammar is None else self._grammar.choose(logits, best)
        top = float(logits[best])
        self.logprob += float(logits[token]) - top - math.log(float(np.exp(logits - top).sum()))
        if token == best:
            logits[best] = -np.inf
            lead = top - float(logits.max())
            logits[best] = top
        else:
            lead = float(logits[token]) - top
        self.margin = min(self.margin, lead)
        return token
