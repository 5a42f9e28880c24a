"""The commands that make data and read recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.commands import app
from finetune.dataset import read_pairs
from finetune.pairs import Pair
from finetune.plan import Plan, load_plan
from finetune.run import choose
from tools.errors import DataError


def test_data_are_made_and_further_pairs_added(tmp_path: Path) -> None:
    further, out = tmp_path / "further.jsonl", tmp_path / "pairs.jsonl"
    pair = Pair(
        question="what is ZZZ3 for?", request="mygene /v3/query?q=symbol:ZZZ3&fields=summary", family="correction"
    )
    unusable = {"question": "", "request": pair.request, "family": "paraphrase/unusable"}
    further.write_text(pair.model_dump_json() + "\n" + json.dumps(unusable) + "\n")
    arguments = ["data", "--count", "40", "--seed", "4", "--out", str(out), "--add", str(further)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    pairs = read_pairs(out)
    assert len(pairs) == 41 and pairs[-1] == pair
    assert "41 pairs" in result.output and "to train on" in result.output
    again = CliRunner().invoke(app, [*arguments[:6], str(tmp_path / "again.jsonl")])
    assert again.exit_code == 0 and read_pairs(tmp_path / "again.jsonl") == pairs[:-1]


def test_recipes() -> None:
    default, tiny = load_plan("default"), load_plan("tiny")
    assert default.data.pairs > 1000 > tiny.data.pairs
    changed = load_plan("tiny", {"training.rank": "7", "data.seed": "5"})
    assert (changed.training.rank, changed.data.seed) == (7, 5)
    assert Plan.model_validate({}).training.rank == 32


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("no-such", {}, "no recipe"),
        ("tiny", {"training.rnak": "7"}, "training.rnak"),
        ("tiny", {"training.rank": "many"}, "training.rank"),
        ("tiny", {"rank": "7"}, "no setting"),
    ],
)
def test_recipes_that_are_not_valid_say_so(name: str, changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_plan(name, changes)


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("training: {rank: 16}\n")
    assert load_plan(str(path)).training.rank == 16
    path.write_text("training: [\n")
    with pytest.raises(DataError, match="not YAML"):
        load_plan(str(path))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["evaluate", "--mode", "best"], 2, "'best' is none of"),
        (["export", "runs/none/adapter"], 2, "Say where it goes"),
        (["export", "runs/none/adapter", "--to", "x"], 1, "no adapter"),
        (["train", "--out", "x", "--pairs", "none.jsonl", "--base", "none"], 1, "cannot be read as pairs"),
        (["data", "--recipe", "none"], 1, "no recipe"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, arguments, env={"BIOTHINGS_ASSISTANT_HOME": str(tmp_path), "COLUMNS": "300"})
    assert result.exit_code == code and said in result.output, result.output
    assert "Traceback" not in result.output


def test_what_was_added_is_trained_on_whatever_is_cut() -> None:
    made = [Pair(question=f"q{n}", request="none", family="refusals/x") for n in range(5)]
    added = Pair(question="what is ZZZ3 for?", request="none", family="correction", source="corrected")
    assert choose([*made, added], 2) == [added, made[0]]
    assert choose(made, 3) == made[:3]
