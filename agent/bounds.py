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
from rag.entities import find_entities
from tools.catalogue import NUMERIC_TYPES, load_catalogue
from tools.lucene import Bool, Clause, Node, Range, Term, clauses_of
from tools.query import Query

Sign = Literal[">", ">=", "<", "<="]

_NO = r"(?:n['’]t|\bno[tr]?|\bnever)\s+(?:be\s+|any\s+)?"
_MORE = r"(?:(?:more|greater|higher|larger|bigger|longer|heavier|later)\s+than|above|over|beyond|exceed\w*|after)"
_LESS = r"(?:(?:less|fewer|lower|smaller|shorter|lighter|earlier)\s+than|below|under|before|prior\s+to)"
_FILLED = r"(?:\s+(?:of|(?:the\s+)?year|an?|is))*\s*$"
#: Words for the signs, the first that fits: "not more than" is no "more than".
_WORDS: tuple[tuple[Sign, str], ...] = (
    ("<=", rf"{_NO}{_MORE}|\bat\s+(?:the\s+)?(?:most|maximum)|\bmax(?:imum|imally|\.)?|(?<!go )(?<!going )\bup\s+to"),
    ("<=", r"\bon\s+or\s+before|\bnot\s+exceeding|\bequal\s+to\s+or\s+(?:less|lower|below)(?:\s+than)?"),
    (">=", rf"{_NO}{_LESS}|\bat\s+(?:the\s+)?(?:least|minimum)|\bmin(?:imum|imally|\.)?|\bon\s+or\s+after|\bsince"),
    (">=", r"\bequal\s+to\s+or\s+(?:more|greater|above)(?:\s+than)?|\bstarting\s+(?:from|in|at)"),
    (">", rf"(?<!or )\b{_MORE}"),
    ("<", rf"(?<!or )\b{_LESS}"),
)
#: What stands before a number.
_BEFORE: tuple[tuple[Sign, re.Pattern[str]], ...] = (
    *((sign, re.compile(rf"(?:{words}){_FILLED}", re.IGNORECASE)) for sign, words in _WORDS),
    ("<=", re.compile(r"(?:<\s?=|=\s?<|≤)\s*$")),
    (">=", re.compile(r"(?:>\s?=|=\s?>|≥)\s*$")),
    (">", re.compile(r"(?<![-=<])>\s*$")),
    ("<", re.compile(r"<(?![-=])\s*$")),
)
#: "In 2010 or later" is a bound, "in 2010 and later withdrawn" is none, nor is "a charge of 2 and lower weight".
_END = r"(?=\s*(?:[,.;:?!)]|$|(?:and|or|in|of|for|with|that|which|who|whose|are|is|please)\b))"
_AFTER: tuple[tuple[Sign, re.Pattern[str]], ...] = (
    (
        ">=",
        re.compile(
            rf"\+(?!\w)|\s*(?:or\s+(?:more|higher|greater|above|over)\b|(?:upwards?|onwards?|(?:as\s+(?:a|the)\s+)?minimum)\b"
            rf"|(?:(?:or|and)\s+(?:up|upwards?|onwards?|later|newer|after)|and\s+(?:higher|greater|above|over)){_END})",
            re.IGNORECASE,
        ),
    ),
    (
        "<=",
        re.compile(
            rf"\s*(?:or\s+(?:less|fewer|lower|below|under)\b|(?:(?:as\s+(?:a|the)\s+)?maximum|at\s+(?:the\s+)?most|tops)\b"
            rf"|(?:(?:or|and)\s+(?:earlier|before|down)|and\s+(?:lower|below|under)){_END})",
            re.IGNORECASE,
        ),
    ),
)
#: "Seven aromatic rings minimum": what is counted stands between.
_COUNTED = r"(?:\s+[a-z][a-z-]+){1,3}\s+"
_CLOSE = r"(?=\s*(?:[,.;:?!)]|$|\b(?:and|please|pls)\b))"
_AFTER_COUNTED: tuple[tuple[Sign, re.Pattern[str]], ...] = (
    (">=", re.compile(rf"{_COUNTED}(?:minimum|or\s+more|at\s+(?:the\s+)?least|upwards?){_CLOSE}", re.IGNORECASE)),
    ("<=", re.compile(rf"{_COUNTED}(?:maximum|or\s+(?:fewer|less)|at\s+(?:the\s+)?most|tops){_CLOSE}", re.IGNORECASE)),
)
_BEHIND = (*_AFTER, *_AFTER_COUNTED)
#: Bounds of which the words alone do not say the side: "rarer than 1%", "5 or better".
_COMPARED = re.compile(rf"\b(?:than|between){_FILLED}", re.IGNORECASE)
_COMPARED_AFTER = re.compile(r"\s*or\s+(?:better|worse)\b", re.IGNORECASE)
#: "More than or equal to 5": the number belongs.
_OR_EQUAL = re.compile(r"\b(?:or|and)\s+equal\s+(?:to|than)\s*$", re.IGNORECASE)
_THE_YEAR_AFTER = re.compile(r"\bthe\s+(?:year|month|day)\s+(?:before|after)\s*$", re.IGNORECASE)
#: Where what is named is not wanted, a right bound lies on the other side: "leave out those above 0.01".
_UNWANTED = re.compile(
    r"\b(?:exclud\w*|filter\w*|remov\w*|drop\w*|discard\w*|omit\w*|ignor\w*|leav\w*|skip\w*|rid|except|without|nothing|none"
    r"|nobody|nor|not|no|never|but|rather|instead|unless|hide|minus|raise\w*|increas\w*|mov\w*|push\w*|set|change\w*)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.;?!]\s")
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
#: Between the two ends of a range.
_TO = re.compile(r"\s*(?:-|–|to|and|through|\.\.|up to|until|till)\s*", re.IGNORECASE)
_RANGE = re.compile(r"\b(?:between|from|range(?:\s+of)?|within)\s+$", re.IGNORECASE)
#: Numbers in these fields name something, or carry a sign of their own.
_NAMES = re.compile(
    r"(?:id|ids|taxid|entrezgene|retired|pubmed|pmid|cid|sid|geneid|allele|charge|version)$", re.IGNORECASE
)


def with_stated_bounds(query: Query, question: str, *, follows: bool = False) -> Query:
    """Return a request whose bounds lie on the side of their numbers that the question says.

    Args:
        query: the request.
        question: the question that it was drafted for.
        follows: whether it follows another one: "go from 20 to 30" then moves a bound and is no range.

    Returns:
        The request, changed in nothing but the signs of bounds on numbers that the question names once, the second end
        of ranges that have but one, and two bounds of one side, which become one range.
    """
    tree = read_tree(query)
    if tree is None:
        return query
    joined = _joined(tree)
    return with_tree(query, tree, _Mender(query.api, question, joined, follows).mend(joined))


def is_bound(question: str, start: int, end: int) -> bool:
    """Tell whether what stands beside a number of a question bounds something; which way need not be known."""
    before, after = question[:start], question[end:]
    if _read_before(before) or _COMPARED.search(before):
        return True
    return _COMPARED_AFTER.match(after) is not None or any(words.match(after) for _, words in _BEHIND)


class _Mender:
    def __init__(self, api: str, question: str, tree: Node, follows: bool) -> None:
        self._catalogue, self._question, self._follows = load_catalogue(api), question, follows
        # What is part of an identifier or of a date is no number of its own.
        taken = [(entity.start, entity.end) for entity in find_entities(question) if entity.kind != "number"]
        taken += [match.span() for match in _DATE.finditer(question)]
        self._mentions = [
            mention
            for mention in read_mentions(question)
            if not any(start < mention.end and mention.start < end for start, end in taken)
        ]
        ranges = [leaf for leaf in clauses_of(tree) if isinstance(leaf, Range)]
        self._drafted = {bound for leaf in ranges for bound in (leaf.low, leaf.high) if bound}

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
        if isinstance(node, Term) and node.field is not None and self._is_measure(node.field):
            sign = self._sign(node.text)
            return node if sign is None else _one_sided(node.field, node.text, sign)
        return node

    def _mend_clause(self, clause: Clause) -> Clause:
        # What a denied bound was meant to be is not to be known from the words beside its number.
        return clause if clause.modifier == "-" else replace(clause, node=self.mend(clause.node))

    def _is_measure(self, path: str) -> bool:
        field = self._catalogue.get(path)
        return field is not None and field.type in NUMERIC_TYPES and not field.values and not _NAMES.search(path)

    def _ends(self, bound: str) -> tuple[str, str] | None:
        """Return both ends of a range that the question says and a request has one of, None if there is no such."""
        if sum(_means(mention, bound) for mention in self._mentions) != 1:
            return None
        for one, other in pairwise(self._mentions):
            said = next((mention for mention in (one, other) if _means(mention, bound)), None)
            if said is None or not _TO.fullmatch(self._question[one.end : other.start]):
                continue
            opened, joint = _RANGE.search(self._question[: one.start]), self._question[one.end : other.start].lower()
            if (not opened and "and" in joint) or (self._follows and "and" not in joint):
                continue
            if not opened and _read_before(self._question[: one.start]):
                continue  # "Above 20 - 50 results please"
            form = said.values.index(Decimal(bound))
            if form < min(len(one.values), len(other.values)) and one.values[form] < other.values[form]:
                low, high = plain(one.values[form]), plain(other.values[form])
                return None if {low, high} <= self._drafted else (low, high)
        return None

    def _sign(self, bound: str) -> Sign | None:
        """Return the sign that the question has beside a number, None if it has none or is not clear."""
        if _DATE.fullmatch(bound):
            places = [match.span() for match in re.finditer(re.escape(bound), self._question)]
        else:
            places = [(mention.start, mention.end) for mention in self._mentions if _means(mention, bound)]
        if len(places) != 1:
            return None
        ((start, end),) = places
        before, after = self._question[:start], self._question[end:]
        if _THE_YEAR_AFTER.search(before):
            return None
        equal = _OR_EQUAL.search(before)
        # "Greater or equal to": the word stands there without its "than".
        head = before[: equal.start()] if equal else before
        found = _read_before(head) or (_read_before(f"{head}than") if equal else None)
        told: Sign | None = next((sign for sign, words in _BEHIND if words.match(after)), None)
        if (found and told) or _UNWANTED.search(_SENTENCE.split(head[: found[1]] if found else head)[-1]):
            return None
        if found and equal:
            return ">=" if found[0][0] == ">" else "<="
        return found[0] if found else told


def _read_before(text: str) -> tuple[Sign, int] | None:
    """Return the sign that a text ends with, and where its words begin."""
    return next(((sign, match.start()) for sign, words in _BEFORE if (match := words.search(text))), None)


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


def _joined(node: Node) -> Node:
    """Read two bounds of one side as the two ends that were meant: `<=11400 AND <=11500` says no more than one."""
    if not isinstance(node, Bool) or any(clause.conjunction == "OR" or clause.modifier for clause in node.clauses):
        return node
    ranges = [clause.node for clause in node.clauses if isinstance(clause.node, Range)]
    if len(ranges) != 2 or ranges[0].field != ranges[1].field:
        return node
    lows, highs = (
        [bound for bound in bounds if bound] for bounds in zip(*((r.low, r.high) for r in ranges), strict=True)
    )
    bounds = lows or highs
    if bool(lows) == bool(highs) or len(set(bounds)) != 2 or not all(_DECIMAL.fullmatch(bound) for bound in bounds):
        return node
    first, last = sorted(bounds, key=Decimal)
    merged = Range(ranges[0].field, first, last)
    others = [clause for clause in node.clauses if not isinstance(clause.node, Range)]
    return Bool((Clause(merged), *(replace(c, conjunction="AND") for c in others))) if others else merged
