"""Training sequences: prompts exactly as the agent renders them, and the request that should follow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from agent.prompts import CARDS, END, HISTORY, Failure, Turn, render_tuned
from finetune.pairs import Pair
from finetune.split import held_out_field

if TYPE_CHECKING:
    from rag.retrieve import Retriever, ScoredField

Encode = Callable[[str], list[int]]
#: The share kept of training pairs whose fields were not all found: what is not shown can only be learnt by heart.
KEPT_WITHOUT_CARDS = 0.2


@dataclass(frozen=True)
class Example:
    """A conversation as tokens; the model learns those from `learnt` on: the last request."""

    tokens: list[int]
    learnt: int

    @property
    def written(self) -> int:
        """How many tokens the model should write."""
        return len(self.tokens) - self.learnt

    def __len__(self) -> int:
        return len(self.tokens)


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs from JSON lines, compressed if the name ends in .zst."""
    return [Pair.model_validate_json(line) for line in read_content(path).splitlines() if line.strip()]


def read_content(path: Path) -> bytes:
    """Return what a file of pairs says, decompressed if its name ends in .zst.

    Raises:
        ValueError: it is no zstd file, or cut off.
    """
    content = path.read_bytes()
    if path.suffix != ".zst":
        return content
    try:
        return zstandard.decompress(content)
    except zstandard.ZstdError as error:
        raise ValueError(f"{path} is no zstd file, or cut off") from error


def write_pairs(pairs: Iterable[Pair], path: Path) -> int:
    """Write pairs as JSON lines, without what is empty, compressed if the name ends in .zst; return how many."""
    lines = [
        json.dumps({name: value for name, value in pair.model_dump().items() if value}, ensure_ascii=False) + "\n"
        for pair in pairs
    ]
    content = "".join(lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(content, 19) if path.suffix == ".zst" else content)
    return len(lines)


def build_sequences(
    pairs: Sequence[Pair], retriever: Retriever, encode: Encode, seed: int = 1,
    progress: Callable[[int, int], None] | None = None, kept: float = 1.0,
) -> list[Example]:  # fmt: skip
    """Retrieve each pair's cards, and render the pairs in random order.

    `kept` is the share that is kept of pairs whose fields were not all found.
    """
    rng = random.Random(seed)
    order = list(pairs)
    rng.shuffle(order)
    made: list[Example] = []
    for done, pair in enumerate(order, start=1):
        earlier = [turn.question for turn in pair.history][-HISTORY:]
        cards = _trainable_cards(retriever, pair.question, earlier)
        if _are_found(pair, cards) or rng.random() < kept:
            made.append(_render(pair, cards, encode))
        if progress:
            progress(done, len(order))
    return made


def _trainable_cards(retriever: Retriever, question: str, earlier: Sequence[str]) -> list[ScoredField]:
    """Return what the agent would show, the next best in the place of fields that are held out of training.

    A field that is shown and never right would be learnt as wrong, which is not the same as never seen.
    """
    from tools.catalogue import load_catalogue

    def trained(card: ScoredField) -> bool:
        return not held_out_field(card.api, load_catalogue(card.api).fields[card.path])

    found = retriever.retrieve(question, earlier, None, CARDS).fields
    cards = [card for card in found if trained(card)]
    if len(cards) < len(found):
        more = retriever.retrieve(question, earlier, None, 2 * CARDS).fields
        cards += [card for card in more if card not in cards and trained(card)][: len(found) - len(cards)]
    return sorted(cards, key=lambda card: -card.score)


def _are_found(pair: Pair, cards: Sequence[ScoredField]) -> bool:
    """Tell whether all fields of a request stand in its prompt, or are so common that every grammar offers them."""
    from agent.grammar.fields import COMMON_PRIOR
    from rag.documents import fields_of
    from tools.catalogue import load_catalogue

    if pair.request == "none":
        return True
    catalogue = load_catalogue(pair.request.partition(" ")[0])
    shown = {card.path for card in cards if card.api == catalogue.api}
    for turn in pair.history[-HISTORY:]:
        if turn.request.partition(" ")[0] == catalogue.api:
            shown |= fields_of(turn.request)
    others = set(fields_of(pair.request)) - shown
    return all((field := catalogue.get(path)) is not None and field.prior >= COMMON_PRIOR for path in others)


def _render(pair: Pair, cards: Sequence[ScoredField], encode: Encode) -> Example:
    turns = [Turn(turn.question, turn.request) for turn in pair.history[-HISTORY:]]
    failures = [Failure(failure.request, failure.error) for failure in pair.failures]
    prompt = encode(render_tuned(pair.question, cards, turns, failures))
    return Example(prompt + encode(pair.request + END), len(prompt))
