"""Conditions that say again what another part of the request says."""

from __future__ import annotations

import pytest

from agent.echoes import without_echoes
from finetune.dataset import read_pairs
from tools.paths import data_dir
from tools.query import Query


@pytest.mark.parametrize(
    ("question", "drafted", "meant"),
    [
        ("schedule IV substances", "mychem /v1/query?q=ndc.deaschedule:CIV AND chembl.pref_name:schedule",
         "mychem /v1/query?q=ndc.deaschedule:CIV"),
        ("likely pathogenic variants of PTEN",
         'myvariant /v1/query?q=clinvar.gene.symbol:PTEN AND clinvar.rcv.clinical_significance:"likely pathogenic" '
         "AND clinvar.hgvs.coding:pathogenic",
         'myvariant /v1/query?q=clinvar.gene.symbol:PTEN AND clinvar.rcv.clinical_significance:"likely pathogenic"'),
        ("autophagy in KEGG and in WikiPathways",
         "mygene /v3/query?q=pathway.kegg.name:autophagy AND pathway.wikipathways.name:autophagy",
         "mygene /v3/query?q=pathway.kegg.name:autophagy AND pathway.wikipathways.name:autophagy"),
        ("headache along with tinnitus as side effects",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:tinnitus",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:tinnitus"),
        ("receptor genes with receptor binding",
         'mygene /v3/query?q=name:receptor AND go.MF.term:"receptor binding"',
         'mygene /v3/query?q=name:receptor AND go.MF.term:"receptor binding"'),
    ],
)  # fmt: skip
def test_an_echo_is_left_out(question: str, drafted: str, meant: str) -> None:
    assert without_echoes(Query.parse(drafted), question).line == meant


def test_right_requests_stay() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::6] if pair.request != "none"]
    queries = [(Query.parse(pair.request), pair.question) for pair in pairs]
    changed = [question for query, question in queries if without_echoes(query, question) is not query]
    assert len(changed) <= 0.001 * len(pairs), changed
