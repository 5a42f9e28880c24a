from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.lexical import LexicalIndex, terms
from tools.errors import DataError

CARDS = [
    [("genomic location", 3.0), ("where is it", 3.0), ("Chromosome, start and end", 1.0)],
    [("side effect", 3.0), ("adverse reactions", 3.0)],
    [("effect on the protein", 3.0), ("side chain", 3.0)],
]


def best(text: str) -> int:
    return int(np.argmax(LexicalIndex.build(CARDS).scores(text)))


@pytest.mark.parametrize(
    ("text", "card"),
    [("located on which chromosomes", 0), ("where is it", 0), ("adverse reaction", 1), ("side effects of it", 1),
     ("what is the effect on proteins", 2)],
)  # fmt: skip
def test_stems_phrases_and_question_words_find_their_card(text: str, card: int) -> None:
    assert best(text) == card


def test_terms_split_paths() -> None:
    assert terms("phenotype_related_to_disease.hpo_id") == terms("phenotype related disease hpo id")
    assert terms("YearFinal") == terms("year final")


def test_unknown_words_are_told_apart() -> None:
    assert LexicalIndex.build(CARDS).unknown("side effects of imatinib") == terms("imatinib")


def test_saved_and_loaded_it_scores_the_same(tmp_path: Path) -> None:
    index = LexicalIndex.build(CARDS)
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path)
    assert np.array_equal(loaded.scores("side effect"), index.scores("side effect"))


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path) -> None:
    LexicalIndex.build(CARDS).save(tmp_path)
    (tmp_path / "lexical.json").write_text("{")
    with pytest.raises(DataError, match="damaged") as caught:
        LexicalIndex.load(tmp_path)
    assert str(tmp_path) in caught.value.hint


def test_nothing_matches_nothing() -> None:
    assert not LexicalIndex.build(CARDS).scores("?! the of").any()
    assert LexicalIndex.build([]).scores("side").size == 0
