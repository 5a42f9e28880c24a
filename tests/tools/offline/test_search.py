"""What an index answers beside matching: ranking, intervals, shorthands, assemblies, facets, sorting, paging."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tools.errors import QueryError
from tools.offline.documents import BIN_SIZE
from tools.offline.search import SearchRequest, SearchResult
from tools.offline.store import Index, Store

GENES: list[dict[str, Any]] = [
    {"_id": "9", "symbol": "CDK2AP1", "name": "cyclin dependent kinase 2 associated protein 1", "taxid": 9606},
    {"_id": "12566", "symbol": "Cdk2", "name": "cyclin dependent kinase 2", "taxid": 10090, "entrezgene": "12566"},
    {"_id": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2", "taxid": 9606, "entrezgene": "1017",
     "type_of_gene": "protein-coding", "alias": ["CDKN2", "p33(CDK2)"], "uniprot": {"Swiss-Prot": "P24941"},
     "go": {"MF": {"id": "GO:0004693", "term": "cyclin-dependent protein kinase activity"}},
     "refseq": {"rna": ["NM_001798.5"]}, "HGNC": "1771", "SGD": "S000000364",
     "wikipedia": {"url_stub": "Cyclin-dependent_kinase_2"}, "ensembl": {"gene": "ENSG00000123374"},
     "genomic_pos": {"chr": "12", "start": 55966781, "end": 55972789, "strand": 1},
     "genomic_pos_hg19": {"chr": "12", "start": 56360553, "end": 56366568, "strand": 1}},
    {"_id": "7157", "symbol": "TP53", "name": "tumor protein p53", "taxid": 9606, "alias": ["P53", "LFS1"],
     "type_of_gene": "protein-coding",
     "genomic_pos": [{"chr": "17", "start": 7661779, "end": 7687546}, {"chr": "3", "start": 5, "end": 10}]},
    {"_id": "643904", "symbol": "PURPL", "name": "p53 upregulated regulator of p53 levels", "taxid": 9606,
     "type_of_gene": "ncRNA"},
    {"_id": "7", "symbol": "CDK2P1", "name": "cyclin dependent kinase 2 pseudogene 1", "taxid": 9606,
     "type_of_gene": "pseudo"},
    {"_id": "8", "symbol": "LONG", "name": "a gene of many bins", "taxid": 7227,
     "genomic_pos": {"chr": "X", "start": 1_000_000, "end": 3_000_000}},
]  # fmt: skip
VARIANTS: list[dict[str, Any]] = [
    {"_id": "chr7:g.140753336A>T", "_id_hg19": "chr7:g.140453136A>T", "chrom": "7",
     "vcf": {"position": "140753336"},
     "hg38": {"start": 140753336, "end": 140753336}, "hg19": {"start": 140453136, "end": 140453136},
     "clinvar": {"rcv": {"clinical_significance": "Pathogenic"}}},
    {"_id": "chr17:g.7675088C>T", "chrom": "17", "hg38": {"start": 7675088, "end": 7675088},
     "clinvar": {"rcv": {"clinical_significance": "Pathogenic"}}},
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("search"))
    store.add("mygene", GENES, True, None)
    store.add("myvariant", VARIANTS, True, "hg38")
    store.create("things", {"k": {"type": "keyword"}, "n": {"type": "float"}, "b": {"type": "boolean"},
                            "day": {"type": "date"}, "t": {"type": "text"}})  # fmt: skip
    things: list[dict[str, Any]] = [
        {"_id": "1", "k": ["b", "D"], "n": [1, 9], "b": True, "day": "2020-01-01"},
        {"_id": "2", "k": "c", "n": 5, "b": False, "day": "2021-01-01"},
        {"_id": "3", "k": "a", "n": 2, "b": True},
        {"_id": "4"},
    ]
    store.add("things", things, True, None)
    return store


@pytest.fixture(scope="module")
def genes(store: Store) -> Index:
    return store.index("mygene")


def search(index: Index, q: str | None = None, **options: Any) -> SearchResult:
    return index.search(SearchRequest(q=q, **options))


def found(index: Index, q: str | None = None, **options: Any) -> list[str]:
    return [hit.id for hit in search(index, q, **options).hits]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("cdk2", ["1017", "12566"]),
        ("p53", ["7157", "643904"]),
        ("tumor protein p53", ["7157"]),
        ("1017", ["1017"]),
        ("cyclin dependent kinase 2", ["1017", "12566"]),
        ("cdk2*", ["9", "1017", "12566", "7"]),
    ],
)
def test_ranking(genes: Index, q: str, first: list[str]) -> None:
    assert found(genes, q)[: len(first)] == first


def test_weights_are_not_multiplied(genes: Index) -> None:
    scores = {hit.id: hit.score for hit in search(genes, "type_of_gene:* OR taxid:10090").hits}
    assert scores["1017"] == pytest.approx(1.55)
    assert scores["12566"] == pytest.approx(1.3)
    assert scores["7"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ("chr12:55966781-55966781", ["1017"]),
        ("chr12:55,972,789-56,000,000", ["1017"]),
        ("chr12:55972790-56000000", []),
        ("chr12:1-300000000", ["1017"]),
        ("hg19.chr12:56360000-56361000", ["1017"]),
        ("chr12:56360000-56361000", []),
        ("chr3:10-20", ["7157"]),
        ("chr17:5-10", []),
        ("chrX:2000000-2000001", ["8"]),
        ("chrx:1-999999", []),
        ("chr12:55966781-" + "9" * 30, ["1017"]),
        ("chr12:1-" + "9" * 5000, ["1017"]),
        ("chr17:" + "9" * 30 + "-" + "9" * 31, []),
    ],
)
def test_gene_intervals(genes: Index, q: str, ids: list[str]) -> None:
    assert found(genes, q) == ids


@pytest.mark.parametrize(
    "q",
    [
        "GO:0004693",
        "go:0004693",
        "GO:000469*",
        "go:*4693",
        "GO:00046?3",
        "GO:0004639~",
        "hgnc:1771",
        "uniprot:P24941",
        "ensemblgene:ENSG00000123374",
        "refseq:NM_001798",
        "sgd:S000000364",
        "Wikipedia:Cyclin-dependent_kinase_2",
    ],
)
def test_shorthands(genes: Index, q: str) -> None:
    assert found(genes, q) == ["1017"]


def test_positions_are_out_of_reach_of_query_strings(genes: Index) -> None:
    assert found(genes, "genomic_pos.chr:12") == []
    assert found(genes, "_exists_:genomic_pos") == []
    assert "genomic_pos.start" in genes.coverage().fields


def test_mygene_refuses_values_of_the_wrong_type(genes: Index) -> None:
    with pytest.raises(QueryError, match='For input string: "human"'):
        search(genes, "taxid:human")


@pytest.mark.parametrize("q", ["+1017", " 01017 ", "0001017"])
def test_whole_numbers_are_entrez_ids(genes: Index, q: str) -> None:
    assert found(genes, q) == ["1017"]
    assert found(genes, q.strip() + "0" * 5000) == []


def test_factors_beyond_what_floats_hold(genes: Index) -> None:
    with pytest.raises(QueryError, match="boost must be a positive float"):
        search(genes, "symbol:cdk2^" + "9" * 400)
    for q in (f"(symbol:cdk2^{3 * 10**38})^{3 * 10**38}", f"((symbol:cdk2^{3 * 10**38})^{3 * 10**38})^0"):
        result = search(genes, q)
        assert result.total == 2
        scores = [result.max_score, *(hit.score for hit in result.hits)]
        assert all(score is not None and math.isfinite(score) for score in scores)


def test_narrowing(genes: Index) -> None:
    assert found(genes, "symbol:cdk2", taxids=[10090]) == ["12566"]
    assert found(genes, "symbol:cdk2", exists=["HGNC"]) == ["1017"]
    assert found(genes, "symbol:cdk2", missing=["HGNC"]) == ["12566"]
    assert found(genes, "symbol:cdk2", filters=["uniprot.Swiss-Prot:P24941"]) == ["1017"]
    assert found(genes, "symbol:cdk2", taxids=[]) == []
    with pytest.raises(QueryError):
        search(genes, filters=["symbol:("])


def test_a_user_s_mapping_makes_a_plain_api(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("mygene", {"symbol": {"type": "keyword"}, "taxid": {"type": "integer"}})
    store.add("mygene", GENES, True, None)
    assert found(store.index("mygene"), "taxid:human") == []


def test_assemblies(store: Store) -> None:
    variants = store.index("myvariant")
    result = search(variants, "clinvar.rcv.clinical_significance:pathogenic", assembly="hg19")
    assert (result.assembly, [hit.id for hit in result.hits]) == ("hg19", ["chr7:g.140453136A>T"])
    assert not {"hg38", "vcf"} & set(result.hits[0].source)
    # A search that is about no place goes through all variants, those of unknown hg19 position too.
    result = search(variants, "clinvar.rcv.clinical_significance:pathogenic")
    assert (result.assembly, result.total) == ("hg38", 2)
    result = search(variants, "clinvar.rcv.clinical_significance:pathogenic", assembly="hg38")
    assert sorted(hit.id for hit in result.hits) == ["chr17:g.7675088C>T", "chr7:g.140753336A>T"]
    assert not any(set(hit.source) & {"hg19", "_id_hg19"} for hit in result.hits)
    result = search(variants, "chrom:17")
    assert (result.assembly, result.total) == ("hg38", 1)
    assert found(variants, r"_id:chr7\:g.140453136A>T", assembly="hg38") == []
    assert variants.coverage().assemblies == {"hg19", "hg38"}
    document = variants.get("chr7:g.140453136A>T")
    assert document is not None
    assert document["_id"] == "chr7:g.140453136A>T"
    assert variants.get("chr7:g.140753336A>T", "hg19") is None
    assert variants.get("nothing") is None


@pytest.mark.parametrize(
    ("q", "assembly", "total"),
    [
        ("chr7:140453136", "hg19", 1),
        ("chr7:140753336", "hg38", 1),
        ("chr7:1-300000000", "hg19", 1),
        ("chr7:1-" + "9" * 5000, "hg19", 1),
        ("CHR7:140453136", None, 0),
        ("chr17:1-300000000", "hg38", 1),
        ("chr1:1-300000000", None, 0),
        (r"_id:chr7\:g.140453136A>T", "hg19", 1),
        (r"_id:chr7\:g.140753336A>T", "hg38", 1),
        ('"chr7:g.140453136A>T"', "hg19", 1),
        ("hg38.start:>1", "hg38", 2),
        ("chrom:7 AND hg38.end:140753336", "hg38", 1),
        ("hg19.start:140453136", "hg19", 1),
        ("_exists_:hg19", "hg19", 1),
        ("chrom:(7 OR 17)", "hg38", 2),
        ("hg19.start:1", None, 0),
    ],
)
def test_where_variants_are_looked_for(store: Store, q: str, assembly: str | None, total: int) -> None:
    result = search(store.index("myvariant"), q)
    assert (result.assembly if result.total else None, result.total) == (assembly, total)
    listed = search(store.index("myvariant"), q, after=-1, size=1000)
    assert (listed.total, sorted(hit.id for hit in listed.hits)) == (total, sorted(hit.id for hit in result.hits))
    # A filter is about places just as well.
    assert search(store.index("myvariant"), None, filters=[q]).total == total or ":" in q[:6]


def test_variants_of_both_assemblies_in_one_answer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("myvariant", [{"_id": "chr1:g.1A>T", "chrom": "1"}], True, "hg19")
    store.add("myvariant", [{"_id": "chr1:g.2A>T", "chrom": "1"}], False, "hg38")
    index = store.index("myvariant")
    assert search(index, "chrom:1").assembly == "hg19,hg38"
    assert search(index, "chrom:1", assembly="hg19").total == 1
    assert search(index, r"_id:chr1\:g.2A>T").assembly == "hg38"


@pytest.mark.parametrize(
    ("q", "assembly", "total"),
    [
        ("chr7:140453000-140454000", "hg19", 1),
        ("chr7:140453000-140454000", "hg38", 0),
        ("chr7:140,753,336", "hg38", 1),
        ("chr17:7675088 AND clinvar.rcv.clinical_significance:pathogenic", "hg38", 1),
        ("clinvar.rcv.clinical_significance:benign AND chr17:7675088", "hg38", 0),
    ],
)
def test_variant_intervals(store: Store, q: str, assembly: str, total: int) -> None:
    assert search(store.index("myvariant"), q, assembly=assembly).total == total


def test_variant_intervals_compare_positions(tmp_path: Path) -> None:
    random = Random(1)
    step = BIN_SIZE // 3
    documents: list[dict[str, Any]] = []
    for number in range(120):
        start = random.randrange(1, 40) * step + random.randrange(-1, 2)
        end = start + random.choice([0, 1, step, 5 * BIN_SIZE])
        documents.append({"_id": str(number), "chrom": random.choice("1X"), "hg38": {"start": start, "end": end}})
    store = Store(tmp_path)
    store.add("myvariant", documents, True, "hg38")
    index = store.index("myvariant")
    for first, last in [(0, 0), (step, step), (3 * step, 3 * step), (BIN_SIZE - 1, 4 * step), (1, 300_000_000)]:
        for chromosome in "1X":
            places = [(d["_id"], d["hg38"]) for d in documents if d["chrom"] == chromosome]
            expected = {name for name, place in places if place["start"] <= last and place["end"] >= first}
            found = search(index, f"chr{chromosome}:{first}-{last}", assembly="hg38", size=200)
            assert {hit.id for hit in found.hits} == expected


def test_facets(store: Store, genes: Index) -> None:
    facets = search(genes, facets=["type_of_gene", "taxid", "nothing"], facet_size=1).facets
    assert facets["type_of_gene"] == {
        "_type": "terms",
        "terms": [{"count": 2, "term": "protein-coding"}],
        "other": 2,
        "missing": 0,
        "total": 2,
    }
    assert facets["taxid"]["terms"] == [{"count": 5, "term": 9606}]
    assert facets["nothing"]["terms"] == []
    things = store.index("things")
    facets = search(things, facets=["k", "b", "day", "n"]).facets
    assert [row["term"] for row in facets["k"]["terms"]] == ["a", "b", "c", "d"]
    assert facets["b"]["terms"] == [{"count": 2, "term": "true"}, {"count": 1, "term": "false"}]
    assert facets["day"]["terms"][0]["term"] == "2020-01-01T00:00:00.000Z"
    with pytest.raises(QueryError, match="fielddata is disabled"):
        search(things, facets=["t"])


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        (["n"], ["1", "3", "2", "4"]),
        (["-n"], ["1", "2", "3", "4"]),
        (["k"], ["3", "1", "2", "4"]),
        (["-k"], ["1", "2", "3", "4"]),
        (["b", "-n"], ["2", "1", "3", "4"]),
        (["-b", "n"], ["1", "3", "2", "4"]),
        (["-_id"], ["4", "3", "2", "1"]),
        (["day"], ["1", "2", "3", "4"]),
    ],
)
def test_sorting(store: Store, sort: list[str], ids: list[str]) -> None:
    result = search(store.index("things"), sort=sort)
    assert [hit.id for hit in result.hits] == ids
    assert result.max_score is None


def test_what_cannot_be_sorted_by(store: Store) -> None:
    with pytest.raises(QueryError, match="No mapping found"):
        search(store.index("things"), sort=["nothing"])
    with pytest.raises(QueryError, match="fielddata is disabled"):
        search(store.index("things"), sort=["t"])


def test_facets_of_dates_beyond_the_calendar(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("days", {"day": {"type": "date"}})
    store.add("days", [{"_id": "1", "day": 9999999999999999}], True, None)
    terms = search(store.index("days"), facets=["day"]).facets["day"]["terms"]
    assert terms == [{"count": 1, "term": "+318857-05-20T17:46:39.999Z"}]


def test_paging(store: Store) -> None:
    things = store.index("things")
    for sort in ([], ["n"], ["b", "n"]):
        whole = found(things, sort=sort)
        assert [found(things, sort=sort, size=1, from_=n) for n in range(4)] == [[identifier] for identifier in whole]
        assert search(things, sort=sort, from_=9).total == 4
    assert search(things, size=1, from_=2).max_score == 1.0
    assert search(things, size=0).hits == []
