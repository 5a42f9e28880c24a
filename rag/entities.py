"""Identifiers, symbols, places and numbers in a question, found by their shape.

Three uses: they are masked, so that "where is BRCA1 located" is about location and not about breast cancer; their
kind tells which API and which fields they are searched by; and their words need no lexical match.
The kinds are listed in `rag.kinds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.kinds import ACRONYMS, KINDS, SYMBOL_FIELDS
from tools.apis import species_words


@dataclass(frozen=True, slots=True)
class Entity:
    """A span of a text: `text == source[start:end]`, of one `kind` (a key of `KINDS`, or `symbol`, `species`)."""

    kind: str
    text: str
    start: int
    end: int


_PATTERNS = tuple((name, re.compile(kind.pattern, kind.flags)) for name, kind in KINDS.items())

_SYMBOL = re.compile(
    # Human style: CDK2, HLA-DRB1, C9orf72; with a digit or two capitals at least.
    r"(?<![\w.:/-])(?:C(?:\d{1,2}|X|Y)orf\d+|[A-Z][A-Z0-9]{1,11}(?:-[A-Z0-9]{1,6}){0,2}[a-z]?)(?![\w/]|[:-]\w)"
    # Rodent and fish style, and hurried lower case: Trp53, sox9a, p53: letters, then a digit.
    r"|(?<![\w.:/-])(?:[A-Z][a-z]{1,6}|[a-z]{1,6})\d{1,4}[a-z]{0,2}\d?(?![\w/]|[:-]\w)"
)
_NOT_SYMBOLS = re.compile(
    r"(?:HG-U\d|ICD-|chr|hg|grch|grcm|mm|phase|type|icd|hba|hbd|ro|gnomad|exac|build|top|polyphen|eve|sift|h|r)\d+[a-z]?$",
    re.I,
)
_REPEATED = re.compile(r"\b(\w+(?: \w+)??)(?:(?:,| and| or|\s)+\1\b)+", re.IGNORECASE)
_SPECIES = re.compile(
    r"(?<!\w)(?:" + "|".join(sorted(map(re.escape, species_words), key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE
)

#: Symbols of human genes that are words for species.
_GENES_LIKE_SPECIES = frozenset({"CAT", "PIGS"})


def find_entities(text: str) -> list[Entity]:
    """Return the entities of `text`, left to right; they do not overlap."""
    taken = bytearray(len(text))
    found: list[Entity] = []
    for kind, start, end in _candidates(text):
        if start < end and not any(taken[start:end]):
            taken[start:end] = b"\x01" * (end - start)
            found.append(Entity(kind, text[start:end], start, end))
    return sorted(found, key=lambda entity: entity.start)


def mask(text: str, entities: Sequence[Entity], *, words: bool = True) -> str:
    """Put the word for its kind in the place of each entity ("where is gene located"), or just "it"."""
    parts: list[str] = []
    place = 0
    for entity in entities:
        parts.append(text[place : entity.start])
        parts.append(_word(entity) if words else " it ")
        place = entity.end
    parts.append(text[place:])
    # A list of six genes says no more than one gene.
    return _REPEATED.sub(r"\1", " ".join("".join(parts).split()))


def voted_fields(entities: Iterable[Entity]) -> dict[tuple[str, str], float]:
    """Return the fields that entities of these kinds are searched by: (api, path) -> 0..1, the likelier the higher."""
    votes: dict[tuple[str, str], float] = {}
    for entity in entities:
        ranks: dict[str, int] = {}
        for name in _fields(entity):
            api, _, path = name.partition(":")
            rank = ranks[api] = ranks.get(api, -1) + 1
            votes[api, path] = max(votes.get((api, path), 0.0), 0.85**rank)
    return votes


def _candidates(text: str) -> Iterator[tuple[str, int, int]]:
    for name, pattern in _PATTERNS:
        if name == "number":
            continue
        for match in pattern.finditer(text):
            yield name, match.start(), match.end()
    shouting = not any(character.islower() for character in text)
    for match in _SPECIES.finditer(text):
        if shouting or match.group() not in _GENES_LIKE_SPECIES:
            yield "species", match.start(), match.end()
    for match in _SYMBOL.finditer(text):
        word = match.group()
        if word.upper() in ACRONYMS or _NOT_SYMBOLS.match(word):
            continue
        # In a question written all in capitals only a digit tells a symbol from a word.
        if shouting and not any(character.isdigit() for character in word):
            continue
        yield "symbol", match.start(), match.end()
    for match in dict(_PATTERNS)["number"].finditer(text):
        yield "number", match.start(), match.end()


def _word(entity: Entity) -> str:
    if entity.kind == "symbol":
        return "gene"
    if entity.kind == "species":
        return entity.text
    return KINDS[entity.kind].word


def _fields(entity: Entity) -> tuple[str, ...]:
    if entity.kind == "symbol":
        return SYMBOL_FIELDS
    return KINDS[entity.kind].fields if entity.kind in KINDS else ()
