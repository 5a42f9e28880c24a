from __future__ import annotations

import pytest

from agent.repair import keeps_what_was_stated, loosen, narrow
from tools.query import Query


def lines(request: str) -> list[str]:
    return [query.line.partition("q=")[2] for query in loosen(Query.parse(request))]


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("mygene /v3/query?q=symbol:p53", ["(symbol:p53 OR alias:p53)"]),
        ("mygene /v3/query?q=symbol:p53&species=mouse", ["(symbol:p53 OR alias:p53)&species=mouse"]),
        ("mychem /v1/query?q=unii.unii:X", []),
        ("mygene /v3/gene/1017", []),
        ("mygene /v3/query?q=type_of_gene:pseudo", []),
    ],
)
def test_other_ways_to_search(request_line: str, expected: list[str]) -> None:
    assert lines(request_line)[: len(expected) or 1] == expected


def test_a_phrase_is_taken_apart_and_a_word_may_be_misspelt() -> None:
    found = lines('mydisease /v1/query?q=mondo.label:"systic fibrosis"')
    assert 'mondo.synonym.exact:"systic fibrosis"' in found[0]
    assert "mondo.label:(systic AND fibrosis)" in found
    assert any("systic~1" in line for line in found)


def test_what_is_denied_and_identifiers_stay_as_they_are() -> None:
    for line in lines("mygene /v3/query?q=symbol:p53 AND NOT alias:trp53&fields=name"):
        assert "NOT alias:trp53" in line and line.endswith("&fields=name")
    assert not any("~" in line for line in lines("mygene /v3/query?q=symbol:HSD17B10"))


def test_every_way_is_one_that_keeps_what_was_stated_and_can_be_sent() -> None:
    for text in (
        "mygene /v3/query?q=symbol:p53&fields=name&species=mouse",
        'mydisease /v1/query?q=mondo.label:"cystic fibrosis" AND hpo.inheritance.hpo_id:HP\\:0000007',
        "mychem /v1/query?q=chembl.pref_name:imatnib AND chembl.first_approval:>2000&fields=chembl.smiles",
    ):
        first = Query.parse(text)
        ways = list(loosen(first))
        assert ways
        for query in ways:
            query.check()
            assert keeps_what_was_stated(first, query), query.line


@pytest.mark.parametrize(
    ("repaired", "kept"),
    [
        ("mygene /v3/query?q=alias:p53 AND go.BP.term:apoptosis&fields=name&species=mouse", True),
        ("mygene /v3/query?q=p53 AND apoptosis&fields=name&species=mouse", True),
        ("mygene /v3/query?q=symbol:p53&fields=name&species=mouse", False),
        ("mygene /v3/query?q=symbol:p53 AND go.BP.term:apoptosis&fields=name", False),
        ("mygene /v3/query?q=symbol:p53 AND go.BP.term:apoptosis&fields=alias&species=mouse", False),
        ("mygene /v3/query?q=symbol:p53 AND NOT go.BP.term:apoptosis&fields=name&species=mouse", False),
        ("mychem /v1/query?q=p53 AND apoptosis&fields=name", False),
        ("mygene /v3/query?q=symbol:p53 OR go.BP.term:apoptosis&fields=name&species=mouse", False),
        (
            "mygene /v3/query?q=(symbol:p53 OR _exists_:symbol) AND go.BP.term:apoptosis&fields=name&species=mouse",
            False,
        ),
        ("mygene /v3/query?q=(symbol:p53 OR alias:p53) AND go.BP.term:apoptosis~1&fields=name&species=mouse", True),
    ],
)
def test_a_model_s_repair_is_judged(repaired: str, kept: bool) -> None:
    first = Query.parse("mygene /v3/query?q=symbol:p53 AND go.BP.term:apoptosis&fields=name&species=mouse")
    assert keeps_what_was_stated(first, Query.parse(repaired)) is kept


@pytest.mark.parametrize(
    ("first", "repaired", "kept"),
    [
        (
            "mygene /v3/query?q=symbol:(CDK2 OR p53)",
            "mygene /v3/query?q=symbol:(CDK2 OR p53) OR alias:(CDK2 OR p53)",
            True,
        ),
        ("mygene /v3/query?q=symbol:(CDK2 OR p53)", "mygene /v3/query?q=symbol:(CDK2 AND p53)", False),
        ("mygene /v3/query?q=symbol:(CDK2 OR p53)", "mygene /v3/query?q=CDK2,p53&scopes=symbol,alias", True),
        ("mygene /v3/gene/1017", "mygene /v3/query?q=retired:1017", True),
        ("mygene /v3/gene/1017", "mygene /v3/query?q=retired:1018", False),
        ("mydisease /v1/disease/MONDO:0009061", r"mydisease /v1/query?q=mondo.xrefs.omim:MONDO\:0009061", True),
        ("mygene /v3/query?q=chr7:1-300", "mygene /v3/query?q=chr8:1-300", False),
        ("mygene /v3/query?q=symbol:CDK*", "mygene /v3/query?q=symbol:*", False),
        ("mygene /v3/query?q=symbol:CDK2", "mygene /v3/query?q=*", False),
    ],
)
def test_what_is_asked_may_be_put_otherwise(first: str, repaired: str, kept: bool) -> None:
    assert keeps_what_was_stated(Query.parse(first), Query.parse(repaired)) is kept


def test_a_threshold_stays() -> None:
    first = Query.parse("mychem /v1/query?q=chembl.first_approval:>2015")
    assert not keeps_what_was_stated(first, Query.parse("mychem /v1/query?q=chembl.first_approval:>2005"))


def test_a_widened_request_is_narrowed_to_each_of_its_fields() -> None:
    wide = Query.parse(
        "mychem /v1/query?q=(chembl.pref_name:rutin OR chebi.name:rutin) AND _exists_:pubchem&fields=name"
    )
    assert [query.q for query in narrow(wide)] == [
        "chembl.pref_name:rutin AND _exists_:pubchem",
        "chebi.name:rutin AND _exists_:pubchem",
    ]
    assert not list(narrow(Query.parse("mygene /v3/query?q=(symbol:p53 OR alias:p53)")))
    assert not list(narrow(Query.parse("mychem /v1/query?q=chembl.pref_name:(rutin OR aspirin)")))
