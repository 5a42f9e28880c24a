"""What mygene and myvariant do before and around a query string (their `MygeneQueryBuilder` and `MVQueryBuilder`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import tantivy
from tantivy import Occur, Query

from tools.lucene import (
    Bool,
    Boost,
    Exists,
    Fuzzy,
    MatchAll,
    Node,
    Nothing,
    Phrase,
    Prefix,
    Term,
    Wildcard,
    clauses_of,
    parse,
)
from tools.offline.analysis import WHITESPACE, analyze, lowercase
from tools.offline.compiler import ID_FIELD, Compiler, require
from tools.offline.documents import ASSEMBLIES, BIN_SIZE, FARTHEST, PLACES, STARTS, encode_start, place_prefix
from tools.offline.mapping import FieldMapping

_GENE_INTERVAL = re.compile(r"chr(?P<chrom>\w+):(?P<start>[0-9,]+)-(?P<end>[0-9,]+)")
_VARIANT_INTERVAL = re.compile(
    r"(?-i:chr)(?P<chrom>[1-9]|1[0-9]|2[0-2]|X|Y|MT):"
    r"(?:(?P<start>[\d,]+)-(?P<end>[\d,]+)|(?P<position>[\d,]+))"
    r"(?:\s+AND\s+(?P<rest>\S.+))?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*\+?(?P<sign>-?)0*(?P<digits>\d+)\s*", re.ASCII)
_HGVS = re.compile(r"chr\w{1,2}:g\.", re.IGNORECASE)
# Longer stretches hold so many variants that looking into each of their bins gains nothing.
_MAX_BINS = 64
_QUERY_SYNTAX = (":", "~", " AND ", " OR ", "NOT ")
_ACCESSIONS = ("refseq.rna", "refseq.protein", "accession.rna", "accession.protein")
# Names that people write for fields, in any case; the first that the mapping has is taken.
_SHORTHANDS = {
    "refseq": ("refseq_agg", "refseq.*"),
    "accession": ("accession_agg", "accession.*"),
    "reporter": ("reporter.*",),
    "interpro": ("interpro.id",),
    "homologene": ("homologene.id",),
    "reagent": ("reagent.*",),
    "uniprot": ("uniprot.*",),
    "wikipedia": ("wikipedia.*",),
    "ensemblgene": ("ensembl.gene",),
    "ensembltranscript": ("ensembl.transcript",),
    "ensemblprotein": ("ensembl.protein",),
} | {
    name.lower(): (name,)
    for name in (
        ["HGNC", "HPRD", "MIM", "MGI", "RATMAP", "RGD", "FLYBASE", "WormBase", "TAIR", "ZFIN", "SGD", "Xenbase"]
        + ["miRBase"]
    )
}


class GeneQueries:
    """Queries of mygene over one index; `compiler` is strict, as mygene's own handler is."""

    def __init__(
        self, schema: tantivy.Schema, mapping: FieldMapping, searcher: tantivy.Searcher, compiler: Compiler
    ) -> None:
        self._schema = schema
        self._mapping = mapping
        self._searcher = searcher
        self._compiler = compiler

    def build(self, q: str) -> Query:
        """Return the query for a request's `q`; raises QueryError where it is malformed."""
        interval = _GENE_INTERVAL.search(q)
        if interval:
            assembly = next((name for name in ("hg19", "mm9") if q.startswith(f"{name}.")), "hg38")
            chromosome = interval["chrom"].lower().removeprefix("chr")
            return self._overlap(assembly, chromosome, _position(interval["start"]), _position(interval["end"]))
        if (q.startswith('"') and q.endswith('"')) or any(sign in q for sign in _QUERY_SYNTAX):
            return self._compiler.compile(self._spell_out(parse(q)))
        if "*" in q or "?" in q:
            return self._wildcard(q)
        number = _NUMBER.fullmatch(q)
        if number:
            return Query.boost_query(self._match("entrezgene", number["sign"] + number["digits"]), 8.0)
        return self._best_of(q)

    def _best_of(self, q: str) -> Query:
        """Rank by the best of: the symbol itself, the name as a phrase, its words, accessions, anything.

        The alias is our addition: by mygene's own rules `p53` ranks genes higher that have p53 twice in their names.
        """
        words = analyze(q, WHITESPACE)
        symbols = [self._match("symbol", word) for word in words]
        names = [self._match("name", word) for word in words]
        options = [
            (8.0, Query.boolean_query([(Occur.Should, query) for query in symbols])),
            (6.0, self._match("alias", lowercase(q))),
            (4.0, self._compiler.compile(Phrase("name", q))),
            (3.0, Query.boolean_query([(Occur.Must, query) for query in names])),
            (1.1, self._match("unigene", lowercase(q))),
            *((1.1, self._compiler.compile(Term(name, q))) for name in _ACCESSIONS),
            (1.0, self._compiler.compile(parse(q))),
        ]
        return Query.disjunction_max_query([Query.boost_query(query, weight) for weight, query in options], 0.0)

    def _match(self, path: str, term: str) -> Query:
        leaf = self._mapping.get(path)
        return self._compiler.term(leaf, term) if leaf else Query.empty_query()

    def _wildcard(self, q: str) -> Query:
        leaves = [leaf for name in ("symbol", "name", "summary") if (leaf := self._mapping.get(name))]
        queries = [self._compiler.wildcard(leaf, q) for leaf in leaves if leaf.is_searchable]
        return Query.disjunction_max_query(queries, 0.0)

    def _overlap(self, assembly: str, chromosome: str, start: int, end: int) -> Query:
        """Find genes of which one position overlaps an interval: it begins within, or reaches over the beginning."""
        options = []
        if start <= end:
            first, last = (encode_start(assembly, chromosome, place) for place in (start, end))
            options.append(Query.range_query(self._schema, STARTS, tantivy.FieldType.Integer, first, last))
        terms = [
            term
            for term, _ in self._searcher.terms_with_prefix(
                PLACES, place_prefix(assembly, chromosome, start // BIN_SIZE)
            )
            if _reaches(term, start, end)
        ]
        options.append(Query.term_set_query(self._schema, PLACES, terms))
        union = Query.boolean_query([(Occur.Should, query) for query in options])
        return Query.const_score_query(union, 1.0)

    def _spell_out(self, node: Node) -> Node:
        """Replace the shorthands for fields."""
        if isinstance(node, Bool):
            return Bool(tuple(replace(clause, node=self._spell_out(clause.node)) for clause in node.clauses))
        if isinstance(node, Boost):
            return replace(node, node=self._spell_out(node.node))
        if isinstance(node, (Nothing, MatchAll, Exists)) or node.field is None:
            return node
        name = node.field.lower()
        if name == "go" and isinstance(node, (Term, Phrase, Prefix, Fuzzy)):
            return replace(node, field="go.*.id", text=f"go:{node.text}")
        if name == "go" and isinstance(node, Wildcard):
            return replace(node, field="go.*.id", pattern=f"go:{node.pattern}")
        for field in _SHORTHANDS.get(name, ()):
            if self._mapping.expand(field):
                return replace(node, field=field)
        return node


@dataclass(frozen=True)
class Interval:
    """A stretch of a chromosome."""

    assembly: str
    chromosome: str
    start: int
    end: int

    @property
    def node(self) -> Node:
        """The query string that it stands for."""
        return parse(
            f"+chrom:{self.chromosome} +{self.assembly}.start:<={self.end} +{self.assembly}.end:>={self.start}"
        )

    def places(self, searcher: tantivy.Searcher) -> list[str]:
        """Return the terms of the indexed places that overlap."""
        prefixes = (
            place_prefix(self.assembly, self.chromosome, number)
            for number in range(self.start // BIN_SIZE, self.end // BIN_SIZE + 1)
        )
        terms = (term for prefix in prefixes for term, _ in searcher.terms_with_prefix(PLACES, prefix))
        return [term for term in terms if _reaches(term, self.start, self.end)]


def find_variant_interval(q: str, assembly: str) -> tuple[Interval, str] | None:
    """Take a query of myvariant apart: its interval, and the query string that goes along with it.

    Returns:
        None where `q` holds no interval, alone or joined to other clauses with AND.
    """
    found = _VARIANT_INTERVAL.search(q)
    if not found:
        return None
    before = q[: found.start()].strip()
    others = []
    if before:
        if not q[found.start() - 1].isspace() or before[-3:].upper() != "AND":
            return None
        others.append(f"({before[:-3]})")
    if found["rest"]:
        others.append(f"({found['rest']})")
    start, end = found["start"] or found["position"], found["end"] or found["position"]
    interval = Interval(assembly, found["chrom"].lower(), _position(start), _position(end))
    return interval, " AND ".join(others)


def choose_assemblies(texts: Iterable[str]) -> tuple[str | None, ...]:
    """Say which assemblies a search for variants goes through when it names none; the first that finds any answers.

    `texts` are its query strings. One that is about a place (an interval, a genomic HGVS id) is looked for by its
    hg19 positions, then by hg38; one about fields of an assembly by those; all else in every variant (None),
    whichever assembly its position is known in.
    """
    places = False
    for text in texts:
        if _VARIANT_INTERVAL.search(text):
            places = True
            continue
        for clause in clauses_of(parse(text)):
            name = getattr(clause, "field", None) or getattr(clause, "path", None) or ""
            for assembly in ASSEMBLIES:
                if name == assembly or name.startswith(f"{assembly}."):
                    return (assembly,)
            value = getattr(clause, "text", "")
            places = places or name == ID_FIELD or (not name and bool(_HGVS.match(value)))
    return ASSEMBLIES if places else (None,)


def variant_query(
    q: str,
    assembly: str | None,
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
    compiler: Compiler,
    strict: Compiler,
) -> Query:
    """Return the query for a request's `q` to myvariant; `strict` compiles what goes along with an interval."""
    found = find_variant_interval(q, assembly) if assembly else None
    if found is None or assembly is None:
        return compiler.compile(parse(q))
    interval, others = found
    if 0 <= interval.end - interval.start < _MAX_BINS * BIN_SIZE:
        # Comparing the positions of all variants would take the longer, the more there are.
        query = Query.term_set_query(schema, PLACES, interval.places(searcher))
    else:
        query = compiler.compile(interval.node)
    query = Query.const_score_query(query, 0.0)
    return require(strict.compile(parse(others)), query) if others else query


def _position(digits: str) -> int:
    plain = digits.replace(",", "").lstrip("0")
    return min(int(plain or 0), FARTHEST) if len(plain) <= len(str(FARTHEST)) else FARTHEST


def _reaches(term: str, start: int, end: int) -> bool:
    *_, first, last = term.split(":")
    return int(first) <= end and int(last) >= start
