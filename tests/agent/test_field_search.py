from __future__ import annotations

import pytest

from agent.field_search import as_asked
from finetune.dataset import read_pairs
from tools.paths import data_dir
from tools.query import Query


@pytest.mark.parametrize(
    ("question", "drafted", "meant"),
    [
        ("which fields tell the age of onset?", "mydisease /v1/metadata/fields?search=hpo",
         "mydisease /v1/metadata/fields?search=onset"),
        ("gene fields with homolog in them", "mygene /v3/metadata/fields?search=homologs",
         "mygene /v3/metadata/fields?search=homolog"),
        ("fields about cancer, search \"tumor\"", "myvariant /v1/metadata/fields?search=cancer",
         "myvariant /v1/metadata/fields?search=tumor"),
        ("list the fields on mutationtaster", "mychem /v1/metadata/fields?search=mutationtaster",
         "myvariant /v1/metadata/fields?search=mutationtaster"),
        ("which fields hold pathways?", "mygene /v3/metadata/fields?search=pathway",
         "mygene /v3/metadata/fields?search=pathway"),
        ("columns: MGI", "mygene /v3/metadata/fields?search=MGI", "mygene /v3/metadata/fields?search=MGI"),
        ("which fields hold hprd?", "mygene /v3/metadata/fields?search=hprd", "mygene /v3/metadata/fields?search=HPRD"),
        ("which fields does mygene have?", "mygene /v3/metadata/fields", "mygene /v3/metadata/fields"),
    ],
)  # fmt: skip
def test_fields_are_listed_by_a_word_of_the_question(question: str, drafted: str, meant: str) -> None:
    assert as_asked(Query.parse(drafted), question).line == Query.parse(meant).line


def test_an_api_that_was_chosen_is_kept() -> None:
    drafted = Query.parse("mychem /v1/metadata/fields?search=mutationtaster")
    assert as_asked(drafted, "list the fields on mutationtaster", "mychem") == drafted


def test_the_training_pairs_are_left_as_they_are() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst") if "metadata/fields" in pair.request]
    assert len(pairs) > 30
    assert all(as_asked(Query.parse(pair.request), pair.question).line == pair.request for pair in pairs)
