"""The field that is called by its name, where a draft asks for one of which the question has no word.

"The SNOMED CT code of trichotillomania" drafted as a field of chemicals: a small model that does not know a field well
writes one that it does. How much of each field's name a question says is known (`rag.labels`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from agent.said_fields import words_of
from rag.documents import card_names, fields_of
from rag.lexical import terms
from tools.catalogue import Catalogue, load_catalogue
from tools.query import Query

#: A name counts as unsaid up to so much, and as said from so much; of 1,733 right training requests for one field two
#: are otherwise.
_UNSAID, _SAID = 0.02, 0.27
_HARDLY, _CLEARLY = 0.05, 0.3
_CLAUSE = re.compile(r"[:;.]\s+")


def with_named_field(query: Query, question: str, called: Callable[[str, str], Mapping[str, float]]) -> Query:
    """Return a request for the field that a question calls by its name.

    Args:
        query: the request.
        question: the question that it was drafted for; what is asked stands at its end ("for our clinical trial: is it
            still sold?").
        called: tells how much of each field's best-said name a text says, 0 to 1, by path, given the text and an API.

    Returns:
        The request; it is another one only where it asks for one field, of whose names nothing was said, and the name
        of another was, which no other part of the request has.
    """
    if query.kind == "fields" or len(query.fields) != 1:
        return query
    names = called(_CLAUSE.split(question.rstrip(" ."))[-1], query.api)
    catalogue, (drafted,) = load_catalogue(query.api), query.fields
    if catalogue.get(drafted) is None or not names:
        return query
    said = max(names.get(path, 0.0) for path in (drafted, *(leaf.path for leaf in catalogue.leaves(drafted))))
    most = max(names.values())
    if not (said < _UNSAID and most > _SAID) and not (said < _HARDLY and most > _CLEARLY):
        return query
    named = [field for path, share in names.items() if share == most and (field := catalogue.get(path)) is not None]
    best = max(named, key=lambda field: field.prior, default=None)
    if best is None or _has(query, best.path, catalogue):
        return query
    return query.model_copy(update={"fields": (best.path,)})


def _has(query: Query, path: str, catalogue: Catalogue) -> bool:
    """Tell whether another part of a request has all the words of one of a field's names."""
    words = frozenset(terms(query.line.replace("\\", " "))).union(
        *(words_of(catalogue, p) for p in fields_of(query.line))
    )
    field = catalogue.get(path)
    return field is not None and any(words.issuperset(terms(name)) for name in card_names(field))
