"""What a question left open, asked back as buttons that carry how many hits each choice would give."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import chainlit as cl

from agent.settings import Settings
from agent.state import Record
from tools.apis import SPECIES, species_name
from tools.errors import AssistantError
from tools.lucene import Bool, LuceneSyntaxError, Node, Term, escape, fields_of, parse
from tools.query import Query
from ui.chat import get_chat
from ui.settings_panel import chosen_settings

_MOST = 6
_TAXIDS = {taxid: name for name, taxid in SPECIES.items()}


async def offer_choices(record: Record) -> list[cl.Action]:
    """Return the buttons for what a record's request leaves open; none where it leaves nothing open."""
    settings = chosen_settings(get_chat().settings, cl.context.session.chat_settings)
    try:
        rows = await asyncio.to_thread(find_choices, record, settings, threading.Event())
    except AssistantError:
        # The answer stands without them.
        return []
    return [
        cl.Action(
            name="choose", label=f"{label} ({count:,})", tooltip=line,
            payload={"line": line, "question": record["question"]},
        )
        for label, count, line in rows
    ]  # fmt: skip


def find_choices(record: Record, settings: Settings, stop: threading.Event) -> list[tuple[str, int, str]]:
    """Return label, hits and request of each choice: species, assembly, or the genes that share an alias."""
    query = Query.parse(record["request"] or "")
    if query.kind != "query" or query.q is None:
        return []
    names = _names(query.q)
    if (
        query.api == "mygene"
        and "species" not in query.params
        and (record["total"] or 0) > 1
        and names & {"symbol", "alias", "name"}
    ):
        return _species(query, settings)
    if query.api == "myvariant" and "assembly" not in query.params and "chr" in query.q.lower():
        return _assemblies(query, settings)
    if query.api == "mygene" and "alias" in names and (record["total"] or 0) > 1:
        return _genes(query, record, settings)
    return []


def _species(query: Query, settings: Settings) -> list[tuple[str, int, str]]:
    found = _execute(_narrowed(query, facets="taxid", facet_size="20", size="0"), settings)
    terms = [
        (int(term["term"]), int(term["count"]))
        for facet in found.facets.values()
        for term in facet.get("terms", [])
        if str(term["term"]).isdigit()
    ]
    if len(terms) < 2:
        return []
    # The nine that mygene knows by name first: they are what people ask for.
    terms.sort(
        key=lambda term: (term[0] not in _TAXIDS, list(_TAXIDS).index(term[0]) if term[0] in _TAXIDS else 0, -term[1])
    )
    return [
        (
            _TAXIDS.get(taxid) or species_name(taxid),
            count,
            _narrowed(query, species=_TAXIDS.get(taxid, str(taxid))).line,
        )
        for taxid, count in terms[:_MOST]
    ]


def _assemblies(query: Query, settings: Settings) -> list[tuple[str, int, str]]:
    rows = []
    for assembly in ("hg19", "hg38"):
        narrowed = _narrowed(query, assembly=assembly)
        rows.append((assembly, _execute(_narrowed(narrowed, size="0"), settings).total, narrowed.line))
    return rows if any(count for _, count, _ in rows) else []


def _genes(query: Query, record: Record, settings: Settings) -> list[tuple[str, int, str]]:
    symbols = list(dict.fromkeys(str(hit["symbol"]) for hit in record["hits"] if hit.get("symbol")))
    if not 2 <= len(symbols) <= _MOST:
        return []
    rows = []
    for symbol in symbols:
        narrowed = query.model_copy(update={"q": f"symbol:{escape(symbol)}"})
        rows.append((symbol, _execute(_narrowed(narrowed, size="0"), settings).total, narrowed.line))
    return rows


def _narrowed(query: Query, **params: str) -> Query:
    return query.model_copy(update={"params": {**query.params, **params}})


def _execute(query: Query, settings: Settings) -> Any:
    from tools.client import execute

    return execute(query, get_chat().runtime(settings).backend, timeout=settings.timeout)


def _names(text: str) -> set[str]:
    """Return the fields that a query string searches for a word."""
    try:
        tree: Node = parse(text)
    except LuceneSyntaxError:
        return set()
    names = set(fields_of(tree))
    bare = isinstance(tree, Term) and tree.field is None or isinstance(tree, Bool) and not names
    return names | ({"symbol"} if bare else set())
