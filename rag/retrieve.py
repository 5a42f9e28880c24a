"""Finds the fields, notes and examples that fit a question.

What speaks for a field: the vector of its card, its words (BM25), how much of its name is said, the entities in the
question (an rsID is searched as `dbsnp.rsid`), the requests of similar worked examples, how often people ask for it at
all, and the API that the question seems to be about. Entities themselves are masked, so that "where is BRCA1 located"
is about location.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.documents import Example, Note
from rag.entities import Entity, find_entities, mask, voted_fields
from rag.index import Index, open_index
from tools.apis import api_names, get_api
from tools.catalogue import Catalogue, Field, load_catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.embeddings import Progress

    Scores = NDArray[np.float32]

#: Vectors are made of the question alone; a pasted page must not steer, or cost, more than its beginning.
_LONGEST_QUESTION = 1000
_NOTES, _EXAMPLES = 3, 4
#: Conditions add up over the turns of a thread; beyond three they are rarely meant still.
_HISTORY = 3
#: How many of the nearest cards the vectors are asked for; the other voices need no such limit.
_NEAR = 200
#: Words by which a question names what it is about; a hint for the API, no more.
_API_WORDS = {
    "mygene": r"genes?|proteins?|transcripts?|orthologs?|homologs?|homologues?|pathways?|mygene",
    "myvariant": r"variants?|mutations?|snps?|snvs?|alleles?|polymorphisms?|indels?|deletions?|insertions?|myvariant",
    "mychem": r"drugs?|compounds?|chemicals?|medicines?|medications?|molecules?|substances?|ligands?|mychem",
    "mydisease": r"diseases?|disorders?|syndromes?|illness(?:es)?|conditions?|phenotypes?|symptoms?|mydisease",
}
#: Fields by which things are found whose name is in the question: words that stand on no card, or in quotes.
_NAME_FIELDS = {
    "mygene": ("symbol", "name", "summary"),
    "myvariant": ("clinvar.rcv.conditions.name",),
    "mychem": ("chembl.pref_name", "chebi.name", "drugbank.name", "pharmgkb.name"),
    "mydisease": ("mondo.label", "disease_ontology.name"),
}
#: A letter before a digit is hardly ever a word: CDK2.
_NUMBERED = re.compile(r"[A-Za-z]\d")
_NAME_LEAVES = frozenset({"name", "label", "title", "symbol", "term"})
_API_PATTERNS = {api: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for api, words in _API_WORDS.items()}
_FOLLOW_UP = re.compile(
    r"^\W*(?:and|also|or|but|now|only|just|(?:what|how) about|same|then|instead|sort|(?:show )?more|next|in|for"
    r"|with(?:out)?)\b"
    r"|\b(?:its|it|their|they|them|those|these|that one|this one|the same|of which)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each voice counts.

    Tuned on `data/examples/dev.jsonl` and on the worked examples, each left out in turn.
    """

    vector: float = 0.65
    words: float = 0.7
    words_half: float = 13.0
    label: float = 0.45
    entity: float = 0.42
    name: float = 1.4
    example: float = 0.36
    example_floor: float = 0.24
    prior: float = 0.35
    unasked: float = 0.27
    api: float = 0.5
    sure: float = 2.0
    named: float = 3.0
    second: float = 0.15
    sibling: float = 0.015
    follow_up: float = 0.85
    history: float = 0.4
    older: float = 1.0


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class ScoredField:
    """A field that fits, the better the higher its score; `label` and `description` are the catalogue's."""

    api: str
    path: str
    score: float
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found, best first, and how long it took."""

    fields: list[ScoredField]
    notes: list[Note]
    examples: list[Example]
    apis: dict[str, float]
    seconds: float


@dataclass(slots=True)
class _Evidence:
    """What one question says about every card and every guide."""

    cards: Scores
    apis: Scores
    keys: NDArray[np.bool_]
    names: Scores
    guides: list[tuple[int, float]]


def retrieve(
    question: str,
    history: Sequence[str] = (),
    apis: Sequence[str] | None = None,
    k: int = 16,
    *,
    home: Path,
    progress: Progress | None = None,
) -> Retrieval:
    """Find the `k` fields that a request for this question is likeliest to need, with notes and examples.

    Args:
        question: in plain language, of any length.
        history: earlier questions of the thread, oldest first; they count more when the question is a follow-up.
        apis: search these only; None: all.
        k: how many fields.
        home: the folder that holds the index; it is built there first if need be.
        progress: told what is being built.

    Raises:
        QueryError: an API in `apis` is not known.
        DataError: the index can be neither opened nor built.
    """
    return _retriever(home, progress).retrieve(question, history, apis, k)


def rank(
    text: str, apis: Sequence[str] | None = None, k: int = 16, *, home: Path, progress: Progress | None = None
) -> list[ScoredField]:
    """Return the fields that fit a text, best first: what `fields "TEXT"` shows."""
    return retrieve(text, (), apis, k, home=home, progress=progress).fields


_open: dict[Path, tuple[list[Catalogue], Retriever]] = {}
_opening = threading.Lock()


def _retriever(home: Path, progress: Progress | None) -> Retriever:
    """Return the retriever over the index below `home`, opened once; again when a catalogue was changed or added."""
    with _opening:
        catalogues = [load_catalogue(api) for api in api_names()]
        kept = _open.get(home)
        if kept is not None:
            if len(kept[0]) == len(catalogues) and all(map(is_, kept[0], catalogues)):
                return kept[1]
            kept[1].close()
        retriever = Retriever(open_index(home, progress))
        _open[home] = (catalogues, retriever)
        return retriever


class Retriever:
    """Searches one open index."""

    def __init__(self, index: Index, weights: Weights = WEIGHTS) -> None:
        """Prepare what does not depend on the question."""
        self._index = index
        self._weights = weights
        self.contents = contents = index.contents
        self._place = {(card.api, card.path): place for place, card in enumerate(contents.cards)}
        self._apis = list(dict.fromkeys(card.api for card in contents.cards))
        number = {api: place for place, api in enumerate(self._apis)}
        self._api_of = np.array([number[card.api] for card in contents.cards], dtype=np.int32)
        parents: dict[tuple[str, str], int] = {}
        self._parent_of = np.array([parents.setdefault(_parent(card), len(parents)) for card in contents.cards])
        self._prior = np.array([card.prior for card in contents.cards], dtype=np.float32)
        self._names = np.zeros(len(contents.cards), dtype=np.float32)
        for api in self._apis:
            paths = _NAME_FIELDS.get(api) or _guessed_name_fields([card for card in contents.cards if card.api == api])
            for rank, path in enumerate(paths):
                if (api, path) in self._place:
                    self._names[self._place[api, path]] = 0.5**rank
        self._example_api = [number.get(example.api) for example in contents.examples]
        self._example_cards = [
            [self._place[example.api, path] for path in paths if (example.api, path) in self._place]
            for example, paths in zip(contents.examples, index.example_fields, strict=True)
        ]

    def retrieve(
        self, question: str, history: Sequence[str] = (), apis: Sequence[str] | None = None, k: int = 16,
        *, shown: int | None = None, without_example: int | None = None,
    ) -> Retrieval:  # fmt: skip
        """See `retrieve` above; the first `shown` of `k` fields are those that `k` = `shown` alone would give.

        `without_example` leaves one worked example out, which tuning needs.
        """
        started = time.perf_counter()
        for api in apis or ():
            get_api(api)
        weights = self._weights
        earlier = list(history)[-_HISTORY:]
        shares = [1.0]
        if earlier:
            leans = is_follow_up(question) or not self._has_subject(question[:_LONGEST_QUESTION])
            share = weights.follow_up if leans else weights.history
            shares += [share * weights.older**age for age in range(len(earlier))]
        texts = [text[:_LONGEST_QUESTION] for text in (question, *reversed(earlier))]
        evidence = self._evidence(texts, apis, without_example)
        cards = evidence[0].cards
        guess, keys, names = evidence[0].apis, evidence[0].keys, evidence[0].names
        for share, other in zip(shares[1:], evidence[1:], strict=True):
            cards = np.maximum(cards, share * other.cards)
            guess = guess + share * other.apis
            keys, names = keys | other.keys, np.maximum(names, other.names)
        chances = _softmax(guess)
        total = cards * (weights.unasked + (1 - weights.unasked) * self._prior**weights.prior)
        total += (weights.api + weights.name * names) * chances[self._api_of]
        if apis is not None:
            allowed = np.array([api in apis for api in self._apis])
            total[~allowed[self._api_of]] = -np.inf
        shown = min(k, shown or k)
        reserved = self._reserved(total, chances, keys, names > 0)[: shown // 2]
        picked = self._pick(total, k, reserved)
        ranked = [sorted(part, key=lambda place: -total[place]) for part in (picked[:shown], picked[shown:])]
        fields = [self._scored(place, float(total[place])) for part in ranked for place in part]
        notes, examples = self._guides(evidence[0].guides, apis)
        likely = {api: round(float(chances[place]), 4) for place, api in enumerate(self._apis)}
        return Retrieval(fields, notes, examples, likely, time.perf_counter() - started)

    def called(self, question: str, api: str) -> dict[str, float]:
        """Return how much of a field's best-said name a question has, 0 to 1, for the fields of an API with some."""
        scores = self._index.labels.scores(self._said(question[:_LONGEST_QUESTION], find_entities(question)))
        cards = self._index.contents.cards
        return {cards[place].path: float(scores[place]) for place in np.flatnonzero(scores) if cards[place].api == api}

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    def _has_subject(self, question: str) -> bool:
        """Tell whether a question names a thing to search for: an identifier, or a word that is on no card."""
        entities = find_entities(question)
        if any(entity.kind not in ("species", "number") for entity in entities):
            return True
        return bool(self._index.words.unknown(mask(question, entities, words=False)))

    def _evidence(
        self, texts: Sequence[str], apis: Sequence[str] | None, without_example: int | None
    ) -> list[_Evidence]:
        entities = [find_entities(text) for text in texts]
        masked = [mask(text, found) for text, found in zip(texts, entities, strict=True)]
        vectors = self._index.embedder.embed(masked)
        size = len(self._place)
        # One API's fields are a small part of all, so more of the nearest are needed to hold enough of them.
        near_cards = self._index.nearest_cards(vectors, min(size, _NEAR if apis is None else 4 * _NEAR))
        near_guides = self._index.nearest_guides(vectors, min(40, self._index.guides))
        return [
            self._weigh(text, found, cards, guides, without_example)
            for text, found, cards, guides in zip(texts, entities, near_cards, near_guides, strict=True)
        ]

    def _weigh(
        self, text: str, entities: list[Entity], near: list[tuple[int, float]], guides: list[tuple[int, float]],
        without_example: int | None,
    ) -> _Evidence:  # fmt: skip
        weights = self._weights
        vector = np.zeros(len(self._place), dtype=np.float32)
        if near:
            floor = near[-1][1]
            places = [place for place, _ in near]
            vector[places] = [max(0.0, similarity - floor) for _, similarity in near]
        said = self._said(text, entities)
        words = _saturate(self._index.words.scores(said), weights.words_half)
        votes = np.zeros_like(vector)
        for field, vote in voted_fields(entities).items():
            if field in self._place:
                votes[self._place[field]] = vote
        named = not votes.any() or bool(self._index.words.unknown(mask(text, entities, words=False)))
        names = self._names if named else np.zeros_like(vector)
        shown = np.zeros_like(vector)
        notes = len(self._index.contents.notes)
        apis = np.zeros(len(self._apis), dtype=np.float32)
        for place, similarity in guides:
            number = place - notes
            if number < 0 or number == without_example:
                continue
            strength = max(0.0, similarity - weights.example_floor) / (1 - weights.example_floor)
            for card in self._example_cards[number]:
                shown[card] = max(shown[card], strength)
            api = self._example_api[number]
            if api is not None:
                apis[api] = max(apis[api], strength)
        cards = weights.vector * vector + weights.words * words + weights.entity * votes + weights.example * shown
        called = self._index.labels.scores(said)
        cards += weights.label * called
        for api, title in enumerate(self._apis):
            mine = self._api_of == api
            best = np.sort((vector + words)[mine])[-4:]
            apis[api] += float(best.mean()) + 0.5 * float(votes[mine].max()) + weights.named * float(called[mine].max())
            pattern = _API_PATTERNS.get(title)
            apis[api] += 0.4 * bool(pattern and pattern.search(mask(text, entities)))
        return _Evidence(cards, weights.sure * apis, votes > 0, names, guides)

    def _said(self, text: str, entities: Sequence[Entity]) -> str:
        """Return a question without its entities; those that look like a symbol but are a card's word stay.

        MPC and FATHMM are scores, ICD-9-CM is a classification.
        """
        known = self._index.words.known
        gone = [
            item for item in entities
            if item.kind != "symbol" or _NUMBERED.search(item.text) or not known(item.text)
        ]  # fmt: skip
        return mask(text, gone, words=False)

    def _reserved(self, total: Scores, chances: Scores, keys: NDArray[np.bool_], names: NDArray[np.bool_]) -> list[int]:
        """Return the cards that get a place in any case: a request without a field to search by is none.

        They are the best of the fields that the question's identifiers are searched by, and of those for names.
        """
        reserved: list[int] = []
        for rank, api in enumerate(np.argsort(-chances)[:2]):
            mine = np.isfinite(total) & (self._api_of == api)
            if rank and chances[api] < self._weights.second:
                break
            for candidates, count in ((mine & keys, 3 - rank), (mine & names, 2 - rank)):
                places = np.flatnonzero(candidates)
                reserved += [int(place) for place in places[np.argsort(-total[places], kind="stable")][:count]]
        return list(dict.fromkeys(reserved))

    def _pick(self, total: Scores, k: int, reserved: Sequence[int]) -> list[int]:
        """Pick one after the other, each further field of one parent a little less welcome than the one before."""
        picked = list(reserved)[:k]
        taken = np.bincount(self._parent_of[picked], minlength=len(self._place)).astype(np.float32)
        left = total.copy()
        left[picked] = -np.inf
        while len(picked) < k:
            best = int(np.argmax(left - self._weights.sibling * taken[self._parent_of]))
            if not np.isfinite(left[best]):
                break
            picked.append(best)
            left[best] = -np.inf
            taken[self._parent_of[best]] += 1
        return picked

    def _scored(self, place: int, score: float) -> ScoredField:
        card = self._index.contents.cards[place]
        return ScoredField(card.api, card.path, round(score, 4), card.label, card.description)

    def _guides(self, near: list[tuple[int, float]], apis: Sequence[str] | None) -> tuple[list[Note], list[Example]]:
        contents = self._index.contents
        count = len(contents.notes)
        notes = [contents.notes[place] for place, _ in near if place < count]
        examples = [contents.examples[place - count] for place, _ in near if place >= count]
        if apis is not None:
            examples = [example for example in examples if example.api in apis]
        return notes[:_NOTES], examples[:_EXAMPLES]


def is_follow_up(question: str) -> bool:
    """Tell whether a question leans on an earlier one: "and in mouse?", "sort them by name", "BRCA2?"."""
    return len(question.split()) <= 3 or _FOLLOW_UP.search(question) is not None


def _guessed_name_fields(cards: Sequence[Field]) -> list[str]:
    """Guess what things are called by in an API of the user's own: the names nearest to a document's top."""
    named = [card for card in cards if card.searchable and card.path.rpartition(".")[2] in _NAME_LEAVES]
    return [card.path for card in sorted(named, key=lambda card: card.path.count("."))][:2]


def _parent(card: Field) -> tuple[str, str]:
    return card.api, card.path.rpartition(".")[0] or card.path


def _saturate(scores: Scores, half: float) -> Scores:
    result: Scores = scores / (scores + half)
    return result


def _softmax(scores: Scores) -> Scores:
    powers: Scores = np.exp(scores - scores.max())
    powers /= powers.sum()
    return powers
