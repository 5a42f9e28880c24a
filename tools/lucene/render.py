"""From a tree back to a query string, such that parsing it gives the same tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from tools.lucene.nodes import (
    Bool,
    Boost,
    Clause,
    Exists,
    Fuzzy,
    Leaf,
    MatchAll,
    Node,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Regex,
    Term,
    Wildcard,
)

_SPECIAL_ANYWHERE = frozenset('!():^[]"{}~*?\\/ \t\n\r\u3000')
_SPECIAL_FIRST = frozenset("+-")
_OPERATORS = frozenset(["AND", "OR", "NOT", "&&", "||"])


def escape(text: str, quoted: bool = False) -> str:
    """Return `text` as one term, or with `quoted` as what stands between the quotes of a phrase.

    Only what Lucene's tokeniser would read as syntax is escaped, so `beta-alanine` and `a+b` stay as they are.
    An empty text can only be written quoted.
    """
    if quoted:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join("\\" + char if char in _SPECIAL_ANYWHERE else char for char in text)
    if text[:1] in _SPECIAL_FIRST or text in _OPERATORS:
        escaped = "\\" + escaped
    return escaped


def render(node: Node) -> str:
    """Return the query string of a tree; `parse(render(node)) == node` for every tree that `parse` gives."""
    if isinstance(node, Bool):
        field = _common_field(node)
        if field is not None:
            return f"{escape(field)}:({_render_clauses(node.clauses, field)})"
        return _render_clauses(node.clauses, None)
    text = _render_member(node, None)
    if isinstance(node, Term) and node.field is None and text.startswith("("):
        return text[1:-1]
    return text


def clauses_of(node: Node) -> list[Leaf]:
    """Return the leaves from left to right, each of which can be rendered and searched by itself."""
    return list(_walk(node))


def fields_of(node: Node) -> list[str]:
    """Return the names of the fields that a query uses, `_exists_` ones included, each once, in order."""
    names: dict[str, None] = {}
    for leaf in _walk(node):
        if isinstance(leaf, Exists):
            names[leaf.path] = None
        elif not isinstance(leaf, MatchAll) and leaf.field is not None:
            names[leaf.field] = None
    return list(names)


def _walk(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Bool):
        for clause in node.clauses:
            yield from _walk(clause.node)
    elif isinstance(node, Boost):
        yield from _walk(node.node)
    elif not isinstance(node, Nothing):
        yield node


def _common_field(node: Bool) -> str | None:
    """Return the one field that every leaf names, where a group `field:(…)` can say so; else None."""
    if len(node.clauses) < 2:
        return None
    fields = {None if isinstance(leaf, (Exists, MatchAll)) else leaf.field for leaf in _walk(node)}
    return fields.pop() if len(fields) == 1 else None


def _render_clauses(clauses: Sequence[Clause], context: str | None) -> str:
    parts: list[str] = []
    for index, clause in enumerate(clauses):
        text = _render_member(clause.node, context)
        if _begins_run(clauses, index, context):
            text = f"({text})"
        if clause.conjunction:
            parts.append(clause.conjunction)
        if clause.modifier == "-":
            # The sign before a blank would be read as a word; before a term NOT reads better.
            text = f"NOT {text}"
        elif clause.modifier == "+":
            text = f"+{text}"
        parts.append(text)
    return " ".join(parts)


def _begins_run(clauses: Sequence[Clause], index: int, context: str | None) -> bool:
    """Tell whether this clause and the next would be read as one run of words; an operator after them prevents it."""
    pair = clauses[index : index + 2]
    if len(pair) < 2 or any(part.conjunction or part.modifier or not _is_bare(part.node, context) for part in pair):
        return False
    return index + 2 >= len(clauses) or not clauses[index + 2].conjunction


def _is_bare(node: Node, context: str | None) -> bool:
    """Tell whether a node is written as one bare token, without field prefix or suffix."""
    return isinstance(node, Term) and node.field == context and not _render_term(node).startswith("(")


def _render_member(node: Node, context: str | None) -> str:
    """Render one clause; `context` is the field of the group that encloses it, if that group names one."""
    if isinstance(node, Nothing):
        return ""
    if isinstance(node, Bool):
        field = None if context is not None else _common_field(node)
        if field is not None:
            return f"{escape(field)}:({_render_clauses(node.clauses, field)})"
        return f"({_render_clauses(node.clauses, context)})"
    if isinstance(node, Boost):
        inner = _render_member(node.node, context)
        if isinstance(node.node, Boost):
            inner = f"({inner})"
        return f"{inner}^{_render_factor(node.factor)}"
    if isinstance(node, MatchAll):
        return "*:*"
    if isinstance(node, Exists):
        return f"_exists_:{escape(node.path)}" if node.path else '_exists_:""'
    prefix = "" if node.field == context else f"{escape(node.field or '')}:"
    return prefix + _render_value(node)


def _render_value(leaf: Term | Phrase | Prefix | Wildcard | Regex | Fuzzy | Range) -> str:
    if isinstance(leaf, Term):
        return _render_term(leaf)
    if isinstance(leaf, Phrase):
        return f'"{escape(leaf.text, quoted=True)}"' + (f"~{leaf.slop}" if leaf.slop else "")
    if isinstance(leaf, Prefix):
        return escape(leaf.text) + "*"
    if isinstance(leaf, Wildcard):
        return _render_pattern(leaf.pattern)
    if isinstance(leaf, Regex):
        return f"/{leaf.pattern}/"
    if isinstance(leaf, Fuzzy):
        return f"{escape(leaf.text)}~{leaf.edits}"
    return _render_range(leaf)


def _render_term(leaf: Term) -> str:
    words = leaf.text.split(" ")
    if len(words) == 1 or "" in words:
        return escape(leaf.text)
    return f"({' '.join(escape(word) for word in words)})"


def _render_pattern(pattern: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
            parts.append("\\" + pattern[position])
        elif char in "*?":
            parts.append(char)
        else:
            parts.append(escape(char) if char not in "+-" or not parts else char)
        position += 1
    return "".join(parts)


def _render_range(leaf: Range) -> str:
    # Lucene reads `>=5` before `>` and `=5`.
    if leaf.field is not None and leaf.high is None and leaf.low and (leaf.include_low or leaf.low[0] != "="):
        return (">=" if leaf.include_low else ">") + _escape_inside(leaf.low)
    if leaf.field is not None and leaf.low is None and leaf.high and (leaf.include_high or leaf.high[0] != "="):
        return ("<=" if leaf.include_high else "<") + _escape_inside(leaf.high)
    opening = "[" if leaf.include_low else "{"
    closing = "]" if leaf.include_high else "}"
    return f"{opening}{_render_bound(leaf.low)} TO {_render_bound(leaf.high)}{closing}"


def _escape_inside(text: str) -> str:
    """Escape what does not begin its token: there a sign is a character like any other."""
    return escape("x" + text)[1:]


def _render_bound(bound: str | None) -> str:
    if bound is None:
        return "*"
    if bound == "" or any(char in ' ]}"\\\t\n\r\u3000' for char in bound) or bound == "TO":
        return f'"{escape(bound, quoted=True)}"'
    return bound


def _render_factor(factor: float) -> str:
    """Write a number without an exponent, which Lucene's grammar does not know."""
    return f"{Decimal(repr(factor)):f}".removesuffix(".0")
