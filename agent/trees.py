"""Query strings as trees, for the rules that mend them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tools.lucene import Bool, Clause, LuceneSyntaxError, Node, Phrase, Term, parse, render
from tools.query import Query


def read_tree(query: Query) -> Node | None:
    """Return the tree of a request's query string, None where there is none that can be read."""
    if query.kind != "query" or not query.q:
        return None
    try:
        return parse(query.q)
    except LuceneSyntaxError:
        return None


def with_tree(query: Query, before: Node, tree: Node) -> Query:
    """Return a request with another tree, itself if the tree is the one `before`."""
    return query if tree == before else query.model_copy(update={"q": render(tree)})


def alternatives(node: Node) -> list[Term | Phrase]:
    """Return the values of a group `field:(a OR b)`, none if a node is no such group."""
    if not isinstance(node, Bool) or any(clause.conjunction != "OR" for clause in node.clauses[1:]):
        return []
    leaves = [c.node for c in node.clauses if isinstance(c.node, (Term, Phrase)) and not c.modifier]
    fields = {leaf.field for leaf in leaves}
    return leaves if len(leaves) == len(node.clauses) > 1 and len(fields) == 1 and None not in fields else []


def any_of(field: str | None, texts: Sequence[str]) -> Node:
    """Return the query for any of `texts` in a field."""
    leaves = [Phrase(field, text) if " " in text else Term(field, text) for text in dict.fromkeys(texts)]
    if len(leaves) == 1:
        return leaves[0]
    return Bool(tuple(Clause(leaf, "OR" if place else "") for place, leaf in enumerate(leaves)))


def replaced(node: Node, old: Node, new: Node) -> Node:
    """Return a tree with `new` wherever `old` stands."""
    if node == old:
        return new
    if not isinstance(node, Bool):
        return node
    return Bool(tuple(replace(clause, node=replaced(clause.node, old, new)) for clause in node.clauses))
