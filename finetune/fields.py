"""Fields for training questions: which are asked for, in which words, and conditions on them.

Common fields come often, as people ask for them; but a good part of the draws is spread over all sources, so that the
model learns to read the cards that it is shown instead of knowing a few fields by heart. Held-out fields never come.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from finetune.split import held_out_field
from tools.catalogue import NUMERIC_TYPES, Field, load_catalogue
from tools.lucene import escape

if TYPE_CHECKING:
    from finetune.slots import Slots

#: Share of draws that follow how often people ask for a field; the rest goes to a source first, then within it.
COMMON_SHARE = 0.6
#: Synonyms that are not a name of the field but a piece of a question: "how is it inherited", "caused by".
_PART_OF_A_QUESTION = re.compile(
    r"^(what|when|where|who|why|how|which|is|are|does|do|has)\b|\b(by|for|of|to|with|in|from|through)$"
)


class FieldSampler:
    """Draws fields of one API, with words for them."""

    def __init__(self, api: str, phrases: dict[str, list[str]]) -> None:
        """`phrases` are hand-written words for a path, beside the catalogue's label and synonyms."""
        catalogue = load_catalogue(api)
        self.api, self._extra = api, phrases
        fields = [field for field in catalogue if not held_out_field(api, field) and _can_be_asked(field)]
        self._fields = fields
        self._weights = [field.prior**1.5 + 0.005 for field in fields]
        self._sources: dict[str, list[Field]] = defaultdict(list)
        for field in fields:
            self._sources[field.path.split(".")[0]].append(field)
        # A name that must be escaped is written otherwise inside a query string; the grammar only returns such fields.
        searchable = [field for field in fields if field.leaf and field.searchable and escape(field.path) == field.path]
        self._numeric = [field for field in searchable if field.type in NUMERIC_TYPES]
        self._enumerated = {field.path: field for field in searchable if field.values}
        self._facets = [
            field
            for field in searchable
            if field.type != "text" and (field.values or field.type in ("keyword", "boolean"))
        ]
        self._leaves = searchable
        # Words that several fields share mean the one that they were written for by hand, then the one asked for most.
        self._meant: dict[str, Field] = {}
        ranks: dict[str, tuple[bool, float, int]] = {}
        for field in catalogue:
            for words in self._choices(field):
                rank = (words in phrases.get(field.path, ()), field.prior, -len(field.path))
                if rank > ranks.get(words.lower(), (False, -1.0, 0)):
                    self._meant[words.lower()], ranks[words.lower()] = field, rank

    def _choices(self, field: Field) -> list[str]:
        extra = self._extra.get(field.path, [])
        synonyms = [words for words in field.synonyms if not _PART_OF_A_QUESTION.search(words.lower())]
        return [words for words in (*extra, *extra, field.label, *synonyms) if words]

    def words(self, field: Field, rng: random.Random) -> str:
        """Say a field: a hand-written phrase, its label or a synonym."""
        choices = self._choices(field)
        own = [words for words in choices if self._meant[words.lower()] is field]
        return rng.choice(own or [field.label or field.path])

    def draw(self, rng: random.Random, count: int) -> list[tuple[str, str]]:
        """Draw `count` different fields to ask for, as (words, path); none lies within another."""
        chosen: dict[str, str] = {}
        for _ in range(40):
            if len(chosen) == count:
                break
            field = self._draw_one(rng, self._fields, self._weights)
            if not any(
                path == field.path or path.startswith(f"{field.path}.") or field.path.startswith(f"{path}.")
                for path in chosen
            ):
                chosen[field.path] = self.words(field, rng)
        return [(words, path) for path, words in chosen.items()]

    def _draw_one(self, rng: random.Random, fields: list[Field], weights: list[float]) -> Field:
        if rng.random() < COMMON_SHARE:
            return rng.choices(fields, weights)[0]
        allowed = set(fields) if fields is not self._fields else None
        source = rng.choice(list(self._sources.values()))
        inside = [field for field in source if allowed is None or field in allowed]
        return rng.choice(inside) if inside else rng.choice(fields)

    def draw_numeric(self, rng: random.Random) -> tuple[str, str]:
        """Draw a numeric field that can be searched, as (words, path)."""
        field = self._draw_one(rng, self._numeric, [f.prior**1.5 + 0.005 for f in self._numeric])
        return self.words(field, rng), field.path

    def draw_facet(self, rng: random.Random) -> tuple[str, str]:
        """Draw a field that can be counted by value, as (words, path)."""
        field = self._draw_one(rng, self._facets, [f.prior**1.5 + 0.005 for f in self._facets])
        return self.words(field, rng), field.path

    def draw_enumerated(self, path: str, rng: random.Random) -> tuple[str, str]:
        """Draw an allowed value of `path`, as (words, value)."""
        value = (
            rng.choice(self._enumerated[path].values)
            if path in self._enumerated
            else rng.choice(_values(self.api, path))
        )
        return say_value(value, rng), value

    def draw_condition(self, rng: random.Random, slots: Slots) -> tuple[str, str]:
        """Draw a condition on any searchable field, as (words, clause)."""
        kind = rng.random()
        if kind < 0.5 and self._numeric:
            words, path = self.draw_numeric(rng)
            number = slots.fill(
                rng.choice(("cmp:0-1:0.05", "cmp:1-40", "cmp:0-100:5", "cmp:frequency", "cmp:1-10", "between:1-50"))
            )
            return rng.choice(
                ("with {w} {n}", "with a {w} {n}", "whose {w} is {n}", "{w} {n}", "having {w} {n}")
            ).format(w=words, n=number.text), f"{path}:{number.line}"
        if kind < 0.8 and self._enumerated:
            fields = list(self._enumerated.values())
            field = rng.choices(fields, [f.prior + 0.02 for f in fields])[0]
            value = rng.choice(field.values)
            return rng.choice(
                (
                    "with {w} {v}",
                    "whose {w} is {v}",
                    "{w} = {v}",
                    "{w}: {v}",
                    "with a {w} of {v}",
                    "that have {v} as {w}",
                )
            ).format(w=self.words(field, rng), v=say_value(value, rng)), f"{field.path}:{quote_value(value)}"
        field = self._draw_one(rng, self._leaves, [f.prior**1.5 + 0.005 for f in self._leaves])
        if rng.random() < 0.7:
            return rng.choice(
                (
                    "that have {w}",
                    "with {w}",
                    "with a known {w}",
                    "which have a {w}",
                    "having any {w}",
                    "annotated with {w}",
                    "with {w} available",
                )
            ).format(w=self.words(field, rng)), f"_exists_:{field.path}"
        return rng.choice(("without {w}", "with no {w}", "lacking {w}", "that have no {w}")).format(
            w=self.words(field, rng)
        ), f"NOT _exists_:{field.path}"


def say_value(value: str, rng: random.Random) -> str:
    """Say an enumerated value: as it stands, or with spaces, in lower case, in the plural."""
    plain = value.replace("_", " ")
    return rng.choice((value, plain, plain.lower(), plain.lower()))


def quote_value(value: str) -> str:
    """Write a value as Lucene takes it: several words quoted, special characters of one word escaped."""
    return f'"{value}"' if re.search(r"\s", value) else escape(value)


def _values(api: str, path: str) -> tuple[str, ...]:
    field = load_catalogue(api).get(path)
    if field is None or not field.values:
        raise KeyError(f"{api} {path} has no listed values")
    return field.values


def _can_be_asked(field: Field) -> bool:
    """Leaves, and the inner nodes that somebody described by hand."""
    return field.leaf or field.hand
