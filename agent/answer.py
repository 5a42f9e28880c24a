"""The answer to a question: a sentence, the values, the request that gave them. Nothing in it comes from a model."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from agent.absence import STANDS_FOR, explain_absence, is_positional, missing_fields, note_absences
from agent.elsewhere import held_elsewhere
from agent.intent import read_intent
from agent.omissions import left_out
from agent.sentence import SHOWN, names_needed, noun, species_needed, write_sentence
from agent.state import NO_VALUE
from agent.values import IDENTITY, asked_values, find, name_of, strings, unique
from tools.catalogue import load_catalogue
from tools.errors import AssistantError
from tools.lucene import Bool, Boost, LuceneSyntaxError, Node, Nothing, Phrase, Term, clauses_of, parse, render
from tools.query import Query

if TYPE_CHECKING:
    from agent.runtime import Runtime
    from agent.state import Attempt, State

EXAMPLES = (
    "which WikiPathways pathways is CDK2 in?",
    "pathogenic ClinVar variants in BRCA1",
    "what are the targets of imatinib?",
    "which phenotypes does cystic fibrosis have?",
)
_SCOPE = "I answer questions about genes, genetic variants, drugs and chemicals, and diseases, from BioThings"
#: A request with more parts than this is not taken apart to see which one finds nothing.
_MOST_PARTS = 6


def compose(state: State, runtime: Runtime) -> dict[str, Any]:
    """Return the record's fields for what happened: answered, empty, refused or failed."""
    fault = state["fault"]
    if fault == "no-question":
        return {"status": "refused", "answer": f"There is no question. Ask something such as: {EXAMPLES[0]}"}
    if fault == "too-long":
        return {
            "status": "refused",
            "answer": "That is too long for a question. Ask in up to 2,000 characters; a long list of identifiers can "
            "be given to `biothings-assistant run` as a batch request.",
        }
    if fault == "address":
        return {"status": "refused", "answer": state["answer"]}
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
        return {
            "status": "failed", "error": error, "answer": f"{error['message']} {error['hint']}", "request": None,
            "api": None,
        }  # fmt: skip
    if ended[-1]["outcome"] == "empty":
        first = ended[0]["request"]
        return {**_request_of(first), **_empty(Query.parse(first), state, runtime)}
    query = Query.parse(ended[-1]["request"])
    offline = state["backend"] == "offline"
    hits, lacking = result["hits"], missing_fields(query, state["backend"], runtime)
    values = asked_values(query, hits)
    status = "answered"
    stand_in = _stand_in(query, hits, runtime) if offline else None
    if stand_in:
        replaced, sentence, more = stand_in
        values = unique([*values, *more])
        others = query.model_copy(update={"fields": tuple(path for path in query.fields if path not in replaced)})
        if others.fields:
            sentence = f"{_write(state, others, result, runtime)}\n{sentence}"
        lacking = [path for path in lacking if path not in replaced]
    elif hits and not values and query.fields and query.kind in ("query", "get") and not result["facets"]:
        status = "empty"
        sentence = explain_absence(query, state["backend"], runtime) or _write(state, query, result, runtime)
    else:
        sentence = _write(state, query, result, runtime)
    missing = [f"The offline snapshot does not hold {_join(lacking)}."] if lacking else []
    coverage = runtime.coverage(query.api).fields if lacking else ()
    held = held_elsewhere(query, state["question"], lacking, coverage)
    missing += [f"The snapshot has the like in {_join(held)}, which can be asked for by that name."] if held else []
    # The first request's, since a repair may have tried a field that the snapshot lacks beside one that it holds.
    missing += note_absences(Query.parse(ended[0]["request"]), state["backend"], runtime)
    if result["facets"]:
        terms = [term for facet in result["facets"].values() for term in facet.get("terms", [])]
        values = [text for term in terms for text in (str(term["term"]), str(term["count"]))]
    elif not query.fields and query.kind == "query" and read_intent(state["question"]) == "count":
        values = [str(result["total"])]
    told = [line for line in unique(missing) if line not in sentence]
    lines = [sentence, *told, *_notes(state, query, ended, runtime)]
    return {
        **_request_of(query.line), "status": status, "answer": "\n".join(line for line in lines if line),
        "values": values, "total": result["total"], "hits": hits,
    }  # fmt: skip


def _write(state: State, query: Query, result: dict[str, Any], runtime: Runtime) -> str:
    offline = state["backend"] == "offline"
    taxids = runtime.coverage(query.api).taxids if offline and query.kind != "fields" else ()
    names, species = _fetch_names(query, result["hits"], taxids, runtime)
    return write_sentence(state["question"], query, result, names, offline, taxids, species)


def _fetch_names(
    query: Query, hits: list[dict[str, Any]], taxids: Collection[int], runtime: Runtime
) -> tuple[dict[str, str], dict[str, int]]:
    """Ask what the documents are called that a reader would see as bare identifiers, and of which species genes are.

    The request itself has the fields that were asked for and no more. Without an answer the identifiers stay bare.
    """
    from tools.client import execute

    unplaced = species_needed(query, hits, taxids)
    identifiers = unique([*names_needed(query, hits), *unplaced])
    paths = tuple(path for path in IDENTITY.get(query.api, ()) if path != "_id")
    if not identifiers or not paths:
        return {}, {}
    try:
        fields = (*paths, "taxid") if unplaced else paths
        request = Query(api=query.api, kind="batch", ids=tuple(identifiers), fields=fields)
        found = {str(hit["_id"]): hit for hit in execute(request, runtime.backend).hits if "_id" in hit}
    except AssistantError:
        return {}, {}
    species = {identifier: hit["taxid"] for identifier, hit in found.items() if "taxid" in hit}
    return {identifier: name_of(query.api, hit) for identifier, hit in found.items()}, species


def _notes(state: State, query: Query, ended: list[Attempt], runtime: Runtime) -> list[str]:
    notes = []
    lacking = next((attempt for attempt in ended if (attempt["error"] or "").startswith(NO_VALUE)), None)
    if lacking is not None:
        asked = [path for path in query.fields if path not in Query.parse(lacking["request"]).fields]
        notes.append(f"The records have {lacking['error']}; shown is the like of another source, {', '.join(asked)}.")
    first = Query.parse(ended[0]["request"])
    if first.model_copy(update={"fields": query.fields}).canonical != query.canonical:
        notes.append(f"Nothing was found by {_short(ended[0]['request'])}, so it was searched as {_short(query.line)}.")
    missing = left_out(query, state["question"]) if state["cards"] else []
    if missing:
        notes.append(f"The request does not take {_join(missing)} into account.")
    if query.api == "myvariant" and "assembly" not in query.params and query.kind != "fields":
        assembly = (state["result"] or {}).get("assembly")
        if assembly:
            notes.append(f"Positions are those of {assembly.replace(',', ' and ')}.")
    notice = _notice(state, runtime)
    return [*notes, notice] if notice else notes


def _notice(state: State, runtime: Runtime) -> str:
    """Return why the live services were not used; by now they may be reached again, or be gone only since."""
    backend = runtime.backend
    return backend.notice if backend.name == state["backend"] else ""


def _empty(query: Query, state: State, runtime: Runtime) -> dict[str, Any]:
    """Say that nothing was found, and what of the request finds nothing."""
    sentence = explain_absence(query, state["backend"], runtime)
    if not sentence:
        lacking = note_absences(query, state["backend"], runtime)
        offline = state["backend"] == "offline"
        place = " in the offline snapshot, which is a part of BioThings only." if offline else "."
        if query.kind in ("get", "batch"):
            what = f"There is no {noun(query.api, 1)} {' or '.join(query.ids[:SHOWN])}"
        elif query.kind == "fields":
            what, place = f"{query.api} has no such field", "."
        else:
            what = f"No {noun(query.api, 1)} matches"
        sentence = what + place + _name_nearest(query) + _blame(query, runtime)
        if offline and query.api == "myvariant" and "assembly" not in query.params and is_positional(query):
            sentence += "\nMost of its variants are known by their hg38 positions only."
        sentence = "\n".join([sentence, *lacking])
        tried = [attempt["request"] for attempt in state["attempts"] if attempt["outcome"] == "empty"][1:]
        if tried:
            sentence += f"\nAlso tried: {'; '.join(_short(line) for line in tried)}."
    notice = _notice(state, runtime)
    return {
        "status": "empty",
        "answer": sentence + (f"\n{notice}" if notice else ""),
        "values": [],
        "total": 0,
        "hits": [],
    }


def _blame(query: Query, runtime: Runtime) -> str:
    """Try each part of a request alone, and name those that find nothing."""
    from tools.client import execute

    if query.kind != "query" or not query.q:
        return ""
    try:
        parts = [part for text in (query.q, query.params.get("filter", "")) for part in _parts(parse(text))]
    except LuceneSyntaxError:
        return ""
    if not 2 <= len(parts) <= _MOST_PARTS:
        return ""
    kept = {name: value for name, value in query.params.items() if name in ("species", "assembly")}
    none = []
    for part in map(render, parts):
        alone = Query(api=query.api, kind="query", q=part, params={**kept, "size": "0"})
        try:
            if execute(alone, runtime.backend).total == 0:
                none.append(part)
        except AssistantError:
            # It only explains; the answer stands without it.
            return ""
    if none:
        return f" This part alone finds nothing: {', '.join(none[:SHOWN])}."
    return " Each part alone finds something, but no record fits all of them together."


def _name_nearest(query: Query) -> str:
    """Name the nearest of a field's few values where a clause asks for none of them: `protein_coding`."""
    from rapidfuzz import fuzz, process

    catalogue = load_catalogue(query.api)
    told = []
    for leaf in _leaves(query):
        field = catalogue.get(leaf.field or "")
        known = {value.casefold() for value in field.values} if field else set()
        if field is None or not known or leaf.text.casefold() in known:
            continue
        if field.type == "text" and set(_words(leaf.text)) <= {word for value in known for word in _words(value)}:
            # Some words of a text find it.
            continue
        near = process.extractOne(leaf.text, field.values, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=60)
        if near:
            told.append(f" {leaf.text!r} is no known value of {field.path}; the nearest is {near[0]}.")
    return "".join(unique(told))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _leaves(query: Query) -> list[Term | Phrase]:
    """The clauses of a request that look for a word or a text."""
    try:
        trees = [parse(text) for text in (query.q or "", query.params.get("filter", ""))]
    except LuceneSyntaxError:
        return []
    return [leaf for tree in trees for leaf in clauses_of(tree) if isinstance(leaf, (Term, Phrase))]


def _parts(node: Node) -> list[Node]:
    """Return what every hit must fulfil, each of which can be searched by itself: alternatives are one such part.

    What is denied is none: its finding nothing hinders nothing.
    """
    if isinstance(node, Boost):
        return _parts(node.node)
    if not isinstance(node, Bool):
        return [] if isinstance(node, Nothing) else [node]
    needed = [child for role, child in node.occurs if role == "must"]
    if needed:
        return [part for child in needed for part in _parts(child)]
    either = tuple(clause for clause in node.clauses if clause.modifier != "-")
    return [Bool(either)] if len(either) > 1 else [part for clause in either for part in _parts(clause.node)]


def _stand_in(query: Query, hits: list[dict[str, Any]], runtime: Runtime) -> tuple[list[str], str, list[str]] | None:
    """Show what the snapshot has in place of a field that it lacks: disease genes from HPO.

    Returns:
        The asked-for paths that it stands for, what to say, and the values; None where it has nothing to show.
    """
    if query.api != "mydisease":
        return None
    wanted = [
        path for path in query.fields if path.startswith("disgenet.genes_related_to_disease") or path == "disgenet"
    ]
    if not wanted or any(find(hit, path) for hit in hits for path in wanted):
        return None
    index = runtime.store.index("mydisease")
    lines: list[str] = []
    values: list[str] = []
    for hit in hits:
        document = index.get(str(hit.get("_id"))) or {}
        path = f"{STANDS_FOR['disgenet.genes_related_to_disease']}.symbol"
        symbols = unique(item for value in find(document, path) for item in strings(value))
        values += symbols
        if symbols and len(lines) < SHOWN:
            most = 2 * SHOWN
            more = f" (first {most} of {len(symbols)})" if len(symbols) > most else ""
            lines.append(f"Genes linked to {name_of('mydisease', document)} by HPO: {', '.join(symbols[:most])}{more}.")
    if not lines:
        return None
    lines.append("These links are the Human Phenotype Ontology's; the offline snapshot does not hold DisGeNET's.")
    return wanted, "\n".join(lines), unique(values)


def _last_line(state: State) -> str | None:
    lines = [attempt["request"] for attempt in state["attempts"] if attempt["outcome"] != "rejected"]
    return state["request"] or (lines[-1] if lines else None)


def _request_of(line: str | None) -> dict[str, Any]:
    if line is None:
        return {"request": None, "api": None, "url": None}
    query = Query.parse(line)
    return {"request": line, "api": query.api, "url": query.url}


def _join(paths: list[str]) -> str:
    return " or ".join(unique(paths))


def _short(line: str) -> str:
    query = Query.parse(line)
    return f"`{query.q or ', '.join(query.ids)}`"
