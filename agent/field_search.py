"""What a listing of fields is searched for: a word that the question says, in an API that has fields with it.

A small model knows that onsets stand below `hpo` and asks for that; the reader asked for onsets.
"""

from __future__ import annotations

import re
from collections import Counter

from agent.grammar.words import STOP_WORDS, singular
from rag.entities import find_entities
from tools.apis import API_NAMES
from tools.catalogue import load_catalogue
from tools.query import Query

_WORD = re.compile(r"[A-Za-z][\w.-]*\w")
#: Words of every question for fields.
_ASKING = frozenset(
    "field fields data information info annotation annotations path paths key keys column columns attribute attributes "  # noqa: SIM905
    "gene genes variant variants drug drugs chemical chemicals compound compounds disease diseases search about "
    "mygene myvariant mychem mydisease".split()
)


def as_asked(query: Query, question: str, api: str | None = None) -> Query:
    """Return a listing of fields that is searched for what the question says; one of all fields as it is.

    Args:
        query: the drafted listing.
        question: the question.
        api: the only API that may be asked; None: any of the four.
    """
    drafted = query.params.get("search")
    if not drafted:
        return query
    term = _term(query.api, question, drafted)
    if api is None and query.api in API_NAMES and not _count(query.api, term):
        # Where the drafted API has no such field, the one that has the most is meant.
        best = max(API_NAMES, key=lambda name: _count(name, term))
        query = query.model_copy(update={"api": best}) if _count(best, term) else query
    return query.model_copy(update={"params": {**query.params, "search": _written(query.api, term)}})


def _term(api: str, question: str, drafted: str) -> str:
    """Return what to search for: what the question quotes, the drafted word if it was said, or one that was."""
    quoted = [entity.text.strip('"“”').lower() for entity in find_entities(question) if entity.kind == "quoted"]
    if len(quoted) == 1 and _count(api, quoted[0]):
        return quoted[0]
    words = [word.lower() for word in _WORD.findall(question)]
    if drafted.lower() in {form for word in words for form in (word, singular(word))}:
        return drafted
    content = [word for word in words if word not in STOP_WORDS and word not in _ASKING]
    forms = (form for word in content for form in (word, singular(word)))
    return next((form for form in forms if _count(api, form)), drafted)


def _written(api: str, term: str) -> str:
    """Return a term in the case that most paths have it in: a service searches its paths case and all."""
    if any(term in field.path for field in load_catalogue(api)):
        return term
    found = (re.search(re.escape(term), field.path, re.IGNORECASE) for field in load_catalogue(api))
    forms = Counter(match.group() for match in found if match)
    return forms.most_common(1)[0][0] if forms else term


def _count(api: str, term: str) -> int:
    return sum(term.lower() in field.path.lower() for field in load_catalogue(api))
