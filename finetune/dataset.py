"""Training sequences: prompts exactly as the agent renders them, several conversations behind the one task.

A sequence is one context (the task) and several branches (conversations, each with the fields found for it), each of
which sees the context and itself only, at the positions that it would have alone. To the model each branch is a prompt
of its own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.prompts import CARDS, END, HISTORY, Failure, render_task, render_turns
from finetune.pairs import Pair

if TYPE_CHECKING:
    from rag.retrieve import Retriever, ScoredField

Encode = Callable[[str], list[int]]
#: Conversations of a sequence.
BRANCHES = 6
#: The share kept of training pairs whose fields were not all found: what is not shown can only be learnt by heart.
KEPT_WITHOUT_CARDS = 0.2


@dataclass(frozen=True)
class Branch:
    """One conversation as tokens; `learn` marks the tokens that the model should write."""

    tokens: list[int]
    learn: list[bool]


@dataclass(frozen=True)
class Tree:
    """A context and its branches."""

    context: list[int]
    branches: list[Branch]

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.context) + sum(len(branch.tokens) for branch in self.branches)

    @property
    def layout(self) -> tuple[int, list[int]]:
        """Length of the context and of each branch."""
        return len(self.context), [len(branch.tokens) for branch in self.branches]


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs from JSON lines."""
    with path.open(encoding="utf-8") as file:
        return [Pair.model_validate_json(line) for line in file if line.strip()]


def write_pairs(pairs: Iterable[Pair], path: Path) -> int:
    """Write pairs as JSON lines, without what is empty; return how many."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            row = {name: value for name, value in pair.model_dump().items() if value}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def build_sequences(
    pairs: Sequence[Pair], retriever: Retriever, encode: Encode, seed: int = 1,
    progress: Callable[[int, int], None] | None = None, kept: float = 1.0,
) -> list[Tree]:  # fmt: skip
    """Retrieve each pair's cards, and render the pairs, several a sequence, in random order.

    `kept` is the share that is kept of pairs whose fields were not all found.
    """
    rng = random.Random(seed)
    order = list(pairs)
    rng.shuffle(order)
    branches: list[Branch] = []
    for done, pair in enumerate(order, start=1):
        earlier = [turn.question for turn in pair.history][-HISTORY:]
        cards = retriever.retrieve(pair.question, earlier, None, CARDS).fields
        if _are_found(pair.request, cards) or rng.random() < kept:
            branches.append(_branch(pair, cards, encode))
        if progress:
            progress(done, len(order))
    task = encode(render_task())
    return [Tree(task, branches[at : at + BRANCHES]) for at in range(0, len(branches), BRANCHES)]


def _are_found(request: str, cards: Sequence[ScoredField]) -> bool:
    """Tell whether all fields of a request are on cards, or so common that every grammar offers them."""
    from agent.grammar.fields import COMMON_PRIOR
    from rag.documents import fields_of
    from tools.catalogue import load_catalogue

    if request == "none":
        return True
    catalogue = load_catalogue(request.partition(" ")[0])
    shown = {card.path for card in cards if card.api == catalogue.api}
    others = set(fields_of(request)) - shown
    return all((field := catalogue.get(path)) is not None and field.prior >= COMMON_PRIOR for path in others)


def _branch(pair: Pair, cards: Sequence[ScoredField], encode: Encode) -> Branch:
    """Render a conversation; the model learns its last request: only there it reads fields."""
    tokens: list[int] = []
    learn: list[bool] = []

    def add(text: str, learnt: bool) -> None:
        piece = encode(text)
        tokens.extend(piece)
        learn.extend([learnt] * len(piece))

    for turn in pair.history[-HISTORY:]:
        add(render_turns(turn.question) + turn.request + END + "\n", False)
    failures = [Failure(failure.request, failure.error) for failure in pair.failures]
    add(render_turns(pair.question, cards, (), failures), False)
    add(pair.request + END, True)
    return Branch(tokens, learn)
