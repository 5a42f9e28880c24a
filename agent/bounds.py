"""Bounds as the question has them: which way they go, whether the number itself belongs, and both ends of a range.

A small model writes `<=7` for "seven minimum", `>2023-01-01` for "on or after" and `[5 TO 5]` for "between 5 and 10".
What stands beside a number says which it is; numbers that nothing of the kind stands beside stay as they were drafted.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Literal

from agent.grammar.numbers import Mention, plain, read_mentions
from agent.trees import read_tree, with_tree
from tools.catalogue import NUMERIC_TYPES, load_catalogue
from tools.lucene import Bool, Clause, Node, Range, Term, clauses_of
from tools.query import Query

Sign = Literal[">", ">=", "<", "<="]

_NO = r"(?:n['’]t|\bno[tr]?|\bnever)\s+(?:be\s+|any\s+)?"
_MORE = (
    r"(?:more|greater|higher|larger|bigger|better|longer|heavier|later|above|over|beyond|exceed\w*|after)(?:\s+than)?"
)
_LESS = r"(?:less|fewer|lower|smaller|shorter|lighter|worse|earlier|below|under|before|prior\s+to)(?:\s+than)?"
#: Words for the signs, the first that fits: "not more than" is no "more than".
_WORDS: tuple[tuple[Sign, str], ...] = (
    ("<=", rf"{_NO}{_MORE}|<=|=<|≤|\bat\s+(?:the\s+)?(?:most|maximum)|\bmax(?:imum|imally|\.)?"),
    ("<=", r"(?<!go )(?<!going )\bup\s+to"),
    ("<=", r"\bon\s+or\s+before|\bnot\s+exceeding|\bequal\s+to\s+or\s+(?:less|lower|below)(?:\s+than)?"),
    (">=", rf"{_NO}{_LESS}|>=|=>|≥|\bat\s+(?:the\s+)?(?:least|minimum)|\bmin(?:imum|imally|\.)?|\bon\s+or\s+after"),
    (">=", r"\bsince|\bequal\s+to\s+or\s+(?:more|greater|above)(?:\s+than)?|\bstarting\s+(?:from|in|at)"),
    (">", rf"(?<!or )\b{_MORE}|(?<![-=<])>"),
    ("<", rf"(?<!or )\b{_LESS}|<(?![-=])"),
)
#: What stands before a number.
_BEFORE: tuple[tuple[Sign, re.Pattern[str]], ...] = tuple(
    (sign, re.compile(rf"(?:{words})(?:\s+(?:of|the|year|a|an|about|is|in))*\s*[:=]?\s*$", re.IGNORECASE))
    for sign, words in _WORDS
)
_AFTER: tuple[tuple[Sign, re.Pattern[str]], ...] = (
    (
        ">=",
        re.compile(
            r"\s*(?:(?:or|and)\s+(?:more|higher|greater|above|over|up|later|better|newer|upwards?|onwards?|after)\b"
            r"|upwards?\b|onwards?\b|(?:as\s+(?:a|the)\s+)?min(?:imum)?\b|\+(?!\w))",
            re.IGNORECASE,
        ),
    ),
    (
        "<=",
        re.compile(
            r"\s*(?:(?:or|and)\s+(?:less|fewer|lower|below|under|down|earlier|before)\b"
            r"|(?:as\s+(?:a|the)\s+)?max(?:imum)?\b|at\s+(?:the\s+)?most\b|tops\b)",
            re.IGNORECASE,
        ),
    ),
)
#: "More than or equal to 5": the number belongs.
_OR_EQUAL = re.compile(r"\b(?:or|and)\s+equal\s+(?:to|than)\s*$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Between the two ends of a range.
_TO = re.compile(r"\s*(?:-|–|to|and|through|\.\.|up to|until|till)\s*", re.IGNORECASE)
_RANGE = re.compile(r"\b(?:between|from|range(?:\s+of)?|within)\s+$", re.IGNORECASE)


def with_stated_bounds(query: Query, question: str, *, follows: bool = False) -> Query:
    """Return a request whose bounds lie on the side of their numbers that the question says.

    Args:
        query: the request.
        question: the question that it was drafted for.
        follows: whether it follows another one: "go from 20 to 30" then moves a bound and is no range.

    Returns:
        The request, changed in nothing but the signs of bounds on numbers that the question names once, and the second
        end of ranges that have but one.
    """
    tree = read_tree(query)
    return query if tree is None else with_tree(query, tree, _Bounds(query.api, question, tree, follows).mend(tree))


class _Bounds:
    def __init__(self, api: str, question: str, tree: Node, follows: bool) -> None:
        self._catalogue, self._question, self._follows = load_catalogue(api), question, follows
        self._mentions = read_mentions(question)
        ranges = [leaf for leaf in clauses_of(tree) if isinstance(leaf, Range)]
        self._bounds = {bound for leaf in ranges for bound in (leaf.low, leaf.high) if bound}

    def mend(self, node: Node) -> Node:
        if isinstance(node, Bool):
            return Bool(tuple(self._mend_clause(clause) for clause in node.clauses))
        if isinstance(node, Range) and (node.low == node.high or None in (node.low, node.high)):
            bound = node.low or node.high or ""
            ends = self._ends(bound)
            if ends is not None:
                return Range(node.field, *ends)
            sign = self._sign(bound) if None in (node.low, node.high) else None
            return node if sign is None else _one_sided(node.field, bound, sign)
        if isinstance(node, Term) and node.field is not None and self._is_numeric(node.field):
            sign = self._sign(node.text)
            return node if sign is None else _one_sided(node.field, node.text, sign)
        return node

    def _mend_clause(self, clause: Clause) -> Clause:
        # What a denied bound was meant to be is not to be known from the words beside its number.
        return clause if clause.modifier == "-" else replace(clause, node=self.mend(clause.node))

    def _is_numeric(self, path: str) -> bool:
        field = self._catalogue.get(path)
        return field is not None and field.type in NUMERIC_TYPES and not field.values

    def _ends(self, bound: str) -> tuple[str, str] | None:
        """Return both ends of a range that the question says and a request has one of, None if there is no such."""
        for one, other in pairwise(self._mentions):
            place = next((mention for mention in (one, other) if _means(mention, bound)), None)
            if place is None or not _TO.fullmatch(self._question[one.end : other.start]):
                continue
            between, joint = _RANGE.search(self._question[: one.start]), self._question[one.end : other.start].lower()
            if (not between and "and" in joint) or (self._follows and "and" not in joint):
                continue
            form = place.values.index(Decimal(bound))
            if form < min(len(one.values), len(other.values)) and one.values[form] < other.values[form]:
                low, high = plain(one.values[form]), plain(other.values[form])
                return None if {low, high} <= self._bounds else (low, high)
        return None

    def _sign(self, bound: str) -> Sign | None:
        """Return the sign that the question has beside a number, None if it has none or is not clear."""
        places = (
            [match.span() for match in re.finditer(re.escape(bound), self._question)]
            if _DATE.fullmatch(bound)
            else [(mention.start, mention.end) for mention in self._mentions if _means(mention, bound)]
        )
        if len(places) != 1:
            return None
        ((start, end),) = places
        before, after = self._question[:start], self._question[end:]
        said: Sign | None = next((sign for sign, words in _BEFORE if words.search(before)), None)
        told: Sign | None = next((sign for sign, words in _AFTER if words.match(after)), None)
        if _OR_EQUAL.search(before):
            head = _OR_EQUAL.sub("", before)
            direction = next((sign for sign, words in _BEFORE if words.search(head)), None)
            return None if direction is None else ">=" if direction[0] == ">" else "<="
        if said and told:
            return None
        return said or told


def _means(mention: Mention, bound: str) -> bool:
    try:
        return Decimal(bound) in mention.values
    except InvalidOperation:
        return False


def _one_sided(field: str | None, bound: str, sign: Sign) -> Range:
    included = sign.endswith("=")
    if sign[0] == ">":
        return Range(field, bound, None, include_low=included)
    return Range(field, None, bound, include_high=included)
