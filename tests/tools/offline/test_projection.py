from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.offline.projection import Projection, Shape, Shaper

GENE = {
    "_id": "1017",
    "symbol": "CDK2",
    "alias": ["CDKN2", "p33(CDK2)"],
    "ensembl": [{"gene": "E1", "protein": ["P1", "P2"]}, {"gene": "E2"}],
    "refseq": {"rna": "NM_1", "protein": "NP_1", "translation": [{"rna": "NM_1", "protein": "NP_1"}]},
    "go": {"BP": [{"id": "GO:1", "term": "a"}], "MF": {"id": "GO:2", "pubmed": 0}},
    "empty": None,
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["symbol"], {"symbol": "CDK2"}),
        (["ensembl.gene"], {"ensembl": [{"gene": "E1"}, {"gene": "E2"}]}),
        (["ensembl.protein"], {"ensembl": [{"protein": ["P1", "P2"]}]}),
        (["refseq.translation"], {"refseq": {"translation": [{"rna": "NM_1", "protein": "NP_1"}]}}),
        (["refseq.*"], {"refseq": GENE["refseq"]}),
        (["refseq"], {"refseq": GENE["refseq"]}),
        (["refseq", "-refseq.translation"], {"refseq": {"rna": "NM_1", "protein": "NP_1"}}),
        (["refseq", "-*.rna", "-refseq.protein"], {"refseq": {"translation": [{"protein": "NP_1"}]}}),
        (["go.*.id"], {"go": {"BP": [{"id": "GO:1"}], "MF": {"id": "GO:2"}}}),
        (["*.rna"], {"refseq": {"rna": "NM_1", "translation": [{"rna": "NM_1"}]}}),
        (["s*"], {"symbol": "CDK2"}),
        (["sym", "ref", "symbol.x", "nosuch"], {}),
        (["empty", "go.MF.pubmed"], {"empty": None, "go": {"MF": {"pubmed": 0}}}),
        (["_id"], {"_id": "1017"}),
        (["all"], GENE),
        (["symbol", "all"], GENE),
        ([], GENE),
        (None, GENE),
    ],
)  # fmt: skip
def test_fields(fields: list[str] | None, expected: dict[str, Any]) -> None:
    assert Projection(fields)(GENE) == expected


def test_exclusion_alone_keeps_the_rest() -> None:
    assert set(Projection(["-go", "-refseq", "-ensembl", "-_id"])(GENE)) == {"symbol", "alias", "empty"}


def test_gene_links_stand_in_only_where_their_field_is_asked_for_and_missing() -> None:
    ours = {"_id": "MONDO:1", "mondo": {"label": "x"}, "_hpo_genes": [{"symbol": "CFTR"}]}
    real = {**ours, "disgenet": {"genes_related_to_disease": [{"gene_name": "CFTR"}]}}
    links = {"_hpo_genes": [{"symbol": "CFTR"}]}
    for field in ("disgenet", "disgenet.genes_related_to_disease", "disgenet.genes_related_to_disease.gene_name"):
        assert Projection([field])(ours) == links
        assert "_hpo_genes" not in Projection([field])(real)
    for fields in (["mondo"], ["disgenet.xrefs"], ["mondo.label", "-_id"]):
        assert "_hpo_genes" not in Projection(fields)(ours)


def test_private_keys_never_show() -> None:
    variant = {"_id": "chr1:g.2A>G", "_id_hg19": "chr1:g.1A>G", "chrom": "1"}
    assert Projection(None)(variant) == {"_id": "chr1:g.2A>G", "chrom": "1"}
    assert Projection(["_id_hg19", "chrom"])(variant) == {"chrom": "1"}


keys = st.sampled_from(["a", "b", "c"])
documents = st.recursive(
    st.integers(), lambda below: st.dictionaries(keys, below, max_size=3) | st.lists(below, max_size=3), max_leaves=12
)
paths = st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=3).map(".".join)


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, path)]
    return [(path, value)]


@given(st.dictionaries(keys, documents), st.lists(paths, min_size=1, max_size=3))
def test_what_is_included_and_what_is_excluded_make_the_whole(document: dict[str, Any], chosen: list[str]) -> None:
    included = Projection(chosen)(document)
    excluded = Projection([f"-{path}" for path in chosen])(document)
    assert Counter(leaves(included)) + Counter(leaves(excluded)) == Counter(leaves(document))


def shape(document: dict[str, Any], **options: Any) -> dict[str, Any] | None:
    return Shaper(Shape(**options))(document)


def test_keys_are_sorted_unless_asked_otherwise() -> None:
    document = {"b": {"d": 1, "c": 2}, "a": [{"z": 1, "y": 2}], "_id": "x"}
    shaped = shape(document)
    assert shaped is not None
    assert list(shaped) == ["_id", "a", "b"]
    assert list(shaped["b"]) == ["c", "d"]
    assert list(shaped["a"][0]) == ["y", "z"]
    assert list(shape(document, sorted=False) or {}) == ["b", "a", "_id"]


def test_always_list_and_allow_null() -> None:
    document = {"a": {"b": 1}, "c": [{"d": 1}, {}], "n": None}
    assert shape(document, always_list=("a.b", "c.d", "n", "x")) == {"a": {"b": [1]}, "c": [{"d": [1]}, {}], "n": []}
    assert shape(document, allow_null=("x", "a.y", "q.y"), always_list=("x",)) == {
        "a": {"b": 1, "y": None}, "c": [{"d": 1}, {}], "n": None, "x": [],
    }  # fmt: skip


def test_dotfield_flattens() -> None:
    assert shape(GENE, dotfield=True) == {
        "_id": "1017",
        "symbol": "CDK2",
        "alias": ["CDKN2", "p33(CDK2)"],
        "ensembl.gene": ["E1", "E2"],
        "ensembl.protein": ["P1", "P2"],
        "refseq.rna": "NM_1",
        "refseq.protein": "NP_1",
        "refseq.translation.rna": "NM_1",
        "refseq.translation.protein": "NP_1",
        "go.BP.id": "GO:1",
        "go.BP.term": "a",
        "go.MF.id": "GO:2",
        "go.MF.pubmed": 0,
        "empty": None,
    }
    assert shape({"a": {"b": 1}}, dotfield=True, always_list=("a.b",)) == {"a.b": [1]}


def test_list_filter_keeps_the_entries_that_fit_all_conditions() -> None:
    entries = [{"source": "CDC", "count": 1}, {"source": "CDC", "count": 2}, {"source": "FDA", "count": 1}, "plain"]
    document = {"sider": {"effects": entries, "one": entries[0]}}

    def shaped(text: str) -> Any:
        document_or_none = Shaper(Shape(list_filter=text))(document)
        assert document_or_none is not None
        return document_or_none["sider"]

    assert shaped("sider.effects:source=CDC,FDA|count=1")["effects"] == [entries[0], entries[2]]
    assert shaped("sider.one:source=CDC")["one"] == [entries[0]]
    assert shaped("sider.nothing:source=CDC") == document["sider"]
    for malformed in ("effects:source=CDC", "sider.effects", "sider.effects:source", "sider.effects:a=1:b"):
        with pytest.raises(ValueError, match="list_filter"):
            Shaper(Shape(list_filter=malformed))


def test_jmespath_replaces_drops_and_refuses() -> None:
    document = {"tags": [{"name": "x", "v": 1}, {"name": "y", "v": 2}], "a": {"list": [3, 1, 2]}}
    assert shape(document, jmespath="tags|[?name=='x']") == {"a": {"list": [3, 1, 2]}, "tags": [{"name": "x", "v": 1}]}
    assert shape(document, jmespath="a.list|sort(@)") == {"a": {"list": [1, 2, 3]}, "tags": document["tags"]}
    assert shape(document, jmespath="|{n: length(tags)}") == {"n": 2}
    assert shape(document, jmespath="tags|[?name=='z']", jmespath_exclude_empty=True) is None
    for wrong in ("tags", "tags|[?", "tags|nosuch(@)"):
        with pytest.raises(ValueError, match="."):
            shape(document, jmespath=wrong)


def test_jmespath_comes_after_the_other_shapes_of_its_object() -> None:
    document = {"a": {"c": 1, "b": [3, 1, 3]}}
    assert shape(document, jmespath="a|keys(@)", allow_null=("a.x",)) == {"a": ["b", "c", "x"]}
    assert shape(document, jmespath="a.c|[0]", always_list=("a.c",)) == {"a": {"b": [3, 1, 3], "c": 1}}
    assert list((shape({"a": {"z": {"y": 1, "b": 2}}}, jmespath="a.z|keys(@)") or {})["a"]["z"]) == ["b", "y"]


def test_the_services_own_functions_in_jmespath() -> None:
    document = {"a": {"b": [3, 1, 3], "names": ["y", "x", "y"], "mixed": [1, "x", None], "objects": [{}]}}
    assert (shape(document, jmespath="a.b|unique(@)") or {})["a"]["b"] == [1, 3]
    assert (shape(document, jmespath="a.names|unique(@)") or {})["a"]["names"] == ["x", "y"]
    assert (shape(document, jmespath="a.mixed|unique_count(@)") or {})["a"]["mixed"] == 3
    for wrong in ("a.mixed|unique(@)", "a.objects|unique(@)", "a.objects|unique_count(@)", "a|unique(@)"):
        with pytest.raises(ValueError, match="."):
            shape(document, jmespath=wrong)


def test_jmespath_leaves_empty_entries_out_of_a_list() -> None:
    document = {"a": [{"n": [1]}, {"n": [2]}]}
    kept = shape(document, jmespath="a.n|[?@ > `1`]", jmespath_exclude_empty=True)
    assert kept == {"a": [{"n": [2]}]}
    assert shape(document, jmespath="a.n|[?@ > `2`]", jmespath_exclude_empty=True) is None
    with pytest.raises(ValueError, match="non-dict"):
        shape({"a": 1}, jmespath="a.n|[0]")


def test_shaping_leaves_the_document_alone() -> None:
    document = {"b": 1, "a": {"y": 1}}
    shape(document, dotfield=True, always_list=("b",), allow_null=("a.x",), jmespath="a|keys(@)")
    assert document == {"b": 1, "a": {"y": 1}}
    assert list(document) == ["b", "a"]
