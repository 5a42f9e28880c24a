"""The real app in a real browser: one server for all tests, with a home of its own, the snapshot and the real model."""

import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from driver import Chat, Server

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = {
    "_id": "990000001", "entrezgene": 990000001, "symbol": "HOSTILE1", "taxid": 9606,
    "name": "<script>window.pwned=1</script> ![x](https://evil.example/x.png) [go](https://evil.example) **bold**",
    "summary": "<img src=https://evil.example/y.png onerror=window.pwned=1>",
}  # fmt: skip
TWINS = [
    {"_id": "990000002", "entrezgene": 990000002, "symbol": "TWIN1", "taxid": 9606, "name": "twin of man"},
    {"_id": "990000003", "entrezgene": 990000003, "symbol": "Twin1", "taxid": 10090, "name": "twin of mouse"},
]
#: Found by its former name only when it is searched for in another way.
RENAMED = {
    "_id": "990000004", "entrezgene": 990000004, "symbol": "ZZNEW7", "alias": ["ZZOLD7"], "taxid": 9606,
    "name": "a gene of another name", "genomic_pos": {"chr": "7", "start": 1000, "end": 2000, "strand": 1},
}  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def executable():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("There is no Chromium, and REQUIRE_BROWSER is set.")
        pytest.skip("There is no Chromium; install Debian's package `chromium`.")
    pytest.importorskip("playwright")
    return found


@pytest.fixture(scope="session")
def home(tmp_path_factory, executable):
    """A home whose genes include one with hostile texts, one of two species and one that was renamed.

    E2E_HOME names one whose indexes are built already.
    """
    given = os.environ.get("E2E_HOME")
    folder = Path(given) if given else tmp_path_factory.mktemp("home")
    from tools.offline.load import load
    from tools.offline.store import Store

    file = tmp_path_factory.mktemp("documents") / "hostile.ndjson"
    file.write_text("".join(json.dumps(document) + "\n" for document in (HOSTILE, *TWINS, RENAMED)))
    load(Store(folder), "mygene", file)
    return folder


@pytest.fixture(scope="session")
def server(home):
    running = Server(home).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser(executable):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def context(server, browser):
    """One for all tests, so that the page's scripts are fetched and compiled once."""
    shared = browser.new_context(accept_downloads=True, reduced_motion="reduce")
    shared.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    yield shared
    shared.close()


@pytest.fixture
def service():
    """The address of a BioThings server of one's own, which answers everything with one gene."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"total": 1, "hits": [{"_id": "1", "symbol": "OWN1", "name": "from the lab"}]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    server.server_close()


@pytest.fixture
def chat(server, context):
    page = context.new_page()
    yield Chat(page, server.url).ready()
    page.close()
