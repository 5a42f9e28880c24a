"""Follow-up questions: a second and third turn that change one thing of the request before, and say only that.

What people say stands in `followups.yaml`, what it does to the request in `changes.py`.
"""

from __future__ import annotations

import random
import re

from finetune.changes import MAKERS
from finetune.numerals import number_words
from finetune.pairs import Pair, PastTurn
from finetune.register import vary
from finetune.slots import Slots
from finetune.talk import PRONOUNS, Step, Talk, slots_of
from tools.errors import QueryError
from tools.query import Query

__all__ = ["PRONOUNS", "follow_up", "leave_out"]

_SENTENCE = re.compile(
    r"\b(?:what|which|who|how|where|when|is|are|does|do|did|has|have|can|could|show|give|list|find|tell|get|fetch|look)\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = frozenset(word for number in range(101) for word in re.split(r"[ -]", number_words(number)))


def follow_up(base: Pair, slots: Slots, rng: random.Random) -> Pair | None:
    """Continue a conversation from `base` for one to three turns; None where nothing fits."""
    query = Query.parse(base.request)
    past = tuple(Query.parse(turn.request) for turn in base.history if turn.request != "none")
    history = [*base.history, PastTurn(question=base.question, request=base.request)]
    steps = rng.choice((1, 1, 2, 2, 3))
    for number in range(steps):
        made = _step(Talk(query, past, slots_of(query.api, slots), rng))
        if made is None:
            return None
        name, step = made
        family = f"follow-up/{name} {step.family or base.family}"
        try:
            changed = Query.parse(step.query.check().line)
        except QueryError:
            return None
        if changed.canonical == query.canonical:
            return None
        question = vary(step.question, _protected(step.question, changed.line), rng)
        past, query = (*past, query), changed
        if number < steps - 1:
            history.append(PastTurn(question=question, request=query.line))
    return Pair(question=question, request=query.line, history=history, family=family)


def leave_out(question: str, entity: str, kind: str, rng: random.Random) -> str | None:
    """Say a question about an entity that was named before: with a pronoun, or without it at all.

    Returns:
        The question; None where the entity does not stand in it just once.
    """
    if question.count(entity) != 1 or kind not in PRONOUNS:
        return None
    if _SENTENCE.search(question):
        word = rng.choice(PRONOUNS[kind])
        own = "its" if word == "it" else f"{word}'s"
        short = question.replace(f"{entity}'s", own).replace(entity, word)
    else:
        short = re.sub(rf"\b(?:of|for|in|from|on|with|to)?\s*(?:the\s+\w+\s+)?{re.escape(entity)}", "", question)
        short = re.sub(r"\s+", " ", short).strip(" ,:;-–?.")
        short += rng.choice(("?", "", " please", "?"))
    return short if len(short) > 3 else None


def _step(talk: Talk) -> tuple[str, Step] | None:
    """Make the change that comes first in a random order, the frequent ones likelier, of those that fit."""
    order = sorted(MAKERS, key=lambda maker: talk.rng.random() ** (1 / MAKERS[maker]), reverse=True)
    for maker in order:
        step = maker(talk)
        if step is not None:
            return maker.__name__.strip("_"), step
    return None


def _protected(question: str, line: str) -> set[str]:
    """Return the words that no register may change: those of the request, and numbers."""
    lower = line.lower()
    words = (word.strip("?.,:;!()'\"") for word in question.split())
    return {word for word in words if word.lower() in lower or set(word.lower().split("-")) <= _NUMBER_WORDS}
