"""What an index is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SearchRequest:
    """One search.

    `q` is a query string (None: everything; empty: nothing). `filters` are further query strings, with default
    operator OR and not lenient. `taxids`, `exists` and `missing` narrow the search without counting for the score.
    `assembly` applies to variants; where it is None, `ranking.choose_assemblies` says where they are looked for.
    `after` makes the search a listing: its hits are not ranked, but follow the document of that number (-1: the
    beginning) in the order in which they were indexed.
    """

    q: str | None = None
    filters: list[str] = field(default_factory=list)
    taxids: list[int] | None = None
    exists: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    assembly: str | None = None
    size: int = 10
    from_: int = 0
    sort: list[str] = field(default_factory=list)
    facets: list[str] = field(default_factory=list)
    facet_size: int = 10
    scores: bool = True
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found; `score` is None where hits are sorted by fields."""

    id: str
    score: float | None
    source: dict[str, Any]


@dataclass(frozen=True)
class SearchResult:
    """One page of hits, of `total`, which listings count on their first page only.

    `assembly`: for variants, the one whose positions the hits show; `hg19,hg38` where each shows those that are known.
    `last`: the number of the last hit of a listing.
    """

    total: int
    max_score: float | None
    hits: list[Hit]
    facets: dict[str, Any]
    assembly: str | None = None
    last: int | None = None


@dataclass(frozen=True)
class Coverage:
    """What an index holds: the paths at which a document has a value, the species, the genome assemblies."""

    fields: frozenset[str]
    taxids: frozenset[int]
    assemblies: frozenset[str]
