"""The answer to a question: a sentence, the values, the request that gave them. Nothing in it comes from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.absence import STANDS_FOR, explain_absence, missing_fields
from agent.sentence import SHOWN, noun, write_sentence
from agent.values import asked_values, find, strings, unique
from tools.errors import AssistantError
from tools.lucene import LuceneSyntaxError, Node, clauses_of, parse, render
from tools.query import Query

if TYPE_CHECKING:
    from agent.runtime import Runtime
    from agent.state import State

EXAMPLES = (
    "which Reactome pathways is CDK2 in?",
    "pathogenic ClinVar variants in BRCA1",
    "what are the targets of imatinib?",
    "which phenotypes does cystic fibrosis have?",
)
_SCOPE = "I answer questions about genes, genetic variants, drugs and chemicals, and diseases, from BioThings"
#: A request with more clauses than this is not taken apart to see which one finds nothing.
_MOST_CLAUSES = 6


def compose(state: State, runtime: Runtime) -> dict[str, Any]:
    """Return the record's fields for what happened: answered, empty, refused or failed."""
    fault = state["fault"]
    if fault == "no-question":
        return {"status": "refused", "answer": f"There is no question. Ask something such as: {EXAMPLES[0]}"}
    if fault == "too-long":
        return {
            "status": "refused",
            "answer": "That is too long for a question. Ask in up to 2,000 characters; long lists of identifiers can be "
            "given to `biothings-assistant run` as a batch request.",
        }
    if state["status"] == "failed" and state["error"]:
        message = f"{state['error']['message']} {state['error']['hint']}".strip()
        return {"status": "failed", "answer": message, **_request_of(_last_line(state))}
    if state["status"] == "refused":
        return {
            "status": "refused", "request": None, "api": None,
            "answer": f"{_SCOPE}; this is not among what they hold. For example: {'; '.join(EXAMPLES)}",
        }  # fmt: skip
    try:
        return _compose_result(state, runtime)
    except AssistantError as error:
        fault_row = {"message": error.message, "hint": error.hint}
        return {"status": "failed", "error": fault_row, "answer": f"{error.message} {error.hint}".strip()}


def _compose_result(state: State, runtime: Runtime) -> dict[str, Any]:
    ended = [attempt for attempt in state["attempts"] if attempt["outcome"] != "rejected"]
    result = state["result"]
    if not ended or result is None:
        last = state["attempts"][-1]["error"] if state["attempts"] else "no draft"
        error = {"message": f"No legal request could be drafted: {last}", "hint": "Put the question in other words."}
        return {"status": "failed", "error": error, "answer": f"{error['message']} {error['hint']}", "request": None, "api": None}
    if ended[-1]["outcome"] == "empty":
        first = ended[0]["request"]
        return {**_request_of(first), **_empty(Query.parse(first), state, runtime)}
    query = Query.parse(ended[-1]["request"])
    hits, lacking = result["hits"], missing_fields(query, state["backend"], runtime)
    values = asked_values(query, hits)
    sentence = write_sentence(state["question"], query, result)
    status = "answered"
    stand_in = _stand_in(query, hits, lacking, runtime, state["backend"])
    if stand_in:
        sentence, more = stand_in
        values = unique([*values, *more])
    elif not values and query.fields and query.kind in ("query", "get") and lacking:
        status = "empty"
        sentence = explain_absence(query, state["backend"], runtime) or sentence
    elif lacking:
        sentence += f"\nThe offline snapshot does not hold {', '.join(lacking)}."
    if result["facets"]:
        values = [item for facet in result["facets"].values() for term in facet.get("terms", []) for item in (str(term["term"]), str(term["count"]))]
    elif not query.fields and query.kind == "query" and _is_count(state["question"]):
        values = [str(result["total"])]
    lines = [sentence, *_notes(state, query, ended, result, runtime)]
    return {
        **_request_of(query.line), "status": status, "answer": "\n".join(line for line in lines if line), "values": values,
        "total": result["total"], "hits": hits,
    }  # fmt: skip


def _notes(state: State, query: Query, ended: list[Any], result: dict[str, Any], runtime: Runtime) -> list[str]:
    notes = []
    if len(ended) > 1:
        notes.append(f"Nothing was found by {_short(ended[0]['request'])}, so it was searched as {_short(query.line)}.")
    if query.api == "myvariant" and "assembly" not in query.params and state["backend"] == "offline" and result["assembly"]:
        notes.append(f"Positions are those of {result['assembly']}.")
    notice = runtime.backend.notice
    if notice:
        notes.append(notice)
    return notes


def _empty(query: Query, state: State, runtime: Runtime) -> dict[str, Any]:
    """Say that nothing was found, and what of the request finds nothing."""
    lacking = explain_absence(query, state["backend"], runtime)
    offline = state["backend"] == "offline"
    if lacking:
        sentence = lacking
    else:
        sentence = f"No {noun(query.api, 1)} matches" + (" in the offline snapshot, which is a part of BioThings only." if offline else ".")
        sentence += _blame(query, runtime)
        tried = [attempt["request"] for attempt in state["attempts"] if attempt["outcome"] == "empty"][1:]
        if tried:
            sentence += f"\nAlso tried: {'; '.join(_short(line) for line in tried)}."
    notice = runtime.backend.notice
    return {"status": "empty", "answer": sentence + (f"\n{notice}" if notice else ""), "values": [], "total": 0, "hits": []}


def _blame(query: Query, runtime: Runtime) -> str:
    """Try each clause of a request alone, and name those that find nothing."""
    from tools.client import execute

    if query.kind != "query" or not query.q:
        return ""
    try:
        leaves: list[Node] = list(clauses_of(parse(query.q)))
    except LuceneSyntaxError:
        return ""
    if not 2 <= len(leaves) <= _MOST_CLAUSES:
        return ""
    kept = {name: value for name, value in query.params.items() if name in ("species", "assembly")}
    none = []
    for leaf in leaves:
        alone = Query(api=query.api, kind="query", q=render(leaf), params={**kept, "size": "0"})
        if execute(alone, runtime.backend).total == 0:
            none.append(render(leaf))
    if none:
        return f" This part alone finds nothing: {', '.join(none[:SHOWN])}."
    return " Each part alone finds something, but no record fits all of them together."


def _stand_in(
    query: Query, hits: list[dict[str, Any]], lacking: list[str], runtime: Runtime, backend: str | None
) -> tuple[str, list[str]] | None:
    """Show what the snapshot has in place of a field that it lacks: disease genes from HPO."""
    if backend != "offline" or query.api != "mydisease":
        return None
    wanted = [path for path in query.fields if path.startswith("disgenet.genes_related_to_disease") or path == "disgenet"]
    if not wanted or any(find(hit, path) for hit in hits for path in wanted):
        return None
    from tools.offline.store import Store

    index = Store(runtime.settings.home).index("mydisease")
    lines: list[str] = []
    values: list[str] = []
    for hit in hits[:SHOWN]:
        document = index.get(str(hit.get("_id"))) or {}
        symbols = unique(item for value in find(document, f"{STANDS_FOR['disgenet.genes_related_to_disease']}.symbol") for item in strings(value))
        name = next(iter(strings(find(document, "mondo.label"))), str(hit.get("_id")))
        if symbols:
            shown = ", ".join(symbols[: 2 * SHOWN]) + (f" (first {2 * SHOWN} of {len(symbols)})" if len(symbols) > 2 * SHOWN else "")
            lines.append(f"Genes linked to {name} by HPO: {shown}.")
            values += symbols
    if not lines:
        return None
    lines.append("These links are the Human Phenotype Ontology's; the offline snapshot does not hold DisGeNET's.")
    return "\n".join(lines), unique(values)


def _is_count(question: str) -> bool:
    from agent.intent import read_intent

    return read_intent(question) == "count"


def _last_line(state: State) -> str | None:
    lines = [attempt["request"] for attempt in state["attempts"] if attempt["outcome"] != "rejected"]
    return state["request"] or (lines[-1] if lines else None)


def _request_of(line: str | None) -> dict[str, Any]:
    if line is None:
        return {"request": None, "api": None, "url": None}
    query = Query.parse(line)
    return {"request": line, "api": query.api, "url": query.url}


def _short(line: str) -> str:
    query = Query.parse(line)
    return f"`{query.q or ', '.join(query.ids)}`"
