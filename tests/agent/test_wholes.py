"""Values that are as whole as the question has them."""

from __future__ import annotations

import pytest

from agent.wholes import with_whole_values
from finetune.dataset import read_pairs
from rag.names import Names
from tools.paths import data_dir
from tools.query import Query

NAMES = Names.of({"phenotype": ["Ataxia", "Seizure"]})


@pytest.mark.parametrize(
    ("question", "drafted", "meant"),
    [
        ("drugs with QT prolongation as a side effect",
         "mychem /v1/query?q=sider.side_effect.name:QT AND sider.side_effect.name:prolongation",
         'mychem /v1/query?q=sider.side_effect.name:"QT prolongation"'),
        ("drugs with headache, nausea as side effects",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:nausea",
         "mychem /v1/query?q=sider.side_effect.name:headache AND sider.side_effect.name:nausea"),
        ("genes of the biological process 'x', I mean \"myelination\"",
         'mygene /v3/query?q=go.BP.term:"biological process"', "mygene /v3/query?q=go.BP.term:myelination"),
        ("twenty leukodystrophy diseases", 'mydisease /v1/query?q=mondo.label:"twenty leukodystrophy"&size=20',
         "mydisease /v1/query?q=mondo.label:leukodystrophy&size=20"),
        ("nine nail dysplasia", 'mydisease /v1/query?q=mondo.label:"nine nail dysplasia"',
         'mydisease /v1/query?q=mondo.label:"nine nail dysplasia"'),
        ("Bayer's approved drugs", 'mychem /v1/query?q=drugcentral.approval.company:"Bayer\'s approved drugs"',
         "mychem /v1/query?q=drugcentral.approval.company:Bayer"),
        ('CFTR variants that ClinVar calls "VUS"',
         'myvariant /v1/query?q=clinvar.rcv.clinical_significance:"Uncertain significance"',
         'myvariant /v1/query?q=clinvar.rcv.clinical_significance:"Uncertain significance"'),
        ('"founder" variants in BRCA1', "myvariant /v1/query?q=clinvar.gene.symbol:BRCA1",
         "myvariant /v1/query?q=clinvar.gene.symbol:BRCA1"),
        ("human genes with PF00069 PF07714", "mygene /v3/query?q=pfam:PF00069 AND pfam:PF07714",
         "mygene /v3/query?q=pfam:PF00069 AND pfam:PF07714"),
        ("all Pathogenic Truncating variants in PALB2 with at least two stars",
         "myvariant /v1/query?q=clinvar.rcv.clinical_significance:Pathogenic",
         "myvariant /v1/query?q=clinvar.rcv.clinical_significance:Pathogenic"),
        ("Crohn's disease", 'mydisease /v1/query?q=mondo.label:"Crohn\'s disease"',
         'mydisease /v1/query?q=mondo.label:"Crohn\'s disease"'),
        ("medicines withdrawn in Saudi Arabia", "mychem /v1/query?q=chembl.withdrawn_country:Saudi",
         'mychem /v1/query?q=chembl.withdrawn_country:"Saudi Arabia"'),
        ("psoriasis: which Mondo id? Psoriasis Mondo id please", "mydisease /v1/query?q=mondo.label:Psoriasis",
         "mydisease /v1/query?q=mondo.label:Psoriasis"),
    ],
)  # fmt: skip
def test_values_are_whole(question: str, drafted: str, meant: str) -> None:
    assert with_whole_values(Query.parse(drafted), question, NAMES).line == Query.parse(meant).line


def test_right_requests_stay() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::4] if "query?q=" in pair.request]
    queries = [(Query.parse(pair.request), pair.question) for pair in pairs]
    assert not [question for query, question in queries if with_whole_values(query, question, NAMES) is not query]
