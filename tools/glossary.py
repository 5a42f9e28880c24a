"""Descriptions for fields that nobody described by hand, composed from what their path's terms mean.

The meanings are data, in `data/schema/glossary/`: `common.json` for all APIs and one file per API, each
`{"sources": {path prefix: meaning}, "terms": {path segment or word of one: meaning}}`. A meaning is a string, or
`{"label": …, "about": …, "synonyms": […]}` for a source and `{"text": …, "about": …, "synonyms": […]}` for a term,
where `about` (the text, if left out) is what the description says: "in Africans" for the label "African".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from tools.paths import data_dir

MAX_LABEL_WORDS = 6

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[_\-\s+]+")


class Composed(NamedTuple):
    """The text of one field."""

    label: str
    description: str
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a source or a term means: `label` in few words, `about` in a phrase, `synonyms` as people say it."""

    label: str
    about: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Glossary:
    """The meanings of one API's sources (by path prefix) and terms (by lower-case segment or word)."""

    sources: dict[str, Meaning]
    terms: dict[str, Meaning]

    def source(self, path: str) -> tuple[Meaning, str]:
        """Return the meaning of the longest known prefix of `path`, and the rest of the path."""
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            meaning = self.sources.get(".".join(parts[:end]))
            if meaning is not None:
                return meaning, ".".join(parts[end:])
        head, _, rest = path.partition(".")
        known = self.terms.get(head.lower()) or Meaning(_spaced(head), _spaced(head))
        return Meaning(known.label, known.about, known.synonyms), rest

    def term(self, segment: str) -> Meaning:
        """Return the meaning of a path segment: of the whole of it, else of its words one by one."""
        whole = self.terms.get(segment.lower())
        if whole is not None:
            return whole
        labels: list[str] = []
        abouts: list[str] = []
        synonyms: list[str] = []
        words = _spaced(segment).split()
        while words:
            # the longest run of words that is a term of its own: "fold_change", "allele_freq"
            for end in range(len(words), 0, -1):
                known = self.terms.get("_".join(words[:end]).lower())
                if known is not None or end == 1:
                    labels.append(known.label if known else words[0])
                    abouts.append(known.about if known else words[0])
                    synonyms.extend(known.synonyms if known else ())
                    words = words[end:]
                    break
        return Meaning(" ".join(labels), " ".join(abouts), tuple(synonyms))


@cache
def load_glossary(api: str) -> Glossary:
    """Return the glossary of `api`: the common one, overlaid by its own where it has one."""
    sources: dict[str, Meaning] = {}
    terms: dict[str, Meaning] = {}
    for name in ("common", api):
        path = data_dir() / "schema" / "glossary" / f"{name}.json"
        if path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            sources |= {key: _meaning(value) for key, value in data.get("sources", {}).items()}
            terms |= {key.lower(): _meaning(value) for key, value in data.get("terms", {}).items()}
    return Glossary(sources, terms)


def compose(api: str, path: str, type_: str) -> Composed:
    """Compose label, description and synonyms of a field from its path and its type."""
    glossary = load_glossary(api)
    source, rest = glossary.source(path)
    terms = [glossary.term(segment) for segment in rest.split(".") if segment]
    terms = [*(term for term, later in pairwise(terms) if not _says(later, term)), *terms[-1:]]
    synonyms = [word for meaning in reversed(terms) for word in meaning.synonyms]
    if not terms:
        about = source.about if source.about != source.label else f"{source.label} of the record"
        description = _sentence(about if type_ != "object" else f"{about} (whole entry)")
        return Composed(_label("", [source.label]), description, tuple(dict.fromkeys([*synonyms, *source.synonyms])))
    leaf, middle = terms[-1], terms[:-1]
    named = " ".join(term.about for term in middle if not _qualifies(term))
    of = (f" of {named}" if named else "") + "".join(f" {term.about}" for term in middle if _qualifies(term))
    what = f"{leaf.about} (whole entry)" if type_ == "object" else leaf.about
    if _qualifies(leaf):
        what = f"values {leaf.about}"
    description = _sentence(f"{what}{of}, from {source.about}")
    label = _label(source.label, [term.label for term in terms])
    return Composed(label, description, tuple(dict.fromkeys([*synonyms, *source.synonyms])))


def _meaning(value: str | dict[str, Any]) -> Meaning:
    """Read a meaning in its short form (a string) or its long one."""
    if isinstance(value, str):
        return Meaning(value, value)
    label = value.get("label") or value.get("text") or value["about"]
    return Meaning(label, value.get("about", label), tuple(value.get("synonyms", ())))


def _spaced(segment: str) -> str:
    """Split a path segment into words: `freqNumerator`, `freq_numerator` -> `freq Numerator`, `freq numerator`."""
    words = _SEPARATORS.split(_CAMEL.sub(" ", segment))
    return " ".join(word if word.isupper() else word.lower() for word in " ".join(words).split()) or segment


def _qualifies(term: Meaning) -> bool:
    """Tell whether a meaning is a phrase that follows a noun: "in Africans", "over mammals"."""
    return term.about.startswith(("in ", "over "))


def _says(later: Meaning, term: Meaning) -> bool:
    """Tell whether the next segment already says what this one does, as in `af.af_afr`."""
    return set(term.label.lower().split()) <= set(later.label.lower().split())


def _label(source: str, phrases: list[str]) -> str:
    """Join source and phrases to a label; middle phrases go first where it would be too long, the leaf stays."""
    kept = list(phrases)
    while len(kept) > 1 and len(_words(source, *kept)) > MAX_LABEL_WORDS:
        kept.pop(0)
    words = _words(source, *kept)
    if len(words) <= MAX_LABEL_WORDS:
        return " ".join(words)
    head = _words(source)[:2]
    return " ".join([*head, *_words(kept[-1])[-(MAX_LABEL_WORDS - len(head)) :]])


def _words(*phrases: str) -> list[str]:
    """Return the words of the phrases in order, repeated ones once."""
    seen: dict[str, str] = {}
    for word in " ".join(phrases).split():
        seen.setdefault(word.lower().strip(","), word.strip(","))
    return list(seen.values())


def _sentence(text: str) -> str:
    """Capitalise the first letter, unless its word has capitals of its own (cDNA), and end with a full stop."""
    first = text.partition(" ")[0]
    start = text[:1].upper() if first.islower() else text[:1]
    return f"{start}{text[1:].rstrip('.')}."
