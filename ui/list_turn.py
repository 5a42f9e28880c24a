"""A list in a chat: found in a message, looked up in a thread with progress, shown as one table."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import chainlit as cl

from agent.settings import Settings
from tools.errors import QueryError
from ui.chat import get_chat
from ui.lists import Listing, look_up, make_query, map_list, read_file, read_list, say_counts
from ui.rendering import MOST_ROWS, answer_props, escape, is_torn
from ui.turn import ANSWER, Steps, show, user_name, work_aside
from ui.wishes import wanted_fields


def find_list(message: cl.Message) -> Listing | None:
    """Return the list that a message carries, attached or pasted; None where it is a question.

    Raises:
        QueryError: what is attached is no list, or is no longer there.
    """
    for element in message.elements or []:
        if getattr(element, "path", None):
            return read_file(Path(str(element.path)), element.name, message.content)
    kept = None if message.elements else _kept_file(message.id)
    return read_file(*kept, message.content) if kept is not None else read_list(message.content)


def _kept_file(message_id: str) -> tuple[Path, str] | None:
    """Return the file and the name of the list that was attached to a message; called from a thread.

    A message of a resumed chat, whose words may be edited, comes without its elements.
    """
    layer = get_chat().data_layer
    rows = cl.run_sync(
        layer.execute_sql(
            'SELECT "name", "objectKey" FROM elements WHERE "threadId" = :thread AND "forId" = :message '
            'AND "objectKey" IS NOT NULL',
            {"thread": cl.context.session.thread_id, "message": message_id},
        )
    )
    for row in rows or []:
        path = layer.storage_provider.path(row["objectKey"])
        if path.is_file():
            return path, row["name"]
    if rows:
        raise QueryError(f"{rows[0]['name']}, which was attached, is no longer there.", "Attach it again.")
    return None


async def answer_list(listing: Listing, settings: Settings, species: str | None) -> None:
    """Look a list up and put its table on the page."""
    chat, steps, began = get_chat(), Steps(), time.time()
    await steps.begin()
    name = "Stopped"

    def work(tell: Any, stop: Any) -> None:
        runtime = chat.runtime(settings)
        query = make_query(listing, species, wanted_fields(listing, settings.home))
        tell("query", query)

        def progress(done: int, total: int) -> None:
            if stop.is_set():
                raise InterruptedError
            tell("progress", (done, total))

        try:
            (hits, notfound), backend = runtime.answering(
                lambda place: look_up(query, place, settings.timeout, progress)
            )
        except InterruptedError:
            return
        tell("done", (map_list(listing, query, hits, notfound), backend.name, backend.notice))

    try:
        done = None
        async with aclosing(work_aside(work)) as events:
            async for kind, value in events:
                if kind == "query":
                    await steps.say(
                        "Recognised a list",
                        escape(f"{len(listing.entries):,} {listing.called}, looked up in {value.api}"),
                    )
                elif kind == "progress":
                    step = await steps.at("Looking up")
                    step.output = f"{value[0]:,} of {value[1]:,}"
                    await step.update()
                elif kind == "done":
                    done = value
                else:
                    await show(steps, kind, value)
        if done is None:
            return
        mapping, backend, notice = done
        answer = say_counts(listing, mapping, backend)
        if len(mapping.query.ids) > MOST_ROWS:
            answer += " The downloads hold all of it; the request is too long to be shown."
        elif is_torn(mapping.hits):
            answer += " The request is not shown: in it, a comma would part a name in two."
        answer += f"\n{notice}" if notice else ""
        name = f"Looked up in {time.time() - began:.1f} s"
        record: dict[str, Any] = {
            "id": None, "question": listing.words or "a list", "status": "answered" if mapping.hits else "empty",
            "answer": answer, "values": [], "api": mapping.query.api,
            "request": mapping.query.line,
            "url": None, "total": len(mapping.hits), "hits": mapping.hits, "backend": backend,
            "attempts": [], "error": None,
            "seconds": {"total": time.time() - began}, "list": True,
        }  # fmt: skip
        answer_id = await asyncio.to_thread(chat.answers.keep, record, cl.context.session.thread_id, user_name())
        props = await asyncio.to_thread(answer_props, record, answer_id)
        await cl.Message(
            content=escape(record["answer"]), elements=[cl.CustomElement(name=ANSWER, props=props, display="inline")],
            metadata={"turn": {"question": record["question"], "request": "none"}},
        ).send()  # fmt: skip
    except asyncio.CancelledError:
        return
    except Exception:
        name = "Failed"
        raise
    finally:
        await steps.end(name)
