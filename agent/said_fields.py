"""Fields that a question calls by their names, and lists beside one another.

A small model that is asked for three things answers with two. Which words are names of fields the catalogue knows:
labels and synonyms, found as words in a row in whatever form, the longest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.documents import card_names, fields_of
from rag.entities import find_entities
from rag.lexical import terms
from tools.catalogue import Catalogue, load_catalogue
from tools.query import Query

_TOKEN = re.compile(r"[^\s,;:?!/()\"“”&+]+")
#: What stands between the items of a list.
_BETWEEN = re.compile(
    r"\s*(?:(?:[,;/&+]|\b(?:and|plus|as well as|with|along with|together with|then)\b)\s*)+"
    r"(?:\b(?:the|its|their|his|her|also|all|any|a|an|every)\b\s*)*",
    re.IGNORECASE,
)
#: Names of fields that are words of every other question: what is listed, or what a list is of.
EVERYDAY = frozenset(
    terms(
        "gene genes disease disorder condition drug chemical compound substance molecule variant mutation snp "
        "accession identifier id code number topic term title "
        "type kind class classification label name symbol known case patient "
        "common found position structure annotate source value score data description ion peptide protein"
    )
)


@dataclass(frozen=True, slots=True)
class SaidField:
    """A name of fields in a question: where it stands, and its stems."""

    start: int
    end: int
    text: str
    stems: tuple[str, ...]


def unasked(query: Query, question: str) -> list[SaidField]:
    """Return the names of fields that a question lists beside fields which the request asks for, and it does not.

    Args:
        query: the request.
        question: the question that it was drafted for.

    Returns:
        In the question's order; none for a request that asks for no fields.
    """
    if not query.fields or query.kind == "fields":
        return []
    catalogue = load_catalogue(query.api)
    asked = frozenset(stem for path in query.fields for stem in words_of(catalogue, path))
    written = asked.union(
        terms(query.line.replace("\\", " ")), *(words_of(catalogue, p) for p in fields_of(query.line))
    )
    found: list[SaidField] = []
    for run in _lists(find_said(question, catalogue), question):
        if any(written.issuperset(said.stems) and asked.intersection(said.stems) for said in run):
            found += [
                said for said in run if not written.issuperset(said.stems) and not EVERYDAY.issuperset(said.stems)
            ]
    return found


def _lists(said: Sequence[SaidField], question: str) -> Iterator[list[SaidField]]:
    run: list[SaidField] = []
    for one in said:
        if run and not _BETWEEN.fullmatch(question[run[-1].end : one.start]):
            yield run
            run = []
        run.append(one)
    yield run


def find_said(question: str, catalogue: Catalogue) -> list[SaidField]:
    """Return the names of fields in a question, in its order; the longest name where several begin at one place."""
    names = _names(catalogue)
    longest = max(map(len, names), default=0)
    entities = [entity for entity in find_entities(question) if entity.kind != "symbol"]
    words = [
        (match.start(), match.end(), stem)
        for match in _TOKEN.finditer(question)
        if not any(entity.start < match.end() and match.start() < entity.end for entity in entities)
        for stem in terms(match.group())
    ]
    found: list[SaidField] = []
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            stems = tuple(stem for _, _, stem in words[place : place + length])
            if stems in names:
                start, end = words[place][0], words[place + length - 1][1]
                found.append(SaidField(start, end, question[start:end].rstrip("."), stems))
                place += length
                break
        else:
            place += 1
    return found


@lru_cache(maxsize=16)
def _names(catalogue: Catalogue) -> frozenset[tuple[str, ...]]:
    return frozenset(
        stems for field in catalogue for name in (field.label, *field.synonyms) if (stems := tuple(terms(name)))
    )


@lru_cache(maxsize=16)
def name_words(catalogue: Catalogue) -> frozenset[str]:
    """Return the stems of all names of fields."""
    return frozenset(stem for stems in _names(catalogue) for stem in stems)


@lru_cache(maxsize=4096)
def words_of(catalogue: Catalogue, path: str) -> frozenset[str]:
    """Return the stems of all that a field and those above and below it are called."""
    parts = path.split(".")
    above = [".".join(parts[:length]) for length in range(1, len(parts))]
    paths = [*above, path, *catalogue.resolve(path)]
    named = [field for one in paths if (field := catalogue.get(one)) is not None]
    return frozenset(stem for field in named for name in card_names(field) for stem in terms(name))
