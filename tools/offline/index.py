"""One index on disk, opened for searching."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from tools.errors import DataError, QueryError
from tools.lucene import parse
from tools.lucene.nodes import Operator
from tools.offline.compiler import Compiler, exclude, require
from tools.offline.documents import (
    ASSEMBLIES,
    ASSEMBLY,
    HG19_ID_KEY,
    HG19_VCF_KEY,
    ID,
    ID_HG19,
    NUMBER,
    ORIGIN,
    SOURCE,
    WEIGHT,
    WEIGHT_SCALE,
    Document,
    field_tokens,
    read_source,
)
from tools.offline.facets import count_values
from tools.offline.mapping import Field, FieldMapping
from tools.offline.ranking import GeneQueries, choose_assemblies, variant_query
from tools.offline.search import Coverage, Hit, SearchRequest, SearchResult
from tools.offline.sloppy import stands_within
from tools.offline.sorting import Hits, Sorter, read_sort

COVERAGE_FILE = "coverage.json"
_KEPT_PHRASES = 32
_LARGEST_SCORE = 2.0**128 - 2.0**104
# A page of a listing is looked for among so many times as many documents, then among so many times more again.
_FIRST_SPAN, _WIDER_SPAN = 16, 8


class Index:
    """Answers searches over the documents of one API. It may be used from several threads at once.

    Args:
        folder: the engine's folder.
        api: the API's name; mygene and myvariant have rules of their own.
        mapping: the fields that the folder was built with.
        is_custom: whether the mapping is a user's own; then the rules of mygene do not apply.
    """

    def __init__(self, folder: Path, api: str, mapping: FieldMapping, is_custom: bool = False) -> None:
        self.api = api
        self.fields = mapping
        self._folder = folder
        try:
            self._engine = tantivy.Index.open(str(folder))
            self._searcher = self._engine.searcher()
        except (ValueError, OSError) as error:
            raise DataError(
                f"The offline index of {api} cannot be read: {error}", f"Remove {folder.parent} to have it built again."
            ) from error
        self._schema = self._engine.schema
        self._is_genes = api == "mygene" and not is_custom
        self._weight_field = WEIGHT if self._is_genes else None
        self._sloppy: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
        self._sorter = Sorter(self._searcher, mapping, self._read, self._weight_field)

    @property
    def mapping(self) -> Mapping[str, Mapping[str, Any]]:
        """The field listing, in the form of `/metadata/fields`."""
        return self.fields.rows

    @property
    def count(self) -> int:
        """The number of documents."""
        return int(self._searcher.num_docs)

    def search(self, request: SearchRequest) -> SearchResult:
        """Answer a search; raises QueryError, with the service's message, where the service would refuse it."""
        if self.api != "myvariant":
            return self._search(request, None)
        if request.assembly is not None:
            return self._search(request, request.assembly)
        first, *others = choose_assemblies([*request.filters, *([request.q] if request.q else [])])
        result = self._search(request, first)
        for assembly in others:
            result = result if result.total else self._search(request, assembly)
        return result

    def get(self, identifier: str, assembly: str | None = None) -> Document | None:
        """Return the document with that identifier, variants by that of either assembly unless one is named."""
        if self.api != "myvariant":
            return self._get(ID, identifier, None)
        for name in (assembly,) if assembly else ASSEMBLIES:
            found = self._get(ID_HG19 if name == "hg19" else ID, identifier, name)
            if found is not None:
                return found
        return None

    def count_loaded(self) -> int:
        """Return the number of documents that did not come from the bundled snapshot."""
        origins = [origin for origin in self._terms(ORIGIN) if origin.startswith("load")]
        query = Query.term_set_query(self._schema, ORIGIN, origins)
        return int(self._searcher.search(query, 1).count)

    def coverage(self) -> Coverage:
        """Return which fields, species and assemblies the documents have."""
        return self._coverage

    @cached_property
    def _coverage(self) -> Coverage:
        try:
            paths = json.loads((self._folder / COVERAGE_FILE).read_text("utf-8"))
        except (OSError, ValueError):
            paths = []
        taxids: list[int] = []
        leaf = self.fields.get("taxid")
        if leaf is not None and leaf.is_sortable:
            facet = count_values(self._searcher, Query.all_query(), self.fields, "taxid", 50_000)
            taxids = [int(row["term"]) for row in facet["terms"] if str(row["term"]).isdecimal()]
        return Coverage(frozenset(paths), frozenset(taxids), frozenset(self._terms(ASSEMBLY)))

    def _terms(self, key: str) -> list[str]:
        """Return the terms of a field of few terms that a document has; the dictionary keeps those of removed ones."""
        terms = [term for term, _ in self._searcher.terms_with_prefix(key, "")]
        return [term for term in terms if self._searcher.search(Query.term_query(self._schema, key, term), 1).count]

    def _search(self, request: SearchRequest, assembly: str | None) -> SearchResult:
        query = self._narrow(self._build(request.q, assembly), request, assembly)
        if self._is_genes:
            query = Query.boost_query(query, 1 / WEIGHT_SCALE)
        facets = {
            path: count_values(self._searcher, query, self.fields, path, request.facet_size) for path in request.facets
        }
        if request.after is not None:
            return self._list(query, request, assembly, facets)
        if request.sort and request.sort != ["_score"]:
            keys = read_sort(request.sort, self.fields)
            found, total = self._sorter.find(query, keys, request.size, request.from_)
            hits = [self._hit(address, None, assembly) for _, address in found]
            return SearchResult(total, None, hits, facets, self._shown_assembly(query, total, assembly))
        found, total = self._find(query, request.size, request.from_)
        highest = self._highest_score(query, found, request)
        hits = [self._hit(address, score if request.scores else None, assembly) for score, address in found]
        return SearchResult(total, highest, hits, facets, self._shown_assembly(query, total, assembly))

    def _list(self, query: Query, request: SearchRequest, assembly: str | None, facets: dict[str, Any]) -> SearchResult:
        """Return the page of a listing that follows `request.after`; a page costs the same wherever it is.

        The engine cannot go on where a search ended, so a page is looked for in a stretch of document numbers, which
        is widened where it holds too few.
        """
        assert request.after is not None
        hits: list[tuple[Any, tantivy.DocAddress]] = []
        start, span = request.after + 1, request.size * _FIRST_SPAN
        while start <= self._last_number:
            stretch = Query.range_query(self._schema, NUMBER, tantivy.FieldType.Integer, start, start + span - 1)
            wanted = request.size - len(hits)
            found = self._searcher.search(
                require(query, stretch), wanted, order_by_field=NUMBER, order=tantivy.Order.Asc
            ).hits
            hits += found
            if len(found) == wanted:
                break
            start, span = start + span, span * _WIDER_SPAN
        total, shown = 0, assembly
        if request.after < 0:
            total = int(self._searcher.search(query, 1).count)
            shown = self._shown_assembly(query, total, assembly)
        last = int(hits[-1][0]) if hits else None
        shown_hits = [self._hit(address, None, assembly) for _, address in hits]
        return SearchResult(total, None, shown_hits, facets, shown, last)

    @cached_property
    def _last_number(self) -> int:
        found = self._searcher.search(Query.all_query(), 1, order_by_field=NUMBER, order=tantivy.Order.Desc).hits
        return int(found[0][0]) if found else -1

    def _shown_assembly(self, query: Query, total: int, searched: str | None) -> str | None:
        """Say whose positions the hits show: of variants that were looked for in either assembly, hg38 where known."""
        if searched is not None or self.api != "myvariant":
            return searched
        for assembly in reversed(ASSEMBLIES):
            known = require(query, Query.term_query(self._schema, ASSEMBLY, assembly))
            if total and self._searcher.search(known, 1).count == total:
                return assembly
        return ",".join(ASSEMBLIES) if total else None

    def _find(self, query: Query, size: int, from_: int) -> tuple[Hits, int]:
        result = self._searcher.search(query, max(size, 1), offset=from_, weight_by_field=self._weight_field)
        return result.hits[:size], result.count

    def _highest_score(self, query: Query, found: Hits, request: SearchRequest) -> float | None:
        if not request.scores or not request.size:
            return None
        if request.from_:
            found, _ = self._find(query, 1, 0)
        return _finite(found[0][0]) if found else None

    def _build(self, q: str | None, assembly: str | None) -> Query:
        """Compile the query string by the rules of the API."""
        if not q:
            return Query.all_query() if q is None else Query.empty_query()
        if self._is_genes:
            compiler = self._compiler(assembly, lenient=False)
            return GeneQueries(self._schema, self.fields, self._searcher, compiler).build(q)
        compiler = self._compiler(assembly)
        if assembly is not None:
            strict = self._compiler(assembly, operator="OR", lenient=False)
            return variant_query(q, assembly, self._schema, self._searcher, compiler, strict)
        return compiler.compile(parse(q))

    def _narrow(self, query: Query, request: SearchRequest, assembly: str | None) -> Query:
        strict = self._compiler(assembly, operator="OR", lenient=False)
        conditions = [strict.compile(parse(text)) for text in request.filters]
        if assembly is not None:
            if assembly not in ASSEMBLIES:
                raise QueryError(f"There is no assembly {assembly!r}.", "Known are hg19 and hg38.")
            conditions.append(Query.term_query(self._schema, ASSEMBLY, assembly))
        if request.taxids is not None:
            leaf = self.fields.get("taxid")
            options = [strict.between(leaf, (taxid, taxid)) for taxid in request.taxids] if leaf else []
            conditions.append(Query.boolean_query([(Occur.Should, option) for option in options]))
        conditions += [strict.exists(path) for path in request.exists]
        conditions += [exclude(strict.exists(path)) for path in request.missing]
        return require(query, *conditions)

    def _compiler(self, assembly: str | None, operator: Operator = "AND", lenient: bool = True) -> Compiler:
        id_key = ID_HG19 if assembly == "hg19" else ID
        return Compiler(
            self._schema, self.fields, self._searcher, self._find_sloppy, id_key, operator=operator, lenient=lenient
        )

    def _find_sloppy(self, leaf: Field, terms: Sequence[str], slop: int) -> Query:
        """Find phrases with slop among the documents that have all the words: the engine's own slop is another."""
        words = [Query.term_query(self._schema, leaf.key, term) for term in dict.fromkeys(terms)]
        candidates = Query.boolean_query([(Occur.Must, word) for word in words])
        wanted = (leaf.key, tuple(terms), slop)
        found = self._sloppy.get(wanted)
        if found is None:
            found = []
            for _, address in self._searcher.search(candidates, max(self.count, 1)).hits:
                document = self._read(address)
                if stands_within(list(field_tokens(document, leaf, self.fields)), terms, slop):
                    found.append(document["_id"])
            if len(self._sloppy) >= _KEPT_PHRASES:
                self._sloppy.clear()
            # Variants are asked for under one assembly after the other: the work is done once.
            self._sloppy[wanted] = found
        return require(candidates, Query.term_set_query(self._schema, ID, found))

    def _get(self, key: str, identifier: str, assembly: str | None) -> Document | None:
        query = Query.term_query(self._schema, key, identifier)
        if assembly is not None:
            query = require(query, Query.term_query(self._schema, ASSEMBLY, assembly))
        hits = self._searcher.search(query, 1).hits
        return self._hit(hits[0][1], None, assembly).source if hits else None

    def _hit(self, address: tantivy.DocAddress, score: float | None, assembly: str | None) -> Hit:
        document = self._read(address)
        if HG19_ID_KEY in document:
            # The entry has both positions; the reader sees it as the index of one assembly would hold it.
            hg19_id, hg19_vcf = document.pop(HG19_ID_KEY), document.pop(HG19_VCF_KEY, None)
            if assembly == "hg19":
                document["_id"] = hg19_id
                document.pop("hg38", None)
                document.pop("vcf", None)  # place and alleles in hg38, which may be others
                if hg19_vcf is not None:
                    document["vcf"] = hg19_vcf
            else:
                document.pop("hg19", None)
        return Hit(document["_id"], None if score is None else _finite(score), document)

    def _read(self, address: tantivy.DocAddress) -> Document:
        return read_source(self._searcher.doc(address).get_first(SOURCE))


def _finite(score: float) -> float:
    """Return a score as JSON can hold it: large factors take it out of the range of the engine's floats."""
    return 0.0 if math.isnan(score) else min(float(score), _LARGEST_SCORE)
