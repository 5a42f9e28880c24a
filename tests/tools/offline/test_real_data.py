"""The bundled snapshot itself: what plain words find first, and which variants a place finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.offline.search import SearchRequest
from tools.offline.store import Store


@pytest.fixture(scope="module")
def store(real_home: Path) -> Store:
    return Store(real_home)


@pytest.mark.parametrize(
    ("q", "symbol"),
    [
        ("cdk2", "CDK2"),
        ("CDK2", "CDK2"),
        ("p53", "TP53"),
        ("tumor protein p53", "TP53"),
        ("1017", "CDK2"),
        ("insulin receptor", "INSR"),
        ("insulin", "INS"),
        ("brca1", "BRCA1"),
        ("huntingtin", "HTT"),
    ],
)
def test_the_gene_that_is_meant_comes_first(store: Store, q: str, symbol: str) -> None:
    result = store.index("mygene").search(SearchRequest(q=q))
    assert (result.hits[0].source["symbol"], result.hits[0].source["taxid"]) == (symbol, 9606)


@pytest.mark.parametrize(
    ("q", "assembly"),
    [
        ("dbsnp.rsid:rs113488022", "hg38"),
        (r"_id:chr7\:g.140753336A>T", "hg38"),
        ("chr7:140753336", "hg38"),
        # Known by its position in both, so the older is tried first.
        (r"_id:chr1\:g.169519049T>C", "hg19"),
        ("dbsnp.rsid:rs6025", "hg38"),
    ],
)
def test_the_assembly_that_answers(store: Store, q: str, assembly: str) -> None:
    result = store.index("myvariant").search(SearchRequest(q=q))
    assert result.total >= 1
    assert result.assembly == assembly


def test_variants_are_not_missed_for_want_of_an_hg19_position(store: Store) -> None:
    index = store.index("myvariant")
    q = "clinvar.gene.symbol:CYP17A1"
    both, hg38, hg19 = (index.search(SearchRequest(q=q, assembly=name)).total for name in (None, "hg38", "hg19"))
    assert both == hg38 > hg19
    assert index.coverage().assemblies == {"hg19", "hg38"}
