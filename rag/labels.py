"""How much of a field's own name a question says.

BM25 adds up words, so that a famous field, whose card repeats the common ones, outdoes the field that is named word
for word: "gnomAD exome allele number, East Asian". Here each name of a field (label, synonym, path) stands for itself,
and counts by the share of its words that the question has, rare words more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.lexical import terms
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
    """An inverted index over the names of cards, which are known by their position."""

    def __init__(
        self, vocabulary: dict[str, int], starts: NDArray[np.int32], names: NDArray[np.int32],
        information: NDArray[np.float32], owners: NDArray[np.int32], size: int,
    ) -> None:  # fmt: skip
        """Word `w` stands in `names[starts[w]:starts[w + 1]]`; name `n` belongs to card `owners[n]`."""
        self._vocabulary, self._starts, self._names = vocabulary, starts, names
        self._information, self._owners, self.size = information, owners, size
        self._totals = np.zeros(len(owners), dtype=np.float32)
        np.add.at(self._totals, names, np.repeat(information, np.diff(starts)))

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
        starts = np.cumsum([0, *map(len, postings)]).astype(np.int32)
        flat = np.array([name for row in postings for name in row], dtype=np.int32)
        counts = np.array([spread[word] for word in vocabulary], dtype=np.float32)
        information = np.log(1 + (len(cards) - counts + 0.5) / (counts + 0.5)).astype(np.float32)
        return cls(vocabulary, starts, flat, information, np.array(owners, dtype=np.int32), len(cards))

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return for every card how much of its best-said name stands in a text: 0 to 1."""
        said = np.zeros(len(self._owners), dtype=np.float32)
        for word in dict.fromkeys(terms(text)):
            number = self._vocabulary.get(word)
            if number is not None:
                said[self._names[self._starts[number] : self._starts[number + 1]]] += self._information[number]
        result = np.zeros(self.size, dtype=np.float32)
        shares = (said / self._totals) ** _POWER * said / (said + _HALF)
        np.maximum.at(result, self._owners, shares)
        return result

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        np.savez(
            folder / "labels.npz", starts=self._starts, names=self._names, information=self._information,
            owners=self._owners,
        )  # fmt: skip
        facts = {"size": self.size, "words": list(self._vocabulary)}
        (folder / "labels.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LabelIndex:
        """Read an index from a folder.

        Raises:
            DataError: it is missing or damaged.
        """
        try:
            facts = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
            vocabulary = {word: number for number, word in enumerate(facts["words"])}
            with np.load(folder / "labels.npz") as kept:
                return cls(
                    vocabulary, kept["starts"], kept["names"], kept["information"], kept["owners"], int(facts["size"])
                )
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"The index of names in {folder} is damaged.", f"Delete {folder}; it is built again."
            ) from error
