"""Which terms a fuzzy query takes where more are similar than Elasticsearch expands it to."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator


def most_similar(text: str, edits: int, terms: Iterable[str], count: int) -> list[str]:
    """Return the `count` best of the terms within `edits` of `text`: by Lucene's similarity, then in their order."""
    return [term for _, term in heapq.nsmallest(count, _rank(text, edits, terms))]


def _rank(text: str, edits: int, terms: Iterable[str]) -> Iterator[tuple[float, str]]:
    known = set(text)
    for term in terms:
        # Cheap to see, and true of nearly all: too long, too short, too many other characters.
        if abs(len(term) - len(text)) > edits or len(set(term) - known) > edits:
            continue
        found = distance(text, term)
        if found <= edits:
            shorter = min(len(text), len(term))
            yield (found / shorter if shorter else math.inf), term


def distance(first: str, second: str) -> int:
    """Return how many characters are to be put in, left out, replaced or swapped with their neighbour."""
    before: list[int] = []
    last: list[int] = []
    row = list(range(len(second) + 1))
    for i, char in enumerate(first, start=1):
        before, last, row = last, row, [i]
        for j, other in enumerate(second, start=1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (char != other))
            if i > 1 and j > 1 and char == second[j - 2] and first[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
    return row[-1]
