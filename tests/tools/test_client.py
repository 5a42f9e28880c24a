"""Execution against a real HTTP server on loopback that misbehaves in every way a service can."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tools import errors
from tools.backend import resolve_backend
from tools.client import execute, iterate
from tools.http import CallTransport, GuardedTransport, Limits
from tools.query import Query

QUICK = Limits(connect_seconds=1, read_seconds=0.3, max_bytes=20_000, retries=3, first_wait_seconds=0.01)
ONE_HIT = {"took": 1, "total": 1, "max_score": 2.0, "hits": [{"_id": "1017", "_score": 2.0, "symbol": "CDK2"}]}
CDK2 = Query.parse("mygene /v3/query?q=symbol:CDK2&fields=symbol")

Behaviour = Callable[[BaseHTTPRequestHandler, int], None]


class Server:
    """Answers as `behaviour(handler, number of the request)` does; keeps what it was asked."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = lambda handler, _: send(handler, ONE_HIT)
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                outer.requests.append((self.command, self.path, parse_qs(body)))
                outer.behaviour(self, len(outer.requests))

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def send(
    handler: BaseHTTPRequestHandler,
    body: object,
    status: int = 200,
    kind: str = "application/json",
    length: int | None = None,
    **headers: str,
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)
    if length is not None:
        handler.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Callable[..., object]:
    def run(query: Query = CDK2, limits: Limits = QUICK, **options: object) -> object:
        backend = resolve_backend(f"{server.url}/v3", tmp_path, limits=limits)
        try:
            return execute(query, backend, **options)  # type: ignore[arg-type]
        finally:
            backend.close()

    return run


def test_answers(server: Server, run: Callable[..., object]) -> None:
    result = run()
    assert (result.total, result.hits[0]["symbol"], result.max_score) == (1, "CDK2", 2.0)
    assert result.url == "https://mygene.info/v3/query?q=symbol:CDK2&fields=symbol"
    path = urlsplit(server.requests[0][1])
    assert path.path == "/v3/query/"
    assert parse_qs(path.query) == {"q": ["symbol:CDK2"], "fields": ["symbol"]}


def test_client_parameters_are_not_sent_and_size_is_capped(server: Server, run: Callable[..., object]) -> None:
    run(Query.parse("mygene /v3/query?q=x&format=html&return_raw=1&size=500"), max_hits=20)
    assert parse_qs(urlsplit(server.requests[0][1]).query) == {"q": ["x"], "size": ["20"]}


def test_every_fault_has_its_error_and_hint(server: Server, run: Callable[..., object]) -> None:
    def reply(*args: object, **kwargs: object) -> Behaviour:
        return lambda handler, _: send(handler, *args, **kwargs)  # type: ignore[arg-type]

    def hang(handler: BaseHTTPRequestHandler, _: int) -> None:
        time.sleep(1)

    def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b'{"')
            time.sleep(0.1)

    def drop(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.close_connection = True

    whole = json.dumps(ONE_HIT).encode()
    option = {"code": 400, "success": False, "error": "Bad Request", "keyword": "size", "max": 1000, "num": 2000}
    syntax = {"code": 400, "success": False, "error": "search_phase", "root_cause_line_00": "Cannot parse 'a AND'"}
    faults: list[tuple[Behaviour, type[errors.ServiceError], str]] = [
        (reply(option, 400), errors.BadRequest, "size: 2000 is more than the 1000 allowed."),
        (reply(syntax, 400), errors.BadRequest, "Cannot parse 'a AND'"),
        (reply({"error": "Not Found", "success": False}, 404), errors.NotFound, "Not Found"),
        (reply(b"<html>nope</html>", 404, "text/html"), errors.NotFound, "has nothing at /v3/query/"),
        (reply({}, 429, Retry_After="0"), errors.RateLimited, "429"),
        (reply({}, 503, Retry_After="0"), errors.RateLimited, "503"),
        (reply({"error": "kaput"}, 500), errors.ServerError, "500): kaput"),
        (reply(b"<html>Bad gateway</html>", 502, "text/html"), errors.ServerError, "502"),
        (reply(b"<html>Please sign in</html>", 200, "text/html"), errors.BadAnswer, "not JSON but text/html"),
        (reply(b'{"total": }'), errors.BadAnswer, "not JSON"),
        (reply({"hello": 1}), errors.BadAnswer, "not that of a BioThings query"),
        (reply({"total": 1, "hits": ["1017"]}), errors.BadAnswer, "not that of a BioThings query"),
        (reply({"total": 1, "hits": None}), errors.BadAnswer, "not that of a BioThings query"),
        (reply({"total": "many", "hits": []}), errors.BadAnswer, "not that of a BioThings service"),
        (reply(b'{"total": "\xff"}'), errors.BadAnswer, "not JSON"),
        (reply(whole[:40], length=len(whole)), errors.TruncatedAnswer, "ended half way"),
        (reply(whole[:40]), errors.TruncatedAnswer, "ended half way"),
        (reply([{"_id": "x" * 30_000}]), errors.TooLarge, "larger than 0.0190735 MB"),
        (hang, errors.ServiceTimeout, "did not answer in time"),
        (drip, errors.ServiceTimeout, "in time"),
        (drop, errors.NetworkError, "No connection to 127.0.0.1"),
    ]
    for behaviour, expected, message in faults:
        server.behaviour = behaviour
        with pytest.raises(errors.ServiceError) as caught:
            run(timeout=1.0)
        assert type(caught.value) is expected or issubclass(type(caught.value), expected), caught.value
        assert message in caught.value.message
        assert caught.value.hint


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("mygene /v3/query?q=CDK2,X&scopes=symbol", {"success": False}),
        ("mygene /v3/query?q=CDK2,X&scopes=symbol", [{"_id": "1"}]),
        ("mygene /v3/gene?ids=1017,1", {"success": False}),
        ("mygene /v3/gene/1017", ["1017"]),
        ("mygene /v3/metadata/fields", {"success": False}),
        ("mygene /v3/metadata/fields?search=kegg", [1]),
        ("mygene /v3/metadata/fields?prefix=kegg", {"code": 200}),
    ],
)
def test_an_answer_of_another_form_is_a_bad_one(
    server: Server, run: Callable[..., object], line: str, answer: object
) -> None:
    server.behaviour = lambda handler, _: send(handler, answer)
    with pytest.raises(errors.BadAnswer, match="not "):
        run(Query.parse(line))


def test_an_answer_in_drops_is_given_up_in_the_time_set(server: Server, run: Callable[..., object]) -> None:
    def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b'{"')
            time.sleep(0.1)

    server.behaviour = drip
    start = time.monotonic()
    with pytest.raises(errors.ServiceTimeout, match="in time"):
        run(limits=Limits(read_seconds=0.3, retries=0))
    assert time.monotonic() - start < 5


def test_a_longer_limit_for_an_answer_is_one_for_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def stop(self: CallTransport, inner: object, seconds: float) -> None:
        given.append(seconds)
        raise errors.ServiceTimeout("stopped")

    monkeypatch.setattr(CallTransport, "__init__", stop)
    for read_seconds, options in ((30.0, {}), (1.0, {}), (200.0, {}), (200.0, {"timeout": 5.0})):
        place = resolve_backend("http://127.0.0.1:9/v3", tmp_path, limits=Limits(read_seconds=read_seconds))
        with pytest.raises(errors.ServiceTimeout):
            execute(CDK2, place, **options)
    assert given == [90.0, 90.0, 600.0, 5.0]


def test_no_connection_and_no_name(tmp_path: Path) -> None:
    quick = Limits(connect_seconds=1, retries=1, first_wait_seconds=0.01)
    with pytest.raises(errors.NetworkError, match="No connection to 127.0.0.1"):
        execute(CDK2, resolve_backend("http://127.0.0.1:9/v3", tmp_path, limits=quick))
    with pytest.raises(errors.DNSError, match=r"no-such-host\.invalid"):
        execute(CDK2, resolve_backend("http://no-such-host.invalid/v3", tmp_path, limits=quick), timeout=5)


@pytest.mark.parametrize("fault", ["429", "500", "cut", "dropped"])
def test_passing_faults_are_tried_again(server: Server, run: Callable[..., object], fault: str) -> None:
    def twice_bad(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number > 2:
            send(handler, ONE_HIT)
        elif fault == "429":
            send(handler, {}, 429, Retry_After="0")
        elif fault == "500":
            send(handler, {}, 500)
        elif fault == "cut":
            send(handler, b'{"total": 1', length=500)
        else:
            handler.close_connection = True

    server.behaviour = twice_bad
    assert run().total == 1
    assert len(server.requests) == 3


def test_retries_are_bounded_and_lasting_faults_are_not_retried(server: Server, run: Callable[..., object]) -> None:
    server.behaviour = lambda handler, _: send(handler, {}, 500)
    with pytest.raises(errors.ServerError):
        run()
    assert len(server.requests) == 4
    server.requests.clear()
    server.behaviour = lambda handler, _: send(handler, {"error": "no", "success": False}, 400)
    with pytest.raises(errors.BadRequest):
        run()
    assert len(server.requests) == 1


def test_retry_after_is_honoured_capped_and_never_outlasts_the_deadline(
    server: Server, run: Callable[..., object]
) -> None:
    def busy_once(handler: BaseHTTPRequestHandler, number: int) -> None:
        send(handler, {} if number == 1 else ONE_HIT, 429 if number == 1 else 200, Retry_After="1")

    server.behaviour = busy_once
    start = time.monotonic()
    assert run().total == 1
    assert time.monotonic() - start >= 1

    server.requests.clear()
    server.behaviour = lambda handler, _: send(handler, {}, 429, Retry_After="3600")
    start = time.monotonic()
    with pytest.raises(errors.RateLimited):
        run(timeout=5)
    assert time.monotonic() - start < 1
    assert len(server.requests) == 1


def test_a_wait_that_nobody_sits_through_is_told_at_once(server: Server) -> None:
    slept: list[float] = []
    transport = GuardedTransport([server.url], sleep=slept.append)

    def ask() -> httpx.Response:
        return CallTransport(transport, 90).handle_request(httpx.Request("GET", f"{server.url}/v3/query"))

    try:
        server.behaviour = lambda handler, _: send(handler, {}, 429, Retry_After="3600")
        with pytest.raises(errors.RateLimited, match="60 minutes") as raised:
            ask()
        assert (len(server.requests), slept) == (1, [])
        assert "after that time" in raised.value.hint and "minute and" not in raised.value.hint
        server.requests.clear()
        server.behaviour = lambda handler, number: send(handler, ONE_HIT, 429 if number == 1 else 200, Retry_After="20")
        assert ask().status_code == 200
        assert slept == [20.0]
    finally:
        transport.close()


def test_requests_only_go_to_the_configured_host(server: Server, run: Callable[..., object]) -> None:
    other = Server()
    try:
        server.behaviour = lambda handler, _: send(handler, {}, 302, Location=f"{other.url}/v3/query")
        with pytest.raises(errors.BadAnswer, match="not a configured service"):
            run()
        assert other.requests == []
        for identifier in ("//evil.example/x", "http://evil.example/", "@evil.example", "..", "a?b#c", "\\\\evil"):
            query = Query(api="mygene", kind="get", ids=(identifier,))
            server.behaviour = lambda handler, _: send(handler, {"_id": "1"})
            server.requests.clear()
            try:
                run(query)
            except errors.QueryError:
                continue
            assert len(server.requests) == 1
            assert server.requests[0][1].startswith("/v3/gene/")
            assert "?" not in server.requests[0][1]
    finally:
        other.close()


def test_redirects_within_the_host_are_followed(server: Server, run: Callable[..., object]) -> None:
    def redirect(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number == 1:
            send(handler, {}, 301, Location="/v3/moved?q=1")
        else:
            send(handler, ONE_HIT)

    server.behaviour = redirect
    assert run().total == 1
    server.behaviour = lambda handler, _: send(handler, {}, 302, Location="/v3/query")
    with pytest.raises(errors.BadAnswer, match="redirects for ever"):
        run()


def test_get_one_none_and_several(server: Server, run: Callable[..., object]) -> None:
    query = Query.parse("mygene /v3/gene/1017?fields=symbol")
    server.behaviour = lambda handler, _: send(handler, {"_id": "1017", "symbol": "CDK2"})
    assert run(query).hits == [{"_id": "1017", "symbol": "CDK2"}]
    assert server.requests[0][1] == "/v3/gene/1017?fields=symbol"
    server.behaviour = lambda handler, _: send(handler, [{"_id": "1"}, {"_id": "2"}])
    assert run(query).total == 2
    server.behaviour = lambda handler, _: send(handler, {"code": 404, "success": False, "error": "Not Found."}, 404)
    result = run(query)
    assert (result.total, result.hits, result.notfound) == (0, [], ["1017"])


def echo_batch(handler: BaseHTTPRequestHandler, terms: list[str]) -> None:
    send(handler, [{"query": t, "notfound": True} if t.startswith("no") else {"query": t, "_id": t} for t in terms])


def test_batches_are_split_and_terms_keep_their_quotes(server: Server, run: Callable[..., object]) -> None:
    from tools.offline.parameters import split_terms

    server.behaviour = lambda handler, _: echo_batch(handler, split_terms(server.requests[-1][2]["q"][0]))
    terms = [f"t{number}" for number in range(2400)] + ["no-such", 'quo"ted', "back\\slash", "two words"]
    seen: list[tuple[int, int]] = []
    query = Query(api="mygene", kind="batch", ids=tuple(terms), scopes=("symbol", "alias"), fields=("name",))
    result = run(query, Limits(first_wait_seconds=0.01), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1000, 2404), (2000, 2404), (2404, 2404)]
    assert [row["query"] for row in result.raw] == terms
    assert result.notfound == ["no-such"]
    assert result.total == 2403
    assert server.requests[0][2]["scopes"] == ["symbol,alias"]
    assert server.requests[0][0] == "POST"


def test_a_batch_too_big_for_the_service_is_halved(server: Server, run: Callable[..., object]) -> None:
    def small_only(handler: BaseHTTPRequestHandler, _: int) -> None:
        terms = server.requests[-1][2]["ids"][0].replace('"', "").split(",")
        if len(terms) > 300:
            send(handler, {}, 500)
        else:
            echo_batch(handler, terms)

    server.behaviour = small_only
    query = Query(api="mygene", kind="batch", ids=tuple(str(number) for number in range(1000)))
    assert run(query).total == 1000


def test_field_listing(server: Server, run: Callable[..., object]) -> None:
    server.behaviour = lambda handler, _: send(handler, {"pathway.kegg": {"type": "object", "notes": "x"}})
    result = run(Query.parse("mygene /v3/metadata/fields?search=kegg"))
    assert result.hits == [{"field": "pathway.kegg", "type": "object"}]
    assert server.requests[0][1] == "/v3/metadata/fields?search=kegg"
    assert run(Query.parse("mygene /v3/metadata/fields?prefix=pathway")).total == 1
    assert server.requests[1][1] == "/v3/metadata/fields?prefix=pathway"


def listing(pages: int, cut: bool = False) -> Behaviour:
    def behaviour(handler: BaseHTTPRequestHandler, number: int) -> None:
        end = {"success": False, "error": "No more results to return."}
        stale = {"success": False, "error": "something else"}
        page = {"_scroll_id": "s", "total": 2 * pages, "hits": [{"_id": f"{number}a"}, {"_id": f"{number}b"}]}
        send(handler, page if number <= pages - cut else stale if cut else end)

    return behaviour


def test_iterate_lists_everything(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    backend = resolve_backend(f"{server.url}/v3", tmp_path, limits=QUICK)
    server.behaviour = listing(3)
    assert [hit["_id"] for hit in iterate(CDK2, backend)] == ["1a", "1b", "2a", "2b", "3a", "3b"]
    server.requests.clear()
    server.behaviour = listing(3, cut=True)
    with pytest.raises(errors.TruncatedAnswer, match="after 4 of 6"):
        list(iterate(CDK2, backend))
    server.behaviour = lambda handler, _: send(handler, {"success": False, "error": "Invalid scroll_id."}, 400)
    with pytest.raises(errors.BadRequest, match="Invalid scroll_id"):
        list(iterate(CDK2, backend))
    with pytest.raises(errors.QueryError):
        next(iterate(Query.parse("mygene /v3/gene/1"), backend))
    # biothings-client logs each of these as an error; none of it may reach the terminal.
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("biothings.client").propagate is False


def test_live_answers_are_kept(server: Server, tmp_path: Path) -> None:
    def live() -> object:
        return resolve_backend("live", tmp_path, limits=QUICK, live_urls={"mygene": f"{server.url}/v3"})

    assert execute(CDK2, live()).backend == "live"  # type: ignore[arg-type]
    assert execute(CDK2, live()).total == 1  # type: ignore[arg-type]
    assert len(server.requests) == 1
    batch = Query.parse("mygene /v3/query?q=CDK2,BRCA1&scopes=symbol")
    server.behaviour = lambda handler, _: send(handler, [{"query": "CDK2", "_id": "1017"}])
    for _ in range(2):
        assert execute(batch, live()).total == 1  # type: ignore[arg-type]
    assert len(server.requests) == 2
    server.behaviour = lambda handler, _: send(handler, {"success": False, "error": "Not Found."}, 404)
    missing = Query.parse("mygene /v3/gene/0")
    for _ in range(2):
        assert execute(missing, live()).total == 0  # type: ignore[arg-type]
    assert len(server.requests) == 4
    server.behaviour = listing(1)
    server.requests.clear()
    assert len(list(iterate(CDK2, live()))) == 2  # type: ignore[arg-type]
    server.requests.clear()
    assert len(list(iterate(CDK2, live()))) == 2  # type: ignore[arg-type]


def test_a_failure_of_the_offline_service_is_no_wrong_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[tuple[Exception, type[errors.AssistantError], str]] = [
        (errors.DataError("The index is damaged.", "Remove it."), errors.DataError, "The index is damaged."),
        (ZeroDivisionError("oops"), errors.ServerError, "The offline service failed: ZeroDivisionError: oops"),
    ]
    for fault, expected, message in faults:
        monkeypatch.setattr("tools.offline.store.Store.index", Mock(side_effect=fault))
        with pytest.raises(expected) as caught:
            execute(CDK2, resolve_backend("offline", tmp_path))
        assert caught.value.message == message
        assert caught.value.hint in ("Remove it.", "Please report this request.")


def test_a_listing_says_so_once(server: Server, tmp_path: Path) -> None:
    server.behaviour = listing(1)
    query = Query.parse("mygene /v3/query?q=symbol:CDK2&fetch_all=true")
    backend = resolve_backend(f"{server.url}/v3", tmp_path, limits=QUICK)
    assert len(list(iterate(query, backend))) == 2


def test_a_broken_answer_is_not_kept(server: Server, tmp_path: Path) -> None:
    def broken_once(handler: BaseHTTPRequestHandler, number: int) -> None:
        send(handler, b'{"total": 1, "hits": }' if number == 1 else ONE_HIT)

    server.behaviour = broken_once
    live = resolve_backend("live", tmp_path, limits=QUICK, live_urls={"mygene": f"{server.url}/v3"})
    with pytest.raises(errors.BadAnswer):
        execute(CDK2, live)
    assert execute(CDK2, live).total == 1
    live.close()


def test_a_damaged_cache_is_no_obstacle(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "http.sqlite").write_bytes(b"not a database" * 100)
    backend = resolve_backend("live", tmp_path, limits=QUICK, live_urls={"mygene": f"{server.url}/v3"})
    assert execute(CDK2, backend).total == 1
