"""Execution of a `Query` through `biothings-client`, against any backend."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tools.apis import get_api
from tools.backend import Backend
from tools.errors import (
    BadAnswer,
    BadRequest,
    NotFound,
    QueryError,
    ServerError,
    ServiceTimeout,
    TruncatedAnswer,
)
from tools.query import UNREADABLE, Query

if TYPE_CHECKING:
    from tools.http import CallTransport

TIMEOUT_SECONDS = 90.0
BATCH_SIZE = 1000
_SECONDS_BETWEEN_BATCHES = 0.5
# Parameters that say what the answer looks like to a person, or that the library keeps for itself.
_NOT_SENT = UNREADABLE | frozenset(
    ("raw", "debug", "verbose") + ("as_dataframe", "as_generator", "df_index", "return_raw", "returnall")
)

Document = dict[str, Any]
#: Called with the number of terms done and of all terms.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Result:
    """What a backend answered.

    `total`: documents found, of which `hits` are those returned. `notfound`: identifiers or terms without a document.
    `raw`: the answer as it came. `assembly`: the genome assembly that answered, where the backend says so.
    """

    api: str
    total: int
    hits: list[Document]
    facets: dict[str, Any] = field(default_factory=dict)
    notfound: list[str] = field(default_factory=list)
    backend: str = ""
    url: str | None = None
    assembly: str | None = None
    seconds: float = 0.0
    max_score: float | None = None
    raw: Any = None


def execute(
    query: Query,
    backend: Backend,
    *,
    timeout: float | None = None,
    max_hits: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Make the request and return its result.

    Args:
        query: the request.
        backend: where to.
        timeout: seconds for the whole of it, retries included; for a batch, for each thousand terms. By default 90, or
            more where the settings give a single answer longer.
        max_hits: where given, no more hits than this are asked for.
        progress: told how many terms of a batch are done.

    Raises:
        QueryError: the backend does not have the API.
        ServiceError: there is no usable answer; which one says why, and its hint how to mend it.
    """
    start = time.perf_counter()
    call = _Call(query, backend, timeout or max(TIMEOUT_SECONDS, backend.patience))
    with _told_apart(call.host):
        if query.kind == "query":
            found = call.query(max_hits)
        elif query.kind == "get":
            found = call.get()
        elif query.kind == "fields":
            found = call.fields()
        else:
            found = call.batch(progress)
    return Result(
        api=query.api,
        backend=backend.name,
        url=query.url,
        assembly=call.assembly(),
        seconds=time.perf_counter() - start,
        **found,
    )


def iterate(query: Query, backend: Backend, *, timeout: float = TIMEOUT_SECONDS) -> Iterator[Document]:
    """Yield all hits of a query, a thousand to a page, unsorted; `timeout` holds for each page.

    Raises:
        QueryError: the request is not a query.
        ServiceError: a page could not be had.
    """
    if query.kind != "query":
        raise QueryError("Only a query can be listed in full.", "Use /query?q=…")
    call = _Call(query, backend, timeout)
    with _told_apart(call.host):
        yield from call.all_hits()


class _Call:
    """One use of `biothings-client`: a client of its own, over the backend's shared transport."""

    def __init__(self, query: Query, backend: Backend, timeout: float) -> None:
        import httpx

        from tools.http import CallTransport

        self._query = query
        self._is_live = backend.name == "live"
        url = backend.base_url(query.api)
        self.host = httpx.URL(url).host
        self.transport: CallTransport = CallTransport(backend.transport, timeout)
        self._client = _new_client(query.api, url)
        # The library would make a client without any time limit.
        self._client.http_client = httpx.Client(transport=self.transport, follow_redirects=True, timeout=None)
        self._client.http_client_setup = True
        self._options: dict[str, Any] = {name: text for name, text in query.params.items() if name not in _NOT_SENT}
        if query.fields:
            self._options["fields"] = ",".join(query.fields)

    def assembly(self) -> str | None:
        """The genome assembly that answered: as the service says, else as asked for, else the live one's default."""
        asked = self._query.params.get("assembly")
        default = "hg19" if self._query.api == "myvariant" and self._is_live else None
        return self.transport.headers.get("x-assembly") or asked or default

    def query(self, max_hits: int | None) -> dict[str, Any]:
        size = str(self._options.get("size", 10))
        if max_hits is not None and size.isdigit() and int(size) > max_hits:
            self._options["size"] = max_hits
        q = "__all__" if self._query.q is None else self._query.q
        raw = self._client.query(q, verbose=False, **self._options)
        if not isinstance(raw, dict) or "total" not in raw:
            raise BadAnswer(f"The answer of {self.host} is not that of a BioThings query.")
        return {
            "total": int(raw["total"]),
            "hits": self._documents(raw.get("hits", []), "query"),
            "facets": raw.get("facets") or {},
            "max_score": raw.get("max_score"),
            "raw": raw,
        }

    def get(self) -> dict[str, Any]:
        identifier = self._query.ids[0]
        if identifier in (".", ".."):
            raise QueryError(f"{identifier!r} is not an identifier.")
        getter = getattr(self._client, _getter(self._query.api))
        raw = getter(quote(identifier, safe=":"), verbose=False, **self._options)
        hits = self._documents([] if raw is None else raw if isinstance(raw, list) else [raw], "entity")
        return {"total": len(hits), "hits": hits, "notfound": [] if hits else [identifier], "raw": raw}

    def fields(self) -> dict[str, Any]:
        search = self._options.get("search")
        if set(self._options) <= {"search"}:
            raw = self._client.get_fields(search or None, verbose=False)
        else:  # `get_fields` knows no other parameter
            raw = self._client.http_client.get(f"{self._client.url}/metadata/fields", params=self._options).json()
        if not isinstance(raw, dict) or not all(isinstance(facts, dict) for facts in raw.values()):
            raise BadAnswer(f"The answer of {self.host} is not a field listing.")
        hits = [{"field": path, **facts} for path, facts in raw.items()]
        return {"total": len(hits), "hits": hits, "raw": raw}

    def batch(self, progress: Progress | None) -> dict[str, Any]:
        terms = list(dict.fromkeys(self._query.ids))
        rows: list[Document] = []
        for start in range(0, len(terms), BATCH_SIZE):
            if start and self._is_live:
                time.sleep(_SECONDS_BETWEEN_BATCHES)
            part = terms[start : start + BATCH_SIZE]
            rows += self._rows(part)
            if progress is not None:
                progress(start + len(part), len(terms))
        notfound = [str(row.get("query")) for row in rows if row.get("notfound")]
        hits = [row for row in rows if not row.get("notfound")]
        return {"total": len(hits), "hits": hits, "notfound": notfound, "raw": rows}

    def _rows(self, terms: Sequence[str]) -> list[Document]:
        """Answer one batch; one that is too much for the service is asked for in halves."""
        self.transport.renew()
        try:
            rows = self._ask(terms)
        except (ServerError, ServiceTimeout):
            if len(terms) < 100:
                raise
            middle = len(terms) // 2
            return self._rows(terms[:middle]) + self._rows(terms[middle:])
        return self._documents(rows, "batch")

    def _documents(self, rows: Any, asked: str) -> list[Document]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadAnswer(f"The answer of {self.host} is not that of a BioThings {asked}.")
        return rows

    def _ask(self, terms: Sequence[str]) -> Any:
        # The library puts each term in quotes but leaves quotes within a term as they are.
        quoted = [term.replace("\\", "\\\\").replace('"', '\\"') for term in terms]
        if self._query.scopes:
            return self._client.querymany(quoted, scopes=",".join(self._query.scopes), verbose=False, **self._options)
        return getattr(self._client, _getter(self._query.api, many=True))(quoted, verbose=False, **self._options)

    def all_hits(self) -> Iterator[Document]:
        for name in ("size", "from", "sort", "fetch_all"):  # they have no meaning here, or are said anyway
            self._options.pop(name, None)
        q = "__all__" if self._query.q is None else self._query.q
        count = 0
        pages = _Pages(self.transport)
        self._client.http_client.event_hooks = {"request": [pages.renew], "response": [pages.note]}
        for hit in self._client.query(q, fetch_all=True, verbose=False, **self._options):
            count += 1
            yield hit
        if pages.total is not None and count < pages.total:
            raise TruncatedAnswer(
                f"{self.host} ended its listing after {count:,} of {pages.total:,} hits.",
                "Its cursor expired, or it is overloaded; try again.",
            )


class _Pages:
    """Watches a `fetch_all` listing: renews the time limit for each page, and keeps the total of the first."""

    def __init__(self, transport: CallTransport) -> None:
        self._transport = transport
        self.total: int | None = None

    def renew(self, _: Any) -> None:
        self._transport.renew()

    def note(self, response: Any) -> None:
        if self.total is None and response.status_code == 200:
            response.read()
            self.total = response.json().get("total")


@contextlib.contextmanager
def _told_apart(host: str) -> Iterator[None]:
    """Turn what `biothings-client` and httpx raise into errors of ours."""
    import httpx

    from tools.http import as_service_error, service_message

    try:
        yield
    except httpx.HTTPStatusError as error:
        message = service_message(error.response)
        if error.response.status_code == 404:
            # An identifier that is not known is no fault; a path is.
            hint = "Check the server's address: it does not answer there as a BioThings API does."
            raise NotFound(message or f"{host} knows no such path.", hint) from error
        if error.response.status_code >= 500:
            # Only the offline service's, in this process: those of a server are told below (`tools.http`).
            raise ServerError(f"The offline service failed: {message}", "Please report this request.") from error
        raise BadRequest(message or str(error)) from error
    except httpx.HTTPError as error:
        raise as_service_error(error, error.request) from error
    except httpx.InvalidURL as error:
        raise QueryError(f"The request cannot be written as an address: {error}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(f"The answer of {host} is not JSON: {error}.") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The library takes answers apart without a look at them: a batch's rows, a listing's entries.
        raise BadAnswer(f"The answer of {host} is not that of a BioThings service.") from error


def _new_client(api: str, url: str) -> Any:
    from biothings_client import get_client

    # Its log would otherwise reach the user's terminal through Python's handler of last resort.
    log = logging.getLogger("biothings.client")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    client = get_client(get_api(api).client, url=url)
    client._annotation_endpoint = f"/{get_api(api).entity}/"  # it guesses one for APIs that it does not know
    client.delay = 0  # it waits a second after every batch, the last one too; `_Call` keeps the pace
    return client


def _getter(api: str, many: bool = False) -> str:
    """The name that `biothings-client` gives its method for one entity, or for many."""
    client = get_api(api).client
    return f"get{client}" + (("es" if client.endswith("s") else "s") if many else "")
