"""Tokens of a query string, as the token manager of Lucene's QueryParser.jj makes them.

The longest match wins, and among equals the rule that stands first. Three states: `default`, `range` between
brackets, `boost` after a caret.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from tools.errors import QueryError

State = Literal["default", "range", "boost"]

EOF = "<EOF>"
_ESCAPED = r"\\[\s\S]"
_START = rf'(?:[^ \t\n\r\u3000+\-!():^\[\]"{{}}~*?\\/]|{_ESCAPED})'
_CHAR = rf"(?:{_START}|[-+])"
_SPACE = r"[ \t\n\r\u3000]"

_PATTERNS: dict[State, dict[str, str]] = {
    "default": {
        "<AND>": r"AND|&&",
        "<OR>": r"OR|\|\|",
        "<NOT>": r"NOT|!",
        '"+"': r"\+",
        '"-"': r"-",
        "<BAREOPER>": rf"[-+!]{_SPACE}",
        '"("': r"\(",
        '")"': r"\)",
        '":"': r":",
        '"*"': r"\*",
        '"^"': r"\^",
        "<QUOTED>": rf'"(?:[^"\\]|{_ESCAPED})*"',
        "<TERM>": rf"{_START}{_CHAR}*",
        "<FUZZY_SLOP>": rf"~{_CHAR}*",
        "<PREFIXTERM>": rf"{_START}{_CHAR}*\*",
        "<WILDTERM>": rf"(?:{_START}|[*?])(?:{_CHAR}|[*?])*",
        "<REGEXPTERM>": r"/(?:\\/|[^/])*/",
        '"["': r"\[",
        '"{"': r"\{",
    },
    "boost": {"<NUMBER>": r"[0-9]+(?:\.[0-9]+)?"},
    "range": {
        '"TO"': r"TO",
        '"]"': r"\]",
        '"}"': r"\}",
        "<RANGE_QUOTED>": r'"(?:\\"|[^"])+"',
        "<RANGE_GOOP>": r"[^ \]}]+",
    },
}
_RULES = {
    state: [(kind, re.compile(pattern)) for kind, pattern in patterns.items()] for state, patterns in _PATTERNS.items()
}
_NEXT_STATE: dict[str, State] = {
    '"^"': "boost",
    "<NUMBER>": "default",
    '"["': "range",
    '"{"': "range",
    '"]"': "default",
    '"}"': "default",
}
_BLANKS = " \t\n\r\u3000"


class LuceneSyntaxError(QueryError):
    """A query string that Lucene's parser refuses; `position` is the offset of the offending character."""

    def __init__(self, query: str, reason: str, position: int, hint: str) -> None:
        super().__init__(f"Cannot parse '{query}': {reason}", hint)
        self.reason = reason
        self.position = position


class Token(NamedTuple):
    """A token's kind (as Lucene's messages name it), its text and its offset."""

    kind: str
    text: str
    start: int


class Lexer:
    """Makes tokens one by one, as far as the parser looks: Lucene reports the first fault it meets, of either sort."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._position = 0
        self._state: State = "default"
        self._ahead: list[Token] = []

    def peek(self, distance: int = 1) -> Token:
        """Return the token `distance` places ahead; raises LuceneSyntaxError where there is no token."""
        while len(self._ahead) < distance:
            self._ahead.append(self._scan())
        return self._ahead[distance - 1]

    def take(self) -> Token:
        """Return the next token and step over it."""
        token = self.peek()
        self._ahead.pop(0)
        return token

    def _scan(self) -> Token:
        query = self.query
        while True:
            start = self._position
            kind, end = "", start
            for candidate, pattern in _RULES[self._state]:
                found = pattern.match(query, start)
                if found and found.end() > end:
                    kind, end = candidate, found.end()
            # A blank is skipped, unless a longer token begins with it: an end of a range may begin with a tab.
            if self._state == "boost" or end > start + 1 or query[start : start + 1] not in tuple(_BLANKS):
                break
            self._position = start + 1
        if end > start:
            self._position = end
            self._state = _NEXT_STATE.get(kind, self._state)
            return Token(kind, query[start:end], start)
        if start >= len(query):
            return Token(EOF, "", start)
        raise self._error(start)

    def _error(self, start: int) -> LuceneSyntaxError:
        char = self.query[start]
        rest = self.query[start:]
        if char == '"':
            hint = 'A quoted phrase needs a closing quote; a quote inside a value is written \\".'
        elif char == "/":
            hint = "A slash begins a regular expression; a slash inside a value is written \\/ or the value quoted."
        elif char == "\\":
            hint = "A backslash escapes the character after it; a backslash itself is written \\\\."
        elif self._state == "boost":
            hint = "After ^ comes a number, as in cdk2^2."
        else:
            hint = f"A '{char}' inside a value is written \\{char} or the value quoted."
        state = {"boost": 0, "range": 1, "default": 2}[self._state]
        if char in '"/\\' or len(rest) == 1:
            reason = f"Lexical error at line 1, column {len(self.query) + 1}.  Encountered: <EOF>"
            if len(rest) > 1:
                reason += f' after prefix "{_escape_java(rest)}"'
        else:
            reason = f"Lexical error at line 1, column {start + 1}.  Encountered: "
            reason += f"'{ord(char)}' ({_escape_java(char)}),"
        reason += f" (in lexical state {state})"
        return LuceneSyntaxError(self.query, reason, start, hint)


def _escape_java(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
