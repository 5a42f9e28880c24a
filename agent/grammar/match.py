"""Decides whether a text belongs to a grammar, and says where and why one does not.

The text is followed as llama.cpp follows it: all continuations that are still open are kept side by side, each once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from agent.grammar.trie import EMPTY, Node

# What may come next: a node, then the rest. `None` is the end of the text.
Rest = tuple[Node, "Rest"] | None

_DELIMITERS = ' =&,:()"[]{}?/'
_MOST_COMPARED = 200  # ways to go on from one open literal that are looked at for an explanation
_CONTEXT = 60  # characters of the text that an explanation repeats


@dataclass
class Trace:
    """How far a text went: whether it was accepted, the furthest place, and what was open there.

    `open` holds the literal that was being read, how much of it had been read, and what would follow it; `ended` tells
    whether the text could have ended at the furthest place.
    """

    accepted: bool = False
    furthest: int = 0
    ended: bool = False
    open: list[tuple[str, int, Rest]] = field(default_factory=list)


def follow(root: Node, text: str) -> Trace:
    """Follow `text` through the grammar at `root`."""
    trace = Trace()
    shared: dict[tuple[int, int], Rest] = {}

    def then(node: Node, rest: Rest) -> Rest:
        key = (id(node), id(rest))
        made = shared.get(key)
        if made is None:
            made = shared[key] = (node, rest)
        return made

    waiting: dict[int, list[Rest]] = {0: [then(root, None)]}
    for place in range(len(text) + 1):
        agenda = waiting.pop(place, None)
        if agenda is None:
            continue
        seen: set[int] = set()
        while agenda:
            current = agenda.pop()
            if current is None:
                if place > trace.furthest:
                    trace.furthest, trace.open = place, []
                    trace.ended = True
                elif place == trace.furthest:
                    trace.ended = True
                trace.accepted = trace.accepted or place == len(text)
                continue
            if id(current) in seen:
                continue
            seen.add(id(current))
            node, rest = current
            if node.kind == "lit":
                literal = node.text
                if text.startswith(literal, place):
                    waiting.setdefault(place + len(literal), []).append(rest)
                    continue
                read = 0
                while place + read < len(text) and text[place + read] == literal[read]:
                    read += 1
                if place + read > trace.furthest:
                    trace.furthest, trace.open, trace.ended = place + read, [], False
                if place + read == trace.furthest:
                    trace.open.append((literal, read, rest))
            elif node.kind == "alt":
                agenda.extend(then(part, rest) for part in node.parts)
            elif node.kind == "opt":
                agenda.append(rest)
                agenda.append(then(node.parts[0], rest))
            else:
                for part in reversed(node.parts):
                    rest = then(part, rest)
                agenda.append(rest)
    return trace


def explain(root: Node, text: str, most: int = 8) -> str:
    """Say where `text` leaves the grammar and what could stand there, the likest first; empty if it belongs."""
    trace = follow(root, text)
    if trace.accepted:
        return ""
    start = stop = trace.furthest
    while start > 0 and text[start - 1] not in _DELIMITERS:
        start -= 1
    while stop < len(text) and text[stop] not in _DELIMITERS:
        stop += 1
    found = text[start:stop]
    # Not what could follow the furthest sign, but what could stand in place of the whole word.
    trace = follow(root, text[:start])
    expected: dict[str, None] = {}
    for literal, read, rest in trace.open:
        for ending in _completions(literal[read:], rest, _MOST_COMPARED):
            if not ending.startswith("("):
                expected[ending] = None
    if trace.accepted:
        expected["the end"] = None
    ranked = sorted(expected, key=lambda choice: -SequenceMatcher(None, found.lower(), choice.lower()).ratio())
    choices = ", ".join(ranked[:most]) + (" …" if len(ranked) > most else "")
    place = f"after {text[max(0, start - _CONTEXT) : start]!r}" if start else "at the beginning"
    fault = f"{found!r} cannot stand {place}" if found else f"something is missing {place}"
    return f"{fault}; possible there: {choices}"


def _completions(text: str, rest: Rest, most: int) -> Iterator[str]:
    """Yield up to `most` ways to go on with `text`, then `rest`, up to the next delimiter."""
    stack: list[tuple[str, Rest]] = [(text, rest)]
    found = 0
    while stack and found < most:
        sofar, current = stack.pop()
        cut = next((place for place, sign in enumerate(sofar) if place and sign in _DELIMITERS), None)
        if cut is not None or current is None:
            found += 1
            yield sofar[:cut]
            continue
        node, after = current
        if node.kind == "lit":
            stack.append((sofar + node.text, after))
        elif node.kind == "alt":
            stack.extend((sofar, (part, after)) for part in reversed(node.parts))
        elif node.kind == "opt":
            stack.append((sofar, (node.parts[0], after)))
            stack.append((sofar, after))
        elif node is EMPTY:
            stack.append((sofar, after))
        else:
            for part in reversed(node.parts):
                after = (part, after)
            stack.append((sofar, after))
