"""`offline sync`: any slice of a BioThings service, taken into the offline index of the same API.

A slice is all hits of one query. They are listed with `fetch_all` and written to disk as they come. A listing cannot
be gone on with for long (its cursor expires within a minute), so after a fault only the identifiers are listed anew,
and the documents that are still missing are asked for by these.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout

from tools import apis
from tools.backend import Backend
from tools.client import execute, iterate
from tools.errors import BadRequest, DataError, QueryError, ServiceError, TooLarge
from tools.http import CallTransport, Throttled
from tools.offline.documents import ASSEMBLIES, write_source
from tools.offline.load import check_name, make_api
from tools.offline.slices import Slice, Spool, read_slice, write_slice
from tools.offline.store import Index, Store
from tools.query import Query

PAGE_SIZE = 1000
PAGES_PER_SECOND = 2.0
_SAMPLE_SIZE = 100
_MAX_FAULTS = 5
_MAX_WAIT_SECONDS = 30.0
# A service that wants more time to pass is asked again by the user, not from here.
_MAX_ASKED_SECONDS = 600.0
# What is taken stands on disk twice for a while, as text and as an index.
_DISK_PER_BYTE = 3
_NOT_OF_A_SLICE = frozenset({"size", "from", "sort", "facets", "facet_size", "fetch_all", "scroll_id", "dotfield"})
_NOT_OF_A_DOCUMENT = ("_score", "_version", "query")

Document = dict[str, Any]
#: Told what is done, how much of it, and of how much in all (None: not known).
Progress = Callable[[str, int, int | None], None]


def sync(
    store: Store,
    api: str,
    q: str,
    backend: Backend,
    *,
    fields: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
    limit: int | None = None,
    pages_per_second: float = PAGES_PER_SECOND,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Slice:
    """Take the hits of a query into the index of `api`; a document takes the place of an older one of the same `_id`.

    The same call after a fault or a stop goes on where that was. With `fields`, what the index already holds of a
    document beside these stays.

    Args:
        store: the indexes.
        api: one of the four, or any that the backend has; then it is made here with the fields that are listed there.
        q: the query string.
        backend: where the documents come from; not the offline one.
        fields: only these of each document.
        params: further parameters of the query: species, assembly, filter.
        limit: no more documents than this.
        pages_per_second: how often, at most, the service is asked for a thousand documents.
        progress: told how many documents have been taken.
        tell: told, in sentences, what the user should know: the estimate, a fault that is being got over.
        sleep: waits; replaced in tests.

    Returns:
        The record of what was taken.

    Raises:
        QueryError: the request cannot be made.
        ServiceError: the service gives no usable answer, again and again; what was taken so far is kept.
        DataError: the disk is too small, or the same slice is being taken by another process.
    """
    if backend.name == "offline":
        raise QueryError("A sync takes from a service.", "Use `--backend live`, or a server's address.")
    if api not in store.apis():
        _make(store, api, backend)
    kept = {name: value for name, value in (params or {}).items() if name not in _NOT_OF_A_SLICE}
    query = Query(api=api, kind="query", q=q, fields=tuple(fields) or ("all",), params=kept)
    query.check()
    name = hashlib.sha256(f"{query.canonical}\n{limit}\n{backend.name}".encode()).hexdigest()[:10]
    folder = store.slice_folder(api, name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            taking = _Taking(query, backend, limit, pages_per_second, progress, tell or _ignore, sleep)
            record = taking.begin(name, read_slice(folder))
            _check_disk(folder, record, taking)
            spool = Spool(folder, keep=taking.goes_on)
            try:
                write_slice(folder, record)
                taking.take(spool)
                documents: Iterable[Document] = spool.documents()
                if fields and "all" not in fields:
                    documents = _merged(store.index(api), record.assembly, documents)
                store.add(api, documents, replace=False, assembly=record.assembly, part=name)
                record = replace(record, finished=_now(), documents=len(spool.taken), bytes=spool.bytes)
                write_slice(folder, record)
            except BaseException:
                spool.save()
                spool.close()
                raise
            spool.close(remove=True)
            return record
    except Timeout:
        raise DataError("This slice is being taken by another process.", "Wait until that is done.") from None


@dataclass
class _Pace:
    """Keeps a pause between two pages."""

    seconds: float
    sleep: Callable[[float], None]
    last: float = 0.0

    def wait(self) -> None:
        pause = self.last + self.seconds - time.monotonic()
        if pause > 0:
            self.sleep(pause)
        self.last = time.monotonic()


class _Taking:
    """The taking of one slice; `goes_on` says, after `begin`, whether some of it was taken before."""

    def __init__(
        self,
        query: Query,
        backend: Backend,
        limit: int | None,
        pages_per_second: float,
        progress: Progress | None,
        tell: Callable[[str], None],
        sleep: Callable[[float], None],
    ) -> None:
        self.goes_on = False
        self.expected_bytes = 0
        self._query = query
        self._backend = backend
        self._limit = limit
        self._progress = progress
        self._tell = tell
        self._sleep = sleep
        self._pace = _Pace(1 / pages_per_second, sleep)
        self._wanted = 0

    def begin(self, name: str, known: Slice | None) -> Slice:
        """Ask the service how much there is, and of which build; return the record of a slice just begun."""
        facts = _describe(self._query, self._backend)
        sample = execute(self._query.model_copy(update={"params": self._params(size=str(_SAMPLE_SIZE))}), self._backend)
        self._wanted = sample.total if self._limit is None else min(sample.total, self._limit)
        mean = sum(len(write_source(hit)) for hit in sample.hits) / max(len(sample.hits), 1)
        self.expected_bytes = round(mean * self._wanted)
        assembly = sample.assembly if sample.assembly in ASSEMBLIES and self._query.api == "myvariant" else None
        if assembly is not None:
            # An identifier means another variant in the other assembly, so all requests must be about the same one.
            self._query = self._query.model_copy(update={"params": self._params(assembly=assembly)})
        record = Slice(
            name=name,
            request=self._query.line,
            limit=self._limit,
            source=self._backend.name,
            build_version=facts.get("build_version"),
            build_date=facts.get("build_date"),
            assembly=assembly,
            started=_now(),
            total=sample.total,
        )
        self._tell(f"{self._wanted:,} documents, about {self.expected_bytes / 1e6:,.1f} MB.")
        if known is not None and known.finished is None:
            self.goes_on = (known.build_version, known.build_date) == (record.build_version, record.build_date)
            if self.goes_on:
                return replace(record, started=known.started)
            self._tell("The service has a new build since this was begun: it is taken from the beginning.")
        return record

    def take(self, spool: Spool) -> None:
        """Fill the spool, getting over faults as long as there is progress.

        Raises:
            ServiceError: there is none any more.
        """
        faults = 0
        if spool.taken:
            self._tell(f"{len(spool.taken):,} of them were taken before.")
        while len(spool.taken) < self._wanted:
            before = len(spool.taken)
            try:
                if spool.taken:
                    self._take_missing(spool)
                else:
                    self._take_all(spool)
                return
            except ServiceError as error:
                faults = faults + 1 if len(spool.taken) == before else 1
                if not _may_pass(error, bool(spool.taken)):
                    raise
                asked = (error.retry_after or 0.0) if isinstance(error, Throttled) else 0.0
                if faults > _MAX_FAULTS or asked > _MAX_ASKED_SECONDS:
                    error.hint = (
                        f"{len(spool.taken):,} of {self._wanted:,} documents are kept: the same command goes on from "
                        "there."
                    )
                    raise
                pause = max(min(2.0 ** (faults - 1), _MAX_WAIT_SECONDS), asked)
                self._tell(f"{error.message} Going on after {len(spool.taken):,} documents, in {pause:g} s.")
                self._sleep(pause)
            finally:
                spool.save()

    def _take_all(self, spool: Spool) -> None:
        for count, document in enumerate(self._hits(self._query), start=1):
            self._add(spool, document)
            if count % PAGE_SIZE == 0:
                spool.save()
            if len(spool.taken) >= self._wanted:
                return

    def _take_missing(self, spool: Spool) -> None:
        """List the identifiers and ask for the documents not taken yet; of a broken listing, for those that it gave."""
        missing: dict[str, None] = {}
        fault: ServiceError | None = None
        try:
            for hit in self._hits(self._query.model_copy(update={"fields": ("_id",)})):
                if hit["_id"] not in spool.taken:
                    missing[hit["_id"]] = None
                if len(spool.taken) + len(missing) >= self._wanted:
                    break
        except ServiceError as error:
            fault = error
        identifiers = list(missing)
        for start in range(0, len(identifiers), PAGE_SIZE):
            self._take_named(spool, identifiers[start : start + PAGE_SIZE])
            spool.save()
        if fault is not None:
            raise fault

    def _take_named(self, spool: Spool, identifiers: Sequence[str]) -> None:
        self._pace.wait()
        params = {name: value for name, value in self._query.params.items() if name in ("assembly", "species")}
        batch = Query(
            api=self._query.api,
            kind="batch",
            ids=tuple(identifiers),
            scopes=("_id",),
            fields=self._query.fields,
            params=params,
        )
        try:
            found = execute(batch, self._backend)
        except TooLarge:
            if len(identifiers) == 1:
                raise
            middle = len(identifiers) // 2
            self._take_named(spool, identifiers[:middle])
            self._take_named(spool, identifiers[middle:])
            return
        for document in found.hits:
            self._add(spool, document)

    def _hits(self, query: Query) -> Iterator[Document]:
        self._pace.wait()
        for count, hit in enumerate(iterate(query, self._backend), start=1):
            yield hit
            if count % PAGE_SIZE == 0:
                self._pace.wait()

    def _add(self, spool: Spool, document: Document) -> None:
        spool.add({key: value for key, value in document.items() if key not in _NOT_OF_A_DOCUMENT})
        if self._progress is not None:
            self._progress(f"taking {self._query.api}", len(spool.taken), self._wanted)

    def _params(self, **others: str) -> dict[str, str]:
        return {**self._query.params, **others}


def _may_pass(error: ServiceError, begun: bool) -> bool:
    """Tell whether a fault may be got over: a passing one, or, once something came, a cursor that expired."""
    return error.retryable or (begun and isinstance(error, (BadRequest, TooLarge)))


def _merged(index: Index, assembly: str | None, documents: Iterable[Document]) -> Iterator[Document]:
    """Yield documents of which only some fields were taken upon what the index holds of them."""
    for document in documents:
        older = index.get(document["_id"], assembly)
        yield _upon(older, document) if older else document


def _upon(older: Document, newer: Document) -> Document:
    """Return the newer object with what only the older one has."""
    merged = dict(older)
    for key, value in newer.items():
        known = older.get(key)
        merged[key] = _upon(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _describe(query: Query, backend: Backend) -> dict[str, str | None]:
    """Return what the service's `/metadata` says of its build.

    Raises:
        ServiceError: the service cannot be reached.
    """
    url = httpx.URL(f"{backend.base_url(query.api)}/metadata")
    if "assembly" in query.params:
        url = url.copy_with(params={"assembly": query.params["assembly"]})
    try:
        answer = CallTransport(backend.transport, 60.0).handle_request(httpx.Request("GET", url)).json()
    except ValueError:
        answer = {}
    facts = answer if isinstance(answer, dict) else {}
    return {key: str(facts[key]) if facts.get(key) else None for key in ("build_version", "build_date")}


def _make(store: Store, api: str, backend: Backend) -> None:
    """Make an API that only the backend has, with the fields that it lists.

    Raises:
        QueryError: the name is not possible, or the backend has no such API.
    """
    check_name(api)
    apis.register(apis.made_up(api))
    try:
        listing = execute(Query(api=api, kind="fields"), backend).raw
    except Exception:
        apis.unregister(api)
        raise
    make_api(store, api, listing)


def _check_disk(folder: Path, record: Slice, taking: _Taking) -> None:
    free = shutil.disk_usage(folder).free
    if taking.expected_bytes * _DISK_PER_BYTE > free:
        raise DataError(
            f"{record.total:,} documents would need some {taking.expected_bytes * _DISK_PER_BYTE / 1e9:,.1f} GB; "
            f"{free / 1e9:,.1f} GB are free.",
            "Take fewer (`--limit`), or fewer fields (`--fields`).",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ignore(_: str) -> None:
    """Say nothing."""
