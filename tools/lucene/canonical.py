"""One spelling for all the spellings of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from tools.lucene.nodes import (
    Bool,
    Boost,
    Exists,
    Fuzzy,
    MatchAll,
    Node,
    Nothing,
    Occur,
    Phrase,
    Prefix,
    Range,
    Regex,
    Term,
    Wildcard,
)
from tools.lucene.render import render

_ESCAPED = re.compile(r"\\.|[^\\]+", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_SIGNS: dict[Occur, str] = {"must": "+", "should": "", "must_not": "-"}


def canonical(node: Node, exact_fields: Container[str] = ("_id",)) -> str:
    """Return a text that two query strings share when they ask the same.

    Equal become: upper and lower case of values (not in `exact_fields`, not in regular expressions), redundant
    parentheses, the order of clauses, `a AND b` and `+a +b` and adjacent fielded clauses, a quoted single word and
    the bare word, escapes, `[5 TO *]` and `>=5`, `*` and `*:*`, a repeated clause. It is for comparing only.
    """
    if isinstance(node, Nothing):
        return ""
    roles = _flatten("must", node, exact_fields)
    if len(roles) == 1 and roles[0][0] != "must_not":
        return roles[0][1]
    return _join(roles)


def _join(roles: list[tuple[Occur, str]]) -> str:
    return " ".join(sorted({_SIGNS[role] + text for role, text in roles}))


def _flatten(role: Occur, node: Node, exact_fields: Container[str]) -> list[tuple[Occur, str]]:
    """Return what a clause contributes to its parent: a nested AND within an AND (or OR within OR) dissolves."""
    if not isinstance(node, Bool):
        return [(role, _leaf(node, exact_fields))]
    inner = [part for occur, child in node.occurs for part in _flatten(occur, child, exact_fields)]
    kinds = {occur for occur, _ in inner}
    if len(set(inner)) == 1 and kinds != {"must_not"}:
        return [(role, inner[0][1])]
    if role == "must" and ("must" in kinds or kinds == {"must_not"}) and "should" not in kinds:
        return inner
    if role == "should" and kinds == {"should"}:
        return inner
    if role == "must_not" and kinds == {"should"}:
        return [("must_not", text) for _, text in inner]
    return [(role, f"({_join(inner)})")]


def _leaf(node: Node, exact_fields: Container[str]) -> str:
    if isinstance(node, Boost):
        inner = canonical(node.node, exact_fields)
        return inner if node.factor == 1 else f"({inner})^{node.factor:g}"
    if isinstance(node, (Nothing, MatchAll, Exists, Bool, Regex)):
        return render(node)
    field = node.field
    fold: Callable[[str], str] = str if field in exact_fields else str.lower
    if isinstance(node, Phrase):
        one_word = node.text and node.text[0] not in "<>" and not any(char.isspace() for char in node.text)
        if one_word and not node.slop:
            return render(Term(field, fold(node.text)))
        return render(Phrase(field, fold(" ".join(node.text.split())), node.slop))
    if isinstance(node, Term):
        return render(Term(field, fold(" ".join(node.text.split()) or node.text)))
    if isinstance(node, Wildcard) and node.pattern == "*":
        return render(MatchAll() if field is None else Exists(field))
    if isinstance(node, Prefix):
        return render(Prefix(field, fold(node.text)))
    if isinstance(node, Wildcard):
        # What is escaped is not folded, here as in a search.
        pattern = _ESCAPED.sub(lambda part: part[0] if part[0].startswith("\\") else fold(part[0]), node.pattern)
        return render(Wildcard(field, pattern))
    if isinstance(node, Fuzzy):
        return render(Fuzzy(field, fold(node.text), node.edits))
    low = None if node.low is None else fold(_number(node.low))
    high = None if node.high is None else fold(_number(node.high))
    if low is None and high is None and field is not None:
        return render(Exists(field))
    return render(Range(field, low, high, node.include_low, node.include_high))


def _number(text: str) -> str:
    """Return a plain decimal number without needless zeros or sign, any other text as it is."""
    if not _NUMBER.fullmatch(text):
        return text
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return sign + (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")
