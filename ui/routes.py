"""What the page fetches besides what Chainlit serves: downloads of answers, kept files, how things stand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from typing import Any

from chainlit.auth import get_current_user, get_token_from_cookies
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tools.errors import AssistantError
from tools.query import Query
from ui.answers import as_csv, as_json, tabulated
from ui.chat import get_chat
from ui.data_layer import Files
from ui.turn import CHART

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def install(app: Any) -> None:
    """Put our routes before Chainlit's, whose last one takes every path."""
    app.router.routes[:0] = [
        Route("/answers/{name}.{kind}", download),
        Route("/kept/{name}", kept),
        Route("/health", health),
    ]


async def health(_: Request) -> Response:
    """Say how things stand; 200 as soon as the page can be used."""
    return JSONResponse(get_chat().health())


async def kept(request: Request) -> Response:
    """Return a kept file of the user's own: a chart, an attached list."""
    user = await _user(request)
    files = get_chat().data_layer.storage_provider
    assert isinstance(files, Files)
    path = files.path(request.path_params["name"])
    # Files are named after their owner's id, so nobody reads those of another.
    if user is None or not path.name.startswith(files.path(f"{user.id}/").name) or not path.is_file():
        return PlainTextResponse("There is no such file.", 404)
    return FileResponse(path, media_type="application/json" if path.name.endswith(CHART) else "text/plain")


async def download(request: Request) -> Response:
    """Return the hits of an answer, with `all=1` all that its request finds, as CSV or JSON."""
    user, chat = await _user(request), get_chat()
    name, kind = request.path_params["name"], request.path_params["kind"]
    record = await asyncio.to_thread(chat.answers.get, name, user.identifier) if user is not None else None
    if record is None or kind not in _TYPES:
        return PlainTextResponse("There is no such answer.", 404)
    query, hits = tabulated(record)
    every: Iterator[dict[str, Any]] | None = None
    if request.query_params.get("all") and query.kind == "query":
        try:
            every = await asyncio.to_thread(_all_hits, query, record["backend"])
        except AssistantError as error:
            return PlainTextResponse(f"{error.message} {error.hint}".strip(), 502)
    listed = bool(record.get("list"))
    lines = as_csv(query, hits, every, listed=listed) if kind == "csv" else as_json(hits if every is None else every)
    headers = {
        "content-disposition": f'attachment; filename="{query.api}-{name[:8]}.{kind}"',
        "cache-control": "no-store",
    }
    return StreamingResponse(_aside(lines), media_type=_TYPES[kind], headers=headers)


def _all_hits(query: Query, backend_name: str) -> Iterator[dict[str, Any]]:
    """List all hits of a query where it was answered; the first is fetched at once, so that a fault shows."""
    from tools.client import iterate

    chat = get_chat()
    settings = chat.settings.model_copy(update={"backend": backend_name})
    found = iterate(query, chat.runtime(settings).backend, timeout=settings.timeout)
    first = next(found, None)
    return iter(()) if first is None else chain([first], found)


async def _aside(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Draw from a blocking iterator in a thread, some hundred at a time."""

    def some() -> bytes:
        return b"".join(islice(lines, 200))

    while part := await asyncio.to_thread(some):
        yield part


async def _user(request: Request) -> Any:
    token = get_token_from_cookies(dict(request.cookies))
    if not token:
        return None
    try:
        return await get_current_user(token)
    except Exception:  # Chainlit raises an HTTP error for a token that is not valid
        return None
