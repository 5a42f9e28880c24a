"""Conditions that only echo another part of a request.

A small model that has written `ndc.deaschedule:CII` for "schedule II substances" goes on with a search for "schedule":
a word that another condition, or the name of its field, says already.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.said_fields import words_of
from agent.trees import read_tree, with_tree
from rag.lexical import terms
from tools.catalogue import Catalogue, load_catalogue
from tools.lucene import Bool, Clause, Node, Term, clauses_of, fields_of
from tools.query import Query


def without_echoes(query: Query, question: str) -> Query:
    """Leave out conditions whose value is one word in small letters that the rest of the request says already.

    Args:
        query: the request.
        question: the question that it was drafted for; a word that it says twice may well mean two things.

    Returns:
        The request with fewer conditions, itself where there is no echo; what is asked of two sources at once ("in
        KEGG and in WikiPathways") is none.
    """
    tree = read_tree(query)
    if not isinstance(tree, Bool) or any(clause.conjunction == "OR" for clause in tree.clauses):
        return query
    catalogue = load_catalogue(query.api)
    asked = frozenset(stem for path in query.fields for stem in words_of(catalogue, path))
    kept = [
        clause
        for clause in tree.clauses
        if not _is_echo(clause, [other for other in tree.clauses if other is not clause], asked, catalogue, question)
    ]
    if not kept or len(kept) == len(tree.clauses):
        return query
    first = replace(kept[0], conjunction="")
    alone = len(kept) == 1 and not first.modifier
    return with_tree(query, tree, first.node if alone else Bool((first, *kept[1:])))


def _is_echo(clause: Clause, others: list[Clause], asked: frozenset[str], catalogue: Catalogue, question: str) -> bool:
    leaf = clause.node
    if clause.modifier or not isinstance(leaf, Term) or not leaf.field or not re.fullmatch("[a-z]+", leaf.text):
        return False
    field = catalogue.get(leaf.field)
    if field is None or field.values or len(re.findall(rf"\b{leaf.text}\b", question, re.IGNORECASE)) != 1:
        return False
    leaves = [other for one in others for other in clauses_of(one.node)]
    texts = [text for other in leaves if (text := getattr(other, "text", None))]
    if leaf.text in {text.lower() for text in texts}:
        return False
    said = asked.union(terms(" ".join(texts)), *(_names(other, leaf.field, catalogue) for other in leaves))
    return said.issuperset(terms(leaf.text))


def _names(leaf: Node, own: str, catalogue: Catalogue) -> frozenset[str]:
    """Return the words of the fields that a condition searches, other than the `own` one: its words may be values."""
    return frozenset(stem for path in fields_of(leaf) if path != own for stem in words_of(catalogue, path))
