"""Fields that are said to be absent: "drugs with no ATC code" have none, whatever a small model made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from agent.said_fields import EVERYDAY, find_said, words_of
from agent.trees import read_tree, with_tree
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Clause, Exists, Node, clauses_of
from tools.query import Query

#: What stands before something that is not there.
_ABSENT = re.compile(
    r"\b(?:no|without|lack(?:s|ing)?|missing)(?:\s+(?:an?|any|the|its|their|known|recorded|annotated))*\s+$",
    re.IGNORECASE,
)
#: What turns it: "leave out those without an rsID".
_TURNED = re.compile(
    r"\b(?:exclud\w*|drop\w*|leav\w*|skip\w*|remov\w*|discard\w*|omit\w*|ignor\w*|filter\w*|rid|minus|except|not|no"
    r"|none|never|witho\w*t|other than|but those|hide)\b|n['’]t\b",
    re.IGNORECASE,
)


def with_stated_lack(query: Query, question: str) -> Query:
    """Return a request that wants no value of a field where the question says so outright.

    Args:
        query: the request.
        question: the question that it was drafted for.

    Returns:
        The request; of its conditions nothing but the sign of `_exists_` is changed.
    """
    tree = read_tree(query)
    if tree is None or "_exists_" not in (query.q or ""):
        return query
    catalogue = load_catalogue(query.api)
    denied = [path for leaf in _denied(tree) if (path := getattr(leaf, "path", getattr(leaf, "field", None)))]
    absent = [
        frozenset(said.stems)
        for said in find_said(question, catalogue)
        if not EVERYDAY.issuperset(said.stems)
        and (before := _ABSENT.search(question[: said.start]))
        and not _TURNED.search(question[: before.start()])
    ]
    absent = [stems for stems in absent if not any(stems <= words_of(catalogue, path) for path in denied)]
    meant = [
        leaf
        for leaf in clauses_of(tree)
        if isinstance(leaf, Exists) and any(stems <= words_of(catalogue, leaf.path) for stems in absent)
    ]
    return with_tree(query, tree, _deny(tree, meant[0])) if len(meant) == 1 and meant[0].path not in denied else query


def _denied(node: Node) -> Iterator[Node]:
    if isinstance(node, Bool):
        for clause in node.clauses:
            yield from clauses_of(clause.node) if clause.modifier == "-" else _denied(clause.node)


def _deny(node: Node, leaf: Node) -> Node:
    if node == leaf:
        return Bool((Clause(leaf, modifier="-"),))
    if not isinstance(node, Bool):
        return node
    return Bool(
        tuple(
            replace(clause, modifier="-")
            if clause.node == leaf and not clause.modifier
            else replace(clause, node=clause.node if clause.modifier else _deny(clause.node, leaf))
            for clause in node.clauses
        )
    )
