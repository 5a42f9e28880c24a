"""What a question states outright, and a request must therefore say: the species and the genome assembly.

A small model drops a word now and then; these two change the answer without a sign. The rules hold for every one of
the 24,000 training pairs: a species that is named belongs in the request unless it is part of a field's name ("mouse
mm9 exons"), a follow-up keeps the species of the turn before, and an assembly belongs to requests by position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.documents import fields_of
from rag.entities import find_entities
from rag.retrieve import is_follow_up
from tools.apis import species_words
from tools.catalogue import load_catalogue
from tools.query import Query

_ASSEMBLIES = {
    "hg19": re.compile(r"\b(?:hg ?19|grch ?37|b(?:uild )?37)\b", re.IGNORECASE),
    "hg38": re.compile(r"\b(?:hg ?38|grch ?38|b(?:uild )?38)\b", re.IGNORECASE),
}
_WORD = re.compile(r"[a-z0-9]+")
_POSITION = re.compile(r"chr(?:\d{1,2}|[XYM]|MT):(?:g\.)?\d", re.IGNORECASE)


def complete(query: Query, question: str, history: Sequence[str] = ()) -> Query:
    """Add to a drafted request what the question states and it lacks.

    Args:
        query: the request.
        question: the question that it was drafted for.
        history: request lines of earlier turns, oldest first.

    Returns:
        The request, changed only in `species` and `assembly`.
    """
    added: dict[str, str] = {}
    if query.api == "mygene" and query.kind in ("query", "batch"):
        # The request's own species can only be one that was said, now or before.
        species = tuple(_stated_species(query, question)) or _kept_species(query, question, history)
        if species and "species" not in query.params:
            added["species"] = ",".join(dict.fromkeys(species))
    if query.api == "myvariant" and "assembly" not in query.params:
        stated = [name for name, pattern in _ASSEMBLIES.items() if pattern.search(question)]
        if len(stated) == 1 and _is_by_position(query):
            added["assembly"] = stated[0]
    return query.model_copy(update={"params": {**query.params, **added}}) if added else query


def _stated_species(query: Query, question: str) -> Iterator[str]:
    names = [name for path in fields_of(query.line) for name in _names(path)]
    words = _WORD.findall(question.lower())
    for entity in find_entities(question):
        value = species_words.get(entity.text.lower()) if entity.kind == "species" else None
        if value is None:
            continue
        said = _WORD.findall(entity.text.lower())
        # Part of a field's name: what stands beside it in the question stands beside it there, too.
        pairs = {
            pair
            for place in range(len(words))
            if words[place : place + len(said)] == said
            for pair in (
                " ".join(words[place : place + len(said) + 1]) if place + len(said) < len(words) else None,
                " ".join(words[place - 1 : place + len(said)]) if place else None,
            )
            if pair
        }
        if not any(f" {pair} " in name for pair in pairs for name in names):
            yield value


def _kept_species(query: Query, question: str, history: Sequence[str]) -> tuple[str, ...]:
    """Return the species of the turn before, if this question leans on it."""
    earlier = Query.parse(history[-1]) if history and history[-1] != "none" else None
    if earlier is None or earlier.api != query.api or "species" not in earlier.params:
        return ()
    names_another = any(entity.kind != "number" for entity in find_entities(question))
    return tuple(earlier.params["species"].split(",")) if is_follow_up(question) or not names_another else ()


def _names(path: str) -> Iterator[str]:
    """Yield what a field is called, each name between two spaces."""
    field = load_catalogue("mygene").get(path)
    for name in (path, *((field.label, *field.synonyms) if field is not None else ())):
        yield f" {' '.join(_WORD.findall(name.lower()))} "


def _is_by_position(query: Query) -> bool:
    """Tell whether a request names positions, in no field of one assembly."""
    if any(part in ("hg19", "hg38") for path in fields_of(query.line) for part in path.split(".")):
        return False
    return any(map(_POSITION.match, query.ids)) or bool(query.q and _POSITION.match(query.q))
