"""The same in another source, where a record lacks it in the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent import build_graph
from agent.elsewhere import SAME, same_elsewhere
from agent.settings import Settings
from tools.catalogue import load_catalogue
from tools.query import Query

WEIGHT = "mychem /v1/query?q=chembl.pref_name:tirofiban&fields=pubchem.molecular_weight"
CHEMBL = "mychem /v1/query?q=chembl.pref_name:tirofiban&fields=chembl.molecule_properties.full_mwt"


def test_all_fields_exist() -> None:
    for api, groups in SAME.items():
        catalogue = load_catalogue(api)
        assert [path for group in groups for path in group if not catalogue.exists(path)] == []


def test_what_has_a_value_or_is_not_held_is_not_looked_for_elsewhere() -> None:
    query = Query.parse(WEIGHT)
    assert "pubchem.molecular_weight" in same_elsewhere(query, [{"_id": "X"}], "weight of tirofiban")
    assert same_elsewhere(query, [{"pubchem": {"molecular_weight": 440.6}}], "weight of tirofiban") == {}
    assert same_elsewhere(query, [{"_id": "X"}], "weight of tirofiban", ["pubchem.molecular_weight"]) == {}
    assert same_elsewhere(query, [], "weight of tirofiban") == {}


def test_the_other_source_is_asked_and_named(script: Callable[..., Any], settings: Settings) -> None:
    script(WEIGHT)
    record = build_graph(settings).invoke({"question": "what does tirofiban weigh?"})
    assert (record["status"], record["request"]) == ("answered", CHEMBL)
    assert "440.61" in record["values"]
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["empty", "ok"]
    assert "The records have no value of pubchem.molecular_weight" in record["answer"]


def test_an_identifier_names_no_source() -> None:
    query = Query.parse("mydisease /v1/disease/MONDO:0007947?fields=mondo.xrefs.omim")
    assert (
        "hpo.omim" in same_elsewhere(query, [{"_id": "MONDO:0007947"}], "OMIM id of MONDO:0007947")["mondo.xrefs.omim"]
    )
    assert same_elsewhere(query, [{"_id": "MONDO:0007947"}], "Mondo's OMIM id of Marfan syndrome") == {}
    query = Query.parse("mydisease /v1/query?q=mondo.label:asthma&fields=disease_ontology.def")
    assert same_elsewhere(query, [{"_id": "X"}], "what do we know of the definition of asthma?") != {}
    assert same_elsewhere(query, [{"_id": "X"}], "definition of asthma in DO") == {}


@pytest.mark.parametrize("question", ["molecular weight of tirofiban in PubChem", "PubChem: weight of tirofiban"])
def test_a_source_that_is_named_is_what_is_wanted(
    question: str, script: Callable[..., Any], settings: Settings
) -> None:
    script(WEIGHT)
    record = build_graph(settings).invoke({"question": question})
    assert (record["status"], record["request"]) == ("empty", WEIGHT)


def test_what_the_snapshot_lacks_is_offered_where_it_is(script: Callable[..., Any], settings: Settings) -> None:
    line = "mychem /v1/query?q=chembl.pref_name:tirofiban&fields=pubchem.hydrogen_bond_donor_count"
    script(line)
    record = build_graph(settings).invoke({"question": "hydrogen bond donors of tirofiban"})
    assert (record["status"], record["request"]) == ("empty", line)
    assert "The snapshot has the like in chembl.molecule_properties.hbd" in record["answer"]
    script("mychem /v1/query?q=chembl.pref_name:tirofiban&fields=chembl.molecule_properties.hbd")
    record = build_graph(settings).invoke({"question": "chembl.molecule_properties.hbd of tirofiban"})
    assert (record["status"], record["values"][:1]) == ("answered", ["3"])
