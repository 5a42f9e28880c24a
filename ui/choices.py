"""What a question left open, asked back as buttons that carry how many hits each choice would give."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import chainlit as cl

from agent.absence import is_positional
from agent.settings import Settings
from agent.state import Record
from tools.apis import SPECIES, species_name
from tools.errors import AssistantError
from tools.lucene import Bool, LuceneSyntaxError, Node, Term, escape, fields_of, parse
from tools.query import Query
from ui.chat import get_chat
from ui.settings_panel import chosen_settings

log = logging.getLogger(__name__)
_MOST = 6
#: Its label, how many hits it has, and its request.
Choice = tuple[str, int, str]
_TAXIDS = {taxid: name for name, taxid in SPECIES.items()}
#: The HGVS name of a place in a query string, whose colon may be escaped: `_id:chr7\:g.140453136A>T`.
_HGVS = re.compile(r"\bchr(?:\d{1,2}|X|Y|MT?)\\?:g\.", re.IGNORECASE)


async def find_choices(record: Record) -> dict[str, Any] | None:
    """Return what the page asks back, {"ask", "rows": [{"label", "count", "line"}]}; None where nothing is open."""
    settings = chosen_settings(get_chat().settings, cl.context.session.chat_settings)
    try:
        ask, rows = await asyncio.to_thread(open_choices, record, settings)
    except AssistantError:
        # The answer stands without them.
        return None
    except Exception:
        log.exception("The choices of %s could not be found.", record["request"])
        return None
    if not rows:
        return None
    return {"ask": ask, "rows": [{"label": label, "count": count, "line": line} for label, count, line in rows]}


def open_choices(record: Record, settings: Settings) -> tuple[str, list[Choice]]:
    """Return what a record's request leaves open: species, assembly, or which of the genes that share an alias."""
    query = Query.parse(record["request"] or "")
    if record["backend"]:
        # Elsewhere there would be other hits than those of the answer.
        settings = settings.model_copy(update={"backend": record["backend"]})
    if query.api == "myvariant" and "assembly" not in query.params and _is_of_places(query):
        return "Positions on which assembly?", _assemblies(query, settings)
    if query.kind != "query" or query.q is None:
        return "", []
    names, several = _names(query.q), (record["total"] or 0) > 1
    if query.api == "mygene" and several and "species" not in query.params and names & {"symbol", "alias", "name"}:
        rows = _species(query, settings)
        if rows:
            return "Which species is meant?", rows
    if query.api == "mygene" and several and "alias" in names:
        return "Which gene is meant?", _genes(query, record, settings)
    return "", []


def _is_of_places(query: Query) -> bool:
    """Tell whether a request asks by genome position, as an interval or by HGVS names."""
    return is_positional(query) or bool(_HGVS.search(query.q or ""))


def _species(query: Query, settings: Settings) -> list[Choice]:
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


def _assemblies(query: Query, settings: Settings) -> list[Choice]:
    rows = []
    for assembly in ("hg19", "hg38"):
        narrowed = _narrowed(query, assembly=assembly)
        if query.kind == "query":
            counted = _narrowed(narrowed, size="0")
        else:
            # What is looked up cannot be counted without its hits, but without their fields.
            counted = narrowed.model_copy(update={"fields": ("_id",)})
        rows.append((assembly, _execute(counted, settings).total, narrowed.line))
    return rows if any(count for _, count, _ in rows) else []


def _genes(query: Query, record: Record, settings: Settings) -> list[Choice]:
    symbols = list(dict.fromkeys(str(hit["symbol"]) for hit in record["hits"] if hit.get("symbol")))
    if not 2 <= len(symbols) <= _MOST:
        return []
    # What else the question states stays.
    also = f" AND ({query.q})" if _names(query.q or "") - {"symbol", "alias"} else ""
    rows = []
    for symbol in symbols:
        narrowed = _narrowed(query).model_copy(update={"q": f"symbol:{escape(symbol)}{also}"})
        rows.append((symbol, _execute(_narrowed(narrowed, size="0"), settings).total, narrowed.line))
    return rows


def _narrowed(query: Query, **params: str) -> Query:
    """Return a request with further parameters, from its first hit on: of fewer hits, those left out may be all."""
    kept = {name: value for name, value in query.params.items() if name != "from"}
    return query.model_copy(update={"params": {**kept, **params}})


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
