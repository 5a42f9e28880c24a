"""The syntax tree of a query string.

Leaves carry their resolved field (None: the default fields), so a tree means the same wherever it is read.
A `Bool` keeps conjunctions and modifiers as written, because Lucene derives MUST, SHOULD and MUST_NOT from them
only once it knows which clauses analysis has emptied (`occurs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Conjunction = Literal["", "AND", "OR"]
Modifier = Literal["", "+", "-"]
Occur = Literal["must", "should", "must_not"]
Operator = Literal["AND", "OR"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty query string: matches nothing."""


@dataclass(frozen=True, slots=True)
class Term:
    """A bare word, or a run of adjacent bare words joined by one space; `text` is without escapes."""

    field: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A quoted text; `slop` is how far its words may be moved (`"a b"~2`)."""

    field: str | None
    text: str
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Prefix:
    """A term with one `*`, at its end; `text` is without that and without escapes."""

    field: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Any other term with `*` or `?`; in `pattern` only `*`, `?` and backslashes meant literally are escaped."""

    field: str | None
    pattern: str


@dataclass(frozen=True, slots=True)
class Regex:
    """`/pattern/`, in Lucene's dialect of regular expressions, as written between the slashes."""

    field: str | None
    pattern: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """`term~` with its number of edits (0, 1 or 2), already resolved from `~`, `~auto`, `~1`, `~1.0`."""

    field: str | None
    text: str
    edits: int


@dataclass(frozen=True, slots=True)
class Range:
    """`[low TO high]`, `>=low` and the like; None is an open end."""

    field: str | None
    low: str | None
    high: str | None
    include_low: bool = True
    include_high: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """`_exists_:path`; `path` may be an object or hold `*`."""

    path: str


@dataclass(frozen=True, slots=True)
class MatchAll:
    """`*:*` or `__all__`."""


@dataclass(frozen=True, slots=True)
class Boost:
    """A clause or a group with `^factor`."""

    node: Node
    factor: float


@dataclass(frozen=True, slots=True)
class Clause:
    """One member of a `Bool`: the conjunction before it, its modifier (NOT and ! are "-"), and what it asks."""

    node: Node
    conjunction: Conjunction = ""
    modifier: Modifier = ""


@dataclass(frozen=True, slots=True)
class Bool:
    """Two or more clauses, or one with a modifier."""

    clauses: tuple[Clause, ...]

    @property
    def occurs(self) -> list[tuple[Occur, Node]]:
        """Return each clause with its role under the default operator AND, as if analysis emptied none."""
        return assign_occurs([(clause.conjunction, clause.modifier, clause.node) for clause in self.clauses])


Leaf = Term | Phrase | Prefix | Wildcard | Regex | Fuzzy | Range | Exists | MatchAll
Node = Nothing | Leaf | Boost | Bool


def assign_occurs(
    clauses: Sequence[tuple[Conjunction, Modifier, T | None]], operator: Operator = "AND"
) -> list[tuple[Occur, T]]:
    """Give each clause its role as Lucene's QueryParserBase.addClause does.

    A clause that analysis emptied is None: it gets no role, but the conjunction before it still acts on the
    clause that precedes. So AND makes its left neighbour required, OR (under the default operator AND) makes it
    optional, and precedence is not that of boolean algebra.
    """
    roles: list[tuple[Occur, T]] = []
    for conjunction, modifier, value in clauses:
        if roles and roles[-1][0] != "must_not":
            if conjunction == "AND":
                roles[-1] = ("must", roles[-1][1])
            elif conjunction == "OR" and operator == "AND":
                roles[-1] = ("should", roles[-1][1])
        if value is None:
            continue
        if modifier == "-":
            roles.append(("must_not", value))
        elif operator == "AND":
            roles.append(("should" if conjunction == "OR" else "must", value))
        else:
            roles.append(("must" if modifier == "+" or conjunction == "AND" else "should", value))
    return roles


def wildcard(field: str | None, pattern: str) -> Term | Prefix | Wildcard:
    """Return the node that the parser gives for `pattern` in which literal `*`, `?` and backslashes are escaped."""
    plain: list[str] = []
    wild: list[tuple[int, str]] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and position + 1 < len(pattern):
            position += 1
            plain.append(pattern[position])
        else:
            if char in "*?":
                wild.append((len(plain), char))
            plain.append(char)
        position += 1
    if not wild:
        return Term(field, "".join(plain))
    if wild == [(len(plain) - 1, "*")] and len(plain) > 1:
        return Prefix(field, "".join(plain[:-1]))
    return Wildcard(field, pattern)
