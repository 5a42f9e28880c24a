"""Sorting hits by fields, as Elasticsearch does: the least of several values ascending, the greatest descending.

Documents without a value come last in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tantivy

from tools.errors import QueryError
from tools.offline.analysis import lowercase
from tools.offline.documents import ID, Document, collect_values, to_text
from tools.offline.facets import TEXT_IS_NOT_COUNTED
from tools.offline.mapping import FieldMapping
from tools.offline.values import encode

SCORE = "_score"
Hits = list[tuple[Any, tantivy.DocAddress]]


@dataclass(frozen=True)
class SortKey:
    """A field's path (or `_score`, `_id`) and its direction."""

    path: str
    descending: bool


def read_sort(names: Sequence[str], mapping: FieldMapping) -> list[SortKey]:
    """Read the names of a `sort` parameter; raises QueryError for what cannot be sorted by."""
    keys = []
    for name in names:
        path = name.removeprefix("-")
        leaf = mapping.get(path)
        if leaf is None and path not in (SCORE, "_id"):
            raise QueryError(f"No mapping found for [{path}] in order to sort on", "Sort by a field of the listing.")
        if leaf is not None and not leaf.is_sortable:
            raise QueryError(TEXT_IS_NOT_COUNTED.format(path=path), "Sort by a keyword or number field.")
        keys.append(SortKey(path, descending=name.startswith("-") or path == SCORE))
    return keys


class Sorter:
    """Sorts what queries find in one index; `read` returns the document at an address."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        mapping: FieldMapping,
        read: Callable[[tantivy.DocAddress], Document],
        weight_field: str | None,
    ) -> None:
        self._searcher = searcher
        self._mapping = mapping
        self._read = read
        self._weight_field = weight_field
        self._multi_valued: dict[str, bool] = {}

    def find(self, query: tantivy.Query, keys: Sequence[SortKey], size: int, from_: int) -> tuple[Hits, int]:
        """Return the addresses of one page in order, and the number of all hits."""
        if len(keys) == 1 and keys[0].path != SCORE and self._has_column(keys[0]):
            key = keys[0]
            leaf = self._mapping.get(key.path)
            result = self._searcher.search(
                query,
                max(size, 1),
                offset=from_,
                order_by_field=leaf.key if leaf else ID,
                order=tantivy.Order.Desc if key.descending else tantivy.Order.Asc,
            )
            return result.hits[:size], result.count
        every = max(self._searcher.num_docs, 1)
        result = self._searcher.search(query, every, weight_by_field=self._weight_field)
        hits = list(result.hits)
        documents = [self._read(address) for _, address in hits]
        order = list(range(len(hits)))
        for key in reversed(keys):
            values = [self._value(document, score, key) for document, (score, _) in zip(documents, hits, strict=True)]
            present = [place for place in order if values[place] is not None]
            present.sort(key=values.__getitem__, reverse=key.descending)
            order = present + [place for place in order if values[place] is None]
        return [hits[place] for place in order[from_ : from_ + size]], result.count

    def _has_column(self, key: SortKey) -> bool:
        """Tell whether the engine's column sorts as wanted: it holds the least value first."""
        leaf = self._mapping.get(key.path)
        if leaf is None or not key.descending:
            return True
        known = self._multi_valued.get(leaf.key)
        if known is None:
            counted = self._searcher.aggregate(
                tantivy.Query.exists_query(leaf.key), {"values": {"value_count": {"field": leaf.key}}}
            )["values"]["value"]
            holders = self._searcher.search(tantivy.Query.exists_query(leaf.key), 1).count
            known = self._multi_valued[leaf.key] = counted > holders
        return not known

    def _value(self, document: Document, score: float, key: SortKey) -> Any:
        if key.path == SCORE:
            return score
        if key.path == "_id":
            return document["_id"]
        leaf = self._mapping.fields[key.path]
        found = collect_values(document, self._mapping).get(key.path, [])
        values: list[Any] = [
            encode(leaf.kind, value) if leaf.is_ordered else (str if leaf.exact else lowercase)(to_text(value))
            for value in found
        ]
        values = [value for value in values if value is not None]
        if not values:
            return None
        return max(values) if key.descending else min(values)
