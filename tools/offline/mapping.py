"""The fields of an offline index: what each is made of, and which a query means.

A mapping is a field listing in the form of `/metadata/fields`: `{path: {"type", "index", "searched_by_default",
"copy_to", "analyzer", "normalizer"}}`. The product's own listings write `default` for `searched_by_default` and
`query: false` for fields that the live service keeps out of the reach of query strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tools.errors import DataError
from tools.offline.analysis import ANALYZERS, SINGLE_TOKEN_ANALYZERS, STANDARD
from tools.offline.values import ORDERED_TYPES

ALL = "all"
_OBJECTS = frozenset(["object", "nested"])
_STRINGS = frozenset(["text", "keyword"])
_ALIASES = {"string": "text", "scaled_float": "double", "unsigned_long": "long", "date_nanos": "date"}


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf. `key` is its name in the index; `copies` are the fields that its values also go into."""

    path: str
    kind: str
    key: str
    analyzer: str = STANDARD
    exact: bool = False
    indexed: bool = True
    copies: tuple[str, ...] = ()

    @property
    def is_ordered(self) -> bool:
        """Whether it is stored as numbers: numbers, dates, booleans."""
        return self.kind in ORDERED_TYPES

    @property
    def is_whole(self) -> bool:
        """Whether a value is indexed as whole terms, without positions."""
        return self.kind == "keyword" or (self.kind == "text" and self.analyzer in SINGLE_TOKEN_ANALYZERS)

    @property
    def is_sortable(self) -> bool:
        """Whether the service can sort by it and count its values: not a text."""
        return self.kind != "text"

    @property
    def is_searchable(self) -> bool:
        """Whether a query can find its values. Elasticsearch searches unindexed numbers by their columns."""
        return self.indexed or self.kind != "text"


@dataclass(slots=True)
class Node:
    """A place in a document: an object with `children`, or what goes into fields, whose paths are `targets`.

    (Several where the field has multi-fields or is copied into others.)
    `seen` is set once a document holds a value there, also where no query reaches it.
    """

    children: dict[str, Node] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    seen: bool = False


class FieldMapping:
    """The fields of one index, made from a listing.

    Args:
        rows: the listing.
        nested: objects that query strings never reach, beside those that the listing says are `nested`.

    Raises:
        DataError: a row has no known type or analyser.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], nested: Iterable[str] = ()) -> None:
        self.rows = rows
        self._nested = tuple(nested)
        hidden = {path for path, row in rows.items() if row.get("type") == "nested"} | set(self._nested)
        self._hidden = tuple(path + "." for path in hidden)
        self.fields: dict[str, Field] = {}
        for path, row in rows.items():
            if row.get("type") in _OBJECTS:
                continue
            if path not in hidden and not path.startswith(self._hidden):
                self._add(path, row)
                for name, inner in (row.get("fields") or {}).items():
                    self._add(f"{path}.{name}", inner)
        #: Fields that values of others are copied into.
        self.targets = {target for leaf in self.fields.values() for target in leaf.copies} | {ALL}
        self._add_targets()
        self.root = self._build_tree()

    def copy(self) -> FieldMapping:
        """Return the same fields, none of them seen yet."""
        return FieldMapping(self.rows, self._nested)

    def get(self, path: str) -> Field | None:
        """Return the leaf of that exact name, if a query can name it."""
        return self.fields.get(path)

    def seen_paths(self) -> Iterator[str]:
        """Yield the paths of the listing at which documents held values."""
        stack = [("", self.root)]
        while stack:
            path, node = stack.pop()
            if node.seen:
                yield path
            stack += [(f"{path}.{key}" if path else key, child) for key, child in node.children.items()]

    def type_of(self, path: str) -> str | None:
        """Return the type of a field that queries can name, None for objects and unknown names."""
        leaf = self.fields.get(path)
        return leaf.kind if leaf else None

    @lru_cache(maxsize=256)  # noqa: B019 - a mapping lives as long as its index
    def expand(self, pattern: str) -> tuple[Field, ...]:
        """Return the leaves that a name with `*` means; `*` alone leaves out those not indexed."""
        if "*" not in pattern:
            leaf = self.fields.get(pattern)
            return (leaf,) if leaf else ()
        matcher = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
        return tuple(
            leaf
            for path, leaf in self.fields.items()
            if matcher.fullmatch(path) and (pattern.strip("*") or leaf.indexed)
        )

    def _add(self, path: str, row: Mapping[str, Any]) -> None:
        kind = str(row.get("type"))
        kind = _ALIASES.get(kind, kind)
        if kind not in ORDERED_TYPES and kind not in _STRINGS:
            # Types without a search of their own here, such as flattened or ip, compare as whole values.
            kind = "keyword"
        analyzer = row.get("analyzer") or STANDARD
        if analyzer not in ANALYZERS:
            raise DataError(
                f"The mapping gives {path!r} the analyzer {analyzer!r}, which is not known.",
                f"Known are {', '.join(sorted(ANALYZERS))}.",
            )
        targets = row.get("copy_to") or ()
        copies = [targets] if isinstance(targets, str) else list(targets)
        if (row.get("searched_by_default") or row.get("default")) and ALL not in copies:
            copies.append(ALL)
        self.fields[path] = Field(
            path,
            kind,
            f"f{len(self.fields)}",
            analyzer,
            exact="normalizer" in row and row["normalizer"] is None,
            indexed=row.get("index", True) is not False,
            copies=tuple(copies),
        )

    def _add_targets(self) -> None:
        """Add the fields that values are copied into and that the listing does not name."""
        for leaf in list(self.fields.values()):
            for target in leaf.copies:
                if target not in self.fields:
                    row: dict[str, Any] = {"type": "text"}
                    if target != ALL and leaf.analyzer != STANDARD:
                        row["analyzer"] = leaf.analyzer
                    self._add(target, row)
        if ALL not in self.fields:
            self._add(ALL, {"type": "text"})

    def _build_tree(self) -> Node:
        root = Node()
        for path in self.rows:
            _descend(root, path)
        for path, leaf in self.fields.items():
            parent, _, name = path.rpartition(".")
            is_inner = path not in self.rows and name in (self.rows.get(parent, {}).get("fields") or {})
            node = _descend(root, parent if is_inner else path)
            node.targets += [leaf.path, *leaf.copies]
        return root


def _descend(node: Node, path: str) -> Node:
    for part in path.split("."):
        node = node.children.setdefault(part, Node())
    return node
