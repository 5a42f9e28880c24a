"""Builds the grammar of one question: which requests a model may write for it.

`build_grammar` gives a `Grammar`: GBNF for llama.cpp and for servers that take one, and the same membership test in
Python for drafts that were decoded freely. Field names come from the catalogue (those that retrieval found and those
that are asked for often), allowed values too; every other literal is a span of the conversation or a normal form of
one. `none`, the refusal, always belongs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from agent.grammar.evidence import Evidence
from agent.grammar.fields import choose, prefixes
from agent.grammar.gbnf import render
from agent.grammar.literals import read_conversation
from agent.grammar.match import explain, follow
from agent.grammar.requests import Requests
from agent.grammar.rules import Values
from agent.grammar.trie import EMPTY, Forge, Node
from tools.apis import API_NAMES, get_api
from tools.catalogue import load_catalogue

REFUSAL = "none"


class Grammar:
    """The requests that may be written for one question."""

    def __init__(self, root: Node) -> None:
        """Hold the expression of a whole request line."""
        self._root = root

    @cached_property
    def gbnf(self) -> str:
        """The grammar as GBNF."""
        return render(self._root)

    def accepts(self, text: str) -> bool:
        """Tell whether `text` is one of the requests, or the refusal, to the letter."""
        return follow(self._root, text).accepted

    def why_not(self, text: str) -> str:
        """Say where `text` leaves the grammar and what could stand there; the empty text if it belongs."""
        return explain(self._root, text)


def build_grammar(
    question: str,
    history: Sequence[str] = (),
    fields: Mapping[str, Sequence[str]] | None = None,
    apis: Sequence[str] | None = None,
    *,
    refusal: bool = True,
) -> Grammar:
    """Build the grammar for `question`.

    `history` holds earlier questions of the conversation, and earlier request lines, of which identifiers and fields
    may be used again; `fields` the paths that retrieval found, by API; `apis` the only APIs that may be asked (else
    the four, and those of `fields`); `refusal` whether `none` belongs.

    Raises:
        QueryError: an API is not known.
    """
    fields = fields or {}
    names = tuple(dict.fromkeys(apis if apis is not None else (*API_NAMES, *fields)))
    catalogues = {name: load_catalogue(name) for name in names}
    stored = {key: form for name in names for key, form in prefixes(catalogues[name]).items()}
    conversation = read_conversation(question, history, stored)
    forge = Forge()
    values = Values(forge, conversation)
    evidence = Evidence(question, history)
    entries: list[tuple[str, Node]] = [(REFUSAL, EMPTY)] if refusal else []
    for name in names:
        vocabulary = choose(catalogues[name], fields.get(name, ()), (*conversation.words, *conversation.names))
        entries += Requests(forge, values, get_api(name), vocabulary, evidence).entries()
    return Grammar(forge.trie(entries))
