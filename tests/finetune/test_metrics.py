"""Scores: what counts as right, legal, exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune import metrics

CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=go.BP&species=human"


def test_another_spelling_is_the_same_request_but_not_the_same_text() -> None:
    draft = "mygene /v3/query?species=9606&fields=go.BP&q=(symbol:cdk2)"
    assert metrics.canonical_match(draft, [CDK2])
    assert not metrics.ast_match(draft, [CDK2])
    assert metrics.ast_match("mygene /v3/query?species=human&fields=go.BP&q=symbol:CDK2", [CDK2])


@pytest.mark.parametrize(
    "draft",
    [
        "mygene /v3/query?q=symbol:CDK2&fields=go.BP",
        "mygene /v3/query?q=symbol:CDK4&fields=go.BP&species=human",
        "mygene /v3/query?q=symbol:CDK2&fields=go.MF&species=human",
        "mychem /v1/query?q=symbol:CDK2&fields=go.BP&species=human",
        "none",
        "",
        "mygene",
        "I think that you should ask mygene.",
    ],
)
def test_another_request_does_not_match(draft: str) -> None:
    assert not metrics.canonical_match(draft, [CDK2])
    assert not metrics.ast_match(draft, [CDK2])


def test_any_acceptable_request_will_do() -> None:
    other = "mygene /v3/query?q=(symbol:CDK2 OR alias:CDK2)&fields=go.BP&species=human"
    scores = metrics.score(other, [CDK2, other], ["which processes is human CDK2 in"])
    assert scores.right and scores.canonical and scores.ast and scores.chrf == pytest.approx(100)


@pytest.mark.parametrize(
    ("draft", "legal"),
    [
        (CDK2, True),
        ("none", True),
        ("", False),
        ("none of these", False),
        ("mygene /v3/query?q=symbol:CDK2&fields=no.such.field", False),
        ("mygene /v3/query?q=symbol:(CDK2", False),
        ("mygene /v3/query?q=symbol:CDK2&size=5000", False),
    ],
)
def test_legal(draft: str, legal: bool) -> None:
    assert metrics.is_legal(draft) is legal


def test_refusals() -> None:
    refused = metrics.score("none", ["none"], ["hello"])
    assert refused.right and refused.refused and refused.canonical is None
    missed = metrics.score(CDK2, ["none"], ["hello"])
    assert not missed.right and missed.refusal_expected and not missed.refused
    wrong = metrics.score("none", [CDK2], ["which processes is CDK2 in"])
    assert not wrong.right and wrong.refused and wrong.canonical is False and wrong.identifiers is None


@pytest.mark.parametrize(
    ("identifier", "text", "stands"),
    [
        ("HsT1192", "what is HsT1192?", True),
        ("HTT1192", "what is HsT1192?", False),
        ("rs123", "variant rs1234", False),
        ("rs1234", "variant RS1234", True),
        ("rs334", "dbSNP 334", True),
        ("HP:0002300", "diseases with HP 0002300", True),
        ("HP:0002300", "hpo term 2300", True),
        ("HP:0002300", "hpo term 23000", False),
        ("CHEMBL941", "ChEMBL 941", True),
        ("chr7:g.140453134T>C", "chr7 140,453,134 T>C", True),
        ("chr7:g.140453134T>C", "chr7 140453135 T>C", False),
        ("KTUFNOKKBVMGRW-UHFFFAOYSA-N", "ktufnokkbvmgrw-uhfffaoysa-n", True),
        ("BRCA1", "the BRCA1s", True),
    ],
)
def test_an_identifier_stands_in_a_conversation(identifier: str, text: str, stands: bool) -> None:
    assert metrics.stands_in(identifier, [text]) is stands


@given(st.from_regex(r"[A-Z]{2,5}[0-9]{2,6}", fullmatch=True), st.integers(0, 20))
def test_a_changed_digit_is_noticed(identifier: str, place: int) -> None:
    place = len(identifier) - 1 - place % sum(character.isdigit() for character in identifier)
    changed = identifier[:place] + str((int(identifier[place]) + 5) % 10) + identifier[place + 1 :]
    assert metrics.stands_in(identifier, [f"about {identifier}, please"])
    # Leading zeros are part of the frame that services add: 0012 and 12 may be one record.
    if not (identifier[place] == "0" or changed[place] == "0"):
        assert not metrics.stands_in(changed, [f"about {identifier}, please"])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (CDK2, ["CDK2"]),
        ("mygene /v3/query?q=entrezgene:1017", ["1017"]),
        ("myvariant /v1/query?q=clinvar.gene.symbol:BRCA1 AND cadd.phred:>25", ["BRCA1"]),
        ("mygene /v3/query?q=chr7:55000000-55300000&filter=type_of_gene:protein-coding", []),
        ('mydisease /v1/query?q=mondo.label:"cystic fibrosis"', []),
        ("mygene /v3/query?q=CDK2,BRCA1&scopes=symbol", ["CDK2", "BRCA1"]),
        ("myvariant /v1/variant/chr7:g.140453134T>C?fields=clinvar", ["chr7:g.140453134T>C"]),
        ("mychem /v1/query?q=chembl.first_approval:<1990", []),
    ],
)
def test_identifiers_of_a_request(line: str, found: list[str]) -> None:
    assert metrics.identifiers_of(line) == found


def test_identifiers_must_be_copied_and_none_left_out() -> None:
    both = "mygene /v3/query?q=symbol:(CDK2 OR BRCA1)&fields=summary"
    said = ["what do CDK2 and BRCA1 do"]
    assert metrics.identifiers_match(both, [both], said)
    assert not metrics.identifiers_match("mygene /v3/query?q=symbol:CDK2&fields=summary", [both], said)
    assert not metrics.identifiers_match("mygene /v3/query?q=symbol:(CDK2 OR BRCA2)&fields=summary", [both], said)
    # What a reader knows without its being said may be written where it is right.
    greek = "mygene /v3/query?q=symbol:PPARG&fields=summary"
    assert metrics.identifiers_match(greek, [greek], ["what does PPARγ do"])


@given(st.text(max_size=60))
def test_nothing_that_a_model_writes_raises(text: str) -> None:
    scores = metrics.score(text, [CDK2], ["which processes is human CDK2 in"])
    assert not scores.right
