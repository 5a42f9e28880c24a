"""Which fields of an API a grammar offers at which position.

Those that retrieval found for the question and those that are asked for often, from the catalogue. A position takes
only what the service accepts there: a search takes searchable leaves, `_exists_` inner nodes too, sorting no
analysed text, `fields=` everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agent.grammar.identifiers import stored_prefixes
from tools.apis import api_names, get_api
from tools.catalogue import Catalogue, Field
from tools.lucene import escape

ValueClass = Literal["text", "number", "boolean", "date", "values", "grades", "shape", "id"]

#: Fields with at least this prior are offered in every grammar of their API, at most so many.
COMMON_PRIOR = 0.5
_MOST_COMMON = 40
#: A retrieved inner node brings the leaves below it, if they are no more than this.
_MOST_BELOW = 12
#: Longer lists of allowed values are open in practice: the value is then a literal of the conversation.
_MOST_VALUES = 80

_NUMBERS = frozenset(
    {"integer", "long", "short", "byte", "float", "double", "half_float", "scaled_float", "unsigned_long"}
)


# Examples that show the only form in which a field holds its identifiers, and that form. Others (UniProt accessions,
# MeSH and RefSeq ids) come in more than one, which a single example cannot show.
_SHAPES = (
    (re.compile(r"\d{3,}"), r"\d+(?:\.\d+)?"),
    (re.compile(r"(rs|CHEMBL|DB|RCV)\d+"), r"{0}\d+"),
    (re.compile(r"ENS([GTP])\d{11}(?:\.\d+)?"), r"ENS[A-Z]*{0}\d{{11}}(?:\.\d+)?"),
    (re.compile(r"([A-Za-z]+):\d+"), r"{0}:\d+"),
)
#: Fields whose identifiers have a prefix by species, although the example shows one.
ANY_PREFIX = frozenset({"agr.orthologs.geneid", "AllianceGenome"})


@dataclass(frozen=True)
class Names:
    """Field names in four groups, of which every position takes some: each name is written once for all of them.

    `exact`: searchable leaves that can be sorted by; `text`: searchable leaves of analysed text; `inner`: inner nodes
    with a searchable leaf below; `shown`: all others, which can only be returned.
    """

    exact: tuple[str, ...]
    text: tuple[str, ...]
    inner: tuple[str, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The field names of one API: the common ones, the same for each question, and the question's own.

    `search` pairs the name of a searchable field with the class of its values, and with the allowed ones (of class
    values or grades) or the pattern that they match (of class shape); `shorthands` are
    names that stand for several fields of the API; `segments` are the parts of the question's own names, which a
    listing of fields can be searched for.
    """

    common: Names
    own: Names
    search: tuple[tuple[str, ValueClass, tuple[str, ...]], ...]
    shorthands: tuple[str, ...]
    segments: tuple[str, ...]


def choose(catalogue: Catalogue, retrieved: Sequence[str], said: Iterable[str] = ()) -> Vocabulary:
    """Choose the fields of one API: retrieved paths, common ones, and paths that the conversation spells out."""
    mentioned = [word for word in said if catalogue.get(word) is not None]
    return _choose(catalogue, tuple(dict.fromkeys([*retrieved, *mentioned])))


@lru_cache(maxsize=16)
def prefixes(catalogue: Catalogue) -> dict[str, tuple[str, int]]:
    """Return the CURIE prefixes of an API's identifiers, as its catalogue's examples write them."""
    return stored_prefixes([field.example for field in catalogue if field.example])


@lru_cache(maxsize=16)
def _asked(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the fields that are often asked for, the most asked first."""
    asked = sorted((field for field in catalogue if field.prior >= COMMON_PRIOR), key=lambda field: -field.prior)
    return tuple(field.path for field in asked)


def _common(catalogue: Catalogue) -> tuple[str, ...]:
    return _asked(catalogue)[:_MOST_COMMON]


@lru_cache(maxsize=16)
def _inner(catalogue: Catalogue) -> frozenset[str]:
    """Return the inner nodes with a searchable leaf below."""
    nodes: set[str] = set()
    for field in catalogue:
        if field.searchable:
            path = field.path
            while "." in path:
                path = path.rpartition(".")[0]
                nodes.add(path)
    return frozenset(nodes)


@lru_cache(maxsize=16)
def _below(catalogue: Catalogue) -> dict[str, tuple[Field, ...]]:
    """Return the leaves below each inner node that has few."""
    found: dict[str, list[Field]] = {}
    for field in catalogue.leaves():
        for parent in _parents(field.path):
            found.setdefault(parent, []).append(field)
    return {path: tuple(leaves) for path, leaves in found.items() if len(leaves) <= _MOST_BELOW}


@lru_cache(maxsize=256)
def _choose(catalogue: Catalogue, wanted: tuple[str, ...]) -> Vocabulary:
    chosen: dict[str, Field] = {}
    for path in wanted:
        field = catalogue.get(path)
        if field is None:
            continue
        chosen[path] = field
        chosen.update((leaf.path, leaf) for leaf in _below(catalogue).get(path, ()))
    # A source that retrieval found comes with the names and identifiers that its records are searched by.
    sources = {path.partition(".")[0] for path in chosen}
    for path in (*_common(catalogue), *(path for path in _asked(catalogue) if path.partition(".")[0] in sources)):
        chosen[path] = catalogue.fields[path]
    common = _with_parents(catalogue, _common(catalogue))
    own = [path for path in _with_parents(catalogue, chosen) if path not in common]
    searchable = [field for field in chosen.values() if field.searchable and not _is_taxon(field)]
    shorthands = _shorthands(catalogue, {field.path for field in searchable})
    return Vocabulary(
        common=_names(catalogue, tuple(common)),
        own=_names(catalogue, tuple(own)),
        search=tuple((field.path, *_value_class(field)) for field in searchable)
        + tuple((name, "text", ()) for name in shorthands),
        shorthands=tuple(shorthands),
        segments=tuple(dict.fromkeys(segment.lower() for path in wanted for segment in path.split("."))),
    )


def _with_parents(catalogue: Catalogue, paths: Iterable[str]) -> dict[str, None]:
    """Return `paths` and the inner nodes above them."""
    found = dict.fromkeys(paths)
    for path in list(found):
        found.update((parent, None) for parent in _parents(path) if catalogue.get(parent) is not None)
    return found


@lru_cache(maxsize=256)
def _names(catalogue: Catalogue, paths: tuple[str, ...]) -> Names:
    """Sort `paths` into the groups of `Names`."""
    # A name that Lucene needs escaped is spelt differently inside a query string: it is only returned.
    fields = {path: catalogue.fields[path] for path in paths if escape(path) == path}
    exact = [path for path, field in fields.items() if field.searchable and field.type != "text"]
    text = [path for path, field in fields.items() if field.searchable and field.type == "text"]
    inner = [path for path in fields if path in _inner(catalogue)]
    shown = set(paths).difference(exact, text, inner)
    return Names(tuple(exact), tuple(text), tuple(inner), tuple(path for path in paths if path in shown))


def _parents(path: str) -> Iterable[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _is_taxon(field: Field) -> bool:
    # A species is stated with the parameter `species`, never in the query string.
    return field.api == "mygene" and field.path == "taxid"


def _shorthands(catalogue: Catalogue, searchable: set[str]) -> list[str]:
    """Return the names that stand for several of the chosen fields at once, such as mygene's `refseq`."""
    if catalogue.api not in api_names():
        return []
    names = []
    for name, targets in get_api(catalogue.api).shorthands.items():
        if len(targets) > 1 or "*" in targets[0]:
            pattern = re.compile("|".join(re.escape(target).replace(r"\*", "[^.]+") for target in targets))
            if any(pattern.fullmatch(path) for path in searchable):
                names.append(name)
    return names


def _value_class(field: Field) -> tuple[ValueClass, tuple[str, ...]]:
    """Return the class of a field's values and what there is to know of them; see `Vocabulary.search`."""
    if field.type == "boolean":
        return "boolean", ()
    if field.values and all(value.lstrip("-").isdigit() for value in field.values):
        return "grades", field.values  # flags, phases: compared as numbers too
    if field.type in _NUMBERS:
        return "number", ()
    if field.values and len(field.values) <= _MOST_VALUES:
        return "values", field.values
    if field.type == "date":
        return "date", ()
    for example, pattern in _SHAPES:
        match = example.fullmatch(field.example or "")
        if match and field.path not in ANY_PREFIX:
            return "shape", (pattern.format(*match.groups()),)
    return "text", ()
