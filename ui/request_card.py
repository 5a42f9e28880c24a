"""The request card: an edited request is checked, explained, run without the model, and saved as a correction."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import chainlit as cl

from agent.settings import Settings
from agent.state import Record
from tools.apis import api_names, get_api
from tools.errors import AssistantError, QueryError
from tools.query import Kind, Query
from ui.chat import get_chat
from ui.explain import explain
from ui.rendering import escape
from ui.settings_panel import chosen_settings
from ui.species import Origin, without_species
from ui.tasks import at_work
from ui.turn import Steps, history_before, show_answer, show_fault, user_name, watch

_PARAMETERS = ("species", "assembly", "size", "sort", "filter", "from", "facets", "facet_size")
_REQUEST_LINE = re.compile(r"\s*([a-z][a-z0-9_-]*)\s+/\w")


def is_request_line(text: str) -> bool:
    """Tell whether a message is a request, as the card copies it, or its address, and no question."""
    found = _REQUEST_LINE.match(text)
    if found is not None:
        return found[1] in api_names()
    if len(text.split()) != 1 or not text.strip().lower().startswith(("http://", "https://")):
        return False
    try:
        Query.parse(text)
    except QueryError:
        return False
    return True


def read_form(form: dict[str, Any], others: dict[str, Any]) -> Query:
    """Return the request that the card's form says.

    Raises:
        QueryError: it cannot be read as a request, or cannot be sent.
    """
    api = get_api(str(form.get("api", "")))
    params = {str(name): str(value) for name, value in others.items() if value}
    params |= {name: str(form[name]).strip() for name in _PARAMETERS if str(form.get(name, "")).strip()}
    # What one API understands, another need not: a species left over from mygene is no fault of the writer.
    params = {name: value for name, value in params.items() if name in api.params}
    fields = _items(form.get("fields", ""))
    text = str(form.get("q", "")).strip()
    kind = form.get("kind")
    if kind not in ("query", "get", "batch", "fields"):
        raise QueryError("That is not a request.")
    if kind in ("get", "batch"):
        ids = _items(text)
        scopes = _items(form.get("scopes", ""))
        # Several identifiers, or some looked up in a field, are asked for together.
        made: Kind = "batch" if scopes or len(ids) != 1 else "get"
        return Query(api=api.name, kind=made, ids=ids, scopes=scopes, fields=fields, params=params).check()
    if kind == "fields":
        return Query(api=api.name, kind="fields", params=params).check()
    return Query(api=api.name, kind="query", q=text or None, fields=fields, params=params).check()


def _items(text: Any) -> tuple[str, ...]:
    return tuple(item.strip() for item in str(text).replace("\n", ",").split(",") if item.strip())


def judge(payload: dict[str, Any]) -> dict[str, Any]:
    """Say whether an edited request can be sent, and what it means."""
    try:
        query = read_form(dict(payload.get("form") or {}), dict(payload.get("others") or {}))
    except AssistantError as error:
        return {"ok": False, "message": error.message, "hint": error.hint}
    return {
        "ok": True,
        "line": query.line,
        "explain": [{"text": text, "means": means} for text, means in explain(query)],
    }


async def run_edited(payload: dict[str, Any]) -> dict[str, Any]:
    """Run an edited request and put its answer on the page; say what is wrong with it if it cannot be sent."""
    verdict = await asyncio.to_thread(judge, payload)
    if not verdict["ok"]:
        return verdict
    question, origin = await _read_origin(payload)
    meant = without_species(verdict["line"], origin.species)
    draft = origin.drafted if origin.drafted != meant else None
    ran = await run_line(verdict["line"], question, draft=draft, lead="The edited request:", origin=origin)
    return {"ok": True, "ran": ran}


async def run_choice(payload: dict[str, Any]) -> bool:
    """Answer for one of the choices that a question left open, and tell whether it came to that."""
    question, origin = await _read_origin(payload)
    return await run_line(str(payload["line"]), question, origin=origin)


async def _read_origin(payload: dict[str, Any]) -> tuple[str, Origin]:
    """Return the question of the answer that the page names, and where that answer's request comes from.

    However often it was edited or narrowed since, the model's own request stays what it drafted; it drafted none where
    a request was pasted, or a list.
    """
    record = await asyncio.to_thread(get_chat().answers.get, str(payload.get("answer") or ""), user_name())
    if record is None:
        return "", Origin()
    question = str(record["question"])
    if record.get("origin"):
        return question, Origin(**record["origin"])
    if record.get("list") or is_request_line(question):
        return question, Origin()
    # Edited answers of earlier versions say no more than the draft.
    return question, Origin(record.get("draft") or record["request"])


async def run_line(
    line: str, question: str, *, draft: str | None = None, lead: str = "", origin: Origin | None = None
) -> bool:
    """Run a request line and put its answer on the page, and tell whether it came to that; Stop ends the wait."""
    settings = chosen_settings(get_chat().settings, cl.context.session.chat_settings)
    async with at_work():
        try:
            record = await run_request_aside(line, settings, question)
            if record is not None:
                await show_answer(record, draft=draft, lead=lead, origin=origin)
            return record is not None
        except asyncio.CancelledError:
            return False
        except Exception as error:
            await show_fault(error)
            return False


async def run_request_aside(line: str, settings: Settings, question: str) -> Record | None:
    """Run a request line in a thread and show the work.

    Raises:
        CancelledError: it was stopped.
        AssistantError: what is needed for an answer is not there.
    """
    from agent.direct import run_request

    def work(tell: Any, _: Any) -> None:
        runtime = get_chat().runtime(settings)
        record = run_request(line, settings, question=question)
        if record["status"] == "failed":
            runtime.doubt_service()
        tell("record", record)

    steps, done = Steps(), "Stopped"
    await steps.begin()
    try:
        record = await watch(steps, work)
        if record is not None:
            await _show_outcome(steps, record)
            done = f"Asked in {record['seconds']['total']:.1f} s" if record["attempts"] else "Not sent"
    except Exception:
        done = "Failed"
        raise
    finally:
        await steps.end(done)
    return record


async def _show_outcome(steps: Steps, record: Record) -> None:
    """Show what became of a request: each time that it was sent, or why it was not."""
    for attempt in record["attempts"]:
        await steps.asked(attempt, record["total"] or 0, record["backend"])
    if not record["attempts"] and record["error"]:
        await steps.say("Checked the request", escape(record["error"]["message"]), failed=True)


async def save_correction(payload: dict[str, Any]) -> dict[str, Any]:
    """Save an edited request, which was run, as the right one for its question."""
    chat, user = get_chat(), user_name()
    record = await asyncio.to_thread(chat.answers.get, str(payload.get("answer") or ""), user)
    if record is None or record["status"] == "failed" or not record["request"]:
        return {"ok": False, "message": "Only a request that was run can be saved."}
    draft, question = record.get("draft"), record["question"]
    if not draft or not question:
        return {"ok": False, "message": "There is no question that it corrects."}
    correction = without_species(record["request"], (record.get("origin") or {}).get("species"))
    history: list[str] = []
    for turn in history_before(None):
        if turn["question"] == question:
            break
        # A question whose request was edited has an answer for each.
        if turn["question"] not in history[-1:]:
            history.append(turn["question"])
    await asyncio.to_thread(
        chat.corrections.save, user, question, history, draft, correction, int(record["total"] or 0)
    )
    return {"ok": True}
