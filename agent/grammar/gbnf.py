r"""Renders a grammar as GBNF, the form that llama.cpp reads.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md: rule names are `[a-zA-Z0-9-]`, a literal takes the
escapes `\"`, `\\` and `\xNN`, everything else is UTF-8 as it is.
"""

from __future__ import annotations

from functools import lru_cache

from agent.grammar.trie import Node

# Expressions are written in place up to this length and depth; longer or deeper ones become rules, so that no line
# grows long and llama.cpp's recursive parser never goes deep.
_LONGEST = 300
_DEEPEST = 12
# A shared expression becomes a rule where a reference is shorter than writing it again.
_SHORTEST = 8


def render(root: Node) -> str:
    """Return the GBNF of the grammar that starts at `root`."""
    return _Writer(root).write()


class _Writer:
    """Writes each node once; a node that is used twice, or that is too long to stand in place, becomes a rule."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._uses: dict[Node, int] = {}
        self._order = self._sorted(root)
        self._rules: list[str] = []
        self._taken: set[str] = {"root"}

    def _sorted(self, root: Node) -> list[Node]:
        """Return all nodes but literals, parts before wholes, and count how often each is used."""
        uses = self._uses
        order: list[Node] = []
        stack: list[Node | None] = [root]  # None: the node before it in `path` has been gone through
        path: list[Node] = []
        while stack:
            node = stack.pop()
            if node is None:
                order.append(path.pop())
                continue
            if node in uses:
                uses[node] += 1
                continue
            uses[node] = 1
            path.append(node)
            stack.append(None)
            for part in node.parts:
                if part.kind != "lit":
                    stack.append(part)
        return order

    def write(self) -> str:
        """Return all rules, the root first."""
        # text, depth, and whether it needs parentheses before another element or a `?`
        done: dict[Node, tuple[str, int, bool]] = {}
        for node in self._order:
            parts = [(quote(part.text), 0, False) if part.kind == "lit" else done[part] for part in node.parts]
            depth = 0
            for part in parts:
                if part[1] >= depth:
                    depth = part[1] + 1
            loose = True
            if node.kind == "alt":
                text = "|".join([part[0] for part in parts])
            elif node.kind == "opt":
                text, loose = f"({parts[0][0]})?" if parts[0][2] else f"{parts[0][0]}?", False
            else:
                # A sequence holds no sequence, so only a choice among its parts needs parentheses.
                text = " ".join([f"({part[0]})" if part[2] else part[0] for part in parts])
            if node is self._root:
                self._rules.append(f"root ::= {text}")
            elif (self._uses[node] > 1 and len(text) > _SHORTEST) or len(text) > _LONGEST or depth > _DEEPEST:
                name = self._name(node)
                self._rules.append(f"{name} ::= {text}")
                text, depth, loose = name, 0, False
            done[node] = (text, depth, loose)
        return "\n".join(reversed(self._rules)) + "\n"

    def _name(self, node: Node) -> str:
        stem = node.name or "r"
        name = node.name or "r0"
        number = len(self._rules)
        while name in self._taken:
            name = f"{stem}{number}"
            number += 1
        self._taken.add(name)
        return name


@lru_cache(maxsize=8192)
def quote(text: str) -> str:
    """Return `text` as a GBNF literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if not escaped.isprintable():
        escaped = "".join(c if c.isprintable() or ord(c) > 0xFF else f"\\x{ord(c):02X}" for c in escaped)
    return f'"{escaped}"'
