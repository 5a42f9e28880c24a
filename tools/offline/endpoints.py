"""What the endpoints of one API answer, from its index: `/query`, the entity endpoint, `/metadata`.

Each takes the parameters that `tools.offline.parameters` has read and returns what is to be written as JSON. The
order of the steps and the form of the answers are those of the BioThings SDK (`biothings/web/query`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from tools.apis import SPECIES, Api
from tools.errors import QueryError
from tools.lucene import escape
from tools.offline.documents import ASSEMBLIES
from tools.offline.identifiers import look_up, translate_scopes
from tools.offline.parameters import Refusal, bad_query, bad_request, bad_value
from tools.offline.projection import Projection, Shape, Shaper
from tools.offline.scroll import PAGE_SIZE, Cursor, read_cursor, write_cursor
from tools.offline.search import SearchRequest, SearchResult
from tools.offline.store import Index
from tools.offline.taxonomy import descendants

DEFAULT_SIZE = 10
RESULT_WINDOW = 10_000
MAX_MATCHES = 1000
_LARGEST_TAXID = 2**31 - 1
NO_MORE_RESULTS = {"success": False, "error": "No more results to return."}
#: Parameters that decide what a listing finds; a cursor carries them from page to page.
_CURSOR = (
    "q", "_source", "filter", "post_filter", "species", "species_facet_filter", "aggs", "assembly", "exists", "missing",
    "entrezonly", "ensemblonly", "ignore_obsolete",
)  # fmt: skip

Values = dict[str, Any]


class Endpoints:
    """The endpoints of `api` over `index`.

    `assembly` is, after an answer about variants, the assembly whose positions it shows; `hg19,hg38` for both.
    """

    def __init__(self, api: Api, index: Index, clock: Callable[[], float] = time.time) -> None:
        self.assembly: str | None = None
        self._api = api
        self._index = index
        self._clock = clock

    def query(self, values: Values) -> Any:
        """GET /query: the hits of one query string.

        Raises:
            Refusal: the query string is malformed, or parameters do not go together.
        """
        start = time.perf_counter()
        cursor: Cursor | None = None
        if values["scroll_id"]:
            cursor = read_cursor(self._api.name, values["scroll_id"], self._clock(), _CURSOR.__contains__)
            values = {**values, "sort": None, "aggs": None, "from": None, "size": None, **cursor.request}
        if values.get("include_tax_tree"):
            values = {**values, "species": self._with_descendants(values["species"])}
        listing = bool(cursor or values["fetch_all"])
        request = self._request(values, values["q"])
        if listing:
            after = cursor.after if cursor else -1
            request = replace(request, sort=[], from_=0, size=PAGE_SIZE, after=after)
        shaper = self._shaper(values)
        if values["rawquery"]:
            return {"offline": asdict(request)}
        result = self._find(values, request)
        if cursor and not result.hits:
            return NO_MORE_RESULTS
        answer: dict[str, Any] = {}
        total = cursor.total if cursor else result.total
        if listing:
            kept = {name: values[name] for name in _CURSOR if values.get(name) is not None}
            if result.assembly in ASSEMBLIES:
                kept["assembly"] = result.assembly  # of several that were tried, the one that had any
            after = -1 if result.last is None else result.last
            answer["_scroll_id"] = write_cursor(self._api.name, Cursor(kept, after, total), self._clock())
        answer["took"] = round((time.perf_counter() - start) * 1000)
        answer["total"] = total
        answer["max_score"] = result.max_score
        projection = Projection(values["_source"])
        hits = [self._hit(hit.id, hit.source, projection, {"_score": hit.score}) for hit in result.hits]
        if values["explain"]:
            for hit in hits:
                hit["_explanation"] = {
                    "value": hit["_score"],
                    "description": "score of the offline index",
                    "details": [],
                }
        shaped = _shape(shaper, hits)
        has_facets = bool(request.facets) and cursor is None
        if has_facets:
            answer["facets"] = result.facets
        if shaped or not has_facets:
            answer["hits"] = shaped
        return answer

    def batch(self, values: Values) -> Any:
        """POST /query: the hits of each term in the fields `scopes`, as one list.

        Raises:
            Refusal: a term is none, or is a malformed query string where there are no scopes.
        """
        if values.get("include_tax_tree"):
            values = {**values, "species": self._with_descendants(values["species"])}
        scopes = translate_scopes(self._api.name, [str(scope) for scope in values["scopes"] or []])
        base = self._request(values, None)
        projection, shaper = Projection(values["_source"]), self._shaper(values)
        for term in values["q"]:
            _check_term(term, is_needed=bool(scopes))
        if values["rawquery"]:
            if scopes:
                requests = [replace(base, q=_any_clause((str(term),), scopes)) for term in values["q"]]
            else:
                requests = [self._request(values, str(term)) for term in values["q"]]
            return {"offline": [asdict(request) for request in requests]}
        rows: list[dict[str, Any]] = []
        largest, exceeding = 0, 0
        for term in values["q"]:
            if scopes:
                result = self._match(values, base, (str(term),), scopes)
            else:
                result = self._find(values, self._request(values, str(term)))
            largest = max(largest, result.total)
            exceeding += result.total > base.size
            hits = [self._hit(hit.id, hit.source, projection, {"_score": hit.score}) for hit in result.hits]
            shaped = _shape(shaper, hits)
            rows += [{"query": term, **document} for document in shaped] or [{"query": term, "notfound": True}]
        if not values["with_total"]:
            return rows
        answer: dict[str, Any] = {"max_total": largest, "hits": rows}
        if exceeding:
            following = base.from_ + base.size
            answer["msg"] = (
                f"{exceeding} query terms return > {base.size} hits, "
                f"using from={following} to retrieve the remaining hits"
            )
        return answer

    def entity(self, identifier: str, values: Values) -> Any:
        """GET of one entity: its document, or the list of them where several carry the identifier.

        Raises:
            Refusal: 404 where there is none.
        """
        if values["rawquery"]:
            return {"offline": self._show_lookup(identifier, values)}
        documents = self._entities(identifier, values)
        if not documents:
            raise Refusal(404, "Not Found.")
        return documents[0] if len(documents) == 1 else documents

    def entities(self, values: Values) -> Any:
        """POST of many identifiers: the documents of each, as one list.

        Raises:
            Refusal: one is no identifier.
        """
        for identifier in values["id"]:
            _check_term(identifier)
        if values["rawquery"]:
            return {"offline": [self._show_lookup(str(identifier), values) for identifier in values["id"]]}
        rows: list[dict[str, Any]] = []
        for identifier in values["id"]:
            documents = self._entities(str(identifier), values)
            rows += [{"query": identifier, **document} for document in documents]
            if not documents:
                rows.append({"query": identifier, "notfound": True})
        return rows

    def _entities(self, identifier: str, values: Values) -> list[dict[str, Any]]:
        lookup = look_up(self._api.name, identifier, self._searchable)
        request = self._lookup_request(values)
        result = self._match(values, request, lookup.terms, lookup.scopes)
        if not result.total and "_id" not in lookup.scopes:
            # A document of one's own may have nothing but its `_id`, and that may look like another identifier.
            result = self._match(values, request, (identifier,), ("_id",))
        if result.total > MAX_MATCHES:
            raise Refusal(500, "Too Many Matches.")
        projection, shaper = Projection(values["_source"]), self._shaper(values)
        return _shape(shaper, [self._hit(hit.id, hit.source, projection, {"_version": 1}) for hit in result.hits])

    def _lookup_request(self, values: Values) -> SearchRequest:
        return replace(self._request({**values, "size": None}, None), size=MAX_MATCHES + 1, scores=False)

    def _show_lookup(self, identifier: str, values: Values) -> dict[str, Any]:
        lookup = look_up(self._api.name, identifier, self._searchable)
        return asdict(replace(self._lookup_request(values), q=_any_clause(lookup.terms, lookup.scopes)))

    def _with_descendants(self, species: Sequence[Any]) -> Sequence[Any]:
        """Return a `species` value with the species of this index that are below those it names."""
        asked = _taxids(species)
        if asked is None:
            return species
        return [*asked, *descendants(asked, self._index.coverage().taxids)]

    def _hit(
        self, identifier: str, source: dict[str, Any], projection: Projection, extra: dict[str, Any]
    ) -> dict[str, Any]:
        document = projection(source)
        document.pop("_id", None)
        return {"_id": identifier, **extra, **document}

    def _shaper(self, values: Values) -> Shaper:
        shape = Shape(
            dotfield=values["dotfield"],
            sorted=values["_sorted"],
            always_list=tuple(map(str, values["always_list"] or ())),
            allow_null=tuple(map(str, values["allow_null"] or ())),
            list_filter=values.get("list_filter") or None,
            jmespath=values["jmespath"] or None,
            jmespath_exclude_empty=values["jmespath_exclude_empty"],
        )
        try:
            return Shaper(shape)
        except ValueError as error:
            keyword = "list_filter" if "list_filter" in str(error) else "jmespath"
            reason = f"Invalid value for {keyword} parameter"
            raise bad_value(keyword=keyword, reason=reason, details=str(error)) from None

    def _request(self, values: Values, q: str | None) -> SearchRequest:
        """Turn parameters into what the index is asked.

        Raises:
            Refusal: a species is unknown, or the page is too far back.
        """
        if q == "__all__":
            q = None
        size = DEFAULT_SIZE if values["size"] is None else values["size"]
        if q is None and values.get("aggs") and not values["size"]:
            size = 0
        from_ = values.get("from") or 0
        if q == "__any__":
            q, from_ = None, random.randrange(max(1, min(self._index.count, RESULT_WINDOW) - size))
        if from_ + size > RESULT_WINDOW:
            raise bad_request(
                f"Result window is too large: 'from' ({from_}) + 'size' ({size}) must be "
                f"less than or equal to {RESULT_WINDOW}. To retrieve more hits than that, list them with fetch_all."
            )
        exists = list(map(str, values.get("exists") or ()))
        if values.get("entrezonly"):
            exists.append("entrezgene")
        if values.get("ensemblonly"):
            exists.append("ensembl.gene")
        filters = [values["filter"]] if values.get("filter") else []
        if values.get("ignore_obsolete") and self._searchable("mondo.is_obsolete"):
            filters.append("NOT mondo.is_obsolete:true")
        sort = list(map(str, values.get("sort") or ()))
        facets = list(map(str, values.get("aggs") or ()))
        self._check_fields(sort, facets)
        if facets and values.get("facet_size") == 0:
            reason = f"[size] must be greater than 0. Found [0] in [{facets[0]}]"
            raise Refusal(400, "illegal_argument_exception", root_cause_line_00=reason)
        return SearchRequest(
            q=q,
            filters=filters,
            taxids=_taxids(values.get("species")),
            exists=exists,
            missing=list(map(str, values.get("missing") or ())),
            assembly=values.get("assembly"),
            size=size,
            from_=from_,
            sort=sort,
            facets=facets,
            facet_size=values.get("facet_size") or DEFAULT_SIZE,
            scores=not sort,
        )

    @staticmethod
    def _check_fields(sort: Sequence[str], facets: Sequence[str]) -> None:
        """Refuse forms that the services refuse; whether the fields can be sorted by and counted, the index says."""
        for name in sort:
            field = name.removeprefix("-")
            if not field:
                raise bad_request(f"Invalid sort field '{name}': missing field name.")
            if field.partition(":")[0] == "_id":
                raise bad_request("Cannot sort on the '_id' field: it is not available for sorting or aggregation.")
            if ":" in field:
                plain, _, order = field.partition(":")
                hint = f"sort=-{plain}" if order.lower().startswith("desc") else f"sort={plain}"
                raise bad_request(
                    f"Invalid sort field '{name}': the 'field:order' syntax is not supported. Prefix the field with "
                    f"\"-\" for descending order, otherwise it is ascending. Did you mean '{hint}'?"
                )
            if name == "-_score":
                raise bad_request(
                    "Invalid sort field '-_score': relevance is already sorted in descending order, so the '-' prefix "
                    "is not supported here. Did you mean 'sort=_score'?"
                )
        for field in facets:
            if field == "_id":
                raise bad_request(
                    "Cannot aggregate on the '_id' field: it is not available for sorting or aggregation."
                )

    def _find(self, values: Values, request: SearchRequest) -> SearchResult:
        """Search; what is filtered afterwards does not change the facets, which a listing has on its first page."""
        later = [values["post_filter"]] if values.get("post_filter") else []
        species = _taxids(values.get("species_facet_filter")) if request.facets else None
        facets = request.facets if request.after in (None, -1) else []
        if not later and species is None:
            return self._search(replace(request, facets=facets))
        taxids = request.taxids
        if species is not None:
            taxids = species if taxids is None else sorted(set(taxids) & set(species)) or [-1]
        narrow = replace(request, filters=[*request.filters, *later], taxids=taxids, facets=[])
        result = self._search(narrow)
        if not facets:
            return result
        return replace(result, facets=self._search(replace(request, size=0, from_=0, after=None)).facets)

    def _match(
        self, values: Values, request: SearchRequest, terms: Sequence[str], scopes: Sequence[str]
    ) -> SearchResult:
        """Search for documents in which a field of `scopes` holds one of `terms`, whole."""
        try:
            return self._find(values, replace(request, q=_any_clause(terms, scopes)))
        except Refusal:
            # A value of the wrong type for one of the fields: that field just holds no such value.
            possible = [clause for clause in _clauses(terms, scopes) if self._is_possible(request, clause)]
            if not possible:
                return SearchResult(total=0, max_score=None, hits=[], facets={}, assembly=None)
            return self._find(values, replace(request, q=" OR ".join(possible)))

    def _is_possible(self, request: SearchRequest, clause: str) -> bool:
        try:
            self._index.search(replace(request, q=clause, size=0, from_=0, facets=[], filters=[]))
        except QueryError:
            return False
        return True

    def _search(self, request: SearchRequest) -> SearchResult:
        try:
            result = self._index.search(request)
        except QueryError as error:
            raise bad_query(error) from error
        if result.assembly and (result.total or result.hits):
            # The terms of a batch may each have been found in another one.
            known = {*result.assembly.split(","), *(self.assembly or result.assembly).split(",")}
            self.assembly = ",".join(sorted(known))
        return result

    def _searchable(self, field: str) -> bool:
        leaf = self._index.fields.get(field)
        return field == "_id" or (leaf is not None and leaf.is_searchable)


def _taxids(species: Sequence[Any] | None) -> list[int] | None:
    """Taxonomy ids of a `species` value; None for all.

    Raises:
        Refusal: one is neither a known name nor a number.
    """
    if not species:
        return None
    names = [str(name).lower() for name in species]
    if "all" in names:
        return None
    ids = [str(SPECIES.get(name, name)) for name in names]
    if not all(taxid.isdecimal() for taxid in ids):
        raise Refusal(400, "cannot map some species to taxids.")
    for taxid in ids:
        if len(taxid) > len(str(_LARGEST_TAXID)) or int(taxid) > _LARGEST_TAXID:
            raise bad_query(QueryError(f"failed to create query: Value [{taxid}] is out of range for an integer"))
    return [int(taxid) for taxid in ids]


def _check_term(term: Any, is_needed: bool = True) -> None:
    """Refuse what cannot be looked up; an empty text may be a query string, which finds nothing."""
    if isinstance(term, (list, dict)):
        raise bad_request("A search term is a text or a number.")
    if not term and (is_needed or term != ""):
        raise bad_request("No search terms or scopes.")


def _clauses(terms: Sequence[str], scopes: Sequence[str]) -> list[str]:
    return [f"{_field(scope)}:{_value(term)}" for scope in scopes for term in terms]


def _value(term: str) -> str:
    """Write a term such that it is a value whatever it holds: a bare `<5` is a range, even with escapes."""
    return f'"{escape(term, quoted=True)}"' if term.startswith(("<", ">")) else escape(term)


def _any_clause(terms: Sequence[str], scopes: Sequence[str]) -> str:
    return " OR ".join(_clauses(terms, scopes))


def _shape(shaper: Shaper, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        return [shaped for shaped in map(shaper, documents) if shaped is not None]
    except ValueError as error:  # a jmespath expression that does not fit the documents
        raise bad_request(str(error), "ResultFormatterException") from None


def _field(name: str) -> str:
    return "\\*".join(escape(part) for part in name.split("*"))
