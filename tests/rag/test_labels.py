from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.labels import LabelIndex
from tools.errors import DataError

CARDS = [
    ["allele number", "exac an"],
    ["allele number Finnish", "exac an fin"],
    ["allele count Finnish", "exac ac fin"],
    ["score", "score of the predictor"],
]
WORDS = sorted({word for card in CARDS for name in card for word in name.split()})


def best(text: str) -> int:
    return int(np.argmax(LabelIndex.build(CARDS).scores(text)))


@pytest.mark.parametrize(
    ("text", "card"), [("allele number", 0), ("the allele number in Finnish people", 1), ("Finnish allele count", 2)]
)
def test_the_name_that_is_said_most_wholly_wins(text: str, card: int) -> None:
    assert best(text) == card


def test_a_text_without_a_name_scores_nothing() -> None:
    assert not LabelIndex.build(CARDS).scores("of the").any()
    assert not LabelIndex.build(CARDS).scores("imatinib").any()


@given(st.lists(st.sampled_from(WORDS), min_size=1))
def test_scores_are_shares_and_saying_more_never_lowers_one(words: list[str]) -> None:
    index = LabelIndex.build(CARDS)
    less, more = index.scores(" ".join(words[:-1])), index.scores(" ".join(words))
    assert (more >= less - 1e-6).all()
    assert (more >= 0).all()
    assert (more < 1).all()


def test_saved_and_loaded_it_scores_the_same(tmp_path: Path) -> None:
    index = LabelIndex.build(CARDS)
    index.save(tmp_path)
    text = "Finnish allele numbers"
    assert np.array_equal(LabelIndex.load(tmp_path).scores(text), index.scores(text))


def test_a_damaged_index_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    LabelIndex.build(CARDS).save(tmp_path)
    (tmp_path / "owners.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="damaged"):
        LabelIndex.load(tmp_path)
