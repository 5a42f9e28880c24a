"""The grammar of Lucene's classic QueryParser (QueryParser.jj), with Elasticsearch's additions.

Rule by rule after the .jj file, default operator AND, white space not splitting runs of bare words. From
Elasticsearch's QueryStringQueryParser come `field:>=x`, `_exists_:field` and how `~` resolves to a number of edits.
"""

from __future__ import annotations

import re

from tools.lucene.lexer import EOF, Lexer, LuceneSyntaxError, Token
from tools.lucene.nodes import (
    Bool,
    Boost,
    Clause,
    Conjunction,
    Exists,
    Fuzzy,
    MatchAll,
    Modifier,
    Node,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Regex,
    Term,
    wildcard,
)

EXISTS_FIELD = "_exists_"
MATCH_ALL_WORDS = ("__all__", "__any__")
MAX_DEPTH = 100
_CLAUSE_STARTS = frozenset(
    ["<AND>", "<OR>", "<NOT>", '"+"', '"-"', "<BAREOPER>", '"("', '"*"', "<QUOTED>", "<TERM>", "<PREFIXTERM>"]
    + ["<WILDTERM>", "<REGEXPTERM>", '"["', '"{"']
)
_BARE = frozenset(["<TERM>", '"*"', "<PREFIXTERM>", "<WILDTERM>", "<REGEXPTERM>", "<BAREOPER>"])
_ENDS_RUN = frozenset(['":"', '"*"', "<FUZZY_SLOP>", '"^"', "<AND>", "<OR>"])
_JAVA_BLANKS = "".join(map(chr, range(33)))
_JAVA_FLOAT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?")
# What a 32-bit float holds; a number that would be rounded to more is infinite.
_LARGEST_FLOAT = 2.0**128 - 2.0**103
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(query: str) -> Node:
    """Read a query string into its tree.

    Raises LuceneSyntaxError, with the service's message, the offset and a hint, where Elasticsearch refuses it.
    """
    if not query.strip(_JAVA_BLANKS):
        return Nothing()
    if query in MATCH_ALL_WORDS:
        return MatchAll()
    return _Parser(query).parse()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._lexer = Lexer(query)
        self._depth = 0

    def parse(self) -> Node:
        node = self._parse_query(None)
        if self._lexer.peek().kind != EOF:
            raise self._unexpected(self._lexer.peek())
        return node

    def _parse_query(self, field: str | None) -> Node:
        clauses: list[Clause] = []
        while True:
            if self._at_run():
                clauses.append(Clause(self._parse_run(field)))
            else:
                conjunction = self._parse_conjunction() if clauses else ""
                modifier = self._parse_modifier()
                clauses.append(Clause(self._parse_clause(field), conjunction, modifier))
            if self._lexer.peek().kind not in _CLAUSE_STARTS:
                break
        if len(clauses) == 1 and not clauses[0].modifier:
            return clauses[0].node
        return Bool(tuple(clauses))

    def _at_run(self) -> bool:
        lexer = self._lexer
        return lexer.peek().kind == "<TERM>" and lexer.peek(2).kind == "<TERM>" and lexer.peek(3).kind not in _ENDS_RUN

    def _parse_run(self, field: str | None) -> Node:
        """Join adjacent bare words into one text, which goes to each field whole."""
        lexer = self._lexer
        first = lexer.take()
        words = [first.text]
        while lexer.peek().kind == "<TERM>" and lexer.peek(2).kind not in _ENDS_RUN:
            words.append(lexer.take().text)
        return _make_term(field, self._unescape(Token("<TERM>", " ".join(words), first.start)))

    def _parse_conjunction(self) -> Conjunction:
        kind = self._lexer.peek().kind
        if kind == "<AND>":
            self._lexer.take()
            return "AND"
        if kind == "<OR>":
            self._lexer.take()
            return "OR"
        return ""

    def _parse_modifier(self) -> Modifier:
        kind = self._lexer.peek().kind
        if kind == '"+"':
            self._lexer.take()
            return "+"
        if kind in ('"-"', "<NOT>"):
            self._lexer.take()
            return "-"
        return ""

    def _parse_clause(self, field: str | None) -> Node:
        lexer = self._lexer
        token = lexer.peek()
        if token.kind in ("<TERM>", '"*"') and lexer.peek(2).kind == '":"':
            field = "*" if token.kind == '"*"' else self._unescape(token)
            lexer.take()
            lexer.take()
            token = lexer.peek()
        if token.kind != '"("':
            return self._parse_term(field)
        lexer.take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LuceneSyntaxError(
                self._query, "too many nested clauses", token.start, "Use fewer parentheses within each other."
            )
        node = self._parse_query(field)
        self._expect('")"')
        self._depth -= 1
        return self._parse_boost(node)

    def _parse_term(self, field: str | None) -> Node:
        token = self._lexer.peek()
        if token.kind in ('"["', '"{"'):
            return self._parse_range(field)
        if token.kind != "<QUOTED>" and token.kind not in _BARE:
            raise self._unexpected(token)
        self._lexer.take()
        factor: float | None = None
        tilde: Token | None = None
        if self._lexer.peek().kind == '"^"':
            factor = self._parse_factor()
            if self._lexer.peek().kind == "<FUZZY_SLOP>":
                tilde = self._lexer.take()
        elif self._lexer.peek().kind == "<FUZZY_SLOP>":
            tilde = self._lexer.take()
            if self._lexer.peek().kind == '"^"':
                factor = self._parse_factor()
        node = self._make_quoted(field, token, tilde) if token.kind == "<QUOTED>" else self._make(field, token, tilde)
        return node if factor is None else Boost(node, factor)

    def _parse_range(self, field: str | None) -> Node:
        include_low = self._lexer.take().kind == '"["'
        low = self._parse_bound()
        self._expect('"TO"')
        high = self._parse_bound()
        end = self._lexer.peek()
        if end.kind not in ('"]"', '"}"'):
            raise self._unexpected(end)
        self._lexer.take()
        return self._parse_boost(_make_range(field, low, high, include_low, end.kind == '"]"'))

    def _parse_bound(self) -> str:
        token = self._lexer.peek()
        if token.kind not in ("<RANGE_GOOP>", "<RANGE_QUOTED>", '"TO"'):
            raise self._unexpected(token)
        self._lexer.take()
        if token.kind == "<RANGE_QUOTED>":
            token = Token(token.kind, token.text[1:-1], token.start + 1)
        return self._unescape(token)

    def _parse_boost(self, node: Node) -> Node:
        if self._lexer.peek().kind != '"^"':
            return node
        return Boost(node, self._parse_factor())

    def _parse_factor(self) -> float:
        self._lexer.take()
        token = self._expect("<NUMBER>")
        factor = float(token.text)
        if factor >= _LARGEST_FLOAT:
            raise LuceneSyntaxError(
                self._query, "boost must be a positive float, got Infinity", token.start, "Use a smaller number."
            )
        return factor

    def _make(self, field: str | None, token: Token, tilde: Token | None) -> Node:
        text = self._unescape(token)
        if token.kind == "<BAREOPER>":
            return _make_term(field, text[0])
        if token.kind in ('"*"', "<WILDTERM>"):
            if token.text == "*" and field == "*":
                return MatchAll()
            return wildcard(field, _normalise_pattern(token.text))
        if token.kind == "<PREFIXTERM>":
            return Prefix(field, self._unescape(Token(token.kind, token.text[:-1], token.start)))
        if token.kind == "<REGEXPTERM>":
            return Regex(field, token.text[1:-1])
        if tilde is not None:
            return Fuzzy(field, text, self._resolve_edits(tilde, text))
        return _make_term(field, text)

    def _make_quoted(self, field: str | None, token: Token, tilde: Token | None) -> Node:
        text = self._unescape(Token(token.kind, token.text[1:-1], token.start + 1))
        if field == EXISTS_FIELD:
            return Exists(text)
        slop = 0
        if tilde is not None:
            # A slop that is no number is passed over in silence, unlike a fuzziness.
            slop = _java_int(_java_float(tilde.text[1:]) or 0.0)
        return Phrase(field, text, slop)

    def _resolve_edits(self, tilde: Token, text: str) -> int:
        """Return the edits that Elasticsearch's Fuzziness allows: AUTO is 0, 1, 2 from lengths 0, 3, 6."""
        written = tilde.text[1:]
        if written == "" or written.upper() == "AUTO":
            return 0 if len(text) < 3 else 1 if len(text) < 6 else 2
        number = _java_float(written)
        hint = "A fuzziness is ~, ~0, ~1 or ~2."
        if number is None:
            raise LuceneSyntaxError(self._query, f"fuzziness cannot be [{written}].", tilde.start, hint)
        if number not in (0.0, 1.0, 2.0):
            reason = f"fuzziness needs to be one of 0.0, 1.0 or 2.0 but was {number}"
            raise LuceneSyntaxError(self._query, reason, tilde.start, hint)
        return int(number)

    def _expect(self, kind: str) -> Token:
        token = self._lexer.peek()
        if token.kind != kind:
            raise self._unexpected(token)
        return self._lexer.take()

    def _unexpected(self, token: Token) -> LuceneSyntaxError:
        if token.kind == EOF:
            reason = f'Encountered "<EOF>" at line 1, column {token.start}.'
        else:
            reason = f'Encountered " {token.kind} "{token.text} "" at line 1, column {token.start}.'
        return LuceneSyntaxError(self._query, reason, token.start, _hint_for(token))

    def _unescape(self, token: Token) -> str:
        """Drop the backslashes, decoding Unicode escapes, as QueryParserBase.discardEscapeChar does."""
        source = token.text
        if "\\" not in source:
            return source
        parts: list[str] = []
        position = 0
        while position < len(source):
            char = source[position]
            position += 1
            if char != "\\":
                parts.append(char)
                continue
            if position == len(source):
                raise self._bad_escape(token, "Term can not end with escape character.")
            char = source[position]
            position += 1
            if char != "u":
                parts.append(char)
                continue
            digits = source[position : position + 4]
            for digit in digits:
                if digit not in "0123456789abcdefABCDEF":
                    raise self._bad_escape(token, f"Non-hex character in Unicode escape sequence: {digit}")
            if len(digits) < 4:
                raise self._bad_escape(token, "Truncated unicode escape sequence.")
            parts.append(chr(int(digits, 16)))
            position += 4
        return _join_surrogates("".join(parts))

    def _bad_escape(self, token: Token, reason: str) -> LuceneSyntaxError:
        hint = "A backslash is written \\\\, a Unicode escape \\u and four hexadecimal digits."
        return LuceneSyntaxError(self._query, reason, token.start, hint)


def _make_term(field: str | None, text: str) -> Node:
    if field == EXISTS_FIELD:
        return Exists(text)
    if field is not None and len(text) > 1 and text[0] in "<>":
        inclusive = len(text) > 2 and text[1] == "="
        bound = text[2:] if inclusive else text[1:]
        if text[0] == ">":
            return _make_range(field, bound, "*", inclusive, True)
        return _make_range(field, "*", bound, True, inclusive)
    return Term(field, text)


def _make_range(field: str | None, low: str, high: str, include_low: bool, include_high: bool) -> Range:
    """Make a range; an end `*` is open, and whether it is included then means nothing."""
    return Range(
        field,
        None if low == "*" else low,
        None if high == "*" else high,
        include_low or low == "*",
        include_high or high == "*",
    )


def _normalise_pattern(source: str) -> str:
    """Keep only the escapes that matter to a wildcard query: those of `*`, `?`, the backslash itself, and capitals.

    Elasticsearch does not fold what is escaped (`StringFieldType.normalizeWildcardPattern`).
    """
    parts: list[str] = []
    position = 0
    while position < len(source):
        char = source[position]
        if char == "\\":
            position += 1
            char = source[position]
            parts.append("\\" + char if char in "*?\\" or char.lower() != char else char)
        else:
            parts.append(char)
        position += 1
    return "".join(parts)


def _join_surrogates(text: str) -> str:
    """Make one character of each pair of escaped UTF-16 halves; a lone half cannot be matched by any text."""
    joined = _SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _LONE_SURROGATE.sub("\ufffd", joined)


def _java_float(text: str) -> float | None:
    return float(text.rstrip("fFdD")) if _JAVA_FLOAT.fullmatch(text) else None


def _java_int(number: float) -> int:
    return int(max(-(2.0**31), min(2.0**31 - 1, number)))


def _hint_for(token: Token) -> str:
    if token.kind == EOF:
        return "The query string ends too early: close every parenthesis and give each operator what follows it."
    if token.kind == '":"':
        return "A colon inside a value is written \\: or the value quoted; a wildcard in a field's name is written \\*."
    if token.kind in ('"-"', '"+"', "<NOT>"):
        return f"A value that begins with {token.text} is written \\{token.text} or quoted."
    if token.kind == '")"':
        return "A closing parenthesis needs an opening one and something inside."
    if token.kind in ("<AND>", "<OR>"):
        return f"{token.text} stands between two clauses; as a word it is written in lower case or quoted."
    if token.kind == "<RANGE_GOOP>":
        return "A range is written [low TO high]; ends of several words are quoted."
    if token.kind in ('"]"', '"}"'):
        return "A range has two ends, [low TO high]; an open end is *."
    return f"A '{token.text[:1]}' inside a value is written \\{token.text[:1]} or the value quoted."
