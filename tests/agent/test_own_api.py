"""An API of the user's own, from a listing and documents to `run`, `fields` and `ask`."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import biothings_client
import httpx
import pytest

from agent.direct import run_request
from agent.grammar import build_grammar
from agent.graph import build_graph
from agent.settings import Settings, load_settings
from finetune import annotate
from rag.retrieve import rank
from tools import apis, catalogue
from tools.backend import resolve_backend
from tools.offline.load import load
from tools.offline.store import Store
from tools.offline.transport import OfflineTransport
from tools.query import Query

FIELDS: dict[str, dict[str, Any]] = {
    "strain": {"type": "object"},
    "strain.name": {"type": "keyword", "searched_by_default": True},
    "strain.species": {"type": "text", "searched_by_default": True},
    "plasmid": {"type": "object"},
    "plasmid.name": {"type": "keyword", "searched_by_default": True},
    "plasmid.resistance": {"type": "keyword"},
    "freezer": {"type": "object"},
    "freezer.shelf": {"type": "integer"},
    "freezer.box": {
        "type": "keyword", "label": "box in the freezer", "description": "The box that a strain's tubes are in.",
        "synonyms": ["drawer", "where a strain is kept"], "hand": True,
    },
    "frozen_on": {"type": "date"},
}  # fmt: skip
STRAINS: list[dict[str, Any]] = [
    {"_id": "S001", "strain": {"name": "BL21", "species": "Escherichia coli"}, "frozen_on": "2024-03-01",
     "plasmid": {"name": "pET28a", "resistance": "kanamycin"}, "freezer": {"shelf": 2, "box": "A1"}},
    {"_id": "S002", "strain": {"name": "DH5a", "species": "Escherichia coli"}, "frozen_on": "2023-11-20",
     "plasmid": {"name": "pUC19", "resistance": "ampicillin"}, "freezer": {"shelf": 3, "box": "B4"}},
    {"_id": "S003", "strain": {"name": "BY4741", "species": "Saccharomyces cerevisiae"}, "frozen_on": "2022-06-15",
     "freezer": {"shelf": 2, "box": "C2"}},
]  # fmt: skip


@pytest.fixture
def settings(real_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """A home in which the API `strains` has been made; it is dropped again, since the home is shared."""
    mapping, documents = tmp_path / "fields.json", tmp_path / "strains.ndjson"
    mapping.write_text(json.dumps(FIELDS))
    documents.write_text("\n".join(map(json.dumps, STRAINS)))
    catalogue.set_home(real_home)
    store = Store(real_home)
    assert load(store, "strains", documents, mapping=mapping, replace=True).loaded == 3
    yield load_settings(home=real_home, backend="offline", api="strains")
    store.drop("strains")
    catalogue.override_path(real_home, "strains").unlink()
    apis.unregister("strains")
    catalogue.set_home(None)


def test_requests(settings: Settings) -> None:
    line = "strains /v1/query?q=plasmid.resistance:kanamycin&fields=freezer.box"
    record = run_request(line, settings)
    assert (record["status"], record["values"], record["request"]) == ("answered", ["A1"], line)
    assert run_request("strains /v1/doc/S003?fields=strain.name", settings)["values"] == ["BY4741"]
    assert run_request("strains /v1/query?q=frozen_on:>=2023 AND coli", settings)["total"] == 2
    assert run_request("strains /v1/query?q=S001,S009&scopes=_id&fields=strain.name", settings)["values"] == ["BL21"]
    record = run_request("strains /v1/query?q=plasmid.resistence:kanamycin", settings)
    assert record["status"] == "failed"
    assert "plasmid.resistance" in record["error"]["hint"]
    url = "http://127.0.0.1:8765/strains/v1/query?q=BL21"
    assert Query.parse(url).url == url


def test_the_plain_client(settings: Settings) -> None:
    client = biothings_client.get_client("strains", url="http://offline.invalid/strains/v1")
    client.http_client = httpx.Client(transport=OfflineTransport(Store(settings.home)))
    client.http_client_setup = True
    assert client.getstrains("S002")["plasmid"]["name"] == "pUC19"
    assert client.query("freezer.shelf:2", sort="frozen_on")["hits"][0]["_id"] == "S003"
    listing = client.get_fields()
    assert listing["freezer.box"] == {"index": True, "type": "keyword"}
    assert listing["strain.name"]["searched_by_default"] is True
    assert client.metadata()["biothing_type"] == "doc"


class Describing(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that knows what these fields are."""

    NOTES = {
        "plasmid.resistance": (
            "antibiotic resistance",
            "What its plasmid makes a strain survive.",
            ["selection marker"],
        ),
        "frozen_on": ("date of freezing", "The day on which the tubes were frozen.", ["banked", "put away"]),
    }

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = re.search(r"Field: (\S+)", asked["messages"][-1]["content"])
        assert path is not None
        label, description, synonyms = self.NOTES.get(path[1], (path[1], f"What {path[1]} holds.", []))
        said = json.dumps({"label": label, "description": description, "synonyms": synonyms})
        message = {"role": "assistant", "content": said}
        answer = {
            "id": "1", "object": "chat.completion", "created": 0, "model": asked["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }  # fmt: skip
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def describing_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Describing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_descriptions_by_a_larger_model(settings: Settings, describing_url: str, tmp_path: Path) -> None:
    question = "when was it banked?"

    def ranked() -> dict[str, str]:
        return {field.path: field.label for field in rank(question, ["strains"], 20, home=settings.home)}

    before = list(ranked()).index("frozen_on")
    notes = tmp_path / "notes.jsonl"
    asking = settings.model_copy(update={"openai_base_url": describing_url, "openai_model": "large"})
    backend = resolve_backend("offline", settings.home)
    usage = annotate.annotate(catalogue.load_catalogue("strains"), notes, asking, backend=backend)
    backend.close()
    described = {row["path"] for row in annotate.read_rows(notes)}
    assert usage.asked == len(described) and "freezer.box" not in described  # by hand already
    annotate.apply("strains", notes, settings.home)
    found = ranked()
    assert list(found).index("frozen_on") < before
    assert (found["frozen_on"], found["freezer.box"]) == ("date of freezing", "box in the freezer")
    assert run_request("strains /v1/query?q=frozen_on:>=2024", settings)["total"] == 1


def test_questions(settings: Settings, script: Callable[..., Any]) -> None:
    found = rank("which antibiotic is the plasmid resistant to?", ["strains"], 5, home=settings.home)
    assert "plasmid.resistance" in [field.path for field in found[:3]]
    found = rank("which drawer is it in?", ["strains"], 5, home=settings.home)
    assert ("freezer.box", "box in the freezer") in [(field.path, field.label) for field in found[:3]]
    line = "strains /v1/query?q=plasmid.resistance:kanamycin&fields=freezer.box"
    question = "in which drawer are the strains with kanamycin resistance?"
    model = script(line)
    record = build_graph(settings).invoke({"question": question})
    assert (record["status"], record["request"], record["values"]) == ("answered", line, ["A1"])
    assert "\nfreezer.box\n" in model.prompts[0]
    grammar = build_grammar(question, [], {"strains": list(FIELDS)}, ["strains"])
    assert grammar.accepts(line)
    assert not grammar.accepts(line.replace("kanamycin", "streptomycin"))
    assert not grammar.accepts(line.replace("freezer.box", "freezer.row"))
