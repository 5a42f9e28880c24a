"""Checks a request before it is sent, so that a fault is explained here and not guessed from an empty answer."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tools.apis import SPECIES, get_api
from tools.catalogue import NUMERIC_TYPES, Catalogue, load_catalogue
from tools.errors import QueryError
from tools.lucene import Bool, Boost, Exists, Leaf, Node, Range, Term, parse

if TYPE_CHECKING:
    from tools.query import Query

#: The services' limits (BioThings SDK, `web/settings/default.py`).
LIMITS = {"size": (0, 1000), "from": (0, 10_000), "facet_size": (0, 1000)}
#: `chr7:140453136-140453200`, `hg19.chrX:1,000-2,000`, `chr1:69511`: an interval, no field called `chr7`. As the
#: services have it, a chromosome of any name takes two ends, and one of the human ones a single base as well.
INTERVAL = re.compile(
    r"(?:(hg19|hg38|mm9)\.)?chr(?=\w+:[\d,]+-\d|(?:\d{1,2}|X|Y|MT?):\d)(\w+):([\d,]+)(?:-([\d,]+))?", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def check_query(query: Query) -> None:
    """Pass if the request can be sent.

    Raises:
        QueryError: the first fault found, with a hint that names the nearest valid choice.
    """
    catalogue = load_catalogue(query.api)
    _check_parameters(query, catalogue)
    if query.kind == "query" and query.q is not None:
        _check_query_string(query.q, query.api, catalogue)
    for name in ("filter", "post_filter"):
        if name in query.params:
            _check_query_string(query.params[name], query.api, catalogue, intervals=False)
    for path in query.fields:
        _check_returned(path, catalogue)
    for path in query.scopes:
        _check_searched(path, catalogue)
    if query.kind in ("get", "batch") and not query.ids:
        raise QueryError("No identifier is given.", f"For example {', '.join(get_api(query.api).examples)}.")


def _check_parameters(query: Query, catalogue: Catalogue) -> None:
    api = get_api(query.api)
    for name, value in query.params.items():
        if name not in api.params:
            nearest = _nearest(name, sorted(api.params))
            raise QueryError(
                f"{query.api} has no parameter {name!r}.", nearest or f"It has {', '.join(sorted(api.params))}."
            )
        if name == "fetch_all":
            raise QueryError(
                "A listing of all hits is no single request.",
                f"Leave fetch_all out and page with size= and from=, or keep them all here: "
                f"`biothings-assistant offline sync {query.api} {shlex.quote(query.q or '*')}`.",
            )
        if name in LIMITS:
            low, high = LIMITS[name]
            if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
                raise QueryError(
                    f"{name}={value} is out of range.", f"{name} is a whole number from {low} to {high:,}."
                )
        elif name in ("species", "species_facet_filter"):
            for species in value.split(","):
                if (
                    species.strip()
                    and not re.fullmatch(r"[0-9]+", species.strip())
                    and species.strip().lower() not in {*SPECIES, "all"}
                ):
                    raise QueryError(
                        f"The species {species.strip()!r} is not known by name.",
                        f"Names: {', '.join(SPECIES)}; any other species by its taxonomy id. "
                        + _nearest(species, list(SPECIES)),
                    )
        elif name == "assembly" and value not in ("hg19", "hg38"):
            raise QueryError(f"The assembly {value!r} is not known.", "Use hg19 or hg38.")
        elif name == "sort":
            for path in value.split(","):
                _check_known(path.strip().lstrip("-"), catalogue, leaf=True)
                _check_counted(path.strip().lstrip("-"), "sorted by", catalogue)
        elif name in ("exists", "missing"):
            for path in filter(None, map(str.strip, value.split(","))):
                _check_known(path, catalogue, search=True)
        elif name == "facets":
            for path in value.split(","):
                _check_known(path.strip(), catalogue, leaf=True)
                _check_counted(path.strip(), "counted by value", catalogue)


def _check_counted(path: str, purpose: str, catalogue: Catalogue) -> None:
    """Refuse text fields, which Elasticsearch neither sorts nor aggregates: the services answer 400."""
    field = catalogue.get(path)
    if field is not None and field.type == "text":
        near = [name for name in catalogue.nearest(path, n=20, searchable=True) if _is_counted(name, catalogue)]
        raise QueryError(f"{path} is a text field and cannot be {purpose}.", f"Fields that can: {', '.join(near[:3])}.")


def _is_counted(path: str, catalogue: Catalogue) -> bool:
    field = catalogue.get(path)
    return field is not None and field.leaf and field.type != "text"


def _check_query_string(text: str, api: str, catalogue: Catalogue, *, intervals: bool = True) -> None:
    match = INTERVAL.search(text)
    if match and intervals:
        rest = text[: match.start()] + text[match.end() :]
        if api == "mygene" and rest.strip():
            raise QueryError(
                "A mygene interval takes no other clauses.",
                f"Write q={match[0]} and put the rest into filter=, such as filter=type_of_gene:protein-coding.",
            )
        if api not in ("mygene", "myvariant"):
            raise QueryError(f"{api} has no positions.", "Intervals are for mygene and myvariant.")
        text = re.sub(r"^\s*(AND|OR)\s+|\s+(AND|OR)\s*$", "", rest.strip()).strip()
    for leaf in _leaves(parse(text)):
        if isinstance(leaf, Exists):
            _check_known(leaf.path, catalogue, search=True)
            continue
        path = getattr(leaf, "field", None)
        if path is None:
            continue
        if api == "mygene" and path.startswith("genomic_pos"):
            raise QueryError(f"mygene cannot search {path}.", "Search positions by interval: q=chr7:55000000-55300000.")
        _check_searched(path, catalogue)
        _check_value(path, leaf, catalogue)


def _check_value(path: str, leaf: Leaf, catalogue: Catalogue) -> None:
    field = catalogue.get(path)
    if field is None:
        return
    if field.type == "boolean" and isinstance(leaf, Term) and leaf.text not in ("true", "false"):
        raise QueryError(f"{path} is true or false, {leaf.text!r} is neither.", f"For example {path}:true")
    if field.type in NUMERIC_TYPES:
        values = [leaf.text] if isinstance(leaf, Term) else [leaf.low, leaf.high] if isinstance(leaf, Range) else []
        for value in values:
            if value is not None and not _NUMBER.fullmatch(value):
                raise QueryError(
                    f"{path} is a number, {value!r} is none.", f"For example {path}:>{field.example or 10}"
                )


def _check_searched(path: str, catalogue: Catalogue) -> None:
    if path in ("_id", "_all", "*", "all"):
        return
    paths = catalogue.resolve(path)
    if not paths:
        raise _unknown(path, catalogue, searchable=True)
    fields = [field for field in map(catalogue.get, paths) if field is not None]
    exact = catalogue.get(path)
    if (
        exact is not None
        and not exact.leaf
        and "*" not in path
        and path.lower() not in get_api(catalogue.api).shorthands
    ):
        leaves = [field.path for field in fields if field.searchable][:4]
        raise QueryError(
            f"{path} is a group of fields and holds no value itself.", f"Search one of {', '.join(leaves)}."
        )
    if not any(field.searchable for field in fields):
        raise QueryError(
            f"{path} can be returned but not searched.",
            f"Searchable ones like it: {', '.join(catalogue.nearest(path, searchable=True))}.",
        )


def _check_returned(path: str, catalogue: Catalogue) -> None:
    bare = path.removeprefix("-")
    if bare in ("all", "_id", "_score", "*", "_version"):
        return
    if "*" in bare:
        if not catalogue.resolve(bare):
            raise _unknown(bare, catalogue)
        return
    _check_known(bare, catalogue)


def _check_known(path: str, catalogue: Catalogue, *, leaf: bool = False, search: bool = False) -> None:
    # Shorthands are for searching: no document has a field of that name.
    if path in ("_id", "_score", "_all") or (catalogue.resolve(path) if search else catalogue.exists(path)):
        field = catalogue.get(path)
        if leaf and field is not None and not field.leaf:
            leaves = [below.path for below in catalogue.leaves(path)][:4]
            raise QueryError(f"{path} is a group of fields.", f"Use one of {', '.join(leaves)}.")
        return
    if catalogue.get(path) is None:
        raise _unknown(path, catalogue)


def _unknown(path: str, catalogue: Catalogue, searchable: bool | None = None) -> QueryError:
    return QueryError(
        f"{catalogue.api} has no field {path!r}.",
        f"Nearest: {', '.join(catalogue.nearest(path, searchable=searchable))}.",
    )


def _nearest(name: str, choices: list[str]) -> str:
    from rapidfuzz import process

    found = process.extractOne(name.strip().lower(), choices, score_cutoff=70)
    return f"Did you mean {found[0]}?" if found else ""


def _leaves(node: Node) -> list[Leaf]:
    if isinstance(node, Bool):
        return [leaf for clause in node.clauses for leaf in _leaves(clause.node)]
    if isinstance(node, Boost):
        return _leaves(node.node)
    return [node] if isinstance(node, Leaf) else []
