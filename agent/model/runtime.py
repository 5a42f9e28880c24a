"""llama.cpp, as little of it as greedy completion needs: tokens, evaluation with a kept prefix, choice under a grammar.

Used inside the worker process only. The library's own Python sampler masks the whole vocabulary before each choice;
here the likeliest token is tested alone first, and candidates after it in growing groups, so that a grammar costs next
to nothing while the model agrees with it.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import llama_cpp as c
import numpy as np
from numpy.typing import NDArray

logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)

Logits = NDArray[np.float32]
_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""`llama_token_data` of llama.h."""
GUESSES, FORCED = 3, 8
"""Most tokens that are evaluated ahead of their choice, and most where a grammar leaves no other."""
_FORCED_BYTES = 28
_GROUPS = (32, 512)
"""Sizes of the groups in which candidates are tested against a grammar, likeliest first, before all the rest."""


class RuntimeFault(Exception):
    """What llama.cpp could not do; `kind` is one of load, prompt, grammar, decode."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Grammar:
    """A GBNF grammar and how far the text has come in it."""

    def __init__(self, runtime: Runtime, gbnf: str) -> None:
        self._runtime = runtime
        self._sampler = c.llama_sampler_init_grammar(runtime.vocabulary, gbnf.encode(errors="replace"), b"root")
        if not self._sampler:
            raise RuntimeFault("grammar", "llama.cpp cannot load the grammar.")

    def close(self) -> None:
        """Free it."""
        if self._sampler:
            c.llama_sampler_free(self._sampler)
            self._sampler = None

    def accept(self, token: int) -> None:
        """Advance by a token, which must be allowed: llama.cpp aborts the process otherwise."""
        c.llama_sampler_accept(self._sampler, token)

    def choose(self, logits: Logits, best: int) -> int:
        """Return the likeliest allowed token, given the likeliest one.

        Raises:
            RuntimeFault: No token is allowed.
        """
        if self._allowed(np.array([best], np.int32)).size:
            return best
        # Few tokens begin with a byte that may come next, and testing a token costs far more than looking at its byte.
        starts = self._runtime.starts
        possible = np.zeros(starts.bytes_known.size, np.bool_)
        possible[starts.first[self._allowed(starts.single)]] = True
        possible |= ~starts.bytes_known
        candidates = np.flatnonzero(possible[starts.first] & np.isfinite(logits))
        candidates = candidates[np.argsort(-logits[candidates], kind="stable")]
        begin = 0
        for size in (*_GROUPS, candidates.size):
            allowed = self._allowed(candidates[begin : begin + size])
            if allowed.size:
                return int(allowed[0])
            begin += size
        raise RuntimeFault("grammar", "The grammar allows no token here.")

    def forced(self) -> str:
        """Return the text that must come next, as much as is of use: none where there is a choice."""
        ahead = c.llama_sampler_clone(self._sampler)
        found: list[bytes] = []
        try:
            while len(found) < _FORCED_BYTES:
                allowed = self._allowed(self._runtime.starts.single, ahead)
                if allowed.size != 1 or self._runtime.is_end(int(allowed[0])):
                    break
                found.append(self._runtime.piece(int(allowed[0])))
                c.llama_sampler_accept(ahead, int(allowed[0]))
        finally:
            c.llama_sampler_free(ahead)
        return b"".join(found).decode(errors="ignore")

    def _allowed(self, tokens: NDArray[Any], sampler: Any = None) -> NDArray[np.int32]:
        """Return those of the tokens that may come next, in their order; by another sampler than the grammar's own."""
        data = np.zeros(tokens.size, _TOKEN_DATA)
        data["id"] = tokens
        array = c.llama_token_data_array(
            data=data.ctypes.data_as(c.llama_token_data_p), size=tokens.size, selected=-1, sorted=False
        )
        c.llama_sampler_apply(self._sampler if sampler is None else sampler, ctypes.byref(array))
        return np.ascontiguousarray(data["id"][data["logit"] == 0.0])


@dataclass(frozen=True)
class Starts:
    """With which byte each token of a vocabulary begins."""

    first: NDArray[np.intp]
    """By token; 256 for tokens without text, such as the end of the text."""
    single: NDArray[np.int32]
    """Tokens that are one byte long, and one of those without text that end it."""
    bytes_known: NDArray[np.bool_]
    """By byte: whether `single` tells if it may come next; not every vocabulary has a token for each byte."""


class Runtime:
    """One model, one context, one sequence whose evaluated tokens are kept from request to request."""

    def __init__(self, path: Path, context: int, threads: int, batch: int = 512) -> None:
        c.llama_backend_init()
        settings = c.llama_model_default_params()
        settings.load_mode = c.LLAMA_LOAD_MODE_MMAP
        # Weights as they are: repacked for AMX they crash on Sapphire Rapids (llama.cpp#20824, PR 26954).
        settings.use_extra_bufts = False
        self._model = c.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise RuntimeFault("load", f"llama.cpp cannot load {path}.")
        self._batch = min(batch, context)
        limits = c.llama_context_default_params()
        limits.n_ctx, limits.n_batch, limits.n_ubatch = context, self._batch, self._batch
        limits.n_threads = limits.n_threads_batch = threads
        # Logits of the newest tokens only; the default would reserve room for those of the whole batch.
        limits.n_outputs_max = limits.n_outputs_max_per_seq = FORCED + GUESSES + 1
        limits.no_perf = True
        # A few hundred tokens: flash attention on a CPU is slower, by a tenth for one token, by half for four.
        limits.flash_attn_type = c.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = c.llama_init_from_model(self._model, limits)
        if not self._context:
            raise RuntimeFault("load", f"llama.cpp cannot make a context of {context} tokens for {path}.")
        self._memory = c.llama_get_memory(self._context)
        self.vocabulary = c.llama_model_get_vocab(self._model)
        self._size = c.llama_vocab_n_tokens(self.vocabulary)
        control = [token for token in range(self._size) if c.llama_vocab_is_control(self.vocabulary, token)]
        self._ends = frozenset(token for token in control if c.llama_vocab_is_eog(self.vocabulary, token))
        # Marks such as <|im_start|> never belong in a text; a grammar would read them as their characters.
        self._marks = np.array([token for token in control if token not in self._ends], np.intp)
        self._buffer = ctypes.create_string_buffer(512)
        self.context = int(c.llama_n_ctx(self._context))
        self.tokens: list[int] = []
        """The tokens evaluated so far."""
        self.habits: dict[tuple[int, ...], tuple[int, ...]] = {}
        """What followed three tokens when they were last written."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a text, its ChatML marks included, without a mark of our own before it."""
        data = text.encode(errors="replace")
        room = len(data) + 1
        buffer = (c.llama_token * room)()
        count = c.llama_tokenize(self.vocabulary, data, len(data), buffer, room, False, True)
        if count < 0:
            raise RuntimeFault("prompt", "llama.cpp cannot split the prompt into tokens.")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token: not always whole characters."""
        count = c.llama_token_to_piece(self.vocabulary, token, self._buffer, 512, 0, False)
        return self._buffer.raw[:count] if count > 0 else b""

    @cached_property
    def starts(self) -> Starts:
        """The first bytes of all tokens; made when a grammar first overrules the model, since it takes a moment."""
        pieces = [self.piece(token) for token in range(self._size)]
        single = [token for token, piece in enumerate(pieces) if len(piece) == 1]
        end = sorted(self._ends)[:1]
        known = np.zeros(257, np.bool_)
        known[[pieces[token][0] for token in single]] = True
        known[256] = bool(end)
        return Starts(
            np.array([piece[0] if piece else 256 for piece in pieces], np.intp), np.array(single + end, np.int32), known
        )

    def is_end(self, token: int) -> bool:
        """Tell whether a token ends the text."""
        return token in self._ends

    def grammar(self, gbnf: str) -> Grammar:
        """Load a grammar.

        Raises:
            RuntimeFault: It is not valid GBNF.
        """
        return Grammar(self, gbnf)

    def read(self, prompt: Sequence[int], cancelled: Callable[[], bool]) -> int | None:
        """Evaluate a prompt, keeping what it has in common with the tokens evaluated before.

        Returns:
            How many tokens were kept; None when cancelled between two batches.
        """
        kept = 0
        # The last one is evaluated again in any case, for its logits.
        for old, new in zip(self.tokens, prompt[:-1], strict=False):
            if old != new:
                break
            kept += 1
        self.forget(kept)
        for start in range(kept, len(prompt), self._batch):
            if cancelled():
                return None
            self.evaluate(prompt[start : start + self._batch])
        return kept

    def forget(self, start: int) -> None:
        """Drop the evaluated tokens from `start` on."""
        if start < len(self.tokens):
            c.llama_memory_seq_rm(self._memory, 0, start, -1)
            del self.tokens[start:]

    def evaluate(self, tokens: Sequence[int], guesses: Sequence[int] = ()) -> None:
        """Evaluate tokens after those so far, and guesses of what comes next.

        Logits are then there for the last token and for each guess.

        Raises:
            RuntimeFault: llama.cpp refuses; what was evaluated before is then forgotten too.
        """
        whole = [*tokens, *guesses]
        count = len(whole)
        data = (c.llama_token * count)(*whole)
        batch = c.llama_batch_get_one(data, count)
        wanted = (ctypes.c_int8 * count)(*([0] * (len(tokens) - 1) + [1] * (len(guesses) + 1)))
        batch.logits = ctypes.cast(wanted, ctypes.POINTER(ctypes.c_int8))
        status = c.llama_decode(self._context, batch)
        if status != 0:
            c.llama_memory_clear(self._memory, True)
            self.tokens.clear()
            raise RuntimeFault("decode", f"llama.cpp cannot evaluate {count} tokens (status {status}).")
        self.tokens.extend(whole)

    def logits(self, from_end: int = 0) -> Logits:
        """Return the logits after the last token evaluated or one before it: a view, until the next evaluation."""
        pointer = c.llama_get_logits_ith(self._context, -1 - from_end)
        if not pointer:
            raise RuntimeFault("decode", "llama.cpp has no logits.")
        logits: Logits = np.ctypeslib.as_array(pointer, shape=(self._size,))
        logits[self._marks] = -np.inf
        return logits
