"""Values in documents: found at dotted paths whether they stand alone or in lists, and said in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from tools.apis import species_name
from tools.query import Query
from tools.terms import name_term

Document = dict[str, Any]

#: What an object is called by, best first.
NAMES = (
    "name", "term", "label", "preferred_name", "pref_name", "hpo_name", "disease_label", "disease_name", "gene_name",
    "chemical_name", "pathway_name", "concept_name", "meddra_term", "target_name", "mesh_heading", "desc", "short_desc",
    "symbol", "genename", "text", "side_effect",
)  # fmt: skip
NAME_KEYS = frozenset((*NAMES, "clinical_significance", "hpo_id"))
#: What a reader wants to see of an object that has no name, best first; the rest stays in the hits.
_MAIN = ("gene", "Swiss-Prot", "exact", "rsid", "hpo_id", "mondo", "cui", "rna", "category", "id")
#: What tells apart objects of one name, best first.
_IDS = ("id", "symbol", "hpo_id", "mondo", "molecule_chembl_id")
#: What identifies a document of an API to a reader when no field was asked for, best first.
IDENTITY = {
    "mygene": ("symbol", "name", "entrezgene"),
    "myvariant": ("_id", "dbsnp.rsid", "clinvar.gene.symbol"),
    "mychem": ("chembl.pref_name", "gtopdb.name", "name", "chebi.name", "drugbank.name", "_id"),
    "mydisease": ("mondo.label", "disease_ontology.name", "_id"),
}
_CONDITIONS = 4
_HIDDEN = ("_score", "_version", "_license")
#: What a listing of fields says of each.
_LISTED = ("field", "type", "index", "searched_by_default")


def find(value: Any, path: str) -> list[Any]:
    """Return what stands at a dotted path, looking through lists; a key may itself hold dots. Null is no value."""
    if not path:
        return [item for item in (value if isinstance(value, list) else [value]) if item is not None]
    if isinstance(value, list):
        return [found for item in value for found in find(item, path)]
    if not isinstance(value, dict):
        return []
    if path in value:
        return find(value[path], "")
    head, _, rest = path.partition(".")
    while rest:
        if head in value:
            return find(value[head], rest)
        step, _, rest = rest.partition(".")
        head = f"{head}.{step}"
    # With `dotfield` the parts of a group stand beside each other, under their whole paths.
    parts = {key.removeprefix(f"{path}."): item for key, item in value.items() if key.startswith(f"{path}.")}
    return [parts] if parts else []


def strings(value: Any) -> Iterator[str]:
    """Yield all leaf values as strings, in the order in which they stand."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _HIDDEN:
                yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif value is not None:
        yield text(value)


def text(value: Any) -> str:
    """Write one leaf value as a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def unique(items: Iterable[str]) -> list[str]:
    """Keep the first of each."""
    return list(dict.fromkeys(items))


def asked_paths(query: Query, hits: list[Document]) -> list[str]:
    """Return the asked-for paths, for a pattern those that it fits in these hits; none where all fields were."""
    wanted = [path for path in query.fields if not path.startswith("-")]
    if {"all", "*"} & set(wanted):
        return []
    return unique(fit for path in wanted for fit in (_fitting(path, hits) if "*" in path else [path]))


def _fitting(pattern: str, hits: list[Document]) -> list[str]:
    fits = unique(path for hit in hits for path in _paths_of(hit) if fnmatchcase(path, pattern))
    return [path for path in fits if not any(path.startswith(f"{other}.") for other in fits)] or [pattern]


def _paths_of(value: Any, above: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _paths_of(item, above)
    elif isinstance(value, dict):
        for key, item in value.items():
            path = f"{above}.{key}" if above else key
            yield path
            yield from _paths_of(item, path)


def asked_values(query: Query, hits: list[Document]) -> list[str]:
    """Return the values of all asked-for fields in all hits, each once; without any what identifies the hits."""
    if query.kind == "fields":
        return unique(str(hit.get("field", "")) for hit in hits)
    paths = asked_paths(query, hits)
    if not paths:
        if query.kind in ("get", "batch") or any(not path.startswith("-") for path in query.fields):
            return unique(item for hit in hits for item in strings(hit))
        return unique(
            item
            for hit in hits
            for path in IDENTITY.get(query.api, ("_id",))
            for value in find(hit, path)
            for item in strings(value)
        )
    return unique(item for hit in hits for path in paths for value in find(hit, path) for item in strings(value))


def say(value: Any) -> str:
    """Say a value in one line: of an object what a reader wants to see, of a position its coordinates."""
    if isinstance(value, list):
        return "; ".join(unique(say(item) for item in value))
    if not isinstance(value, dict):
        said = ("yes" if value else "no") if isinstance(value, bool) else text(value)
        name = name_term(said)
        return f"{name} ({said})" if name else said
    if {"chr", "start", "end"} <= value.keys():
        place = {key: single(part) for key, part in value.items()}
        strand = {1: ", forward strand", -1: ", reverse strand"}.get(strand_of(place), "")
        return f"chr{place['chr']}:{_position(place['start'])}-{_position(place['end'])}{strand}"
    if "start" in value and "end" in value:
        return f"{_position(value['start'])}-{_position(value['end'])}"
    if "clinical_significance" in value:
        # A ClinVar record: what it was judged to be, and for what.
        conditions = unique(item for name in find(value, "conditions.name") for item in strings(name))
        more = ", …" if len(conditions) > _CONDITIONS else ""
        told = f" for {', '.join(conditions[:_CONDITIONS])}{more}" if conditions else ""
        return say(value["clinical_significance"]) + told
    if isinstance(value.get("rcv"), (list, dict)):
        return say(value["rcv"])
    if "symbol" in value and isinstance(value.get("taxid"), int) and "name" not in value:
        return f"{say(value['symbol'])} ({species_name(value['taxid'])})"
    for key in (*NAMES, *_MAIN):
        if key in value and not isinstance(value[key], dict):
            main = say(value[key])
            extra = next((value[own] for own in _IDS if own != key and isinstance(value.get(own), str)), main)
            return f"{main} ({extra})" if extra != main else main
    return ", ".join(f"{key.replace('_', ' ')}: {say(item)}" for key, item in value.items() if key not in _HIDDEN)


def say_at(path: str, value: Any) -> str:
    """Say a value that stands at a path whose codes a reader should not have to know."""
    if path == "_id":
        return text(value)
    if path.rpartition(".")[2] == "strand" and value in (1, -1):
        return "forward (1)" if value == 1 else "reverse (-1)"
    if path.rpartition(".")[2] == "taxid" and isinstance(value, int):
        return f"{species_name(value)} ({value})"
    return say(value)


def single(value: Any) -> Any:
    """Return what a list of one holds, as `always_list` makes them; any other value as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def strand_of(place: Document) -> int:
    """Return 1 for the forward strand, -1 for the reverse one, 0 where a position names neither."""
    strand = place.get("strand")
    return strand if isinstance(strand, int) else 0


def _position(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def name_of(api: str, hit: Document) -> str:
    """Name a document for a reader; of `IMATINIB` and `imatinib` the latter."""
    found = [item for path in IDENTITY.get(api, ("_id",)) for value in find(hit, path) for item in strings(value)]
    if not found:
        return str(hit.get("_id") or hit.get("query") or "?")
    if api in ("mygene", "myvariant"):
        return found[0]
    alike = [item for item in found if item.casefold() == found[0].casefold()]
    return next((item for item in alike if not item.isupper()), found[0])


def is_record(value: Any) -> bool:
    """Tell whether an object is one thing to be said in a line, and not a group of fields to be said one by one."""
    if not isinstance(value, dict) or "start" in value or "clinical_significance" in value:
        return True
    parts = (item for part in value.values() for item in (part if isinstance(part, list) else [part]))
    return bool(NAME_KEYS & value.keys()) and not any(isinstance(part, dict) for part in parts)


def outline(document: Document, above: str = "") -> dict[str, list[Any]]:
    """Return all that a document says, by path: its values, and such objects as are said in a line."""
    said: dict[str, list[Any]] = {}
    for key, value in document.items():
        path = f"{above}.{key}" if above else key
        if key.startswith("_"):
            continue
        if isinstance(value, dict) and not is_record(value):
            said |= outline(value, path)
        elif values := find(value, ""):
            said[path] = values
    return said


def columns(query: Query, hits: list[Document]) -> list[str]:
    """Return the paths that make the columns of a table of these hits."""
    if query.kind == "fields":
        return [name for name in _LISTED if any(name in hit for hit in hits)]
    paths = asked_paths(query, hits)
    if paths:
        # A batch's rows say which term they answer.
        lead = ["query"] if query.kind == "batch" else ["_id"]
        return lead + [path for path in paths if path != "_id"]
    lead = ["query"] if query.kind == "batch" else []
    wanted = [*lead, "_id", *(path for path in IDENTITY.get(query.api, ()) if path != "_id")]
    if query.api == "mygene" and len({text(taxid) for hit in hits for taxid in find(hit, "taxid")}) > 1:
        wanted.append("taxid")
    return [path for path in wanted if path in ("_id", "query") or any(find(hit, path) for hit in hits)]


def table(query: Query, hits: list[Document]) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table of these hits: one row a hit, or one a field of a whole document."""
    if query.kind == "get" and not asked_paths(query, hits) and len(hits) == 1:
        return _fields_of(hits[0])
    header = columns(query, hits)
    rows = [["; ".join(unique(say_at(path, value) for value in find(hit, path))) for path in header] for hit in hits]
    return header, rows


def details(query: Query, hit: Document, most: int) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table of what a sentence about one hit leaves out.

    Args:
        query: the request.
        hit: the only hit.
        most: so many items of a list are in the sentence; one with more has a row an item.
    """
    paths = asked_paths(query, [hit])
    if not paths:
        more = outline(hit).keys() - {*IDENTITY.get(query.api, ()), "taxid"}
        return _fields_of(hit) if more or query.kind == "get" else ([], [])
    long = {path: items for path, items in _lists(hit, paths) if len(items) > most}
    if len(long) == 1:
        return list(long), [[item] for items in long.values() for item in items]
    return ["field", "value"], [[path, item] for path, items in long.items() for item in items]


def _fields_of(hit: Document) -> tuple[list[str], list[list[str]]]:
    said = outline(hit).items()
    return ["field", "value"], [[path, "; ".join(unique(say_at(path, item) for item in items))] for path, items in said]


def _lists(hit: Document, paths: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what stands at each path, said item by item; of a group of fields, what each of its parts holds."""
    for path in paths:
        values = find(hit, path)
        if any(is_record(value) for value in values):
            yield path, unique(say_at(path, value) for value in values)
        else:
            for key in dict.fromkeys(key for group in values for key in group if not key.startswith("_")):
                yield f"{path}.{key}", unique(say_at(key, value) for value in find(values, key))
