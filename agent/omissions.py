"""What a question states and a request leaves out: identifiers, quoted words, bounds, and one of several fields.

A small model drops a condition now and then, and what is then found looks like an answer. The draft is sent back with
what is missing; of two drafts that leave something out, the one that leaves out less is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from agent.bounds import is_bound
from agent.grammar.numbers import Mention, read_mentions
from agent.intent import read_intent
from agent.said_fields import unasked
from rag.entities import find_entities
from rag.kinds import KINDS, WELL_FORMED
from tools.query import Query

_LEAVES_OUT = "The request leaves out"
#: Before what is named to be dropped.
_DROPPED = re.compile(
    r"(?:[,;]\s*(?:and\s)?not|\b(?:rather than|ins+tead of|replace|change|scratch|swap|drop|forget|in place of"
    r"|condition on))\s*(?:the\s)?$",
    re.IGNORECASE,
)
_WRONG = re.compile(r"\s*(?:was|is|were)\s(?:wrong|a (?:typo|mistake))", re.IGNORECASE)
#: "1 in 1000" and "at least one of these" bound nothing by their first number.
_ONE_OF = re.compile(r"\s*(?:in|of|out of|per)\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
#: By how much a bound may differ for a stricter sign: "after 2010" is `>2010` or `>=2011`.
_NEXT = (Decimal(0), Decimal(1), Decimal(-1))


def left_out(query: Query, question: str) -> list[str]:
    """Return the words of a question that its request should hold and does not, in the question's order."""
    if query.kind == "fields":
        return []
    request = query.line
    missing = [(start, text) for start, text in _identifiers(query, question) if not _stands_in(text, request)]
    numbers = _numbers(request)
    # "Is it lighter than 700?" is answered from the weight.
    if not (query.fields and read_intent(question) == "yes-no"):
        bounds = [mention for mention in read_mentions(question) if _bounds(mention, question)]
        missing += [(b.start, question[b.start : b.end].strip()) for b in bounds if not _is_said(b, numbers)]
    missing += [(said.start, said.text) for said in unasked(query, question)]
    return list(dict.fromkeys(text for _, text in sorted(missing)))


def explain_omission(missing: list[str]) -> str:
    """Say to the model, and to the reader, what is missing."""
    return f"{_LEAVES_OUT} {', '.join(missing)}."


def tells_omission(error: str | None) -> bool:
    """Tell whether an attempt's error is that something was left out, and nothing else was wrong."""
    return error is not None and error.startswith(_LEAVES_OUT)


def _identifiers(query: Query, question: str) -> Iterator[tuple[int, str]]:
    for entity in find_entities(question):
        if _DROPPED.search(question[: entity.start]) or _WRONG.match(question[entity.end :]):
            continue
        if entity.kind in WELL_FORMED and not _is_asked_about(query, entity.kind):
            # Of "HGNC id 3611" and "ORPHA:97345" the number alone need stand in a request.
            yield entity.start, entity.text
        elif entity.kind == "quoted":
            yield entity.start, entity.text.strip('"“”')


def _is_asked_about(query: Query, kind: str) -> bool:
    """Tell whether the answer's fields say themselves if an identifier belongs: "does it come with HP:0005798?"."""
    homes = {path for api, _, path in (name.partition(":") for name in KINDS[kind].fields) if api == query.api}
    return any(path.startswith(field) for path in homes for field in query.fields)


def _stands_in(text: str, request: str) -> bool:
    return any(_key(part) in _key(request) for part in (text, text.rpartition(" ")[2], text.rpartition(":")[2]))


def _key(text: str) -> str:
    """Letters and digits, leading zeros of numbers left out: services write them or not."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", "", text.lower()))


def _bounds(mention: Mention, question: str) -> bool:
    before, after = question[: mention.start], question[mention.end :]
    # "1 in 1000" is one number, "10% in 1000 Genomes" is none.
    ratio = " in " in question[mention.start : mention.end]
    if ratio or (mention.value == 1 and _ONE_OF.match(after)) or _DROPPED.search(before):
        return False
    return is_bound(question, mention.start, mention.end)


def _numbers(request: str) -> set[Decimal]:
    found: set[Decimal] = set()
    for text in _NUMBER.findall(_DATE.sub(lambda match: match[0].replace("-", " "), request)):
        try:
            found.add(abs(Decimal(text)))
        except InvalidOperation:
            continue
    return found


def _is_said(mention: Mention, numbers: set[Decimal]) -> bool:
    return any(abs(value) + step in numbers for value in mention.values for step in _NEXT)
