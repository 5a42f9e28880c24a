"""What a listing of fields is searched for: a word that the question says, in an API that has fields with it.

A small model knows that onsets stand below `hpo` and asks for that; the reader asked for onsets.
"""

from __future__ import annotations

import re

from agent.grammar.words import STOP_WORDS, singular
from tools.apis import API_NAMES
from tools.catalogue import load_catalogue
from tools.query import Query

_WORD = re.compile(r"[A-Za-z][\w.-]*\w")
_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
#: Words of every question for fields.
_ASKING = frozenset(
    "field fields data information info annotation annotations path paths key keys column columns attribute attributes "  # noqa: SIM905
    "gene genes variant variants drug drugs chemical chemicals compound compounds disease diseases search about "
    "mygene myvariant mychem mydisease".split()
)


def as_asked(query: Query, question: str) -> Query:
    """Return a listing of fields that is searched for what the question says; any other request as it is."""
    term = query.params.get("search", "")
    quoted = _QUOTED.findall(question)
    if query.kind == "fields" and term and len(quoted) == 1 and _count(query.api, quoted[0].lower()):
        return query.model_copy(update={"params": {**query.params, "search": quoted[0].lower()}})
    said = {form for word in _WORD.findall(question) for form in (word.lower(), singular(word.lower()))}
    if query.kind != "fields" or not term or term in said:
        return _at_home(query, term)
    for word in _words(question):
        for form in dict.fromkeys((word, singular(word))):
            if _count(query.api, form):
                return query.model_copy(update={"params": {**query.params, "search": form}})
    return _at_home(query, term)


def _words(question: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(question)]
    return [word for word in words if word not in STOP_WORDS and word not in _ASKING]


def _at_home(query: Query, term: str) -> Query:
    """Ask the API that has such fields, where the drafted one has none."""
    if query.kind != "fields" or not term or query.api not in API_NAMES or _count(query.api, term):
        return query
    best = max(API_NAMES, key=lambda api: _count(api, term))
    return query.model_copy(update={"api": best}) if _count(best, term) else query


def _count(api: str, term: str) -> int:
    return sum(term in field.path.lower() for field in load_catalogue(api))
