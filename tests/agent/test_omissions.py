from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent import build_graph
from agent.omissions import left_out
from agent.said_fields import unasked
from agent.settings import Settings
from finetune.dataset import read_pairs
from tools.paths import data_dir
from tools.query import Query

TWO = "which diseases come with HP:0001250 but without HP:0001263?"
ONE_OF_TWO = "mydisease /v1/query?q=hpo.phenotype_related_to_disease.hpo_id:HP\\:0001250"
BOTH = f"{ONE_OF_TWO} AND NOT hpo.phenotype_related_to_disease.hpo_id:HP\\:0001263"


@pytest.mark.parametrize(
    ("question", "line", "missing"),
    [
        (TWO, ONE_OF_TWO, ["HP:0001263"]),
        (TWO, BOTH, []),
        ("REVEL above 0.7 in SCN5A", "myvariant /v1/query?q=clinvar.gene.symbol:SCN5A", ["0.7"]),
        ("rarer than 1% in gnomAD", "myvariant /v1/query?q=gnomad_genome.af.af:<0.01", []),
        ("rarer than 1 in 1000", "myvariant /v1/query?q=gnomad_genome.af.af:<0.001", []),
        ("approved after 2010", "mychem /v1/query?q=chembl.first_approval:>=2011", []),
        ("last evaluated after May 2023", "myvariant /v1/query?q=clinvar.rcv.last_evaluated:>2023-05", []),
        ('the trait "serum urate"', "myvariant /v1/query?q=gwassnps.trait:serum", ["serum urate"]),
        ('the trait "serum urate"', 'myvariant /v1/query?q=gwassnps.trait:"serum urate"', []),
        ("rs334, not rs12979860", "myvariant /v1/query?q=dbsnp.rsid:rs334", []),
        ("does MONDO:0005265 come with HP:0005798?",
         "mydisease /v1/disease/MONDO:0005265?fields=hpo.phenotype_related_to_disease", []),
        ("five drugs of phase 4", "mychem /v1/query?q=chembl.max_phase:4&size=5", []),
        ("polar surface area, xlogp and rotatable bonds of umeclidinium",
         "mychem /v1/query?q=chembl.pref_name:umeclidinium&fields=pubchem.xlogp,pubchem.rotatable_bond_count",
         ["polar surface area"]),
        ("xlogp and rotatable bonds of umeclidinium",
         "mychem /v1/query?q=chembl.pref_name:umeclidinium&fields=pubchem.xlogp,pubchem.rotatable_bond_count", []),
        ("Ensembl or Entrez id of TP53", "mygene /v3/query?q=symbol:TP53&fields=ensembl.gene", []),
        ("gene symbol and summary of CDK2", "mygene /v3/query?q=symbol:CDK2&fields=summary", []),
    ],
)  # fmt: skip
def test_what_is_left_out_is_named(question: str, line: str, missing: list[str]) -> None:
    assert left_out(Query.parse(line), question) == missing


def test_right_requests_leave_nothing_out() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::8] if pair.request != "none"]
    wrong = [pair for pair in pairs if left_out(Query.parse(pair.request), pair.question)]
    assert len(wrong) <= 0.006 * len(pairs)
    # Names of fields are looser than identifiers, quotes and bounds.
    others = [pair for pair in wrong if not unasked(Query.parse(pair.request), pair.question)]
    assert len(others) <= 0.003 * len(pairs)


def test_an_incomplete_draft_goes_back_with_what_is_missing(script: Callable[..., Any], settings: Settings) -> None:
    model = script(ONE_OF_TWO, BOTH)
    record = build_graph(settings).invoke({"question": TWO})
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["rejected", "ok"]
    assert "The request leaves out HP:0001263." in model.prompts[1]
    assert record["request"] == BOTH


@pytest.mark.parametrize("second", [ONE_OF_TWO, "none", "mydisease /v1/query?q=nothing.of:this"])
def test_without_a_better_draft_the_first_is_made_and_what_it_lacks_is_said(
    second: str, script: Callable[..., Any], settings: Settings
) -> None:
    script(ONE_OF_TWO, second)
    record = build_graph(settings).invoke({"question": TWO})
    assert (record["status"], record["request"]) == ("answered", ONE_OF_TWO)
    assert "HP:0001263" in record["answer"]


def test_a_second_draft_without_an_end_does_not_cost_the_first(
    monkeypatch: pytest.MonkeyPatch, script: Callable[..., Any], settings: Settings
) -> None:
    model = script(ONE_OF_TWO, "mydisease /v1/query?q=hpo")
    answer = model.complete

    def complete(prompt: str, **options: Any) -> Any:
        completion = answer(prompt, **options)
        return completion if len(model.prompts) == 1 else replace(completion, finish_reason="length")

    monkeypatch.setattr(model, "complete", complete)
    record = build_graph(settings.model_copy(update={"max_repairs": 1})).invoke({"question": TWO})
    assert (record["status"], record["request"]) == ("answered", ONE_OF_TWO)


def test_with_no_repairs_allowed_nothing_goes_back(script: Callable[..., Any], settings: Settings) -> None:
    model = script(ONE_OF_TWO)
    record = build_graph(settings.model_copy(update={"max_repairs": 0})).invoke({"question": TWO})
    assert (record["status"], len(model.prompts)) == ("answered", 1)
