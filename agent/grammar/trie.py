"""The expression nodes that a grammar is made of, and prefix trees over them.

A grammar here is a finite, shared graph of four kinds of node: a literal, a sequence, a choice and an option. There is
no recursion and no repetition: lists are bounded chains of options. So every grammar is finite by construction, and
sampling cannot run away. Alternatives are factored by common prefix, because llama.cpp follows every alternative that
is still open: a trie keeps few open where a flat list keeps hundreds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

Kind = Literal["lit", "seq", "alt", "opt"]


class Node:
    """One expression; made by a `Forge`, which returns the same object for the same expression."""

    __slots__ = ("kind", "name", "parts", "text")

    def __init__(self, kind: Kind, text: str = "", parts: tuple[Node, ...] = ()) -> None:
        """Hold `text` (of a literal) or `parts` (of any other kind)."""
        self.kind: Kind = kind
        self.text = text
        self.parts = parts
        self.name = ""


#: The empty sequence: matches nothing but the empty text.
EMPTY = Node("seq")


class Forge:
    """Makes nodes and shares equal ones."""

    def __init__(self) -> None:
        """Start with no nodes."""
        self._literals: dict[str, Node] = {}
        self._others: dict[tuple[Kind, tuple[int, ...]], Node] = {}

    def lit(self, text: str) -> Node:
        """Return the literal `text`."""
        if not text:
            return EMPTY
        node = self._literals.get(text)
        if node is None:
            node = self._literals[text] = Node("lit", text)
        return node

    def seq(self, *nodes: Node | str) -> Node:
        """Return the sequence of `nodes`; neighbouring literals become one."""
        flat: list[Node] = []
        for item in nodes:
            node = self.lit(item) if isinstance(item, str) else item
            for part in node.parts if node.kind == "seq" else (node,):
                if part.kind == "lit" and flat and flat[-1].kind == "lit":
                    flat[-1] = self.lit(flat[-1].text + part.text)
                else:
                    flat.append(part)
        if not flat:
            return EMPTY
        return flat[0] if len(flat) == 1 else self._other("seq", flat)

    def alt(self, *nodes: Node) -> Node:
        """Return the choice between `nodes`; an empty one among them makes it an option.

        Without any node there is nothing to choose, which no grammar can say: a ValueError.
        """
        flat: dict[int, Node] = {}
        optional = False
        for node in nodes:
            if node.kind == "opt":
                optional, node = True, node.parts[0]
            if node is EMPTY:
                optional = True
                continue
            flat[id(node)] = node
        if not flat:
            if optional:
                return EMPTY
            raise ValueError("a choice needs an alternative")
        chosen = next(iter(flat.values())) if len(flat) == 1 else self._other("alt", list(flat.values()))
        return self.opt(chosen) if optional else chosen

    def opt(self, node: Node) -> Node:
        """Return `node` or nothing."""
        if node is EMPTY or node.kind == "opt":
            return node
        return self._other("opt", [node])

    def named(self, name: str, node: Node) -> Node:
        """Suggest a rule name for `node`; it shows in the GBNF where the node becomes a rule of its own."""
        if node.kind != "lit" and not node.name:
            node.name = name
        return node

    def trie(self, entries: Iterable[tuple[str, Node]]) -> Node:
        """Return the choice between the entries (a text and what follows it), factored by common prefix."""
        tails: dict[str, Node] = {}
        for text, tail in entries:
            known = tails.get(text)
            tails[text] = tail if known is None or known is tail else self.alt(known, tail)
        texts = sorted(tails)

        def build(low: int, high: int, depth: int) -> Node:
            first = texts[low]
            if high - low == 1:
                return self._after(first[depth:], tails[first])
            branches: list[Node] = []
            if len(first) == depth:
                branches.append(tails[first])
                low += 1
            while low < high:
                first = texts[low]
                sign = first[depth]
                end = low + 1
                while end < high and texts[end][depth] == sign:
                    end += 1
                if end == low + 1:
                    branches.append(self._after(first[depth:], tails[first]))
                else:
                    shared = _common(first, texts[end - 1], depth)
                    branches.append(self._after(first[depth:shared], build(low, end, shared)))
                low = end
            return self.alt(*branches) if len(branches) > 1 else branches[0]

        return build(0, len(texts), 0)

    def _after(self, text: str, tail: Node) -> Node:
        """Return `text`, then `tail`."""
        if tail is EMPTY:
            return self.lit(text)
        if not text:
            return tail
        if tail.kind in ("lit", "seq"):
            return self.seq(text, tail)
        return self._other("seq", (self.lit(text), tail))

    def words(self, texts: Iterable[str]) -> Node:
        """Return the choice between `texts`."""
        return self.trie((text, EMPTY) for text in texts)

    def chain(self, item: Node, separator: str, most: int) -> Node:
        """Return `item`, or up to `most` of them with `separator` between."""
        return self.seq(item, self.more(item, separator, most - 1))

    def more(self, item: Node, separator: str, most: int) -> Node:
        """Return what may follow a first item of a list: up to `most` further ones, each after `separator`."""
        tail = EMPTY
        for _ in range(most):
            tail = self.opt(self.seq(separator, item, tail))
        return tail

    def _other(self, kind: Kind, parts: Sequence[Node]) -> Node:
        key = (kind, tuple(map(id, parts)))
        node = self._others.get(key)
        if node is None:
            node = self._others[key] = Node(kind, "", tuple(parts))
        return node


def _common(first: str, last: str, start: int) -> int:
    """Return how long the common prefix of two texts is, knowing that it is longer than `start`."""
    end = min(len(first), len(last))
    place = start + 1
    while place < end and first[place] == last[place]:
        place += 1
    return place
