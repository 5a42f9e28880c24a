"""Facets: the values of a field among what a query finds, with their counts."""

from __future__ import annotations

from typing import Any

import tantivy

from tools.errors import QueryError
from tools.offline.dates import format_date
from tools.offline.mapping import Field, FieldMapping

# The engine gives up beyond about this many different values.
_MAX_VALUES = 60_000
TEXT_IS_NOT_COUNTED = (
    "Text fields are not optimised for operations that require per-document field data like aggregations and "
    "sorting, so these operations are disabled by default. Please use a keyword field instead: "
    "fielddata is disabled on [{path}]."
)


def count_values(
    searcher: tantivy.Searcher, query: tantivy.Query, mapping: FieldMapping, path: str, size: int
) -> dict[str, Any]:
    """Return one facet in the form of the BioThings SDK.

    `other` is the number of values beyond the first `size`, `total` the sum of the counts shown; `missing` is, as in
    the SDK, the error of the count, which here is always 0. Raises QueryError for a text field.
    """
    leaf = mapping.get(path)
    buckets: list[dict[str, Any]] = []
    other = 0
    if leaf is not None:
        if not leaf.is_sortable:
            raise QueryError(TEXT_IS_NOT_COUNTED.format(path=path), "Count the values of a keyword or number field.")
        terms = {"terms": {"field": leaf.key, "size": _MAX_VALUES, "segment_size": _MAX_VALUES}}
        answer = searcher.aggregate(query, {path: terms})[path]
        buckets = sorted(answer["buckets"], key=lambda bucket: (-bucket["doc_count"], bucket["key"]))
        other = int(answer["sum_other_doc_count"]) + sum(bucket["doc_count"] for bucket in buckets[size:])
    shown = [{"count": bucket["doc_count"], "term": _show(leaf, bucket["key"])} for bucket in buckets[:size]]
    return {"_type": "terms", "terms": shown, "other": other, "missing": 0, "total": sum(row["count"] for row in shown)}


def _show(leaf: Field | None, key: Any) -> Any:
    if leaf is None or not leaf.is_ordered:
        return key
    if leaf.kind == "boolean":
        return "true" if key else "false"
    if leaf.kind == "date":
        return format_date(int(key))
    if leaf.kind in ("float", "double", "half_float"):
        return key
    return int(key)
