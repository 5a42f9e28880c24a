"""Slices taken from an offline service behind another port, through every fault that a service may have."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import uvicorn

from tools import apis, catalogue
from tools.backend import Backend, resolve_backend
from tools.errors import BadRequest, DataError, QueryError, RateLimited, ServiceError
from tools.http import Limits
from tools.offline.search import SearchRequest
from tools.offline.server import build_app
from tools.offline.slices import Slice, Spool, list_slices, read_slice
from tools.offline.store import Store
from tools.offline.sync import sync

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
ROWS: dict[str, dict[str, Any]] = {
    "name": {"type": "text", "searched_by_default": True},
    "size": {"type": "integer"},
    "part": {"type": "object"},
    "part.colour": {"type": "keyword"},
    "part.weight": {"type": "float"},
}
COUNT = 3500
STALE = {"code": 400, "success": False, "error": "ValueError", "details": "Invalid or stale scroll_id."}
ENDED = {"success": False, "error": "No more results to return."}


class Service:
    """An offline service; `faults` are what happens to the next requests: None is no fault."""

    def __init__(self, store: Store) -> None:
        self.faults: list[Any] = []
        self.asked: list[dict[str, list[str]]] = []
        self._app = build_app(store)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(self._call, log_level="critical", lifespan="off", interface="asgi3")
        )
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    async def _call(self, scope: Any, receive: Any, send: Send) -> None:
        asked = parse_qs(scope["query_string"].decode())
        counts = "fetch_all" in asked or "scroll_id" in asked or scope["method"] == "POST"
        if counts:
            self.asked.append({**asked, "method": [scope["method"]]})
        fault = self.faults.pop(0) if counts and self.faults else None
        if fault == "cut":
            send = _cut(send)
        elif fault is not None:
            status, body, headers = fault
            data = json.dumps(body).encode()
            await send({"type": "http.response.start", "status": status,
                        "headers": [(b"content-type", b"application/json"), *headers]})  # fmt: skip
            await send({"type": "http.response.body", "body": data})
            return
        await self._app(scope, receive, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def _cut(send: Send) -> Send:
    """Send half of the body, then break the connection."""

    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            await send({"type": "http.response.body", "body": message["body"][: len(message["body"]) // 2],
                        "more_body": True})  # fmt: skip
            raise ConnectionResetError
        await send(message)

    return half


BUSY = (429, {"code": 429, "success": False, "error": "Too many requests"}, [(b"retry-after", b"0")])


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = Store(tmp_path_factory.mktemp("there"))
    store.create("gadgets", ROWS)
    store.add("gadgets", [
        {"_id": f"g{n}", "name": f"gadget {n}", "size": n, "part": {"colour": "red", "weight": n / 2}}
        for n in range(COUNT)
    ], True, None)  # fmt: skip
    store.add("myvariant", [{"_id": "chr1:g.1A>T", "chrom": "1", "_id_hg19": "chr1:g.9A>T"}], True, "hg38")
    service = Service(store)
    yield service
    service.close()


@pytest.fixture
def backend(there: Service, tmp_path: Path) -> Iterator[Backend]:
    there.faults, there.asked = [], []
    backend = resolve_backend(there.url, tmp_path, limits=Limits(first_wait_seconds=0.01, retries=1))
    yield backend
    backend.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    catalogue.set_home(tmp_path)
    yield Store(tmp_path)
    catalogue.set_home(None)
    apis.unregister("gadgets")


def take(store: Store, backend: Backend, q: str = "gadget", **options: Any) -> Slice:
    return sync(store, "gadgets", q, backend, sleep=lambda _: None, **options)


def count(store: Store, q: str | None = None) -> int:
    return store.index("gadgets").search(SearchRequest(q=q, size=0)).total


def test_a_slice_is_taken_whole(store: Store, backend: Backend, there: Service) -> None:
    told: list[str] = []
    seen: list[tuple[int, int | None]] = []
    record = take(store, backend, tell=told.append, progress=lambda _, done, total: seen.append((done, total)))
    assert (record.documents, record.total, record.source, record.limit) == (COUNT, COUNT, there.url, None)
    assert record.request == "gadgets /v1/query?q=gadget&fields=all"
    assert record.build_version is not None
    assert record.build_version.startswith("offline")
    assert record.finished is not None
    assert told[0].startswith("3,500 documents, about 0.")
    assert seen[-1] == (COUNT, COUNT)
    assert store.index("gadgets").get("g7") == {
        "_id": "g7", "name": "gadget 7", "size": 7, "part": {"colour": "red", "weight": 3.5},
    }  # fmt: skip
    assert count(store, "name:gadget AND size:>=3000") == 500
    (row,) = (row for row in store.info() if row["api"] == "gadgets")
    assert row["loaded"] == COUNT
    assert row["slices"][0]["documents"] == COUNT
    assert len([asked for asked in there.asked if asked["method"] == ["GET"]]) == 4
    assert not list(store.slice_folder("gadgets", record.name).glob("*.ndjson"))


@pytest.mark.parametrize(
    "faults",
    [
        ["cut", "cut", None],
        [None, "cut", "cut", "cut", "cut", None],
        [BUSY, BUSY, None, BUSY, BUSY, BUSY],
        [None, None, (400, STALE, []), None, (400, STALE, [])],
        [None, (200, ENDED, []), None],
        [None, (500, {"error": "x"}, []), (503, {"error": "x"}, [(b"retry-after", b"0")])],
    ],
    ids=["cut at once", "cut", "429", "expired", "ended early", "5xx"],
)
def test_faults_are_got_over(store: Store, backend: Backend, there: Service, faults: list[Any]) -> None:
    there.faults = list(faults)
    record = take(store, backend)
    assert not there.faults
    assert (record.documents, count(store)) == (COUNT, COUNT)
    assert store.index("gadgets").get(f"g{COUNT - 1}") is not None


def test_it_goes_on_after_a_stop(store: Store, backend: Backend, there: Service) -> None:
    there.faults = [None, None, *[BUSY] * 100]
    with pytest.raises(RateLimited) as raised:
        take(store, backend)
    assert "2,000 of 3,500 documents are kept" in raised.value.hint
    (record,) = list_slices(store.slice_folder("gadgets", "x").parents[1])
    assert record.finished is None
    assert count(store) == 0
    # A process that is killed may leave half a line.
    with (store.slice_folder("gadgets", record.name) / "documents.ndjson").open("ab") as file:
        file.write(b'{"_id":"g34')
    there.faults, there.asked = [], []
    told: list[str] = []
    again = take(store, backend, tell=told.append)
    assert (again.name, again.documents, count(store)) == (record.name, COUNT, COUNT)
    assert "2,000 of them were taken before." in told
    # Only identifiers were listed, and only the others' documents fetched.
    assert {asked["fields"][0] for asked in there.asked if "fetch_all" in asked} == {"_id"}
    assert len([asked for asked in there.asked if asked["method"] == ["POST"]]) == 2


def test_a_wait_that_the_service_asks_for_is_kept(store: Store, backend: Backend, there: Service) -> None:
    def busy(seconds: bytes) -> tuple[int, Any, Any]:
        return BUSY[0], BUSY[1], [(b"retry-after", seconds)]

    slept: list[float] = []
    there.faults = [None, None, busy(b"3600")]
    with pytest.raises(RateLimited, match="60 minutes") as raised:
        sync(store, "gadgets", "gadget", backend, sleep=slept.append)
    assert "the same command goes on from there" in raised.value.hint
    there.faults = [busy(b"60")]
    assert sync(store, "gadgets", "gadget", backend, sleep=slept.append).documents == COUNT
    assert 60.0 in slept


def test_a_new_build_is_taken_from_the_beginning(store: Store, backend: Backend, there: Service) -> None:
    there.faults = [None, *[BUSY] * 100]
    with pytest.raises(RateLimited):
        take(store, backend)
    (record,) = list_slices(store.slice_folder("gadgets", "x").parents[1])
    path = store.slice_folder("gadgets", record.name) / "slice.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "build_version": "older"}))
    there.faults, there.asked = [], []
    assert take(store, backend).documents == COUNT
    assert not [asked for asked in there.asked if asked["method"] == ["POST"]]


def test_what_a_service_refuses_is_told_at_once(store: Store, backend: Backend, there: Service) -> None:
    with pytest.raises(QueryError):
        take(store, backend, "gadget AND")
    there.faults = [(400, STALE, [])]
    with pytest.raises(BadRequest):
        take(store, backend)
    with pytest.raises(ServiceError):
        sync(store, "nosuch", "a", resolve_backend("http://127.0.0.1:9", store.home, limits=Limits(retries=0)))
    with pytest.raises(QueryError, match="no API called"):
        sync(store, "nosuch", "a", backend)
    with pytest.raises(QueryError, match="not possible"):
        sync(store, "../x", "a", backend)
    with pytest.raises(QueryError, match="takes from a service"):
        sync(store, "mygene", "a", resolve_backend("offline", store.home))


def test_limit_and_fields(store: Store, backend: Backend, there: Service) -> None:
    assert take(store, backend, "size:<10").documents == 10
    # Of a choice of fields, the others stay as they were.
    store.add("gadgets", [{"_id": "g3", "name": "old", "size": 3, "part": {"colour": "blue"}}], False, None)
    record = take(store, backend, fields=["name", "part.weight"], limit=1500)
    assert record.documents == 1500
    assert record.request.endswith("&fields=name,part.weight")
    assert len([asked for asked in there.asked if "fetch_all" in asked or "scroll_id" in asked]) == 3
    index = store.index("gadgets")
    assert index.get("g3") == {"_id": "g3", "name": "gadget 3", "size": 3, "part": {"colour": "blue", "weight": 1.5}}
    assert index.get("g1000") == {"_id": "g1000", "name": "gadget 1000", "part": {"weight": 500.0}}
    assert count(store) == 1500


def test_newest_wins_and_a_slice_can_be_dropped(store: Store, backend: Backend) -> None:
    first = take(store, backend, "size:<10")
    store.add("gadgets", [{"_id": "g3", "name": "mine", "size": 3}, {"_id": "own", "name": "own"}], False, None)
    assert count(store, "name:mine") == 1
    second = take(store, backend, "size:<5")
    assert count(store, "name:mine") == 0
    assert count(store) == 11
    store.drop_slice("gadgets", second.name)
    assert sorted(hit.id for hit in store.index("gadgets").search(SearchRequest()).hits) == [
        "g5", "g6", "g7", "g8", "g9", "own",
    ]  # fmt: skip
    assert [piece["name"] for row in store.info() if row["api"] == "gadgets" for piece in row["slices"]] == [first.name]
    store.add("gadgets", [{"_id": "only"}], True, None)
    assert not [piece for row in store.info() for piece in row["slices"]]
    store.drop("gadgets")
    assert "gadgets" not in store.apis()


def test_large_numbers_are_taken_too(tmp_path: Path) -> None:
    document = {"_id": "a", "n": 2**70, "name": "α"}
    spool = Spool(tmp_path, keep=False)
    spool.add(document)
    spool.close()
    again = Spool(tmp_path, keep=True)
    assert (again.taken, list(again.documents())) == ({"a"}, [document])
    again.close(remove=True)


def test_variants_keep_their_assembly(store: Store, backend: Backend) -> None:
    store.add("myvariant", [{"_id": "chr2:g.2A>T", "chrom": "2"}], True, "hg19")
    record = sync(store, "myvariant", "chrom:1", backend, params={"assembly": "hg19"})
    assert (record.assembly, record.documents) == ("hg19", 1)
    index = store.index("myvariant")
    assert index.get("chr1:g.9A>T", "hg19") is not None
    assert index.get("chr1:g.9A>T", "hg38") is None
    assert sync(store, "myvariant", "chrom:1", backend).assembly == "hg38"
    assert store.index("myvariant").get("chr1:g.1A>T", "hg38") is not None


def test_the_pace_is_kept(store: Store, backend: Backend) -> None:
    pauses: list[float] = []
    sync(store, "gadgets", "gadget", backend, limit=2500, pages_per_second=0.01, sleep=pauses.append)
    assert len(pauses) == 2
    assert all(90 < pause <= 100 for pause in pauses)


def test_one_slice_is_taken_by_one_process(store: Store, backend: Backend) -> None:
    from filelock import FileLock

    record = take(store, backend, "size:<10")
    with FileLock(store.slice_folder("gadgets", record.name) / ".lock"), pytest.raises(DataError, match="another"):
        take(store, backend, "size:<10")
    assert read_slice(store.slice_folder("gadgets", record.name)) == record
