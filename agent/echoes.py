"""Conditions that only echo another part of a request, or that another part implies.

A small model that has written `ndc.deaschedule:CII` for "schedule II substances" goes on with a search for "schedule":
a word that the question says once, and that another condition, or the name of its field, has already.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.trees import alternatives, read_tree, with_tree
from rag.names import kind_of
from tools.catalogue import Catalogue, load_catalogue
from tools.lucene import Bool, Clause, Exists, Phrase, Range, Term, clauses_of
from tools.query import Query

_WORD = re.compile(r"[a-z]+")
_NAMED = re.compile(r"\b(?:name[ds]?|called|titled?|label\w*|contain\w*)\b", re.IGNORECASE)


def without_echoes(query: Query, question: str) -> Query:
    """Leave out conditions that the rest implies, or whose value is a word in small letters that the rest says already.

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
    kept = list(tree.clauses)
    for clause in tree.clauses:
        # Held against those that stay, so that two cannot take each other away.
        others = [other for other in kept if other is not clause]
        if _is_implied(clause, others) or _is_echo(clause, others, catalogue, question):
            kept = others
    if len(kept) == len(tree.clauses):
        return query
    first = replace(kept[0], conjunction="")
    alone = len(kept) == 1 and not first.modifier
    return with_tree(query, tree, first.node if alone else Bool((first, *kept[1:])))


def _is_implied(clause: Clause, others: list[Clause]) -> bool:
    """Tell whether a condition adds nothing to another: what is searched exists, and one of a group is in it."""
    leaf, rest = clause.node, [other.node for other in others if not other.modifier]
    if clause.modifier:
        return False
    if isinstance(leaf, Exists):
        searched = (getattr(next(iter(alternatives(node)), node), "field", None) for node in rest)
        return any(field is not None and f"{field}.".startswith(f"{leaf.path}.") for field in searched)
    # Nobody means `(a OR b) AND a`.
    return any(leaf in alternatives(node) for node in rest)


def _is_echo(clause: Clause, others: list[Clause], catalogue: Catalogue, question: str) -> bool:
    leaf = clause.node
    if clause.modifier or not isinstance(leaf, Term) or not leaf.field or not _WORD.fullmatch(leaf.text):
        return False
    field = catalogue.get(leaf.field)
    if kind_of(leaf.field) is not None or _NAMED.search(question):
        return False  # What something is called is meant.
    if field is None or field.values or _WORD.findall(question.lower()).count(leaf.text) != 1:
        return False
    leaves = [
        other
        for one in others
        for other in clauses_of(one.node)
        if isinstance(other, (Term, Phrase, Range)) and other.field != leaf.field
    ]
    texts = [other.text.lower() for other in leaves if isinstance(other, (Term, Phrase))]
    # Labels, and no synonyms: those are often values (a molecular function: "kinase activity").
    labels = [named.label.lower() for other in leaves if (named := catalogue.get(other.field or "")) is not None]
    return leaf.text not in texts and any(leaf.text in _WORD.findall(said) for said in (*texts, *labels))
