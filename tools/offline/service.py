"""The offline service: the HTTP protocol of the BioThings services over the indexes of a `Store`.

`Service.handle` takes a request apart and gives the reply; it knows no socket. In this process it is called by
`tools.offline.transport`, behind a port by `tools.offline.server`. Paths, parameters and answers are those of the
BioThings SDK, below the API's name:

    /mygene/v3/query    /mygene/v3/gene/1017    /mygene/v3/metadata    /mygene/v3/metadata/fields
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from tools import apis
from tools.errors import AssistantError
from tools.offline.encoding import FORMATS, encode
from tools.offline.endpoints import Endpoints
from tools.offline.metadata import describe, list_fields
from tools.offline.parameters import Refusal, Source, read_body, read_output, read_parameters, read_query
from tools.offline.store import Store

_log = logging.getLogger(__name__)

# The engine's own faults reach Python under this name, as no Exception.
_PANIC = "PanicException"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Credentials": "false",
    "Access-Control-Max-Age": "60",
}


@dataclass(frozen=True)
class Reply:
    """What is sent back; `fault` is what a caller in this process is told in place of a 500."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: AssistantError | None = None


class Service:
    """Answers requests about the APIs of `store`. It may be called from several threads at once."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def handle(
        self,
        method: str,
        path: str,
        params: Mapping[str, Sequence[str]],
        body: bytes = b"",
        content_type: str = "",
    ) -> Reply:
        """Answer one request.

        Args:
            method: GET, POST, HEAD or OPTIONS.
            path: the path, still percent-encoded, so that an identifier may hold a slash.
            params: the query's parameters, each with all its values.
            body: the body of a POST, a form or JSON as `content_type` says.
            content_type: its kind.
        """
        if method == "OPTIONS":
            return Reply(204, _CORS)
        headers = dict(_CORS)
        sources = [read_query(params)]
        fault: AssistantError | None = None
        try:
            if method == "POST":
                sources.append(read_body(body, content_type))
            status, answer = 200, self._answer(method, path, sources, headers)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        except AssistantError as error:  # an index that cannot be built or read
            fault = error
            status, answer = 500, {"code": 500, "success": False, "error": error.message, "details": error.hint}
        except BaseException as error:  # a fault of ours must reach the caller as an answer, not end the server
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            _log.debug("%s %s", method, path, exc_info=True)
            details = f"{type(error).__name__}: {error}"
            status, answer = 500, {"code": 500, "success": False, "error": "Internal Server Error", "details": details}
        wanted = read_output(sources, "format")
        kind, data = encode(
            answer,
            wanted if wanted in FORMATS else "json",
            read_output(sources, "callback"),
            _as_json(path, params),
        )
        headers |= {"Content-Type": kind, "Cache-Control": "no-cache"}
        return Reply(status, headers, b"" if method == "HEAD" else data, fault)

    def _answer(self, method: str, path: str, sources: Sequence[Source], headers: dict[str, str]) -> Any:
        parts = [unquote(part) for part in path.split("/") if part]
        if not parts or parts == ["status"]:
            return {"success": True, "apis": [f"/{name}/{_api(name).version}" for name in self._store.apis()]}
        if parts[0] not in self._store.apis():
            raise Refusal(404, "Not Found.")
        api = _api(parts[0])
        rest = parts[1:]
        if rest[:1] == [api.version]:
            rest = rest[1:]
        endpoint, identifier = _endpoint(api, rest)
        method = "GET" if method == "HEAD" else method
        if method not in ("GET", "POST") or (method == "POST" and endpoint in ("metadata", "fields")):
            raise Refusal(405, "Method Not Allowed")
        if endpoint == "entity" and method == "GET":
            identifier = identifier or sources[0][1].get("id", "")
            if not identifier:
                raise Refusal(400, "Bad Request", missing="id")
        values = read_parameters(api.name, endpoint, method, sources, api.default_fields)
        index = self._store.index(api.name)  # built now, if this is its first use; other APIs go on answering
        if endpoint == "metadata":
            return describe(api, index, self._store)
        if endpoint == "fields":
            return list_fields(index, values["search"], values["prefix"])
        endpoints = Endpoints(api, index, self._clock)
        if endpoint == "query":
            answer = endpoints.query(values) if method == "GET" else endpoints.batch(values)
        elif method == "GET":
            answer = endpoints.entity(identifier, values)
        else:
            answer = endpoints.entities(values)
        if endpoints.assembly:
            headers["x-assembly"] = endpoints.assembly
        return answer


def _api(name: str) -> apis.Api:
    return apis.get_api(name) if name in apis.api_names() else apis.made_up(name)


def _endpoint(api: apis.Api, parts: Sequence[str]) -> tuple[str, str]:
    """Name the endpoint of a path below the API, and the identifier in it.

    Raises:
        Refusal: there is no such endpoint.
    """
    if parts == ["query"]:
        return "query", ""
    if parts == ["metadata"]:
        return "metadata", ""
    if parts == ["metadata", "fields"]:
        return "fields", ""
    if parts and parts[0] in (*api.entity_names, api.client):
        return "entity", "/".join(parts[1:])
    raise Refusal(404, "Not Found.")


def _as_json(path: str, params: Mapping[str, Sequence[str]]) -> str:
    pairs = [(name, value) for name, values in params.items() for value in values if name != "format"]
    return quote(path, safe="/:%") + (f"?{urlencode(pairs)}" if pairs else "")
