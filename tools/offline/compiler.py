"""From the tree of a query string to a query of the engine, by Elasticsearch's rules for each type of field.

Where a value does not fit a field's type, a lenient query finds nothing there and a strict one is refused with the
service's words. What analysis empties (a phrase of punctuation) takes no part, as in Lucene.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import tantivy
from tantivy import Occur, Query

from tools.errors import QueryError
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
    Range,
    Regex,
    Term,
    Wildcard,
    assign_occurs,
)
from tools.lucene.nodes import Operator
from tools.offline import patterns
from tools.offline.analysis import PATHS, analyze, lowercase
from tools.offline.documents import ID, NAMES, name_term
from tools.offline.fuzzy import most_similar
from tools.offline.mapping import ALL, Field, FieldMapping
from tools.offline.text_ranges import TextRange
from tools.offline.values import FLOAT_TYPES, Bounds, range_bounds, term_bounds

ID_FIELD = "_id"
MAX_REGEX_LENGTH = 1000
MAX_EXPANSIONS = 50
_OCCURS = {"must": Occur.Must, "should": Occur.Should, "must_not": Occur.MustNot}
#: Finds the documents in which a phrase stands within some slop: field, terms, slop.
FindSloppy = Callable[[Field, Sequence[str], int], Query]


class _Unfit(Exception):
    """A value or a kind of query that a field's type does not take, in the service's words."""


def require(*queries: Query) -> Query:
    """All of `queries`; the first alone scores."""
    first, *others = queries
    if not others:
        return first
    return Query.boolean_query(
        [(Occur.Must, first), *((Occur.Must, Query.const_score_query(query, 0.0)) for query in others)]
    )


def exclude(query: Query) -> Query:
    """Everything but `query`, with score 0."""
    return Query.boolean_query([(Occur.Must, Query.const_score_query(Query.all_query(), 0.0)), (Occur.MustNot, query)])


class Compiler:
    """Compiles trees for one index.

    Args:
        schema: the engine's schema.
        mapping: the index's fields.
        searcher: reads the dictionary of terms, for patterns that the engine does not know.
        find_sloppy: finds phrases with slop.
        id_key: the engine's field that `_id` means.
        operator: the default operator.
        lenient: whether a value of the wrong type finds nothing instead of being refused.
    """

    def __init__(
        self,
        schema: tantivy.Schema,
        mapping: FieldMapping,
        searcher: tantivy.Searcher,
        find_sloppy: FindSloppy,
        id_key: str = ID,
        operator: Operator = "AND",
        lenient: bool = True,
    ) -> None:
        self._schema = schema
        self._mapping = mapping
        self._searcher = searcher
        self._find_sloppy = find_sloppy
        self._id_key = id_key
        self._operator = operator
        self._lenient = lenient

    def compile(self, node: Node) -> Query:
        """Return the engine's query; raises QueryError where the service would refuse."""
        return self._compile(node) or Query.empty_query()

    def _compile(self, node: Node) -> Query | None:
        """Compile one node; None where analysis leaves nothing of it."""
        if isinstance(node, Bool):
            return self._compile_bool(node)
        if isinstance(node, Boost):
            inner = self._compile(node.node)
            return None if inner is None else Query.boost_query(inner, node.factor)
        if isinstance(node, Nothing):
            return Query.empty_query()
        if isinstance(node, MatchAll):
            return Query.all_query()
        if isinstance(node, Exists):
            return self.exists(node.path)
        if isinstance(node, Regex) and len(node.pattern) > MAX_REGEX_LENGTH:
            raise QueryError(
                f"The length of regex [{len(node.pattern)}] used in the [query_string] has exceeded the allowed "
                f"maximum of [{MAX_REGEX_LENGTH}].",
                "Use a shorter regular expression.",
            )
        if isinstance(node, Wildcard) and node.pattern == "*":
            if node.field is not None:
                return self.exists(node.field)
            return Query.all_query()
        return self._compile_leaf(node)

    def _compile_bool(self, node: Bool) -> Query | None:
        compiled = [(part.conjunction, part.modifier, self._compile(part.node)) for part in node.clauses]
        roles = assign_occurs(compiled, self._operator)
        if not roles:
            return None
        if len(roles) == 1 and roles[0][0] != "must_not":
            return roles[0][1]
        clauses = [(_OCCURS[occur], query) for occur, query in roles]
        if all(occur == "must_not" for occur, _ in roles):
            clauses.append((Occur.Must, Query.const_score_query(Query.all_query(), 0.0)))
        return Query.boolean_query(clauses)

    def _compile_leaf(self, node: Term | Phrase | Prefix | Wildcard | Regex | Fuzzy | Range) -> Query | None:
        """Search one or several fields; of several, the best scores."""
        if node.field == ID_FIELD:
            return self._on_id(node, self._lenient)
        if node.field is None:
            # Patterns never apply to _id; that the service does not hold against them.
            found = [self._on_id(node, lenient=True), self._on_field(self._mapping.fields[ALL], node)]
        else:
            found = [self._on_field(leaf, node) for leaf in self._mapping.expand(node.field)]
            if not found:
                return Query.empty_query()
        queries = [query for query in found if query is not None]
        if len(queries) < 2:
            return queries[0] if queries else None
        return Query.disjunction_max_query(queries, 0.0)

    def _on_id(self, node: Node, lenient: bool) -> Query:
        if isinstance(node, (Term, Phrase)):
            return Query.const_score_query(Query.term_query(self._schema, self._id_key, node.text), 1.0)
        if lenient:
            return Query.empty_query()
        raise self._refuse(f"Field [_id] of type [_id] does not support {type(node).__name__.lower()} queries")

    def _on_field(self, leaf: Field, node: Node) -> Query | None:
        try:
            if not leaf.is_searchable:
                raise _Unfit(f"Cannot search on field [{leaf.path}] since it is not indexed.")
            if leaf.is_ordered:
                return self._on_numbers(leaf, node)
            return self._on_text(leaf, node)
        except _Unfit as unfit:
            # A field that only a pattern in the name brought in need not fit.
            if self._lenient or getattr(node, "field", None) != leaf.path:
                return Query.empty_query()
            raise self._refuse(str(unfit)) from None

    def _on_numbers(self, leaf: Field, node: Node) -> Query:
        try:
            if isinstance(node, (Term, Phrase)):
                bounds = term_bounds(leaf.kind, node.text)
            elif isinstance(node, Range):
                if node.low is None and node.high is None:
                    return self.exists(leaf.path)
                bounds = range_bounds(leaf.kind, node.low, node.high, node.include_low, node.include_high)
            else:
                kind = {"Wildcard": "wildcard", "Prefix": "prefix", "Regex": "regexp"}.get(type(node).__name__, "fuzzy")
                raise _Unfit(
                    f"Can only use {kind} queries on keyword and text fields - "
                    f"not on [{leaf.path}] which is of type [{leaf.kind}]"
                )
        except ValueError as error:
            raise _Unfit(str(error)) from None
        return Query.empty_query() if bounds is None else self.between(leaf, bounds)

    def between(self, leaf: Field, bounds: Bounds) -> Query:
        """Return the query for numbers within inclusive bounds."""
        low, high = bounds
        kind = tantivy.FieldType.Float if leaf.kind in FLOAT_TYPES else tantivy.FieldType.Integer
        # The engine knows two zeros, of which the negative one is the lesser; Python takes them for one.
        if low == high and math.copysign(1, low) == math.copysign(1, high):
            query = Query.term_query(self._schema, leaf.key, float(low) if leaf.kind in FLOAT_TYPES else low)
        else:
            query = Query.range_query(self._schema, leaf.key, kind, low, high)
        return Query.const_score_query(query, 1.0)

    def _on_text(self, leaf: Field, node: Node) -> Query | None:
        fold: Callable[[str], str] = str if leaf.exact and leaf.kind == "keyword" else lowercase
        if isinstance(node, Term):
            return self._words(leaf, node.text, fold)
        if isinstance(node, Phrase):
            return self._phrase(leaf, node, fold)
        if isinstance(node, Prefix):
            text = fold(node.text)
            return self._pattern(leaf, patterns.prefix(text), lambda term: term.startswith(text))
        if isinstance(node, Wildcard):
            return self._wildcard(leaf, node.pattern, fold)
        if isinstance(node, Regex):
            return self._regex(leaf, fold(node.pattern) if leaf.kind == "keyword" else node.pattern)
        if isinstance(node, Fuzzy):
            text = fold(node.text)
            return self._similar(leaf, text, node.edits) if node.edits else self.term(leaf, text)
        assert isinstance(node, Range)
        low, high = (None if end is None else fold(end) for end in (node.low, node.high))
        return self._between_texts(leaf, TextRange(low, high, node.include_low, node.include_high))

    def _words(self, leaf: Field, text: str, fold: Callable[[str], str]) -> Query | None:
        if leaf.kind == "keyword":
            return self.term(leaf, fold(text))
        terms = analyze(text, leaf.analyzer)
        if not terms:
            return None
        queries = [self.term(leaf, term) for term in terms]
        if len(queries) == 1:
            return queries[0]
        # The terms of a path stand at one position: alternatives.
        all_needed = self._operator == "AND" and leaf.analyzer != PATHS
        return Query.boolean_query([(Occur.Must if all_needed else Occur.Should, query) for query in queries])

    def _phrase(self, leaf: Field, node: Phrase, fold: Callable[[str], str]) -> Query | None:
        if leaf.is_whole:
            return self._words(leaf, node.text, fold)
        terms = analyze(node.text, leaf.analyzer)
        if len(terms) < 2:
            return self.term(leaf, terms[0]) if terms else None
        if node.slop < 0:
            raise QueryError(
                f"Slop must be >= 0, got {node.slop}", "The number after ~ says how far the words may move."
            )
        if node.slop:
            return self._find_sloppy(leaf, terms, node.slop)
        return Query.phrase_query(self._schema, leaf.key, list(terms))

    def term(self, leaf: Field, term: str) -> Query:
        """Return the query for one indexed term of a text or keyword field."""
        query = Query.term_query(self._schema, leaf.key, term)
        if leaf.kind == "text":
            return query
        # Elasticsearch keeps no lengths for keywords: how rare the value is makes the score, not how many there are.
        holders = self._searcher.doc_freq(leaf.key, term)
        others = max(self._searcher.num_docs - holders, 0)
        return Query.const_score_query(query, math.log(1 + (others + 0.5) / (holders + 0.5)))

    def _between_texts(self, leaf: Field, wanted: TextRange) -> Query:
        outline, edges = wanted.split()
        queries = [] if outline is None else [self._pattern(leaf, outline, wanted.holds)]
        queries += [self._any_of(leaf, filter(wanted.holds, self._terms(leaf, edge))) for edge in edges]
        return Query.boolean_query([(Occur.Should, query) for query in queries])

    def _terms(self, leaf: Field, prefix: str = "") -> Iterator[str]:
        return (term for term, _ in self._searcher.terms_with_prefix(leaf.key, prefix))

    def _pattern(self, leaf: Field, pattern: str, matches: Callable[[str], object]) -> Query:
        try:
            return Query.regex_query(self._schema, leaf.key, pattern)
        except ValueError:  # Too large for the engine's automaton.
            return self._any_of(leaf, filter(matches, self._terms(leaf)))

    def _any_of(self, leaf: Field, terms: Iterable[str]) -> Query:
        return Query.const_score_query(Query.term_set_query(self._schema, leaf.key, list(terms)), 1.0)

    def _regex(self, leaf: Field, pattern: str) -> Query:
        try:
            node = patterns.parse_regex(pattern)
            matches = partial(patterns.matches, node)
            written = patterns.to_engine(node)
            if written is not None:
                return self._pattern(leaf, written, matches)
            return self._any_of(leaf, filter(matches, self._terms(leaf)))
        except ValueError as error:
            raise _Unfit(str(error)) from None
        except RecursionError:
            raise _Unfit("the regular expression is nested too deeply") from None

    def _similar(self, leaf: Field, text: str, edits: int) -> Query:
        """Return the query for terms within some edits of a text; of many, the service takes only the best."""
        query = Query.fuzzy_term_query(self._schema, leaf.key, text, edits, transposition_cost_one=True)
        # Going through all terms takes long, and a few documents hold few terms that are alike.
        if self._searcher.search(query, 1).count <= MAX_EXPANSIONS:
            return query
        return self._any_of(leaf, most_similar(text, edits, self._terms(leaf), MAX_EXPANSIONS))

    def wildcard(self, leaf: Field, pattern: str) -> Query:
        """Return the query for one text or keyword field's terms that match a pattern with `*` and `?`."""
        return self._wildcard(leaf, pattern, lowercase)

    def _wildcard(self, leaf: Field, pattern: str, fold: Callable[[str], str]) -> Query:
        matches = patterns.wildcard_matcher(pattern, fold).fullmatch
        return self._pattern(leaf, patterns.wildcard(pattern, fold), matches)

    def exists(self, path: str) -> Query:
        """Return the query for documents that hold a field, an object, or any field of a name with `*`."""
        if path == ID_FIELD:
            return Query.all_query()
        if "*" in path:
            # A pattern that fits no leaf may fit an object around some.
            leaves = self._mapping.expand(path) or self._mapping.expand(f"{path}.*")
            names = [name_term(leaf.path) for leaf in leaves]
            query = Query.term_set_query(self._schema, NAMES, names)
        else:
            query = Query.term_query(self._schema, NAMES, name_term(path))
        return Query.const_score_query(query, 1.0)

    def _refuse(self, reason: str) -> QueryError:
        return QueryError(f"failed to create query: {reason}", "Give the field a value of its type.")
