"""Patterns over terms, written for the engine's automata: wildcards and Lucene's regular expressions.

The engine takes a subset of Rust's regular expressions, always against the whole term.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

ANY_CHAR = "(?s:.)"
ANY_TEXT = "(?s:.)*"
LAST_CHAR = 0x10FFFF
_CLASSES = {"d": [("0", "9")], "w": [("a", "z"), ("A", "Z"), ("0", "9"), ("_", "_")], "s": [(c, c) for c in " \t\n\r"]}
MAX_REPEAT = 1000


def literal(text: str) -> str:
    """Return the pattern of a text that stands for itself."""
    return "".join(char if ord(char) > 127 or char.isalnum() else code(ord(char)) for char in text)


def code(number: int) -> str:
    """Return the pattern of one character by its code, such that Python, which stands in for the engine, reads it."""
    return f"\\U{number:08x}"


def prefix(text: str) -> str:
    """Return the pattern of all texts that begin with `text`."""
    return literal(text) + ANY_TEXT


def wildcard(pattern: str, fold: Callable[[str], str]) -> str:
    """Return the engine's pattern of a wildcard pattern; `fold` normalises the literal texts in it."""
    return ANY_TEXT.join(_pieces(pattern, fold))


def wildcard_matcher(pattern: str, fold: Callable[[str], str]) -> re.Pattern[str]:
    """Return Python's pattern of a wildcard pattern, which never tries a text in more than one way."""
    first, *others = _pieces(pattern, fold)
    if not others:
        return re.compile(first)
    return re.compile(first + "".join(f"(?>{ANY_TEXT}?{piece})" for piece in others[:-1]) + ANY_TEXT + others[-1])


def _pieces(pattern: str, fold: Callable[[str], str]) -> list[str]:
    """Return what stands between the `*` of a wildcard pattern."""
    pieces = [""]
    text = ""
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char in "*?":
            pieces[-1] += literal(fold(text))
            text = ""
            if char == "*":
                pieces.append("")
            else:
                pieces[-1] += ANY_CHAR
        else:
            if char == "\\" and position + 1 < len(pattern):
                position += 1
                pieces[-1] += literal(fold(text)) + literal(pattern[position])  # what is escaped is not folded
                text = ""
            else:
                text += char
        position += 1
    pieces[-1] += literal(fold(text))
    return pieces


@dataclass(frozen=True, slots=True)
class RegexNode:
    """A part of a regular expression of Lucene's.

    `op` is one of char (`ranges`), any, none, cat, alt, and, not, repeat (`low`, `high`), interval (`low`, `high`).
    """

    op: str
    parts: tuple[RegexNode, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    low: int = 0
    high: int | None = None


_ANY = RegexNode("any")
_EMPTY = RegexNode("cat")


def parse_regex(pattern: str) -> RegexNode:
    """Read a regular expression as Lucene's RegExp does, all optional operators on; ValueError where it cannot."""
    reader = _RegexReader(pattern)
    node = reader.union() if pattern else _EMPTY
    if reader.more():
        raise ValueError(f"end-of-string expected at position {reader.position}")
    return node


def to_engine(node: RegexNode) -> str | None:
    """Return the engine's pattern, or None where the engine has no such operator (`~`, `&`, `<1-9>`)."""
    if node.op == "char":
        return "[" + "".join(f"{code(ord(low))}-{code(ord(high))}" for low, high in node.ranges) + "]"
    if node.op == "any":
        return ANY_CHAR
    if node.op in ("and", "not", "interval", "none"):
        return None
    parts = [to_engine(part) for part in node.parts]
    if None in parts:
        return None
    written = [part for part in parts if part is not None]
    if node.op == "cat":
        return "".join(written)
    if node.op == "alt":
        return f"(?:{'|'.join(written)})"
    high = "" if node.high is None else str(node.high)
    return f"(?:{written[0]}){{{node.low},{high}}}" if written[0] else ""


def matches(node: RegexNode, text: str) -> bool:
    """Tell whether a whole text matches; slow, for the operators that the engine lacks."""
    return len(text) in _Matcher(text).ends(node, 0)


class _Matcher:
    """Matches parts of a regular expression against one text; each part at each place once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[tuple[int, int], set[int]] = {}

    def ends(self, node: RegexNode, start: int) -> set[int]:
        """Return the places where a match that begins at `start` may end."""
        key = (id(node), start)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find_ends(node, start)
        return found

    def _find_ends(self, node: RegexNode, start: int) -> set[int]:
        op, text = node.op, self._text
        if op in ("char", "any"):
            inside = start < len(text) and (op == "any" or any(low <= text[start] <= high for low, high in node.ranges))
            return {start + 1} if inside else set()
        if op == "none":
            return set()
        if op == "cat":
            ends = {start}
            for part in node.parts:
                ends = self._step(part, ends)
            return ends
        if op == "alt":
            return {end for part in node.parts for end in self.ends(part, start)}
        if op == "and":
            return self.ends(node.parts[0], start) & self.ends(node.parts[1], start)
        if op == "not":
            return set(range(start, len(text) + 1)) - self.ends(node.parts[0], start)
        if op == "interval":
            return self._interval_ends(node, start)
        return self._repeat(node, start)

    def _step(self, node: RegexNode, starts: set[int]) -> set[int]:
        return {end for start in starts for end in self.ends(node, start)}

    def _repeat(self, node: RegexNode, start: int) -> set[int]:
        ends, reached = ({start} if node.low == 0 else set()), {start}
        count = 0
        while reached and (node.high is None or count < node.high):
            before, reached = reached, self._step(node.parts[0], reached)
            count += 1
            if reached == before:  # So it stays, however often it is repeated.
                return ends | reached
            if count >= node.low:
                if reached <= ends:
                    break
                ends |= reached
        return ends

    def _interval_ends(self, node: RegexNode, start: int) -> set[int]:
        ends = set()
        digits = len(node.ranges[0][0]) if node.ranges else 0
        for end in range(start + 1, len(self._text) + 1):
            part = self._text[start:end]
            if not (part.isascii() and part.isdigit()):
                break
            if node.low <= int(part) <= (node.high or 0) and (not digits or len(part) == digits):
                ends.add(end)
        return ends


class _RegexReader:
    """Recursive descent over RegExp's grammar: union, intersection, concatenation, repetition, complement, simple."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.position = 0

    def more(self) -> bool:
        return self.position < len(self._pattern)

    def union(self) -> RegexNode:
        options = [self._intersection()]
        while self._match("|"):
            options.append(self._intersection())
        return options[0] if len(options) == 1 else RegexNode("alt", tuple(options))

    def _intersection(self) -> RegexNode:
        node = self._concatenation()
        while self._match("&"):
            node = RegexNode("and", (node, self._concatenation()))
        return node

    def _concatenation(self) -> RegexNode:
        parts = [self._repetition()]
        while self.more() and not self._peek(")|&"):
            parts.append(self._repetition())
        return parts[0] if len(parts) == 1 else RegexNode("cat", tuple(parts))

    def _repetition(self) -> RegexNode:
        node = self._complement()
        while self._peek("?*+{"):
            if self._match("?"):
                node = _repeat(node, 0, 1)
            elif self._match("*"):
                node = _repeat(node, 0, None)
            elif self._match("+"):
                node = _repeat(node, 1, None)
            else:
                self.position += 1
                node = self._counted(node)
        return node

    def _counted(self, node: RegexNode) -> RegexNode:
        low = self._number()
        high: int | None = low
        if self._match(","):
            high = self._number() if self._peek("0123456789") else None
        self._expect("}")
        if low > MAX_REPEAT or (high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise ValueError(f"invalid repetition range: {low},{high}")
        return RegexNode("repeat", (node,), low=low, high=high)

    def _number(self) -> int:
        start = self.position
        while self._peek("0123456789"):
            self.position += 1
        if start == self.position:
            raise ValueError(f"integer expected at position {start}")
        return int(self._pattern[start : self.position])

    def _complement(self) -> RegexNode:
        negated = False
        while self._match("~"):
            negated = not negated
        node = self._class_or_simple()
        return RegexNode("not", (node,)) if negated else node

    def _class_or_simple(self) -> RegexNode:
        if self._match("["):
            negated = self._match("^")
            ranges = [*self._class_member()]
            while self.more() and not self._peek("]"):
                ranges += self._class_member()
            self._expect("]")
            return RegexNode("char", ranges=tuple(_invert(ranges) if negated else ranges))
        return self._simple()

    def _class_member(self) -> list[tuple[str, str]]:
        predefined = self._predefined()
        if predefined:
            return predefined
        low = self._char()
        if self._match("-"):
            high = self._char()
            if high < low:
                raise ValueError(f"invalid range: from ({low}) cannot be > to ({high})")
            return [(low, high)]
        return [(low, low)]

    def _simple(self) -> RegexNode:
        if self._match("."):
            return _ANY
        if self._match("#"):
            return RegexNode("none")
        if self._match("@"):
            return RegexNode("repeat", (_ANY,), low=0)
        if self._match('"'):
            end = self._pattern.find('"', self.position)
            if end < 0:
                raise ValueError(f"expected '\"' at position {len(self._pattern)}")
            text, self.position = self._pattern[self.position : end], end + 1
            return RegexNode("cat", tuple(RegexNode("char", ranges=((char, char),)) for char in text))
        if self._match("("):
            if self._match(")"):
                return _EMPTY
            node = self.union()
            self._expect(")")
            return node
        if self._match("<"):
            return self._interval()
        predefined = self._predefined()
        if predefined:
            return RegexNode("char", ranges=tuple(predefined))
        char = self._char()
        return RegexNode("char", ranges=((char, char),))

    def _interval(self) -> RegexNode:
        end = self._pattern.find(">", self.position)
        if end < 0:
            raise ValueError(f"expected '>' at position {len(self._pattern)}")
        first, dash, second = self._pattern[self.position : end].partition("-")
        if not dash or not first.isdigit() or not second.isdigit():
            raise ValueError(f"interval syntax error at position {self.position - 1}")
        self.position = end + 1
        low, high = sorted((int(first), int(second)))
        fixed = ((first, first),) if len(first) == len(second) else ()
        return RegexNode("interval", ranges=fixed, low=low, high=high)

    def _predefined(self) -> list[tuple[str, str]] | None:
        name = self._pattern[self.position + 1 : self.position + 2]
        if not self._peek("\\") or not (name.isascii() and name.isalpha()):
            return None
        if name.lower() not in _CLASSES:
            raise ValueError(f"invalid character class \\{name}")
        self.position += 2
        ranges = _CLASSES[name.lower()]
        return list(ranges) if name.islower() else _invert(ranges)

    def _char(self) -> str:
        self._match("\\")
        if not self.more():
            raise ValueError("unexpected end-of-string")
        self.position += 1
        return self._pattern[self.position - 1]

    def _peek(self, chars: str) -> bool:
        return self.more() and self._pattern[self.position] in chars

    def _match(self, char: str) -> bool:
        if self._peek(char):
            self.position += 1
            return True
        return False

    def _expect(self, char: str) -> None:
        if not self._match(char):
            raise ValueError(f"expected '{char}' at position {self.position}")


def _repeat(node: RegexNode, low: int, high: int | None) -> RegexNode:
    """Repeat what may itself be repeated so, as in `a+*`: one repetition says the same as many."""
    inner = (node.low, node.high)
    if node.op == "repeat" and inner in ((0, 1), (0, None), (1, None)):
        low, high = min(low, node.low), None if None in (high, node.high) else 1
        node = node.parts[0]
    return RegexNode("repeat", (node,), low=low, high=high)


def _invert(ranges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    inverted: list[tuple[str, str]] = []
    following = 0
    for low, high in sorted(ranges):
        if ord(low) > following:
            inverted.append((chr(following), chr(ord(low) - 1)))
        following = max(following, ord(high) + 1)
    if following <= LAST_CHAR:
        inverted.append((chr(following), chr(LAST_CHAR)))
    return inverted
