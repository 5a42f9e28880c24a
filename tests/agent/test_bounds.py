"""Bounds lie on the side of their numbers that the question says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bounds import with_stated_bounds
from finetune.dataset import read_pairs
from tools.paths import data_dir
from tools.query import Query


def _mended(line: str, question: str, *, follows: bool = False) -> str:
    return with_stated_bounds(Query.parse(line), question, follows=follows).line


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        ("at least 7", ">=7"), ("7 minimum", ">=7"), ("7 or more", ">=7"), ("7+", ">=7"), ("not fewer than 7", ">=7"),
        ("more than or equal to 7", ">=7"), ("greater or equal to 7", ">=7"), ("> = 7", ">=7"),
        ("more than 7", ">7"), ("exceeding 7", ">7"), ("over 7", ">7"),
        ("at most 7", "<=7"), ("no more than 7", "<=7"), ("up to 7", "<=7"), ("7 or fewer", "<=7"),
        ("a maximum of 7", "<=7"), ("fewer than 7", "<7"), ("below 7", "<7"), ("seven or more", ">=7"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("drafted", ["<=7", ">7", "7"])
def test_the_sign_is_what_stands_beside_the_number(words: str, sign: str, drafted: str) -> None:
    path = "chembl.molecule_properties.aromatic_rings"
    line = _mended(f"mychem /v1/query?q={path}:{drafted}", f"molecules with {words} aromatic rings")
    assert Query.parse(line).canonical == Query.parse(f"mychem /v1/query?q={path}:{sign}").canonical


@pytest.mark.parametrize(
    ("question", "drafted", "meant"),
    [
        ("evaluated on or after 2023-01-01", ">2023-01-01", ">=2023-01-01"),
        ("evaluated since 2019", ">2019", ">=2019"),
        ("evaluated in 2019", "2019", "2019"),
    ],
)
def test_dates(question: str, drafted: str, meant: str) -> None:
    path = "clinvar.rcv.last_evaluated"
    expected = f"myvariant /v1/query?q=clinvar.gene.symbol:ATM AND {path}:{meant}"
    assert _mended(f"myvariant /v1/query?q=clinvar.gene.symbol:ATM AND {path}:{drafted}", question) == expected


@pytest.mark.parametrize(
    ("question", "drafted", "meant"),
    [
        ("frequency between 0.1 and 1 per cent", "[0.001 TO 0.001]", "[0.001 TO 0.01]"),
        ("frequency between 0.2 and 0.3", ">=0.2", "[0.2 TO 0.3]"),
        ("frequency 0.2-0.3", "[0.3 TO 0.3]", "[0.2 TO 0.3]"),
        ("frequency between 0.2 and 0.3", "[0.2 TO 0.3]", "[0.2 TO 0.3]"),
    ],
)
def test_a_range_has_both_ends(question: str, drafted: str, meant: str) -> None:
    path = "gnomad_genome.af.af"
    assert _mended(f"myvariant /v1/query?q={path}:{drafted}", question) == f"myvariant /v1/query?q={path}:{meant}"


@pytest.mark.parametrize(
    ("question", "drafted", "follows"),
    [
        ("go up from 28 to 84", ">84", True),
        ("what if I go up to 84?", ">84", True),
        ("raise the cutoff up to 84", ">84", True),
        ("CADD of 84 and a REVEL above 0.5", "84", False),
        ("more than 84 submitters, or CADD above 84", "<84", False),
        ("filter out those with a CADD above 84", "<=84", False),
        ("excluding CADD > 84", "<=84", False),
        ("CADD scores, nothing below 84", ">=84", False),
        ("a CADD that does not go above 84", "<=84", False),
        ("drop those below 84", ">=84", True),
        ("CADD worse than 84", ">84", False),
        ("a CADD of 84 and more than 5 submitters", "84", False),
        ("CADD 84 and lower conservation", "84", False),
        ("evaluated after 2021-02-20 with CADD above 20", ">20", False),
        ("exons 10-20 with CADD above 20", ">20", False),
        ("CADD score above 20 - 50 results please", ">20", False),
    ],
)
def test_what_is_not_clear_stays(question: str, drafted: str, follows: bool) -> None:
    line = f"myvariant /v1/query?q=cadd.phred:{drafted}"
    assert _mended(line, question, follows=follows) == line


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("drugs first approved in 2010 and later withdrawn", "mychem /v1/query?q=chembl.first_approval:2010"),
        ("approved in 2010 or before 2000", "mychem /v1/query?q=chembl.first_approval:2010"),
        ("drugs approved the year after 2000", "mychem /v1/query?q=chembl.first_approval:2001"),
        ("tell me more about 353061", "mygene /v3/query?q=retired:353061"),
        ("variant listed under 13961", "myvariant /v1/query?q=clinvar.variant_id:13961"),
        ("compounds with a charge of 2+", "mychem /v1/query?q=pubchem.formal_charge:2"),
    ],
)
def test_a_number_that_is_no_bound_stays(question: str, line: str) -> None:
    assert _mended(line, question) == line


def test_right_requests_stay() -> None:
    pairs = [pair for pair in read_pairs(data_dir() / "train" / "pairs.jsonl.zst")[::6] if pair.request != "none"]
    queries = [(Query.parse(pair.request), pair) for pair in pairs]
    changed = [
        pair.question
        for query, pair in queries
        if with_stated_bounds(query, pair.question, follows=bool(pair.history)).canonical != query.canonical
    ]
    assert len(changed) <= 0.001 * len(pairs), changed


@given(st.integers(1, 10**6), st.sampled_from([">", ">=", "<", "<="]))
def test_signs_are_words_too(number: int, sign: str) -> None:
    line = f"myvariant /v1/query?q=cadd.phred:{sign}{number}"
    assert _mended(line, f"CADD {sign} {number}") == line
