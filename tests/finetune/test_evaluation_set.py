"""The evaluation set: every question can be told apart, and every request that counts as right can be sent."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rapidfuzz import fuzz, process

from finetune import changes
from finetune.phrasing import load_phrasings
from tools.paths import data_dir
from tools.query import Query

KINDS = frozenset(
    {
        "lookup", "search", "count", "yesno", "location", "list", "batch", "range", "facet", "sort", "paging",
        "interval", "exists", "boolean", "get", "fields", "followup", "refusal",
    }
)  # fmt: skip
LEAST = {"blind": 200, "mygene": 105, "mydisease": 100, "followups": 64, "refusals": 56, "unseen": 200, "latest": 220}
FILES = sorted((data_dir() / "eval").glob("*.jsonl"))


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one evaluation file."""
    text = (data_dir() / "eval" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


ROWS = [row for path in FILES for row in rows(path.stem)]
REQUESTS = [(row["id"], line) for row in ROWS for line in row["requests"] if line != "none"]


@pytest.mark.parametrize("name", LEAST)
def test_a_file_holds_as_many_questions_as_it_must(name: str) -> None:
    assert len(rows(name)) >= LEAST[name]


def test_every_row_has_its_parts() -> None:
    for row in ROWS:
        assert set(row) - {"history"} == {"id", "question", "requests", "kind"}, row
        assert row["kind"] in KINDS, row
        assert row["question"].strip() and row["requests"], row
        assert ("history" in row) == (row["kind"] == "followup"), row
        assert all(turn.strip() for turn in row.get("history", ["-"])), row
        assert 0 < len(row.get("history", ["-"])) <= 3, row


def test_ids_and_questions_are_unique() -> None:
    ids = Counter(row["id"] for row in ROWS)
    questions = Counter((row["question"].strip().lower(), *row.get("history", ())) for row in ROWS)
    assert [key for key, count in ids.items() if count > 1] == []
    assert [key for key, count in questions.items() if count > 1] == []


def test_a_file_of_one_api_asks_that_api_only() -> None:
    for path in FILES:
        if path.stem in ("mygene", "myvariant", "mychem", "mydisease"):
            asked = {line.split(" ", 1)[0] for row in rows(path.stem) for line in row["requests"]}
            assert asked == {path.stem}


def test_refusals_are_refused_and_nothing_else_need_be() -> None:
    for row in ROWS:
        if row["kind"] == "refusal":
            assert row["requests"] == ["none"], row
        elif row["kind"] != "followup":
            assert "none" not in row["requests"], row
        assert "none" not in row["requests"] or len(row["requests"]) == 1, row


@pytest.mark.parametrize(("identifier", "line"), REQUESTS)
def test_a_request_can_be_sent_and_is_written_as_requests_are(identifier: str, line: str) -> None:
    assert Query.parse(line).check().line == line, identifier


def test_the_requests_of_a_question_differ() -> None:
    for row in ROWS:
        forms = [line if line == "none" else Query.parse(line).canonical for line in row["requests"]]
        assert len(set(forms)) == len(forms), row["id"]


def test_the_training_s_wordings_are_not_those_of_the_newest_questions() -> None:
    """Short questions are alike by chance ("next page"); beyond those, wordings that were copied would show here."""
    wordings = {words for ask in _wordings() if len((words := _words(ask)).split()) >= 4}
    questions = [_words(row["question"]) for row in rows("blind") if row["kind"] != "refusal"]
    long = [question for question in questions if len(question.split()) >= 4]
    near = [question for question in long if process.extractOne(question, wordings, scorer=fuzz.ratio, score_cutoff=88)]
    assert len(long) > 100
    assert len(near) <= 0.03 * len(long), near


def _wordings() -> Iterator[str]:
    for family in load_phrasings().families:
        for turn in family.all_turns:
            yield from turn.ask
    said = yaml.safe_load((Path(changes.__file__).parent / "followups.yaml").read_text(encoding="utf-8"))["say"]
    for asks in said.values():
        yield from asks


def _words(text: str) -> str:
    """The words of a question or of a phrasing, without its slots."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"\{[^}]*\}", " ", text).lower()))
