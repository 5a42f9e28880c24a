"""Corrections from the chat: reviewed, then pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.commands import app
from finetune.corrections import Correction, Review, corrections_path, to_pairs
from finetune.dataset import read_pairs
from finetune.evaluate import read_questions
from tools.errors import DataError, QueryError
from ui.feedback import Corrections

FIRST = "mygene /v3/query?q=symbol:ZZZ3&fields=pathway.kegg"
SECOND = "mygene /v3/query?q=symbol:ZZZ3&fields=pathway.kegg&species=rat"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with corrections as the chat writes them."""
    chat = Corrections(tmp_path)
    chat.save("ann", "KEGG pathways of ZZZ3, please", [], "mygene /v3/query?q=symbol:ZZZ3&fields=pathway", FIRST, 3)
    chat.save("bob", "and those in rats?", ["KEGG pathways of ZZZ3, please"], FIRST, SECOND, 1)
    chat.save("bob", "its summary now", ["something else"], "none", "mygene /v3/query?q=symbol:ZZZ3&fields=summary", 1)
    return tmp_path


def test_only_what_was_accepted_becomes_a_pair(home: Path) -> None:
    review = Review(corrections_path(home))
    first, second, third = review.pending()
    assert (first.request, second.history, third.draft) == (FIRST, ("KEGG pathways of ZZZ3, please",), "none")
    review.decide(first, "accepted")
    review.decide(second, "accepted")
    assert [row.id for row in review.pending()] == [third.id]
    pairs, left_out = to_pairs(review.accepted(), lambda question, turns: None)
    assert [pair.request for pair in pairs] == [FIRST, SECOND] and left_out == {}
    # The correction of the first turn is what the second one follows.
    assert pairs[1].history[0].request == FIRST and pairs[1].source == "corrected"
    review.decide(third, "rejected")
    assert Review(corrections_path(home)).pending() == []
    assert len(review.accepted()) == 2


def test_a_reviewer_may_put_another_request_in_place(home: Path) -> None:
    review = Review(corrections_path(home))
    row = review.pending()[0]
    with pytest.raises(QueryError):
        review.decide(row, "accepted", "mygene /v3/query?q=no.such:1")
    review.decide(row, "accepted", FIRST + "&size=3")
    assert review.accepted()[0].request == FIRST + "&size=3"


def test_what_cannot_be_learnt_is_left_out_with_the_reason(home: Path) -> None:
    question = next(row for row in read_questions() if not row.history and row.requests != ["none"])
    rows = [
        Correction(1, question.question, (), "none", FIRST, 1),
        Correction(2, "and then?", ("never corrected",), "none", FIRST, 1),
        Correction(3, "broken since", (), "none", "mygene /v3/query?q=no.such:1", 1),
    ]
    pairs, left_out = to_pairs(rows, lambda asked, turns: None)
    assert pairs == [] and set(left_out) == {1, 2, 3}
    assert left_out[1] == "question of the evaluation" and "earlier question" in left_out[2]
    pairs, _ = to_pairs(rows[1:2], lambda asked, turns: SECOND)
    assert pairs[0].history[0].request == SECOND


def test_the_command(home: Path, tmp_path: Path) -> None:
    environment = {"BIOTHINGS_ASSISTANT_HOME": str(home)}
    listed = CliRunner().invoke(app, ["corrections"], env=environment)
    assert listed.exit_code == 0 and "3 to review, 0 accepted" in listed.output and FIRST in listed.output
    out = tmp_path / "pairs.jsonl"
    done = CliRunner().invoke(
        app, ["corrections", "--review", "--out", str(out)], env=environment, input="accept\na\nreject\n"
    )
    assert done.exit_code == 0, done.output
    assert [pair.request for pair in read_pairs(out)] == [FIRST, SECOND]
    assert "0 to review, 2 accepted" in CliRunner().invoke(app, ["corrections"], env=environment).output


def test_a_correction_that_is_almost_right_is_edited(home: Path, tmp_path: Path) -> None:
    environment, out = {"BIOTHINGS_ASSISTANT_HOME": str(home)}, tmp_path / "pairs.jsonl"
    answers = ["edit", "mygene /v3/query?q=no.such:1", FIRST + "&size=3", "e", "later", "r"]
    done = CliRunner().invoke(
        app, ["corrections", "--review", "--out", str(out)], env=environment, input="\n".join(answers) + "\n"
    )
    assert done.exit_code == 0, done.output
    assert "no.such" in done.output
    assert [pair.request for pair in read_pairs(out)] == [FIRST + "&size=3"]
    assert [row.request for row in Review(corrections_path(home)).pending()] == [SECOND]


def test_no_corrections_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corrections"):
        Review(tmp_path / "missing.sqlite")
    other = tmp_path / "other.sqlite"
    other.write_text("this is no database, and long enough to tell " * 20)
    with pytest.raises(DataError, match="cannot be read"):
        Review(other)
