"""Lucene's query-string syntax, as Elasticsearch's `query_string` reads it with the default operator AND.

`parse` gives a tree, `render` writes it back, `canonical` makes equal queries equal texts. The behaviour follows
the sources of Apache Lucene (QueryParser.jj, QueryParserBase) and Elasticsearch (QueryStringQueryParser).
"""

from __future__ import annotations

from tools.lucene.canonical import canonical
from tools.lucene.lexer import LuceneSyntaxError
from tools.lucene.nodes import (
    Bool,
    Boost,
    Clause,
    Exists,
    Fuzzy,
    Leaf,
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
    wildcard,
)
from tools.lucene.parser import parse
from tools.lucene.render import clauses_of, escape, fields_of, render

__all__ = [
    "Bool",
    "Boost",
    "Clause",
    "Exists",
    "Fuzzy",
    "Leaf",
    "LuceneSyntaxError",
    "MatchAll",
    "Node",
    "Nothing",
    "Phrase",
    "Prefix",
    "Range",
    "Regex",
    "Term",
    "Wildcard",
    "assign_occurs",
    "canonical",
    "clauses_of",
    "escape",
    "fields_of",
    "parse",
    "render",
    "wildcard",
]
