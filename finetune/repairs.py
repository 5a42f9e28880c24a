"""Training pairs for repair: a request that failed, its error, and the request that mends it."""

from __future__ import annotations

import random
from dataclasses import replace

from agent.omissions import explain_omission, left_out
from agent.repair import loosen
from agent.trees import read_tree, with_tree
from tools.catalogue import load_catalogue
from tools.errors import QueryError
from tools.lucene import Bool, Node
from tools.query import Query

NOTHING_FOUND = "nothing found"
#: How often a story must be about something left out. Few requests have one: this makes them half of all stories.
_OMITTED = 0.88


def break_request(query: Query, question: str, rng: random.Random) -> tuple[str, str, str] | None:
    """Return (failed request, error, mended request), or None where this request has no such story.

    The request lacks something that the question states, or a field's name was wrong, and the mended one is the
    request itself; or the request itself found nothing, and the mended one searches for the same in another way.
    """
    if rng.random() < _OMITTED:
        incomplete = _omit_field(query, rng) if len(query.fields) > 1 and rng.random() < 0.5 else _omit(query, rng)
        missing = left_out(incomplete, question) if incomplete is not None else []
        if incomplete is None or not missing or left_out(query, question):
            return None
        return incomplete.line, explain_omission(missing), query.line
    looser = list(loosen(query))
    if looser and rng.random() < 0.7:
        return query.line, NOTHING_FOUND, looser[0].line
    broken = _misname(query, rng)
    if broken is None:
        return None
    try:
        broken.check()
    except QueryError as error:
        return broken.line, error.message, query.line
    return None


def _omit(query: Query, rng: random.Random) -> Query | None:
    """Leave out one condition, or one of several alternatives; None where there is but one."""
    tree = read_tree(query)
    if not isinstance(tree, Bool) or len(tree.clauses) < 2:
        return None
    gone = rng.randrange(len(tree.clauses))
    clause = tree.clauses[gone]
    if isinstance(clause.node, Bool) and len(clause.node.clauses) > 1 and rng.random() < 0.7:
        fewer = replace(clause, node=_without(clause.node, rng.randrange(len(clause.node.clauses))))
        left: Node = Bool((*tree.clauses[:gone], fewer, *tree.clauses[gone + 1 :]))
    else:
        left = _without(tree, gone)
    try:
        return with_tree(query, tree, left).check()
    except QueryError:
        return None


def _omit_field(query: Query, rng: random.Random) -> Query:
    """Leave out one of several fields that are asked for."""
    gone = rng.randrange(len(query.fields))
    return query.model_copy(update={"fields": query.fields[:gone] + query.fields[gone + 1 :]})


def _without(tree: Bool, gone: int) -> Node:
    """Return a group without one of its clauses; what is left alone and denies nothing is no group."""
    first, *others = (clause for place, clause in enumerate(tree.clauses) if place != gone)
    return first.node if not others and not first.modifier else Bool((replace(first, conjunction=""), *others))


def _misname(query: Query, rng: random.Random) -> Query | None:
    """Give one asked-for field a name that does not exist: its leaf alone, its parent misspelt, a wrong ending."""
    if not query.fields:
        return None
    place = rng.randrange(len(query.fields))
    path = query.fields[place]
    parts = path.split(".")
    wrong = rng.choice(
        (
            parts[-1] + "s",
            f"{path}.name",
            path.replace("_", "").replace(".", "_"),
            ".".join([*parts[:-1], parts[-1][:-1]]),
        )
    )
    if load_catalogue(query.api).resolve(wrong) or load_catalogue(query.api).exists(wrong):
        return None
    fields = (*query.fields[:place], wrong, *query.fields[place + 1 :])
    return query.model_copy(update={"fields": fields})
