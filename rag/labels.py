"""How much of a field's own name a question says.

BM25 adds up words, so that a famous field, whose card repeats the common ones, outdoes the field that is named word
for word: "gnomAD exome allele number, East Asian". Here each name of a field (label, synonym, path) stands for itself,
and counts by the share of its words that the question has, rare words more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from rag.lexical import LexicalIndex, terms
from tools.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Changes with anything that changes an index made of the same cards.
VERSION = 1
#: A name that is half said counts a quarter.
_POWER = 2.0
#: The information of words at which a name that is fully said counts half: one rare word less than several.
_HALF = 20.0


class LabelIndex:
    """The names of cards, which are known by their position, in an inverted index of their own."""

    def __init__(self, names: LexicalIndex, totals: NDArray[np.float32], owners: NDArray[np.int32], size: int) -> None:
        """Name `n` of `names` belongs to card `owners[n]`, and scores `totals[n]` where it is said in full."""
        self._names, self._totals, self._owners, self.size = names, totals, owners, size

    @classmethod
    def build(cls, cards: Sequence[Iterable[str]]) -> LabelIndex:
        """Index cards, each given by its names."""
        named = [{frozenset(words) for words in map(terms, card) if words} for card in cards]
        spread = Counter(word for names in named for word in frozenset().union(*names))
        vocabulary = {word: number for number, word in enumerate(sorted(spread))}
        owners: list[int] = []
        postings: list[list[int]] = [[] for _ in vocabulary]
        for owner, names in enumerate(named):
            for name in sorted(map(sorted, names)):
                for word in name:
                    postings[vocabulary[word]].append(len(owners))
                owners.append(owner)
        sizes = [len(row) for row in postings]
        starts = np.cumsum([0, *sizes]).astype(np.int32)
        flat = np.array([name for row in postings for name in row], dtype=np.int32)
        counts = np.array([spread[word] for word in vocabulary], dtype=np.float32)
        information = np.log(1 + (len(cards) - counts + 0.5) / (counts + 0.5)).astype(np.float32)
        weights = np.repeat(information, sizes)
        totals = np.zeros(len(owners), dtype=np.float32)
        np.add.at(totals, flat, weights)
        index = LexicalIndex(vocabulary, starts, flat, weights, len(owners))
        return cls(index, totals, np.array(owners, dtype=np.int32), len(cards))

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return for every card how much of its best-said name stands in a text: 0 to 1."""
        said = self._names.scores(text)
        result = np.zeros(self.size, dtype=np.float32)
        np.maximum.at(result, self._owners, (said / self._totals) ** _POWER * said / (said + _HALF))
        return result

    def save(self, folder: Path) -> None:
        """Write the index into a folder, which is made if need be."""
        self._names.save(folder)
        np.savez(folder / "owners.npz", totals=self._totals, owners=self._owners, size=self.size)

    @classmethod
    def load(cls, folder: Path) -> LabelIndex:
        """Read an index from a folder.

        Raises:
            DataError: it is missing or damaged.
        """
        names = LexicalIndex.load(folder)
        try:
            with np.load(folder / "owners.npz") as kept:
                return cls(names, kept["totals"], kept["owners"], int(kept["size"]))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(
                f"The index of names in {folder} is damaged.", f"Delete {folder}; it is built again."
            ) from error
