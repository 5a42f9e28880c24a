from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agent import ask, build_graph
from agent.checkpoint import open_checkpointer
from agent.settings import Settings
from agent.state import Record
from tools import apis, backend
from tools.errors import ModelError, ServerError

CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=name"
CDK4 = "mygene /v3/query?q=symbol:CDK4&fields=name"


def test_an_answer_is_the_whole_record(script: Callable[..., Any], settings: Settings) -> None:
    script(CDK2)
    record = build_graph(settings).invoke({"question": "what is CDK2 called?", "id": "q1"})
    assert set(record) == set(Record.__annotations__)
    assert (record["status"], record["id"], record["api"], record["request"]) == ("answered", "q1", "mygene", CDK2)
    assert record["url"] == "https://mygene.info/v3/query?q=symbol:CDK2&fields=name"
    assert (record["total"], record["backend"]) == (1, "offline")
    assert record["values"] == ["cyclin dependent kinase 2"]
    assert record["answer"] == "Full gene name of CDK2: cyclin dependent kinase 2."
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["ok"]
    assert record["seconds"]["total"] >= record["seconds"]["execute"] > 0


def test_a_rejected_draft_goes_back_with_its_error(script: Callable[..., Any], settings: Settings) -> None:
    model = script("mygene /v3/query?q=symbl:CDK2&fields=name", CDK2)
    record = build_graph(settings).invoke({"question": "what is CDK2 called?"})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["rejected", "ok"]
    assert "mygene has no field 'symbl'" in (record["attempts"][0]["error"] or "")
    assert "symbl:CDK2" in model.prompts[1] and "no field 'symbl'" in model.prompts[1]
    assert record["status"] == "answered"


def test_a_served_model_is_held_to_the_grammar(script: Callable[..., Any], settings: Settings) -> None:
    served = settings.model_copy(update={"model": "openai"})
    model = script("mygene /v3/query?q=symbol:CDK4&fields=name", "mygene /v3/query?fields=name&q=symbol:CDK2")
    record = build_graph(served).invoke({"question": "what is CDK2 called?"})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["rejected", "ok"]
    # Another order of the parameters is the same request.
    assert (record["status"], record["request"]) == ("answered", CDK2)
    error = record["attempts"][0]["error"] or ""
    assert "'CDK4' cannot stand" in error and "CDK2" in error and error in model.prompts[1]


def test_what_the_settings_add_is_no_part_of_the_conversation(script: Callable[..., Any], settings: Settings) -> None:
    model = script("mygene /v3/query?q=name:kinase&fields=symbol", CDK4)
    config: Any = {"configurable": {"thread_id": "a"}}
    graph = build_graph(settings.model_copy(update={"hits": 30}), InMemorySaver())
    record = graph.invoke({"question": "which genes are called kinase?"}, config)
    assert (len(record["hits"]), record["request"].endswith("&size=30")) == (30, True)
    graph.invoke({"question": "and CDK4?"}, config)
    assert "q=name:kinase" in model.prompts[1] and "size=30" not in model.prompts[1]


def test_a_refusal_of_the_service_goes_back_too(script: Callable[..., Any], settings: Settings) -> None:
    # Each value is within its own range; together they are not.
    model = script("mygene /v3/query?q=kinase&fields=name&size=1000&from=9999", CDK2)
    record = build_graph(settings).invoke({"question": "kinases from the 9999th on"})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["rejected", "ok"]
    assert "10000" in (record["attempts"][0]["error"] or "")
    assert (record["attempts"][0]["error"] or "?") in model.prompts[1]


def test_the_tries_come_to_an_end(script: Callable[..., Any], settings: Settings) -> None:
    script("mygene /v3/query?q=symbl:CDK2")
    record = build_graph(settings).invoke({"question": "CDK2"})
    assert len(record["attempts"]) == 1 + settings.max_repairs
    assert (record["status"], record["request"]) == ("failed", None)
    assert record["error"] is not None and "symbl" in record["error"]["message"]


def test_ten_repairs_are_within_the_graph_s_limit(script: Callable[..., Any], settings: Settings) -> None:
    script(*(f"mygene /v3/query?q=symbl:CDK{number}" for number in range(20)))
    patient = settings.model_copy(update={"max_repairs": 10})
    assert len(build_graph(patient).invoke({"question": "CDK2"})["attempts"]) == 11


def test_nothing_found_is_searched_in_another_way(script: Callable[..., Any], settings: Settings) -> None:
    script("mygene /v3/query?q=symbol:p53&fields=name")
    record = build_graph(settings).invoke({"question": "what is p53 called?"})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["empty", "ok"]
    assert record["request"] == "mygene /v3/query?q=(symbol:p53 OR alias:p53)&fields=name"
    assert "tumor protein p53" in record["answer"]
    assert "Nothing was found by `symbol:p53`" in record["answer"]


def test_what_was_stated_is_never_dropped(script: Callable[..., Any], settings: Settings) -> None:
    first = "mygene /v3/query?q=symbol:CDK2 AND type_of_gene:pseudo&fields=name&species=human"
    script(first, CDK2, "mygene /v3/query?q=symbol:CDK2&fields=name&species=human", "none")
    record = build_graph(settings).invoke({"question": "what is the pseudogene CDK2 of humans called?"})
    assert (record["status"], record["request"], record["total"]) == ("empty", first, 0)
    assert CDK2 not in [attempt["request"] for attempt in record["attempts"]]
    assert "no record fits all of them together" in record["answer"]


def test_the_clause_that_finds_nothing_is_named(script: Callable[..., Any], settings: Settings) -> None:
    script('mygene /v3/query?q=symbol:CDK2 AND go.BP.term:"zzz yyy"&fields=name', "none")
    record = build_graph(settings).invoke({"question": "is CDK2 in zzz yyy?"})
    assert 'This part alone finds nothing: go.BP.term:"zzz yyy".' in record["answer"]


def test_what_the_snapshot_lacks_is_said_and_not_repaired(script: Callable[..., Any], settings: Settings) -> None:
    model = script("mygene /v3/query?q=symbol:CDK2&fields=name&species=mouse")
    record = build_graph(settings).invoke({"question": "what is CDK2 called in the mouse?"})
    assert (record["status"], len(record["attempts"]), len(model.prompts)) == ("empty", 1, 1)
    assert "The offline snapshot holds human genes only, none of mouse." in record["answer"]


def test_a_repair_that_tries_what_the_snapshot_lacks_is_not_the_last(
    script: Callable[..., Any], settings: Settings
) -> None:
    script(
        "mygene /v3/query?q=symbol:p53&fields=name", "mygene /v3/query?q=(symbol:p53 OR other_names:p53)&fields=name"
    )
    record = build_graph(settings).invoke({"question": "what is p53 called?"})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["empty", "empty", "ok"]
    assert "tumor protein p53" in record["answer"]


def test_a_refusal_is_one(script: Callable[..., Any], settings: Settings) -> None:
    script("none")
    record = build_graph(settings).invoke({"question": "what is the weather like?"})
    assert (record["status"], record["request"], record["attempts"], record["error"]) == ("refused", None, [], None)
    assert "pathogenic ClinVar variants in BRCA1" in record["answer"]


def test_a_fault_of_the_model_is_told_and_not_raised(script: Callable[..., Any], settings: Settings) -> None:
    script(ModelError("The model is gone.", "Fetch it."))
    record = ask("where is CDK2?", settings=settings)
    assert (record["status"], record["error"]) == ("failed", {"message": "The model is gone.", "hint": "Fetch it."})


@pytest.mark.parametrize("question", ["", "  ", "?!…", "\x00\x01", "x" * 10_000])
def test_what_is_no_question_needs_no_model(script: Callable[..., Any], settings: Settings, question: str) -> None:
    model = script("none")
    assert build_graph(settings).invoke({"question": question})["status"] == "refused"
    assert model.prompts == []


def test_a_pasted_request_is_made_as_it_stands(script: Callable[..., Any], settings: Settings) -> None:
    model = script("none")
    record = build_graph(settings).invoke({"question": "https://mygene.info/v3/query?q=symbol:CDK2&fields=name"})
    assert (record["status"], record["request"], model.prompts) == ("answered", CDK2, [])
    record = build_graph(settings).invoke({"question": "https://evil.example/v3/query?q=x"})
    assert (record["status"], record["backend"], model.prompts) == ("refused", None, [])
    assert "evil.example" in record["answer"]


def test_history_is_answered_first(script: Callable[..., Any], settings: Settings) -> None:
    model = script(CDK2, CDK4)
    record = ask("and CDK4?", ["what is CDK2 called?"], settings)
    assert record["request"] == CDK4
    assert "what is CDK2 called?" in model.prompts[1] and CDK2 in model.prompts[1]
    model = script(CDK2, CDK4)
    ask("and CDK4?", "what is CDK2 called?", settings)
    assert len(model.prompts) == 2


def test_a_thread_goes_on_and_each_turn_begins_anew(
    script: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    model = script("mygene /v3/query?q=symbl:X", CDK2, CDK4)
    config: Any = {"configurable": {"thread_id": "a"}}
    graph = build_graph(settings, open_checkpointer(tmp_path / "chats.sqlite"))
    first = graph.invoke({"question": "what is CDK2 called?", "id": "1", "api": "mygene"}, config)
    assert (len(first["attempts"]), first["id"]) == (2, "1")
    # Another process opens the same file.
    graph = build_graph(settings, open_checkpointer(tmp_path / "chats.sqlite"))
    second = graph.invoke({"question": "and CDK4?"}, config)
    assert CDK2 in model.prompts[-1]
    assert (second["id"], len(second["attempts"]), second["status"]) == (None, 1, "answered")
    # Only the first question was for one API.
    assert {"mychem", "mydisease"} & set(model.prompts[-1].split())
    assert [turn["request"] for turn in graph.get_state(config).values["history"]] == [CDK2, CDK4]


async def test_all_ways_to_call_share_one_checkpointer(
    script: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    script(CDK2)
    graph = build_graph(settings, open_checkpointer(tmp_path / "chats.sqlite"))
    config: Any = {"configurable": {"thread_id": "a"}}
    await graph.ainvoke({"question": "what is CDK2 called?"}, config)
    steps = [
        name async for event in graph.astream({"question": "again?"}, config, stream_mode="updates") for name in event
    ]
    assert steps == ["begin", "retrieve", "draft", "check", "execute", "answer"]
    again = await asyncio.to_thread(lambda: list(graph.stream({"question": "again?"}, config, stream_mode="updates")))
    assert [name for event in again for name in event] == steps
    state = await graph.aget_state(config)
    assert len(state.values["history"]) == 3
    assert len([item async for item in graph.aget_state_history(config)]) > 3


def test_threads_do_not_mix(script: Callable[..., Any], settings: Settings, tmp_path: Path) -> None:
    script(CDK2)
    graph = build_graph(settings, open_checkpointer(tmp_path / "chats.sqlite"))
    records: dict[int, Any] = {}

    def work(number: int) -> None:
        for turn in range(3):
            config: Any = {"configurable": {"thread_id": str(number)}}
            records[number] = graph.invoke({"question": f"question {turn} of {number}", "id": str(number)}, config)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, record in records.items():
        assert (record["id"], record["question"]) == (str(number), f"question 2 of {number}")
        said = graph.get_state({"configurable": {"thread_id": str(number)}}).values["history"]
        assert [turn["question"] for turn in said] == [f"question {turn} of {number}" for turn in range(3)]


def test_the_studio_s_factory_builds_a_graph(
    script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, real_home: Path
) -> None:
    import importlib.util

    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(real_home))
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_BACKEND", "offline")
    script(CDK2)
    root = Path(__file__).resolve().parents[2]
    path, _, name = json.loads((root / "langgraph.json").read_text("utf-8"))["graphs"]["biothings"].partition(":")
    spec = importlib.util.spec_from_file_location("studio_graph", root / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert getattr(module, name)().invoke({"question": "what is CDK2 called?"})["status"] == "answered"


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The hosts of live services that failed: each answers its probes until it is asked for the first time."""
    hosts: set[str] = set()

    class Failing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            hosts.add(request.url.host)
            raise ServerError(f"{request.url.host} failed (503).")

    def probe(url: str, _: float) -> str | None:
        host = httpx.URL(url).host
        return f"{host} failed (503)." if host in hosts else None

    urls = {api: apis.get_api(api).root for api in apis.API_NAMES}
    monkeypatch.setattr(backend, "_live", lambda *_: backend.Backend("live", urls, Failing()))
    monkeypatch.setattr(backend, "_probes", {})
    monkeypatch.setattr(backend, "_ask", probe)
    return hosts


def test_auto_goes_on_offline_when_the_service_fails(
    script: Callable[..., Any], settings: Settings, failed: set[str]
) -> None:
    model = script(CDK2)
    graph = build_graph(settings.model_copy(update={"backend": "auto"}))
    for _ in range(2):
        record = graph.invoke({"question": "what is CDK2 called?"})
        assert (record["status"], record["backend"]) == ("answered", "offline")
        assert [attempt["outcome"] for attempt in record["attempts"]] == ["ok"]
        assert "cannot be reached (mygene.info failed (503)); the offline snapshot is used" in record["answer"]
    assert (failed, len(model.prompts)) == ({"mygene.info"}, 2)


@pytest.mark.parametrize("name", ["live", "auto"])
def test_a_service_that_was_chosen_or_answers_again_is_not_left(
    script: Callable[..., Any], settings: Settings, failed: set[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    script(CDK2)
    monkeypatch.setattr(backend, "_ask", lambda *_: None)
    record = build_graph(settings.model_copy(update={"backend": name})).invoke({"question": "what is CDK2 called?"})
    assert (record["status"], record["backend"], failed) == ("failed", "live", {"mygene.info"})
    assert record["error"] is not None and record["error"]["message"] == "mygene.info failed (503)."
