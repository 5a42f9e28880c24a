"""Phrases with slop, as Lucene's SloppyPhraseMatcher finds them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

# The distance that Elasticsearch keeps between the values of a list (`position_increment_gap`).
VALUE_GAP = 100


def stands_within(values: Sequence[Sequence[str]], phrase: Sequence[str], slop: int) -> bool:
    """Tell whether the words of `phrase` can be moved into place by at most `slop` steps in all.

    Args:
        values: the words of each value of a field.
        phrase: the words looked for.
        slop: how far they may be moved.
    """
    wanted = set(phrase)
    places: dict[str, list[int]] = {word: [] for word in wanted}
    position = 0
    for words in values:
        for word in words:
            if word in wanted:
                places[word].append(position)
            position += 1
        position += VALUE_GAP
    # What counts is how far each word is from where the phrase would have it.
    return any(_fits(places, phrase, start, slop) for start in _starts(places, phrase))


def _starts(places: dict[str, list[int]], phrase: Sequence[str]) -> Iterator[int]:
    """Yield every least displacement that a match can have."""
    seen = {place - offset for offset, word in enumerate(phrase) for place in places[word]}
    yield from sorted(seen)


def _fits(places: dict[str, list[int]], phrase: Sequence[str], start: int, slop: int) -> bool:
    """Tell whether each word has a place of its own with a displacement between `start` and `start + slop`."""
    options = [
        places[word][bisect_left(places[word], start + offset) : bisect_right(places[word], start + offset + slop)]
        for offset, word in enumerate(phrase)
    ]
    taken: dict[int, int] = {}

    def settle(index: int, tried: set[int]) -> bool:
        for place in options[index]:
            if place not in tried:
                tried.add(place)
                if place not in taken or settle(taken[place], tried):
                    taken[place] = index
                    return True
        return False

    return all(settle(index, set()) for index in range(len(phrase)))
