from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import backend
from tools.backend import resolve_backend
from tools.client import execute
from tools.errors import NotFound, QueryError, SettingsError
from tools.query import Query

ASKED: list[str] = []


class Service(BaseHTTPRequestHandler):
    """A BioThings server of one API, below /v1; below /own/v1 it says of which."""

    def do_GET(self) -> None:
        ASKED.append(self.path)
        known = self.path.startswith(("/v1/", "/v3/", "/own/"))
        answer = {"_id": "1017", "total": 0, "hits": []} if known else {"success": False, "error": "no"}
        if self.path == "/own/v1/metadata":
            answer = {"biothing_type": "disease"}
        body = json.dumps(answer)
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    ASKED.clear()
    monkeypatch.setattr(backend, "_probes", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_auto_takes_the_live_service_when_it_answers_and_asks_once(url: str, tmp_path: Path) -> None:
    live = {"mygene": f"{url}/v3", "mychem": f"{url}/v1"}
    for _ in range(3):
        chosen = resolve_backend("auto", tmp_path, live_urls=live)
        assert (chosen.name, chosen.notice) == ("live", "")
    assert ASKED == ["/v3/gene/1017?fields=symbol"]


@pytest.mark.parametrize("cache", [True, False])
def test_answers_are_kept_unless_told_otherwise(url: str, tmp_path: Path, cache: bool) -> None:
    live = resolve_backend("live", tmp_path, live_urls={"mygene": f"{url}/v3"}, cache=cache)
    for _ in range(2):
        execute(Query(api="mygene", kind="query", q="x"), live)
    live.close()
    assert len(ASKED) == (1 if cache else 2)


def test_auto_goes_offline_in_time_when_nothing_answers(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        live = {"mygene": f"http://127.0.0.1:{silent.getsockname()[1]}/v3"}
        start = time.monotonic()
        chosen = resolve_backend("auto", tmp_path, 0.3, live_urls=live)
        assert time.monotonic() - start < 2
        assert chosen.name == "offline"
        assert "cannot be reached" in chosen.notice
        assert "offline snapshot" in chosen.notice
        monkeypatch.setattr(backend, "_ask", lambda *_: pytest.fail("asked again"))
        assert resolve_backend("auto", tmp_path, 0.3, live_urls=live).name == "offline"


def test_a_server_of_one_api_and_of_many(url: str, tmp_path: Path) -> None:
    assert resolve_backend(url, tmp_path).base_url("mychem") == f"{url}/v1"
    assert resolve_backend(f"{url}/v1/", tmp_path).base_url("mychem") == f"{url}/v1"
    assert resolve_backend(f"{url}/{{api}}/v9", tmp_path).base_url("mygene") == f"{url}/mygene/v9"
    with pytest.raises(QueryError, match="has no API called mychem"):
        resolve_backend(f"{url}/elsewhere", tmp_path).base_url("mychem")
    query = Query.parse("mychem /v1/query?q=x")
    assert execute(query, resolve_backend(url, tmp_path)).total == 0
    with pytest.raises(NotFound):
        execute(query, resolve_backend(f"{url}/wrong/v7", tmp_path))


def test_a_server_of_one_api_is_not_asked_for_another(url: str, tmp_path: Path) -> None:
    own = resolve_backend(f"{url}/own/v1", tmp_path)
    for _ in range(2):
        assert own.base_url("mydisease") == f"{url}/own/v1"
    assert ASKED == ["/own/v1/metadata"]
    for api in ("mychem", "mygene"):
        with pytest.raises(QueryError, match=f"is one of mydisease, not of {api}") as caught:
            own.base_url(api)
        assert "--api mydisease" in caught.value.hint


def test_names_and_apis_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no backend called 'lively'"):
        resolve_backend("lively", tmp_path)
    with pytest.raises(SettingsError, match="not an address"):
        resolve_backend("http://127.0.0.1:port", tmp_path)
    with pytest.raises(QueryError, match="widgets has no live service"):
        resolve_backend("live", tmp_path).base_url("widgets")
    assert resolve_backend("live", tmp_path).base_url("mydisease") == "https://mydisease.info/v1"
