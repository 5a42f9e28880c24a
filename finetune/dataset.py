"""Training sequences: prompts exactly as the agent renders them, several conversations behind one set of field cards.

Reading the cards is most of the work, so conversations that fit the same cards share them: a sequence is one context
(the task and the cards) and several branches (conversations), each of which sees the context and itself only, at the
positions that it would have alone. To the model each branch is a prompt of its own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.prompts import END, Failure, render_context, render_turns
from finetune.pairs import Pair

if TYPE_CHECKING:
    from rag.retrieve import Retriever, ScoredField

Encode = Callable[[str], list[int]]
#: Branches of a sequence; more save time but mix more cards.
BRANCHES = 8
CARDS = 14
#: How many of a question's best cards may come into its sequence's context.
_OWN_CARDS = 12


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
    progress: Callable[[int, int], None] | None = None,
) -> list[Tree]:  # fmt: skip
    """Retrieve each pair's cards, group pairs that share an API, and render each group as one sequence."""
    rng = random.Random(seed)
    order = list(pairs)
    rng.shuffle(order)
    groups: dict[str, list[Pair]] = {}
    for pair in order:
        # Three in ten stand in mixed company, so that cards of one API do not always mean that API.
        key = "mixed" if pair.request == "none" or rng.random() < 0.3 else pair.request.split(" ", 1)[0]
        groups.setdefault(key, []).append(pair)
    sequences: list[Tree] = []
    done = 0
    for members in groups.values():
        at = 0
        while at < len(members):
            # Now and then a question stands alone behind its own cards, as it will when it is asked.
            size = 1 if rng.random() < 0.15 else BRANCHES
            group = members[at : at + size]
            at += size
            found = [
                retriever.retrieve(
                    pair.question, [turn.question for turn in pair.history][-3:], None, _OWN_CARDS
                ).fields
                for pair in group
            ]
            sequences.append(_render(group, _share(group, found, rng), encode))
            done += len(group)
            if progress:
                progress(done, len(order))
    rng.shuffle(sequences)
    return sequences


def _share(group: Sequence[Pair], found: Sequence[list[ScoredField]], rng: random.Random) -> list[ScoredField]:
    """Choose the cards of a group: those that its requests use, as far as they were retrieved, then the best others."""
    from rag.documents import fields_of

    needed: dict[tuple[str, str], Any] = {}
    others: list[ScoredField] = []
    for pair, cards in zip(group, found, strict=True):
        used = set() if pair.request == "none" else set(fields_of(pair.request))
        for card in cards:
            if any(card.path == path or card.path.startswith(f"{path}.") for path in used):
                needed.setdefault((card.api, card.path), card)
            else:
                others.append(card)
    chosen = dict(list(needed.items())[: CARDS + 4])
    rng.shuffle(others)
    for card in others:
        if len(chosen) >= CARDS:
            break
        chosen.setdefault((card.api, card.path), card)
    cards = list(chosen.values())
    rng.shuffle(cards)
    return cards


def _render(group: Sequence[Pair], cards: Sequence[ScoredField], encode: Encode) -> Tree:
    return Tree(encode(render_context(cards)), [_branch(pair, encode) for pair in group])


def _branch(pair: Pair, encode: Encode) -> Branch:
    """Render a conversation; the model learns every right request in it, not the failed ones."""
    tokens: list[int] = []
    learn: list[bool] = []

    def add(text: str, learnt: bool) -> None:
        piece = encode(text)
        tokens.extend(piece)
        learn.extend([learnt] * len(piece))

    for turn in pair.history:
        add(render_turns(turn.question), False)
        add(turn.request + END, True)
        add("\n", False)
    failures = [Failure(failure.request, failure.error) for failure in pair.failures]
    add(render_turns(pair.question, (), failures), False)
    add(pair.request + END, True)
    return Branch(tokens, learn)
