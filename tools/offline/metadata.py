"""What `/metadata` and `/metadata/fields` say about an API: its build, its sources, its fields."""

from __future__ import annotations

from typing import Any

from tools.apis import SPECIES, Api
from tools.offline import snapshot
from tools.offline.store import Index, Store

# The assemblies of the genomic positions in mygene (TAXONOMY in its settings); human is what the snapshot holds.
_GENOME_ASSEMBLY = {
    "human": "hg38", "mouse": "mm39", "rat": "rn6", "fruitfly": "dm6", "nematode": "ce11", "zebrafish": "danRer11",
    "thale-cress": "araTha1", "frog": "xenTro9", "pig": "susScr11",
}  # fmt: skip
_INTERNAL = frozenset({"all", "accession_agg", "refseq_agg"})
#: The facts that the services list of a field; other keys of a listing are the catalogue's own.
_LISTED = ("analyzer", "fields", "format", "index", "searched_by_default", "type")


def list_fields(index: Index, search: str | None, prefix: str | None) -> dict[str, Any]:
    """Return the field listing; only paths that hold `search`, or start with `prefix`, case and all."""
    listing: dict[str, Any] = {}
    for path, row in index.mapping.items():
        if path in _INTERNAL or (search and search not in path) or (prefix and not path.startswith(prefix)):
            continue
        facts = {key: row[key] for key in _LISTED if key in row}
        facts.setdefault("index", True)
        if row.get("default") or "all" in (row.get("copy_to") or ()):
            facts["searched_by_default"] = True
        listing[path] = dict(sorted(facts.items()))
    return listing


def describe(api: Api, index: Index, store: Store) -> dict[str, Any]:
    """Return what `/metadata` says; `offline` is our own part: what the index holds of the service's whole."""
    loaded = index.count_loaded()
    coverage = index.coverage()
    has_snapshot = index.count > loaded
    versions = [snapshot.fingerprint(api.name)] if has_snapshot else []
    answer: dict[str, Any] = {
        "biothing_type": api.entity,
        "build_date": store.changed(api.name).isoformat(timespec="seconds"),
        "build_version": "-".join(["offline", *versions, *([f"{loaded}-loaded"] if loaded else [])]),
        "src": _describe_sources(api) if has_snapshot else {},
        "stats": {"total": index.count},
        "offline": {
            "loaded": loaded,
            "fields": sorted(coverage.fields),
            "taxids": sorted(coverage.taxids),
            "assemblies": sorted(coverage.assemblies),
        },
    }
    if api.name == "mygene":
        answer["taxonomy"] = dict(SPECIES)
        answer["genome_assembly"] = dict(_GENOME_ASSEMBLY)
    return dict(sorted(answer.items()))


def _describe_sources(api: Api) -> dict[str, Any]:
    return {
        source.source: {
            "version": source.version,
            "license": source.licence,
            "credit": source.credit,
            "stats": {source.source: source.rows},
        }
        for source in snapshot.sources(api.name)
    }
