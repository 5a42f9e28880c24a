from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.cli.app import app
from agent.cli.doctor import _model, _own_fields, _training
from agent.model.weights import merged_path, packaged_model
from agent.prompts import PROMPT_VERSION
from agent.settings import load_settings
from rag.index import load_contents
from tools import catalogue
from tools.apis import API_NAMES
from tools.paths import data_dir

ROOT = Path(__file__).resolve().parents[2]
CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=name"
COMMANDS = ("ask", "run", "fields", "offline", "doctor", "bench", "evaluate", "finetune")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, real_home: Path) -> Callable[..., Result]:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(real_home))
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_BACKEND", "offline")
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from agent.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(cli: Callable[..., Result], command: str) -> None:
    result = cli(command, "--help")
    assert result.exit_code == 0
    assert command in ("offline", "finetune") or "biothings-assistant " + command in result.stdout


def test_help_loads_no_heavy_library() -> None:
    code = "import sys, agent.cli.app; print([name for name in sys.modules if name in %r])"
    heavy = ("numpy", "langgraph", "chromadb", "tantivy", "httpx", "onnxruntime", "torch", "chainlit", "llama_cpp")
    shown = subprocess.run(
        [sys.executable, "-c", code % (heavy,)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_run_prints_sentence_link_and_python(cli: Callable[..., Result]) -> None:
    result = cli("run", CDK2)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Full gene name of CDK2: cyclin dependent kinase 2.\n")
    assert "https://mygene.info/v3/query?q=symbol:CDK2&fields=name" in result.stdout
    assert 'client.query("symbol:CDK2", fields="name")' in result.stdout


def test_run_takes_the_url_too_and_prints_the_record(cli: Callable[..., Result]) -> None:
    result = cli("run", "https://mygene.info/v3/query?q=symbol%3ACDK2&fields=name", "--json")
    record = json.loads(result.stdout)
    assert (result.exit_code, record["request"], record["total"]) == (0, CDK2, 1)


def test_a_table_where_there_are_several_hits(cli: Callable[..., Result]) -> None:
    result = cli("run", "mygene /v3/query?q=name:kinase&fields=symbol&size=30")
    assert "first 20 of " in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.strip()[:1].isdigit()]) >= 20


def test_a_long_list_of_one_hit_is_a_table_of_its_items(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = "mygene /v3/query?q=symbol:CDK2&fields=go.BP"
    terms = [row["term"] for row in json.loads(cli("run", request, "--json").stdout)["hits"][0]["go"]["BP"]]
    shown = "".join(cli("run", request).stdout.split())
    assert len(set(terms)) > 12 and all("".join(term.split()) in shown for term in terms)
    monkeypatch.setattr("agent.cli.answer._ROWS_OF_ONE", 12)
    assert "\nfirst 12 of " in cli("run", request).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "mygene /v3/query?q=symbl:CDK2"), 1, "mygene has no field 'symbl'"),
        (("run", CDK2, "--backend", "nowhere"), 2, "backend"),
        (("ask",), 2, "Give a question"),
        (("ask", "where?", "--batch", "x", "--out", "y"), 2, "Give a question"),
        (("ask", "--batch", "x"), 2, "go together"),
        (("ask", "where?", "--api", "mygenes"), 2, "Did you mean mygene?"),
        (("fields", "where", "--api", "mygenes"), 2, "Did you mean mygene?"),
        (("ask", "--batch", "missing.jsonl", "--out", "out.jsonl"), 1, "missing.jsonl cannot be read"),
        (("fields",), 2, "Give a text"),
        (("fields", "where", "--undo"), 2, "goes with"),
        (("fields", "--refresh", "--backend", "offline"), 2, "A refresh asks a service"),
        (("offline", "load", "mygene", "missing.ndjson"), 1, "missing.ndjson"),
        (("offline", "drop", "nothing"), 1, "no offline API"),
        (("nothing",), 2, "No such command"),
    ],
)
def test_faults_are_one_line_on_standard_error(
    cli: Callable[..., Result], arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_bug_shows_no_traceback_unless_it_is_wanted(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oops\nand more")

    monkeypatch.setattr("agent.direct.run_request", fail)
    result = cli("run", CDK2)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ZeroDivisionError: oops and more\n") and "--debug" in result.stderr
    assert isinstance(cli("--debug", "run", CDK2).exception, ZeroDivisionError)
    monkeypatch.setattr("agent.cli.console.debug", False)


def test_ask_answers(cli: Callable[..., Result], script: Callable[..., Any]) -> None:
    script(CDK2)
    result = cli("ask", "what is CDK2 called?")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        "Full gene name of CDK2: cyclin dependent kinase 2.",
    )
    assert json.loads(cli("ask", "what is CDK2 called?", "--json").stdout)["status"] == "answered"


def test_ask_that_fails_says_so_and_exits_1(cli: Callable[..., Result], script: Callable[..., Any]) -> None:
    script("mygene /v3/query?q=symbl:CDK2")
    result = cli("ask", "what is CDK2 called?")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Put the question in other words." in result.stderr
    assert json.loads(cli("ask", "what?", "--json").stdout)["status"] == "failed"


def test_a_batch_has_a_record_for_every_line_and_goes_on(
    cli: Callable[..., Result], script: Callable[..., Any], tmp_path: Path
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [
        '{"id": 1, "question": "what is CDK2 called?"}', "", "not json", '{"id": "c"}', '["a"]',
        '{"id": "d", "question": "and CDK4?", "history": ["what is CDK2 called?"]}', '{"question": ""}',
        '{"id": "e", "question": "x", "history": "y"}',
    ]  # fmt: skip
    source.write_text("\n".join(rows) + "\n", "utf-8")
    model = script(CDK2)
    result = cli("ask", "--batch", source, "--out", target)
    assert (result.exit_code, result.stdout) == (0, "")
    whole = target.read_bytes()
    records = [json.loads(line) for line in whole.splitlines()]
    assert [record["id"] for record in records] == [1, "3", "c", "5", "d", "7", "e"]
    statuses = ["answered", "failed", "failed", "failed", "answered", "refused", "failed"]
    assert [record["status"] for record in records] == statuses
    assert all(set(record) == set(records[0]) for record in records)
    assert "what is CDK2 called?" in model.prompts[-1]
    # Stopped half way through the fifth record.
    lines = whole.splitlines(keepends=True)
    target.write_bytes(b"".join(lines[:4]) + lines[4][:50])
    model.prompts.clear()
    assert cli("ask", "--batch", source, "--out", target).exit_code == 0
    again = [json.loads(line) for line in target.read_bytes().splitlines()]
    assert [(record["id"], record["status"]) for record in again] == [
        (record["id"], record["status"]) for record in records
    ]
    assert len(model.prompts) == 2


def test_half_a_character_stops_no_batch(
    cli: Callable[..., Result], script: Callable[..., Any], tmp_path: Path
) -> None:
    script(CDK2)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": "\\ud800", "question": "é \\udfff"}\n{"id": "é", "question": "x"}\n', "utf-8")
    for _ in range(2):
        assert cli("ask", "--batch", source, "--out", target).exit_code == 0
        records = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
        assert [record["id"] for record in records] == ["\ud800", "é"]


def test_an_api_of_the_environment_must_be_one(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_API", "foo")
    result = cli("ask", "where is CDK2?")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no API called 'foo'" in result.stderr


def test_a_further_page_s_table_says_which_it_is(cli: Callable[..., Result]) -> None:
    result = cli("run", "mygene /v3/query?q=name:kinase&fields=symbol&size=30&from=30")
    assert "\nitems 31-50 of " in result.stdout


def test_a_batch_overwrites_nothing(cli: Callable[..., Result], script: Callable[..., Any], tmp_path: Path) -> None:
    script(CDK2)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": "a", "question": "x"}\n', "utf-8")
    for content in ('{"id": "b"}\n', "something else\n"):
        target.write_text(content, "utf-8")
        result = cli("ask", "--batch", source, "--out", target)
        assert (result.exit_code, target.read_text("utf-8")) == (1, content)
        assert "records of other questions" in result.stderr
    # Questions without ids are numbered, in every file alike.
    source.write_text('{"question": "what is  CDK2?"}\n', "utf-8")
    target.unlink()
    assert cli("ask", "--batch", source, "--out", target).exit_code == 0
    content = target.read_text("utf-8")
    assert cli("ask", "--batch", source, "--out", target).exit_code == 0
    source.write_text('{"question": "what is CDK4?"}\n', "utf-8")
    assert cli("ask", "--batch", source, "--out", target).exit_code == 1
    assert target.read_text("utf-8") == content
    source.write_text('{"id": "a", "question": "x"}\n', "utf-8")
    assert cli("ask", "--batch", source, "--out", source).exit_code == 1
    assert source.read_text("utf-8") == '{"id": "a", "question": "x"}\n'


def test_fields_finds_fields(cli: Callable[..., Result]) -> None:
    result = cli("fields", "where is a gene located", "--api", "mygene", "-k", "5", "--json")
    found = json.loads(result.stdout)
    assert len(found) == 5 and "genomic_pos" in [row["path"] for row in found]
    assert set(found[0]) == {"api", "path", "score", "label", "description"}
    assert "genomic_pos" in cli("fields", "where is a gene located").stdout


def test_a_loaded_api_can_be_asked_and_dropped(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(tmp_path / "home"))
    file, mapping = tmp_path / "w.ndjson", tmp_path / "w.json"
    file.write_text('{"_id": "w1", "name": "blue widget"}\nbad\n', "utf-8")
    mapping.write_text('{"name": {"type": "text", "searched_by_default": true}}', "utf-8")
    result = cli("offline", "load", "widgets", file, "--mapping", mapping)
    assert (result.exit_code, "1 documents loaded into widgets, 1 lines left out." in result.stdout) == (0, True)
    assert "Line 2" in result.stderr
    record = json.loads(cli("run", "widgets /v1/query?q=name:blue", "--json").stdout)
    assert [hit["_id"] for hit in record["hits"]] == ["w1"]
    assert "widgets" in [row["api"] for row in json.loads(cli("offline", "info", "--json").stdout)]
    assert cli("offline", "drop", "widgets").exit_code == 0
    assert cli("run", "widgets /v1/query?q=name:blue").exit_code == 1


def test_doctor_says_what_is_missing(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    result = cli("doctor")
    assert result.exit_code == 0, result.stdout
    assert "SmolLM2-135M" in result.stdout
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_MODEL_PATH", "/nowhere/model.gguf")
    result = cli("doctor", "--json")
    missing = [row for row in json.loads(result.stdout) if row["state"] == "missing"]
    assert (result.exit_code, [row["what"] for row in missing]) == (1, ["model"])
    assert "BIOTHINGS_ASSISTANT_MODEL_PATH" in missing[0]["mend"]


def test_doctor_looks_at_the_adapter_that_will_be_used(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_ADAPTER_PATH", str(adapter))
    result = cli("doctor", "--json")
    row = next(row for row in json.loads(result.stdout) if row["what"] == "adapter")
    assert (result.exit_code, row["state"]) == (1, "missing")
    assert "is no adapter" in row["found"] and "ADAPTER_PATH" in row["mend"]
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8}')
    (adapter / "adapter_model.safetensors").write_text("")
    settings = load_settings(home=tmp_path)
    merged = merged_path(tmp_path, adapter)
    merged.parent.mkdir()
    # Another adapter's.
    (merged.parent / "merged-zzz.gguf").write_text("")
    rows = {row.what: row for row in _model(settings)}
    assert (rows["adapter"].state, rows["merged model"].found) == ("ok", "will be written at first use")
    merged.write_text("")
    assert {row.what: row.found for row in _model(settings)}["merged model"] == merged.name
    # The packaged adapter is not for a model of one's own.
    monkeypatch.delenv("BIOTHINGS_ASSISTANT_ADAPTER_PATH")
    rows = {row.what: row for row in _model(load_settings(home=tmp_path, model_path=packaged_model()))}
    assert rows["adapter"].state == "note" and "merged model" not in rows


def test_the_packaged_adapter_was_trained_with_the_prompt_that_is_used() -> None:
    record = json.loads((data_dir() / "adapter" / "training.json").read_text("utf-8"))
    assert record["prompt_version"] == PROMPT_VERSION and record["retrieval"]


def test_doctor_says_what_an_adapter_was_not_trained_with(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", adapter_path=tmp_path)
    (row,) = _training(settings)
    assert row.state == "note" and "does not say" in row.found
    record = {"prompt_version": PROMPT_VERSION, "retrieval": load_contents(API_NAMES).fingerprint}
    (tmp_path / "training.json").write_text(json.dumps(record), "utf-8")
    (row,) = _training(settings)
    assert (row.state, row.mend) == ("ok", "") and f"prompt {PROMPT_VERSION}" in row.found
    for name in record:
        (tmp_path / "training.json").write_text(json.dumps({**record, name: "older"}), "utf-8")
        (row,) = _training(settings)
        assert row.state == "note" and "older; used now" in row.found.replace(f", retrieval {record['retrieval']}", "")
        assert "finetune train" in row.mend
    assert not list(_training(load_settings(home=tmp_path, adapter_path=tmp_path / "none")))
    assert not list(_training(load_settings(home=tmp_path, adapter_path=tmp_path, model="openai")))


def test_refreshed_fields_are_shown_and_can_be_undone(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(tmp_path))
    path = catalogue.override_path(tmp_path, "mygene")
    catalogue.save(catalogue.load_catalogue("mygene").rows, path)
    (row,) = _own_fields(tmp_path)
    assert (row.what, row.state) == ("fields of mygene", "note")
    assert str(path) in row.found and "--refresh --undo --api mygene" in row.mend
    result = cli("fields", "--refresh", "--undo", "--api", "mygene")
    assert (result.exit_code, path.exists()) == (0, False), result.stderr
    assert "packaged fields are used again" in result.stderr
    assert cli("fields", "--refresh", "--undo").exit_code == 0
    assert not list(_own_fields(tmp_path))


def test_a_cold_start_that_fails_is_no_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from finetune.bench import _cold

    def cold(code: int, output: str = "", errors: str = "") -> str:
        ended = subprocess.CompletedProcess([], code, output, errors)
        monkeypatch.setattr("finetune.bench.subprocess.run", lambda *_, **__: ended)
        return _cold(load_settings(home=tmp_path)).value

    assert cold(1, errors="Traceback\n…\nImportError: no numpy\n") == "failed (1): … ImportError: no numpy"
    assert cold(0, '{"status": "refused"}') == "failed: the answer's status is refused"
    assert "s from process start" in cold(0, '{"status": "answered"}')


def test_doctor_knows_openai_s_own_and_a_server_that_is_not_there(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_MODEL", "openai")
    rows = {row["what"]: row for row in json.loads(cli("doctor", "--json").stdout)}
    assert rows["model"]["state"] == "missing" and "OPENAI_API_KEY" in rows["model"]["mend"]
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_OPENAI_API_KEY", "key")
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_BACKEND", "http://127.0.0.1:9")
    rows = {row["what"]: row for row in json.loads(cli("doctor", "--json").stdout)}
    assert (rows["model"]["state"], rows["backend"]["state"]) == ("ok", "missing")
    assert "api.openai.com" in rows["model"]["found"] and rows["backend"]["mend"]


def test_ctrl_c_says_stopped(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(real_home))
    process = start("offline", "serve", "--port", "0")
    assert process.stderr is not None
    assert "Listening at" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors and out == ""


def test_ctrl_c_during_work_exits_130(monkeypatch: pytest.MonkeyPatch, real_home: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(real_home))
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_BACKEND", "offline")
    source = tmp_path / "in.jsonl"
    source.write_text("".join(f'{{"id": "{n}", "question": "where is CDK{n}?"}}\n' for n in range(500)), "utf-8")
    process = start("ask", "--batch", str(source), "--out", str(tmp_path / "out.jsonl"))
    deadline = time.monotonic() + 200
    while not (tmp_path / "out.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Stopped." in errors and "Traceback" not in errors


def test_a_reader_that_leaves_is_no_fault(monkeypatch: pytest.MonkeyPatch, real_home: Path) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HOME", str(real_home))
    process = start("run", "mygene /v3/metadata/fields", "--json", "--backend", "offline")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(timeout=60)
    assert "Traceback" not in errors and "Exception" not in errors
