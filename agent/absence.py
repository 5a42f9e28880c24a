"""What the offline snapshot does not hold: absence there is never told as absence in biology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.apis import species_name, species_taxid
from tools.catalogue import Catalogue, load_catalogue
from tools.check import INTERVAL
from tools.lucene import LuceneSyntaxError, fields_of, parse
from tools.query import Query

if TYPE_CHECKING:
    from agent.runtime import Runtime

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
    species = [name.strip() for name in query.params.get("species", "").split(",") if name.strip() not in ("", "all")]
    wanted = [name for name in species if species_taxid(name) not in coverage.taxids]
    if wanted and len(wanted) == len(species):
        held = ", ".join(species_name(taxid) for taxid in sorted(coverage.taxids)[:5]) or "no"
        return f"The offline snapshot holds {held} genes only, none of {' or '.join(wanted)}."
    assembly = query.params.get("assembly")
    if assembly and coverage.assemblies and assembly not in coverage.assemblies:
        held = " and ".join(sorted(coverage.assemblies))
        return f"The offline snapshot knows variants by their {held} positions only, not by {assembly}."
    searched = [path for path in _searched(query) if not _held(path, catalogue, coverage.fields)]
    if searched:
        return f"The offline snapshot does not hold {_join(searched)}, so it cannot be searched by that."
    if query.fields and not any(_held(path, catalogue, coverage.fields) for path in query.fields):
        return f"The offline snapshot does not hold {_join(query.fields)}."
    return None


def missing_fields(query: Query, backend: str | None, runtime: Runtime) -> list[str]:
    """Return the asked-for fields that no document of the offline snapshot has."""
    if backend != "offline" or not query.fields:
        return []
    held, catalogue = runtime.coverage(query.api).fields, load_catalogue(query.api)
    return [path for path in query.fields if not _held(path, catalogue, held)]


def is_positional(query: Query) -> bool:
    """Tell whether a request asks by genome position, which depends on the assembly: an interval or HGVS ids."""
    return any(identifier.startswith("chr") for identifier in query.ids) or bool(INTERVAL.search(query.q or ""))


def _held(path: str, catalogue: Catalogue, held: frozenset[str]) -> bool:
    path = path.removeprefix("-")
    if path in ("_id", "all", "*", "_all") or path in held:
        return True
    own = STANDS_FOR.get(path)
    if own is not None and any(field == own or field.startswith(f"{own}.") for field in held):
        return True
    return any(field in held for field in catalogue.resolve(path)) or any(
        field.startswith(f"{path}.") for field in held
    )


def _searched(query: Query) -> list[str]:
    texts = [query.params[name] for name in ("filter", "post_filter") if name in query.params]
    if query.kind == "query" and query.q:
        texts.append(INTERVAL.sub("", query.q).removeprefix(" AND ") or "*")
    names: list[str] = list(query.scopes)
    for text in texts:
        try:
            names += fields_of(parse(text))
        except LuceneSyntaxError:
            continue
    return list(dict.fromkeys(name for name in names if name != "*"))


def _join(paths: tuple[str, ...] | list[str]) -> str:
    return " or ".join(dict.fromkeys(paths))
