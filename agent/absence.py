"""What the offline snapshot does not hold: absence there is never told as absence in biology."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tools.apis import species_name, species_taxid
from tools.catalogue import Catalogue, load_catalogue
from tools.check import INTERVAL
from tools.lucene import LuceneSyntaxError, Node, clauses_of, fields_of, parse
from tools.query import Query

if TYPE_CHECKING:
    from agent.runtime import Runtime
    from tools.offline.search import Coverage

#: Where disease–gene links stand in the snapshot, which has none of DisGeNET's: shown, labelled, in its place.
STANDS_FOR = {"disgenet.genes_related_to_disease": "_hpo_genes"}


def explain_absence(query: Query, backend: str | None, runtime: Runtime) -> str | None:
    """Say what the request needs that the offline snapshot lacks: a species, an assembly, a field.

    Returns:
        One sentence, or None where the snapshot holds all of it, or where a live service answered.
    """
    if backend != "offline" or query.kind == "fields":
        return None
    coverage = runtime.coverage(query.api)
    catalogue = load_catalogue(query.api)
    species = _species(query)
    wanted = _unheld_species(query, coverage)
    if wanted and len(wanted) == len(species):
        return _say_species(wanted, coverage)
    assembly = query.params.get("assembly")
    if assembly and coverage.assemblies and assembly not in coverage.assemblies:
        held = " and ".join(sorted(coverage.assemblies))
        return f"The offline snapshot knows variants by their {held} positions only, not by {assembly}."
    searched = [path for path in _searched(query) if not _held(path, catalogue, coverage.fields)]
    if searched:
        return f"The offline snapshot does not hold {_join(searched)}, so it cannot be searched by that."
    wanted_fields = _wanted(query)
    if wanted_fields and not any(_held(path, catalogue, coverage.fields) for path in wanted_fields):
        return f"The offline snapshot does not hold {_join(wanted_fields)}."
    return None


def note_absences(query: Query, backend: str | None, runtime: Runtime) -> list[str]:
    """Say for what the request asked beside what was found that the offline snapshot lacks, a sentence each.

    Some of several species, and fields by which was searched, sorted or counted: without a word the hits would look as
    if they were all, or in order. A field is not missed where the same value was looked for in another one.
    """
    if backend != "offline" or query.kind == "fields":
        return []
    coverage, catalogue = runtime.coverage(query.api), load_catalogue(query.api)

    def unheld(paths: Iterable[str]) -> str:
        return _join([path for path in paths if not _held(path, catalogue, coverage.fields)])

    leaves = [leaf for tree in _trees(query) for leaf in clauses_of(tree)]
    elsewhere = {
        text
        for leaf in leaves
        if (text := getattr(leaf, "text", None)) and (path := getattr(leaf, "field", None))
        if _held(path, catalogue, coverage.fields)
    }
    missed = {path for leaf in leaves if getattr(leaf, "text", None) not in elsewhere for path in fields_of(leaf)}
    named = {path for leaf in leaves for path in fields_of(leaf)}
    searched = [path for path in _searched(query) if path in missed or path not in named]
    uses = (
        (searched, "so it cannot be searched by that"),
        (_items(query, "sort"), "so the hits are not sorted by that"),
        (_items(query, "facets"), "so its values cannot be counted"),
    )
    notes = [f"The offline snapshot does not hold {paths}, {told}." for use, told in uses if (paths := unheld(use))]
    wanted = _unheld_species(query, coverage)
    return [*([_say_species(wanted, coverage)] if wanted else []), *notes]


def missing_fields(query: Query, backend: str | None, runtime: Runtime) -> list[str]:
    """Return the asked-for fields that no document of the offline snapshot has."""
    if backend != "offline" or not query.fields:
        return []
    held, catalogue = runtime.coverage(query.api).fields, load_catalogue(query.api)
    return [path for path in _wanted(query) if not _held(path, catalogue, held)]


def is_positional(query: Query) -> bool:
    """Tell whether a request asks by genome position, which depends on the assembly: an interval or HGVS ids."""
    return any(identifier.startswith("chr") for identifier in query.ids) or bool(INTERVAL.search(query.q or ""))


def _wanted(query: Query) -> list[str]:
    """Return the fields that are asked for, less those that are to be left out."""
    return [path for path in query.fields if not path.startswith("-")]


def _species(query: Query) -> list[str]:
    return [name for name in _items(query, "species") if name != "all"]


def _unheld_species(query: Query, coverage: Coverage) -> list[str]:
    return [name for name in _species(query) if species_taxid(name) not in coverage.taxids]


def _say_species(wanted: list[str], coverage: Coverage) -> str:
    held = ", ".join(species_name(taxid) for taxid in sorted(coverage.taxids)[:5]) or "no"
    return f"The offline snapshot holds {held} genes only, none of {' or '.join(wanted)}."


def _items(query: Query, name: str) -> list[str]:
    """Return what a parameter lists, less the sign for a descending order."""
    return [item for text in query.params.get(name, "").split(",") if (item := text.strip().removeprefix("-"))]


def _held(path: str, catalogue: Catalogue, held: frozenset[str]) -> bool:
    if path in ("_id", "_score", "all", "*", "_all") or path in held:
        return True
    own = STANDS_FOR.get(path)
    if own is not None and any(field == own or field.startswith(f"{own}.") for field in held):
        return True
    return any(field in held for field in catalogue.resolve(path)) or any(
        field.startswith(f"{path}.") for field in held
    )


def _searched(query: Query) -> list[str]:
    names = [*query.scopes, *(path for tree in _trees(query) for path in fields_of(tree))]
    names += [path for name in ("exists", "missing") for path in _items(query, name)]
    return list(dict.fromkeys(name for name in names if name != "*"))


def _trees(query: Query) -> Iterator[Node]:
    """Yield the query strings of a request, without an interval, whose `chr7` is no field."""
    texts = [query.params[name] for name in ("filter", "post_filter") if name in query.params]
    if query.kind == "query" and query.q:
        rest = INTERVAL.sub("", query.q).strip()
        texts.append(re.sub(r"^(AND|OR)\s+|\s+(AND|OR)$", "", rest))
    for text in texts:
        try:
            yield parse(text)
        except LuceneSyntaxError:
            continue


def _join(paths: tuple[str, ...] | list[str]) -> str:
    return " or ".join(dict.fromkeys(paths))
