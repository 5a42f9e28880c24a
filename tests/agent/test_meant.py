"""The field that a question calls by its name."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from agent.meant import with_named_field
from finetune.dataset import read_pairs
from rag.index import open_index
from rag.retrieve import Retriever
from tools.paths import data_dir
from tools.query import Query


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], dict[str, float]]:
    retriever = Retriever(open_index(tmp_path_factory.mktemp("index")))
    return retriever.called


@pytest.mark.parametrize(
    ("question", "drafted", "fields"),
    [
        ("SNOMED CT code of psoriasis", "ctd.chemical_related_to_disease.chemical_name", "mondo.xrefs.sctid"),
        ("for the SNOMED CT code: what is psoriasis?", "mondo.definition", "mondo.definition"),
        ("definition of psoriasis", "mondo.definition", "mondo.definition"),
        ("what is psoriasis?", "mondo.definition", "mondo.definition"),
        ("which chemicals go with psoriasis?", "ctd.chemical_related_to_disease.chemical_name",
         "ctd.chemical_related_to_disease.chemical_name"),
    ],
)  # fmt: skip
def test_the_named_field_is_asked_for(called, question: str, drafted: str, fields: str) -> None:
    query = Query.parse(f"mydisease /v1/query?q=mondo.label:psoriasis&fields={drafted}")
    assert with_named_field(query, question, called).fields == (fields,)


def test_right_requests_stay(called) -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst") if "fields=" in pair.request]
    alone = random.Random(5).sample([pair for pair in pairs if not pair.history], 2000)
    queries = [(Query.parse(pair.request), pair.question) for pair in alone]
    changed = [text for query, text in queries if with_named_field(query, text, called) is not query]
    assert len(changed) <= 0.003 * len(alone), changed
