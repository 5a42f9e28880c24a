"""What each part of a request means, in plain words, for people who do not read query strings."""

from __future__ import annotations

import re

from tools.apis import get_api, species_name
from tools.catalogue import Catalogue, load_catalogue
from tools.check import INTERVAL
from tools.lucene import (
    Bool,
    Boost,
    Exists,
    Fuzzy,
    LuceneSyntaxError,
    MatchAll,
    Node,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Term,
    parse,
    render,
)
from tools.query import Query

_PARAMETERS = {
    "assembly": "positions of the {} genome assembly",
    "size": "at most {} hits",
    "from": "leave out the first {} hits",
    "facets": "count the hits by {}",
    "facet_size": "the {} most frequent values",
    "search": "whose path holds “{}”",
    "prefix": "whose path begins with “{}”",
}
_TAXID = re.compile(r"[0-9]{1,9}")


def explain(query: Query) -> list[tuple[str, str]]:
    """Return the parts of a request in the order in which they are read, each with what it means."""
    api, catalogue = get_api(query.api), load_catalogue(query.api)
    parts = [(api.name, f"{api.title}: {api.description}")]
    if query.kind == "query":
        parts += _query_string(query.q, catalogue)
    elif query.kind == "get":
        parts.append((query.ids[0], f"the {api.entity} of that identifier"))
    elif query.kind == "batch":
        where = f" in {_names(query.scopes, catalogue)}" if query.scopes else ""
        parts.append((f"{len(query.ids)} identifiers", f"each looked up{where}"))
    else:
        parts.append(("metadata/fields", "the fields that this API has"))
    shown = tuple(path for path in query.fields if not path.startswith("-"))
    if shown:
        parts.append(("fields", f"show {_names(shown, catalogue)}"))
    parts += [(path, f"leave out {_label(path[1:], catalogue)}") for path in query.fields if path.startswith("-")]
    for name, value in query.params.items():
        if name in ("filter", "post_filter"):
            parts += [(text, f"and only where {means}") for text, means in _query_string(value, catalogue)]
        elif name == "sort":
            for path in value.split(","):
                order = "highest first" if path.startswith("-") else "lowest first"
                parts.append((f"sort={path}", f"sorted by {_label(path.lstrip('-'), catalogue)}, {order}"))
        elif name == "facets":
            parts.append((f"facets={value}", _PARAMETERS[name].format(_names(tuple(value.split(",")), catalogue))))
        elif name == "species":
            kept = ", ".join(species_name(int(item)) if _TAXID.fullmatch(item) else item for item in value.split(","))
            parts.append((f"{name}={value}", "genes of any species" if value == "all" else f"only {kept} genes"))
        else:
            parts.append((f"{name}={value}", _PARAMETERS.get(name, f"{name} is {{}}").format(value)))
    return parts


def _query_string(text: str | None, catalogue: Catalogue) -> list[tuple[str, str]]:
    if text is None:
        return [("*", "everything")]
    interval = INTERVAL.fullmatch(text.strip())
    if interval:
        return [(text, _place(interval))]
    try:
        tree = parse(text)
    except LuceneSyntaxError:
        return [(text, "cannot be read")]
    if isinstance(tree, Bool):
        rows = []
        for occur, node in tree.occurs:
            lead = {"must": "", "should": "may: ", "must_not": "not: "}[occur]
            rows.append((render(node), lead + _say(node, catalogue)))
        optional = [occur for occur, _ in tree.occurs]
        if all(occur == "should" for occur in optional):
            return [
                (row, means.removeprefix("may: ") + (", or" if number < len(rows) - 1 else ""))
                for number, (row, means) in enumerate(rows)
            ]
        return rows
    return [(render(tree), _say(tree, catalogue))]


def _place(interval: re.Match[str]) -> str:
    on = f" of {interval[1]}" if interval[1] else ""
    return f"lies at chromosome {interval[2]}{on}, {interval[3]} to {interval[4] or interval[3]}"


def _say(node: Node, catalogue: Catalogue) -> str:
    """Say one clause."""
    if isinstance(node, Bool):
        occurs = node.occurs
        joint = " or " if all(occur == "should" for occur, _ in occurs) else " and "
        said = [("not " if occur == "must_not" else "") + _say(child, catalogue) for occur, child in occurs]
        return "(" + joint.join(said) + ")"
    if isinstance(node, Boost):
        return f"{_say(node.node, catalogue)}, counted {node.factor:g} times"
    if isinstance(node, Nothing):
        return "nothing"
    if isinstance(node, MatchAll):
        return "everything"
    if isinstance(node, Exists):
        return f"has {_label(node.path, catalogue)}"
    if isinstance(node, Term) and (interval := INTERVAL.fullmatch(f"{node.field}:{node.text}")):
        # Beside other clauses, it is read as a field called `chr7`.
        return _place(interval)
    field = _label(node.field, catalogue) if node.field else "any of the usual fields"
    if isinstance(node, Range):
        return f"{field} is {_bounds(node)}"
    if isinstance(node, Term):
        return f"{field} is {node.text}" if node.field else f"{field} holds {node.text}"
    if isinstance(node, Phrase):
        return f"{field} holds “{node.text}”"
    if isinstance(node, Prefix):
        return f"{field} begins with {node.text}"
    if isinstance(node, Fuzzy):
        return f"{field} is about {node.text}, up to {node.edits} letters different"
    return f"{field} is like {node.pattern}"


def _bounds(node: Range) -> str:
    low = f"{'at least' if node.include_low else 'more than'} {node.low}" if node.low is not None else ""
    high = f"{'at most' if node.include_high else 'less than'} {node.high}" if node.high is not None else ""
    return " and ".join(bound for bound in (low, high) if bound) or "anything"


def _label(path: str, catalogue: Catalogue) -> str:
    field = catalogue.get(path)
    return field.label if field is not None else path


def _names(paths: tuple[str, ...], catalogue: Catalogue) -> str:
    return ", ".join(_label(path, catalogue) for path in paths)
