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
        ("schedule IV substances",
         "mychem /v1/query?q=ndc.deaschedule:CIV AND chembl.drug_mechanisms.target_name:schedule",
         "mychem /v1/query?q=ndc.deaschedule:CIV"),
        ("likely pathogenic variants of PTEN",
         'myvariant /v1/query?q=clinvar.gene.symbol:PTEN AND clinvar.rcv.clinical_significance:"likely pathogenic" '
         "AND clinvar.hgvs.coding:pathogenic",
         'myvariant /v1/query?q=clinvar.gene.symbol:PTEN AND clinvar.rcv.clinical_significance:"likely pathogenic"'),
        ("genes of the PID pathway atr_pathway",
         "mygene /v3/query?q=pathway.pid.id:atr_pathway AND _exists_:pathway.pid",
         "mygene /v3/query?q=pathway.pid.id:atr_pathway"),
        ("drugs with a KEGG id, but not in PubChem",
         "mychem /v1/query?q=_exists_:drugcentral.xrefs.kegg_drug AND NOT _exists_:pubchem",
         "mychem /v1/query?q=_exists_:drugcentral.xrefs.kegg_drug AND NOT _exists_:pubchem"),
        ("genes of the inner membrane or the intermembrane space",
         'mygene /v3/query?q=go.CC.term:("inner membrane" OR "intermembrane space") AND go.CC.term:"inner membrane"',
         'mygene /v3/query?q=go.CC.term:("inner membrane" OR "intermembrane space")'),
        ("autophagy in KEGG and in WikiPathways",
         "mygene /v3/query?q=pathway.kegg.name:autophagy AND pathway.wikipathways.name:autophagy",
         "mygene /v3/query?q=pathway.kegg.name:autophagy AND pathway.wikipathways.name:autophagy"),
        ("headache along with tinnitus as side effects",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:tinnitus",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:tinnitus"),
        ("receptor genes with receptor binding",
         'mygene /v3/query?q=name:receptor AND go.MF.term:"receptor binding"',
         'mygene /v3/query?q=name:receptor AND go.MF.term:"receptor binding"'),
        ("genes with function in their name in the cell cycle",
         'mygene /v3/query?q=name:function AND go.MF.term:"cell cycle"',
         'mygene /v3/query?q=name:function AND go.MF.term:"cell cycle"'),
        ("Which kinase genes have calcium ion binding?",
         'mygene /v3/query?q=name:kinase AND go.MF.term:"calcium ion binding"',
         'mygene /v3/query?q=name:kinase AND go.MF.term:"calcium ion binding"'),
        ("approved drugs indicated for nausea, side effects",
         "mychem /v1/query?q=chembl.max_phase:4 AND drugcentral.drug_use.indication.concept_name:nausea"
         "&fields=sider.side_effect.name",
         "mychem /v1/query?q=chembl.max_phase:4 AND drugcentral.drug_use.indication.concept_name:nausea"
         "&fields=sider.side_effect.name"),
        ("membrane transporter genes involved in transport",
         "mygene /v3/query?q=name:transporter AND go.BP.term:transport AND go.CC.term:membrane",
         "mygene /v3/query?q=name:transporter AND go.BP.term:transport AND go.CC.term:membrane"),
        ("BRCA2 variants for cancer that are in COSMIC",
         "myvariant /v1/query?q=clinvar.rcv.conditions.name:cancer AND _exists_:cosmic",
         "myvariant /v1/query?q=clinvar.rcv.conditions.name:cancer AND _exists_:cosmic"),
    ],
)  # fmt: skip
def test_an_echo_is_left_out(question: str, drafted: str, meant: str) -> None:
    assert without_echoes(Query.parse(drafted), question).line == meant


def test_right_requests_stay() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::6] if pair.request != "none"]
    queries = [(Query.parse(pair.request), pair.question) for pair in pairs]
    changed = [question for query, question in queries if without_echoes(query, question) is not query]
    assert len(changed) <= 0.001 * len(pairs), changed
