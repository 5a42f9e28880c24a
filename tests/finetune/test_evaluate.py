"""Evaluation: the loop, what is kept and taken up again, the rungs' prompts, execution match, the tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.model.base import Completion
from agent.settings import Settings, load_settings
from finetune import drafting, evaluate, report
from finetune.drafting import Draft, FirstDrafter, Mode, PlainDrafter
from finetune.execution import Executor
from tools.backend import resolve_backend
from tools.errors import DataError, ModelError
from tools.offline.store import Store
from tools.query import Query

GENES: list[dict[str, Any]] = [
    {"_id": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2", "taxid": 9606, "entrezgene": "1017",
     "type_of_gene": "protein-coding", "summary": "A kinase."},
    {"_id": "12566", "symbol": "Cdk2", "name": "cyclin dependent kinase 2", "taxid": 10090, "entrezgene": "12566",
     "type_of_gene": "protein-coding", "summary": "A kinase."},
    {"_id": "1019", "symbol": "CDK4", "name": "cyclin dependent kinase 4", "taxid": 9606, "entrezgene": "1019",
     "type_of_gene": "protein-coding"},
    {"_id": "672", "symbol": "BRCA1", "name": "BRCA1 DNA repair associated", "taxid": 9606, "entrezgene": "672",
     "type_of_gene": "pseudo"},
]  # fmt: skip
SUMMARY = "mygene /v3/query?q=symbol:CDK2&fields=summary&species=human"
FACETS = "mygene /v3/query?facets=type_of_gene&species=human"
QUESTIONS = [
    {"id": "a", "question": "what does human CDK2 do", "requests": [SUMMARY], "kind": "lookup"},
    {"id": "b", "question": "kinases 4", "requests": ["mygene /v3/query?q=symbol:CDK4"], "kind": "search"},
    {"id": "c", "question": "hello", "requests": ["none"], "kind": "refusal"},
    {
        "id": "d", "question": "and its name?", "history": ["what does human CDK2 do"], "kind": "followup",
        "requests": ["mygene /v3/query?q=symbol:CDK2&fields=name&species=human"],
    },
]  # fmt: skip
WARM_UP = "which pathways is CDK2 in?"
ANSWERS = {
    WARM_UP: "none",
    "what does human CDK2 do": SUMMARY,
    "kinases 4": "mygene /v3/query?q=symbol:CDK9",
    "hello": "none",
    "and its name?": "mygene /v3/query?q=entrezgene:1017&fields=name",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    Store(home).add("mygene", GENES, True, None)
    return home


@pytest.fixture
def executor(home: Path) -> Executor:
    return Executor(resolve_backend("offline", home))


class Scripted:
    """Answers from a list and counts the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def draft(self, question: str, history: Sequence[str]) -> Draft:
        self.asked.append(question)
        turns = tuple(drafting.Turn(earlier, ANSWERS[earlier]) for earlier in history)
        return Draft(ANSWERS[question], ANSWERS[question], turns, 0.5, 0.25)

    def close(self) -> None:
        pass


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    drafter = Scripted()

    def open_drafter(settings: Settings, mode: Mode, **_: Any) -> Scripted:
        return drafter

    monkeypatch.setattr(evaluate, "open_drafter", open_drafter)
    # The other indexes would be built of the whole snapshot.
    monkeypatch.setattr(evaluate, "_WARM_UP", (SUMMARY,))
    return drafter


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return path


def test_scores_are_gathered(scripted: Scripted, questions: Path, home: Path, tmp_path: Path) -> None:
    made = evaluate.evaluate(load_settings(home=home), files=[questions], out=tmp_path / "out.jsonl", progress=False)
    figures = made.figures
    assert figures.count == 4 and figures.right == 0.5
    assert figures.canonical == pytest.approx(1 / 3) and figures.api == 1 and figures.legal == 1
    # The follow-up finds the same gene and name in another way.
    assert figures.execution == pytest.approx(2 / 3) and figures.execution_count == 3
    assert figures.refusal_precision == 1 and figures.refusal_recall == 1
    assert figures.seconds_median == 0.5
    assert [row.id for row in made.failures()] == ["b", "d"]
    assert dict(made.groups())["kind followup"].canonical == 0
    assert made.markdown().startswith("| product | n |") and "api mygene" in made.text()


def test_a_stopped_run_goes_on(scripted: Scripted, questions: Path, home: Path, tmp_path: Path) -> None:
    out, settings = tmp_path / "out.jsonl", load_settings(home=home)
    evaluate.evaluate(settings, files=[questions], limit=2, out=out, progress=False)
    with out.open("a") as file:
        file.write('{"id": "c", "configu')  # cut off
    assert scripted.asked == [WARM_UP, "what does human CDK2 do", "kinases 4"]
    out.write_text(out.read_text() + "\n")
    made = evaluate.evaluate(settings, files=[questions], out=out, progress=False)
    assert scripted.asked[3:] == [WARM_UP, "hello", "and its name?"] and made.figures.count == 4
    # Another mode is another configuration.
    evaluate.evaluate(settings, "base", files=[questions], limit=1, out=out, progress=False)
    assert len(scripted.asked) == 8


def test_kept_drafts_are_scored_anew_when_the_set_changes(
    scripted: Scripted, questions: Path, home: Path, tmp_path: Path
) -> None:
    out, settings = tmp_path / "out.jsonl", load_settings(home=home)
    evaluate.evaluate(settings, files=[questions], out=out, progress=False)
    rows = [{**row, "requests": [ANSWERS["kinases 4"]]} if row["id"] == "b" else row for row in QUESTIONS]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = evaluate.evaluate(settings, files=[questions], out=out, progress=False)
    assert len(scripted.asked) == 5
    assert made.predictions[1].scores.canonical


def test_a_sample_is_the_same_each_time_and_keeps_the_order() -> None:
    rows = evaluate.read_questions()
    first, second = evaluate.take_sample(rows, 150), evaluate.take_sample(list(reversed(rows)), 150)
    assert len(first) == 150 and {row.id for row in first} == {row.id for row in second}
    assert [row for row in rows if row in first] == first


def test_a_file_that_holds_no_questions_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": 1}\n')
    with pytest.raises(DataError, match="bad.jsonl"):
        evaluate.read_questions([path])


@pytest.mark.parametrize(
    ("draft", "expected", "matches"),
    [
        (SUMMARY, SUMMARY, True),
        ("mygene /v3/query?q=entrezgene:1017&fields=summary", SUMMARY, True),
        ("mygene /v3/gene/1017?fields=summary", SUMMARY, True),
        ("mygene /v3/query?q=symbol:CDK2&fields=summary", SUMMARY, False),
        ("mygene /v3/query?q=symbol:CDK2&fields=name&species=human", SUMMARY, False),
        ("mygene /v3/query?q=symbol:CDK2&fields=nothing&species=human", SUMMARY, False),
        ("", SUMMARY, False),
        ("none", SUMMARY, False),
        # The snapshot cannot tell: nothing is found, or nothing of what was asked.
        ("mygene /v3/query?q=symbol:CDK2", "mygene /v3/query?q=symbol:TP53", None),
        ("mygene /v3/query?q=symbol:BRCA1&fields=name", "mygene /v3/query?q=symbol:BRCA1&fields=summary", None),
        # Which buckets there are is what was asked.
        ("mygene /v3/query?q=taxid:9606&facets=type_of_gene", FACETS, True),
        ("mygene /v3/query?q=symbol:CDK2&facets=type_of_gene", FACETS, False),
    ],
)  # fmt: skip
def test_execution_match(executor: Executor, draft: str, expected: str, matches: bool | None) -> None:
    assert executor.match(draft, [expected]) is matches


class Spy:
    """A model that writes one text and remembers its prompts; stands in for a runtime too."""

    def __init__(self, text: str, error: ModelError | None = None) -> None:
        self.text, self.error = text, error
        self.prompts: list[str] = []
        self.grammars: list[str | None] = []
        self.model, self.settings = self, load_settings()

    def complete(self, prompt: str, *, grammar: str | None = None, **_: Any) -> Completion:
        if self.error:
            raise self.error
        self.prompts.append(prompt)
        self.grammars.append(grammar)
        return Completion(self.text, 1, 1, 0.1, "stop")


def test_a_right_draft_for_what_the_snapshot_lacks_tells_nothing(executor: Executor) -> None:
    lacks, holds = (f"mygene /v3/query?q=symbol:CDK2&fields={path}" for path in ("pathway.kegg", "name"))
    assert executor.match(lacks, [lacks, holds]) is None
    assert executor.match(holds, [lacks, holds]) is True
    assert executor.match("mygene /v3/query?q=symbol:CDK2&fields=HGNC", [lacks, holds]) is False


def test_rungs_without_retrieval() -> None:
    prompts = {}
    for mode in ("base", "shots", "grammar", "tuned"):
        spy = Spy(" none ")
        drafter = PlainDrafter(spy, mode)  # type: ignore[arg-type]
        assert drafter.draft("what does CDK2 do?", ["hello"]).request == "none"
        assert len(spy.prompts) == 2 and "hello" in spy.prompts[1]
        assert [grammar is not None for grammar in spy.grammars] == [mode == "grammar"] * 2
        prompts[mode] = spy.prompts[0]
    assert prompts["shots"] == prompts["grammar"]
    assert prompts["shots"].count("Q: ") == prompts["base"].count("Q: ") + drafting.SHOTS
    assert len(prompts["tuned"]) < len(prompts["base"])


def test_a_model_that_fails_leaves_no_draft_and_one_that_may_not_fail_again_is_asked_later() -> None:
    drafter = PlainDrafter(Spy("", ModelError("too long")), "base")  # type: ignore[arg-type]
    made = drafter.draft("what does CDK2 do?", [])
    assert (made.request, made.error) == ("", "too long")
    drafter = PlainDrafter(Spy("", ModelError("timed out", retryable=True)), "base")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="timed out"):
        drafter.draft("what does CDK2 do?", [])


def test_the_first_draft_is_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    drafter = FirstDrafter(Spy(""))  # type: ignore[arg-type]

    class Nodes:
        def begin(self, state: dict[str, Any]) -> dict[str, Any]:
            return {"fault": None if state["question"] != "?" else "no-question"}

        def retrieve(self, state: dict[str, Any]) -> dict[str, Any]:
            return {"cards": []}

        def draft(self, state: dict[str, Any]) -> dict[str, Any]:
            return {"draft": f"{state['question']} after {len(state['history'])}", "fault": None}

    monkeypatch.setattr(drafter, "_nodes", Nodes())
    assert drafter.draft("third", ["first", "second"]).request == "third after 2"
    assert drafter.draft("?", []).request == "none"


def test_shots_are_ten_over_all_apis() -> None:
    shots = drafting.fixed_shots()
    assert len(shots) == 10 and {shot.api for shot in shots} >= {"mygene", "myvariant", "mychem", "mydisease"}
    for shot in shots:
        Query.parse(shot.request).check()


def test_the_fingerprint_tells_configurations_apart(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    one = drafting.fingerprint(settings, "product", False)
    assert one == drafting.fingerprint(load_settings(home=tmp_path / "other"), "product", False)
    assert one != drafting.fingerprint(settings, "product", True)
    assert one != drafting.fingerprint(load_settings(home=tmp_path, cards=5), "product", False)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_text("one")
    tuned = drafting.fingerprint(load_settings(adapter_path=adapter), "product", False)
    (adapter / "adapter_model.safetensors").write_text("two")
    assert len({one, tuned, drafting.fingerprint(load_settings(adapter_path=adapter), "product", False)}) == 3
    # The base knows nothing of an adapter.
    base = drafting.fingerprint(load_settings(adapter_path=adapter), "base", False)
    (adapter / "adapter_model.safetensors").write_text("three")
    assert base == drafting.fingerprint(load_settings(adapter_path=adapter), "base", False)


def test_a_table_is_put_between_the_marks_of_a_document() -> None:
    document = "# Title\n\n<!-- begin ladder -->\nold\n<!-- end ladder -->\n\nrest\n"
    assert report.insert(document, "ladder", "| new |\n") == document.replace("old", "| new |")
    with pytest.raises(DataError, match="no place for product"):
        report.insert(document, "product", "| new |")


def test_the_ladder_is_one_row_a_rung() -> None:
    reports = [report.Report(mode, "x", ()) for mode in drafting.MODES]
    table = report.compare(reports)
    assert [row[0] for row in table[1:]] == list(drafting.MODES)
    assert {len(row) for row in table} == {len(table[0])}
    assert report.to_markdown(table).count("\n") == len(table) + 1
