"""Word matching beside the vectors: BM25 over the words and phrases of each card, with stemming.

A card's words count by where they stand: its label and the words that people use for the field most, the terms of its
path next, its description least. Every two- to four-word label and synonym is a word of its own besides, so that
"side effect" is more than "side" and "effect".
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Changes with anything that changes an index made of the same cards.
VERSION = 1
#: BM25's saturation and length norm. Cards are short and long synonym lists are no fault: length weighs little.
_K1, _B = 1.5, 0.25
_LONGEST_PHRASE = 4

_WORD = re.compile(r"[A-Za-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_STOP_WORDS = frozenset(
    "a about according all also am an and any are as at be been being both but by can could did do does each "  # noqa: SIM905
    "either every find for from further get give gives given had has have having her here him his how i if in "
    "into is it its just know let like list look lookup many may me mention might more most much must my need no "
    "not of off on one only onto or other our out over per please put retrieve s see shall she should show so "
    "some such t take tell than that the their them then there these they this those through to too under up us "
    "use via want was we were what when whether which while who whose will with would you your".split()
)
#: Question words and little words that do say which field is meant.
_MEANT = {"where": "location", "when": "date", "who": "person", "called": "name", "named": "name", "names": "name"}

Weighted = tuple[str, float]


def terms(text: str) -> list[str]:
    """Return the stems of a text's words in order, stop words left out."""
    words = (word.lower() for part in _CAMEL.sub(" ", text).split() for word in _WORD.findall(part))
    return [_stem(_MEANT.get(word, word)) for word in words if word not in _STOP_WORDS]


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("porter")


class LexicalIndex:
    """An inverted index over cards that are known by their position."""

    def __init__(
        self,
        vocabulary: dict[str, int],
        starts: NDArray[np.int32],
        cards: NDArray[np.int32],
        weights: NDArray[np.float32],
        size: int,
    ) -> None:
        """Term `t` stands in `cards[starts[t]:starts[t + 1]]`, with the BM25 part that it gives each of them."""
        self._vocabulary = vocabulary
        self._starts, self._cards, self._weights = starts, cards, weights
        self.size = size

    @classmethod
    def build(cls, cards: Sequence[Iterable[Weighted]]) -> LexicalIndex:
        """Index cards, each given as texts with the weight of their words."""
        counts = [_weighted_terms(card) for card in cards]
        lengths = np.array([sum(count.values()) for count in counts] or [0.0])
        mean = max(float(lengths.mean()), 1e-9)
        postings: dict[str, list[tuple[int, float]]] = {}
        for place, count in enumerate(counts):
            norm = _K1 * (1 - _B + _B * lengths[place] / mean)
            for term, frequency in count.items():
                postings.setdefault(term, []).append((place, frequency * (_K1 + 1) / (frequency + norm)))
        vocabulary = {term: number for number, term in enumerate(sorted(postings))}
        starts = np.zeros(len(vocabulary) + 1, dtype=np.int32)
        places: list[int] = []
        weights: list[float] = []
        for term, number in vocabulary.items():
            rows = postings[term]
            idf = np.log(1 + (len(cards) - len(rows) + 0.5) / (len(rows) + 0.5))
            places.extend(place for place, _ in rows)
            weights.extend(float(idf * part) for _, part in rows)
            starts[number + 1] = len(places)
        return cls(vocabulary, starts, np.array(places, np.int32), np.array(weights, np.float32), len(cards))

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return the BM25 score of every card for a text."""
        result = np.zeros(self.size, dtype=np.float32)
        words = terms(text)
        said = ("=" + phrase for phrase in _phrases(_said(text)))
        for term in dict.fromkeys([*words, *_phrases(words), *said]):
            number = self._vocabulary.get(term)
            if number is not None:
                rows = slice(self._starts[number], self._starts[number + 1])
                # A card stands at most once in a term's rows, so plain indexed addition is right.
                result[self._cards[rows]] += self._weights[rows]
        return result

    def unknown(self, text: str) -> list[str]:
        """Return the stems of a text that stand on no card: what the question is after, hardly which field."""
        return [word for word in terms(text) if word not in self._vocabulary]

    def known(self, text: str) -> bool:
        """Tell whether a text has words, and all of them stand on cards."""
        return bool(terms(text)) and not self.unknown(text)

    def save(self, folder: Path) -> None:
        """Write the index into a folder, which is made if need be."""
        folder.mkdir(exist_ok=True)
        np.savez(folder / "lexical.npz", starts=self._starts, cards=self._cards, weights=self._weights)
        (folder / "lexical.json").write_text(
            json.dumps({"size": self.size, "terms": list(self._vocabulary)}, ensure_ascii=False), encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Read an index from a folder.

        Raises:
            DataError: it is missing or damaged.
        """
        try:
            facts = json.loads((folder / "lexical.json").read_text(encoding="utf-8"))
            with np.load(folder / "lexical.npz") as arrays:
                starts, cards, weights = arrays["starts"], arrays["cards"], arrays["weights"]
            vocabulary = {term: number for number, term in enumerate(facts["terms"])}
            return cls(vocabulary, starts, cards, weights, int(facts["size"]))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"The word index in {folder} is damaged.", f"Delete {folder}; it is built again."
            ) from error


def _weighted_terms(texts: Iterable[Weighted]) -> dict[str, float]:
    count: dict[str, float] = defaultdict(float)
    for text, weight in texts:
        words = terms(text)
        for word in words:
            count[word] += weight
        if 2 <= len(words) <= _LONGEST_PHRASE:
            count[" ".join(words)] += weight
        # "what does it do" is nothing but stop words, and yet says which field is meant.
        said = _said(text)
        if 2 <= len(said) <= _LONGEST_PHRASE and not _STOP_WORDS.isdisjoint(said):
            count["=" + " ".join(said)] += weight * (len(said) - 1) / (_LONGEST_PHRASE - 1)
    return count


def _said(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _phrases(words: Sequence[str]) -> list[str]:
    return [
        " ".join(words[start : start + length])
        for length in range(2, _LONGEST_PHRASE + 1)
        for start in range(len(words) - length + 1)
    ]
