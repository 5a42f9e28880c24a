"""What of a closed vocabulary a conversation speaks of.

A small model that has written a clause too many fills it with whatever the field allows: a gene type nobody asked for,
an action of the wrong sort. Every other literal is a span of the conversation already; here the allowed values of a
field are held to the same: one can be written where its own words were said, or other words for it; one of a few, or of
codes, which have no words, where words for the field itself were.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Literal

from rapidfuzz import fuzz

from agent.grammar.value_words import AMINO_ACIDS, CUES, FLAG_WORDS, OTHER_WORDS, VERDICTS
from rag.documents import card_names
from rag.lexical import terms
from tools.apis import API_NAMES
from tools.catalogue import Catalogue, Field, load_catalogue

#: One form of a word is as good as the other if they agree in so many letters: agonism, agonist.
_SHARED_LETTERS = 4
#: Words on more than this share of an API's fields do not tell one field from another.
_TELLING_SHARE = 0.06
#: How alike a misspelt word must be, of 100, and how long.
_ALIKE, _MISSPELT_LETTERS = 86, 6
#: Words of values that are in every other question, or that mean something else there.
_GENERIC = frozenset(terms("variant gene drug disease molecule type inheritance onset response class"))
#: What an API is all about: said in every other question for it.
_ABOUT = {
    "mygene": frozenset(terms("gene")), "myvariant": frozenset(terms("variant snp")),
    "mychem": frozenset(terms("drug compound chemical")), "mydisease": frozenset(terms("disease")),
}  # fmt: skip
_NUMBER = re.compile(r"\d+")
_WHOLE_WORD = 3
#: Values that are no longer have no words of their own.
_CODE_LETTERS = 4
_FEW = 4
_CUE_PATTERNS = {name: re.compile(rf"(?<![a-z])(?:{'|'.join(cues.split())})") for name, cues in CUES.items()}
_NEGATED = re.compile(r"n['’]t(?!\w)|[-\w](?:free|negative|less)(?!\w)")
#: Predictors have a score, and its rank among all scores.
_RANK = re.compile(r"rank|centil|%ile|quantil|\b(?:top|upper|highest)\s+[\d.]+\s?(?:%|per\s?cent)")
_HG19, _HG38 = (re.compile(rf"(?:hg|grch|build|(?<![a-z])b)\W?(?:{numbers})(?!\d)") for numbers in ("19|37", "38"))
_BOTH = re.compile(
    r"lift|convert|both|\bother\b|new|latest|(?:19|37)\s*(?:/|and|to|or|vs)\s*38|38\s*(?:/|and|to|or|vs)\s*(?:19|37)"
)
#: Values that are everyday words.
_EVERYDAY = frozenset({"a", "i", "other", "gene", "both", "of"})
#: Where the letters of alleles and amino acids stand: T790M, c.76A>T.
_CHANGE = re.compile(r"(?<![a-z])([a-z])\d+([a-z*])(?![a-z0-9])|([a-z])>([a-z])")


class Evidence:
    """What a conversation speaks of: a question, and the questions and request lines before it."""

    def __init__(self, question: str, history: Sequence[str] = ()) -> None:
        """Read the conversation."""
        self._now = _Said(question)
        self._all = _Said(" ".join((question, *history))) if history else self._now

    def allowed(self, api: str, path: str, values: Sequence[str]) -> tuple[str, ...]:
        """Return those of a field's `values` that the conversation gives reason to write, none if it gives none.

        What the question names narrows the choice; what an earlier turn names stays possible. Words of longer values
        count as values of analysed text where they were said: any "conflicting" significance.
        """
        if api not in API_NAMES:
            return tuple(values)  # A catalogue of the user's own may have no words at all.
        other = VERDICTS if path.endswith("pred") else AMINO_ACIDS if ".aa." in path else OTHER_WORDS
        whole = {value for value in values if self._now.names(value, other, whole=True)}
        named = {
            value: None
            for value in values
            if value in whole
            or self._all.names(value, other, whole=False)
            or (len(value) > 1 and value.lower() in _EVERYDAY and self._now.has(value))
        }
        if not named and not (_have_few_words(values) and self.speaks_of(api, path)):
            return ()
        if not whole:
            named = dict.fromkeys(values)
        named = {value: None for value in named if value in whole or not self._goes_beyond(value)}
        field = load_catalogue(api).get(path)
        if field is not None and field.type == "text":
            # "Conflicting" stands for several values; of a single one a part is but its beginning.
            parts = Counter(word.strip(",") for value in values if " " in value for word in value.split())
            shared = (word for word, count in parts.items() if count > 1 and len(word) >= _SHARED_LETTERS)
            named.update((word, None) for word in shared if self._all.has(word))
        return tuple(named)

    def _goes_beyond(self, value: str) -> bool:
        """Tell whether a value is one that was said and goes on: "pathogenic" is not "pathogenic, low penetrance"."""
        said, comma, further = value.partition(",")
        return bool(comma and self._all.has(said) and not any(map(self._all.says, terms(further))))

    def speaks_of(self, api: str, path: str) -> bool:
        """Tell whether a word that tells this field from others was said; true where it has no such word."""
        words = _telling_words(load_catalogue(api)).get(path, frozenset())
        if api not in API_NAMES or not words:
            return True
        return any(map(self._all.says, words)) or self._all.begins_one_of(FLAG_WORDS.get(path, ""))

    def mentions(self, api: str, path: str) -> bool:
        """Tell whether a word of a field's path, label or synonyms was said, beside what an API is all about."""
        field = load_catalogue(api).get(path)
        words = _words(field) - _ABOUT.get(api, frozenset()) if field is not None else frozenset()
        return not words or any(map(self._all.says, words))

    def rules_out(self, path: str) -> bool:
        """Tell whether a field is one that nobody means without words for it: a rank, positions on another assembly."""
        if path.endswith("rankscore") and not _RANK.search(self._all.text):
            return True
        if _BOTH.search(self._all.text):
            return False
        return any(
            assembly in re.split(r"[._]", path) and other.search(self._all.text) and not own.search(self._all.text)
            for assembly, own, other in (("hg19", _HG19, _HG38), ("hg38", _HG38, _HG19))
        )

    def wants(self, part: Literal["facets", "sort", "not", "filter"]) -> bool:
        """Tell whether a part of a request was spoken of: counts by value, an order, what is not so, a filter."""
        if part == "filter":
            return "filter" in self._all.text
        found = _CUE_PATTERNS[part].search(self._all.text)
        return bool(found or (part == "not" and _NEGATED.search(self._all.text)))


def _have_few_words(values: Sequence[str]) -> bool:
    """Tell whether values are codes, or so few that the other words for them are not known to be listed here."""
    return len(values) <= _FEW or all(len(value) <= _CODE_LETTERS for value in values)


class _Said:
    """A text, asked for words."""

    def __init__(self, text: str) -> None:
        self.text = text.lower().replace("_", " ")
        self._known: dict[str, bool] = {}

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(terms(self.text))

    @cached_property
    def _long(self) -> tuple[str, ...]:
        return tuple(stem for stem in self._stems if len(stem) >= _SHARED_LETTERS)

    @cached_property
    def _letters(self) -> frozenset[str]:
        return frozenset(letter for match in _CHANGE.finditer(self.text) for letter in match.groups() if letter)

    def has(self, word: str) -> bool:
        """Tell whether a word stands here as it is, case aside."""
        return bool(_pattern(word.lower(), whole=True).search(self.text))

    def names(self, value: str, other: Mapping[str, str], *, whole: bool) -> bool:
        """Tell whether a value is named: itself, by other words for it, or by its own; `whole`: by all of these."""
        lower = value.lower().replace("_", " ")
        if self.begins_one_of(other.get(value.lower(), "")) or lower in self._letters:
            return True
        if lower not in _EVERYDAY and self.has(lower):
            return True
        words = [word for word in terms(value.replace("_", " ")) if word not in _GENERIC]
        return bool(words) and (all if whole else any)(map(self.says, words))

    def begins_one_of(self, starts: str) -> bool:
        """Tell whether a word begins as one of `starts`, which commas divide."""
        return any(
            _pattern(start, whole=len(start) <= _WHOLE_WORD).search(self.text) for start in starts.split(",") if start
        )

    def says(self, word: str) -> bool:
        """Tell whether a stem was said, perhaps in another form or misspelt."""
        if word not in self._known:
            self._known[word] = word in self._stems or (
                len(word) >= _SHARED_LETTERS and any(_alike(word, said) for said in self._long)
            )
        return self._known[word]


def _alike(word: str, said: str) -> bool:
    if word.startswith(said) or said.startswith(word):
        return True
    return min(len(word), len(said)) >= _MISSPELT_LETTERS and fuzz.ratio(word, said) >= _ALIKE


@lru_cache(maxsize=4096)
def _pattern(word: str, *, whole: bool) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9'’]){re.escape(word)}" + (r"s?(?![a-z0-9])" if whole else ""))


@lru_cache(maxsize=16)
def _telling_words(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """Return the stems of each field's path, label and synonyms that few other fields have."""
    words = {field.path: _words(field) for field in catalogue}
    counts = Counter(word for stems in words.values() for word in stems)
    most = _TELLING_SHARE * len(words)
    return {path: frozenset(word for word in stems if counts[word] <= most) for path, stems in words.items()}


def _words(field: Field) -> frozenset[str]:
    return frozenset(word for name in card_names(field) for word in terms(name) if not _NUMBER.fullmatch(word))
