"""Fields that are said to be lacking."""

from __future__ import annotations

import pytest

from agent.lacking import with_stated_lack
from finetune.dataset import read_pairs
from tools.paths import data_dir
from tools.query import Query

EXISTS = "mychem /v1/query?q=chembl.max_phase:4 AND _exists_:drugbank.id"
LACKS = "mychem /v1/query?q=chembl.max_phase:4 AND NOT _exists_:drugbank.id"


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("approved drugs with no DrugBank id", LACKS),
        ("which approved drugs lack a DrugBank id?", LACKS),
        ("approved drugs without any DrugBank id, please", LACKS),
        ("approved drugs with a DrugBank id", EXISTS),
        ("approved drugs, but leave out those without a DrugBank id", EXISTS),
        ("approved drugs that aren't lacking a DrugBank id", EXISTS),
        ("is there no drug with a DrugBank id that is approved?", EXISTS),
        ("approved drugs with no ATC code and a DrugBank id", EXISTS),
    ],
)
def test_no_value_is_wanted_where_the_question_says_so(question: str, meant: str) -> None:
    assert with_stated_lack(Query.parse(EXISTS), question).line == meant


def test_right_requests_stay() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst") if "_exists_" in pair.request]
    queries = [(Query.parse(pair.request), pair.question) for pair in pairs]
    changed = [question for query, question in queries if with_stated_lack(query, question) is not query]
    assert len(changed) <= 0.001 * len(pairs), changed
