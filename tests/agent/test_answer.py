"""What is said of responses: written out in full, since the wording is the product."""

from __future__ import annotations

from typing import Any

import pytest

from agent.direct import run_request
from agent.sentence import write_sentence
from agent.settings import Settings
from agent.values import asked_values, find, say, say_at, table
from tools.query import Query

GENE = {"_id": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2"}


def write(question: str, request: str, *hits: dict[str, Any], total: int | None = None, **rest: Any) -> str:
    offline, names = rest.pop("offline", False), rest.pop("names", None)
    result = {"hits": list(hits), "total": len(hits) if total is None else total, "facets": {}, "notfound": []} | rest
    return write_sentence(question, Query.parse(request), result, names, offline)


@pytest.mark.parametrize("go", [{"id": "GO:1", "term": "a"}, [{"id": "GO:1", "term": "a"}]])
def test_one_value_and_a_list_of_one_look_the_same(go: Any) -> None:
    request = "mygene /v3/query?q=symbol:CDK2&fields=go.BP"
    assert write("", request, {"_id": "1017", "go": {"BP": go}}) == "Biological processes (GO) of CDK2: a (GO:1)."
    assert asked_values(Query.parse(request), [{"go": {"BP": go}}]) == ["GO:1", "a"]


def test_a_long_list_says_of_how_many_it_shows_the_first() -> None:
    hit = {"_id": "1", "alias": [f"A{number}" for number in range(23)]}
    said = write("", "mygene /v3/query?q=symbol:X&fields=alias", hit)
    assert said.startswith("Alias symbols of X: A0; A1;") and said.endswith("A9 (first 10 of 23).")


def test_how_many_gets_the_number_first() -> None:
    request = "mygene /v3/query?q=name:kinase"
    assert write("how many kinases are there?", request, GENE, total=1797) == "1,797 genes match."
    assert write("how many?", request, GENE, total=1, offline=True) == "1 gene matches in the offline snapshot."
    hit = {"_id": "1", "pathway": {"kegg": [{"id": "hsa1", "name": "A"}, {"id": "hsa2", "name": "B"}]}}
    said = write("how many KEGG pathways is CDK2 in?", "mygene /v3/query?q=symbol:CDK2&fields=pathway.kegg", hit)
    assert said == "2 KEGG pathways of CDK2: A (hsa1); B (hsa2)."


def test_where_gets_the_place() -> None:
    hit = {"_id": "672", "genomic_pos": {"chr": "17", "start": 43044295, "end": 43170245, "strand": -1}}
    said = write("where is BRCA1?", "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos", hit)
    assert said == "BRCA1 is on chromosome 17, from 43,044,295 to 43,170,245 on the reverse strand (GRCh38)."


@pytest.mark.parametrize(
    ("question", "fields", "hit", "verdict"),
    [
        ("is CDK2 a pseudogene?", "type_of_gene", {"type_of_gene": "protein-coding"}, "No: "),
        ("is CDK2 protein coding?", "type_of_gene", {"type_of_gene": "protein-coding"}, "Yes: "),
        ("is CDK2 on chromosome 12?", "genomic_pos", {"genomic_pos": {"chr": "12", "start": 1, "end": 2}}, "Yes: "),
        ("is CDK2 on chromosome 2?", "genomic_pos", {"genomic_pos": {"chr": "12", "start": 1, "end": 2}}, "No: "),
        ("is CDK2 on the forward strand?", "genomic_pos.strand", {"genomic_pos": {"strand": -1}}, "No: "),
        ("is CDK2 involved in DNA repair?", "go.BP", {"go": {"BP": [{"id": "1", "term": "DNA repair"}]}}, "Yes: "),
        ("is CDK2 involved in vision?", "go.BP", {"go": {"BP": [{"id": "1", "term": "DNA repair"}]}}, "Biological"),
        ("does CDK2 have aliases?", "alias", {"alias": "p33"}, "Yes: "),
        ("does CDK2 have aliases?", "alias", {}, "No: "),
        ("what are aliases of CDK2?", "alias", {"alias": "p33"}, "Alias"),
    ],
)
def test_yes_and_no_only_where_the_response_decides(question: str, fields: str, hit: Any, verdict: str) -> None:
    said = write(question, f"mygene /v3/query?q=symbol:CDK2&fields={fields}", {"_id": "1017", **hit})
    assert said.startswith(verdict), said
    assert write(question, f"mygene /v3/query?q=symbol:CDK2&fields={fields}", {"_id": "1", **hit}, offline=True)


def test_offline_what_is_not_recorded_is_no_no() -> None:
    said = write("does CDK2 have aliases?", "mygene /v3/query?q=symbol:CDK2&fields=alias", {"_id": "1"}, offline=True)
    assert said == "Alias symbols of CDK2: nothing is recorded in the offline snapshot."


@pytest.mark.parametrize(
    ("significance", "verdict"),
    [
        ("Pathogenic", "Yes: "),
        ("Pathogenic/Likely pathogenic", "Yes: "),
        ("Benign", "No: "),
        ("Likely pathogenic", "Clin"),
    ],
)
def test_likely_pathogenic_is_neither_yes_nor_no(significance: str, verdict: str) -> None:
    hit = {"_id": "chr7:g.140753336A>T", "clinvar": {"rcv": {"clinical_significance": significance}}}
    request = "myvariant /v1/query?q=dbsnp.rsid:rs113488022&fields=clinvar.rcv.clinical_significance"
    assert write("is rs113488022 pathogenic?", request, hit).startswith(verdict)


def test_an_identified_thing_is_no_yes() -> None:
    hit = {"_id": "chr7:g.140753336A>T", "dbsnp": {"rsid": "rs113488022"}}
    said = write("is rs113488022 pathogenic?", "myvariant /v1/query?q=dbsnp.rsid:rs113488022", hit)
    assert not said.startswith(("Yes", "No"))


def test_several_hits_are_named_and_counted() -> None:
    hits = [{"_id": "MONDO:1", "hpo": {"inheritance": {"hpo_name": "dominant"}}}, {"_id": "MONDO:2"}]
    request = "mydisease /v1/query?q=mondo.label:ataxia&fields=hpo.inheritance"
    names = {"MONDO:1": "ataxia 1", "MONDO:2": "ataxia 2"}
    said = write("", request, *hits, names=names)
    assert said == "Inheritance of ataxia: dominant.\n1 other disease matches, but nothing is recorded there."
    hits[1]["hpo"] = {"inheritance": [{"hpo_name": "recessive"}]}
    said = write("", request, *hits, total=30, names=names)
    assert said == "30 diseases match; the first 2:\nataxia 1 (MONDO:1): dominant\nataxia 2 (MONDO:2): recessive"
    names["MONDO:2"] = "Ataxia"
    said = write("", request, *hits, names=names)
    assert said == "Inheritance of ataxia: recessive.\n1 other disease matches, by name, too."


def test_a_list_of_names_is_one_line() -> None:
    hits = [{"_id": str(number), "symbol": f"G{number}"} for number in range(3)]
    said = write("", "mygene /v3/query?q=kinase&fields=symbol", *hits, total=42)
    assert said == "42 genes match: G0; G1; G2 (first 3 of 42)."


def test_groups_facets_batches_and_listings() -> None:
    hit = {"_id": "1", "ensembl": {"gene": "ENSG1", "transcript": ["ENST1", "ENST2"]}}
    assert write("", "mygene /v3/query?q=symbol:X&fields=ensembl", hit) == (
        "Ensembl identifiers of X: gene id: ENSG1.\nEnsembl transcript ids of X: ENST1; ENST2."
    )
    facets = {"type_of_gene": {"terms": [{"term": "pseudo", "count": 1200}], "other": 3}}
    said = write("", "mygene /v3/query?q=kinase&facets=type_of_gene", GENE, total=1203, facets=facets)
    assert said == "1,203 genes match; by gene type (NCBI): pseudo 1,200, others 3."
    hits = [{"query": "CDK2", "_id": "1017", "name": "kinase"}]
    said = write("", "mygene /v3/query?q=CDK2,X&scopes=symbol&fields=name", *hits, notfound=["X"])
    assert said == "1 of 2 found. Not found: X.\nCDK2: kinase"
    said = write("", "mygene /v3/metadata/fields?search=kegg", {"field": "pathway.kegg"})
    assert said == "mygene has 1 field with 'kegg' in the name: pathway.kegg."


def test_a_whole_document_says_what_people_ask_for_most() -> None:
    hit = {"_id": "1017", "symbol": "CDK2", "name": "kinase", "alias": ["a", "b"], "pfam": "PF1", "taxid": 9606}
    hit["go"] = {"BP": {"id": "GO:1", "term": "t", "pubmed": [1, 2]}}
    said = write("", "mygene /v3/gene/1017", hit).splitlines()
    assert said[0] == "CDK2, kinase (NCBI gene 1017)."
    assert {"Alias symbols: a; b.", "Biological processes (GO): t (GO:1)."} <= set(said)
    header, rows = table(Query.parse("mygene /v3/gene/1017"), [hit])
    assert header == ["field", "value"]
    assert {"alias": "a; b", "go.BP": "t (GO:1)", "taxid": "human (9606)"}.items() <= dict(rows).items()  # type: ignore


def test_a_source_s_whole_record_is_said_part_by_part() -> None:
    hit = {"_id": "X", "chembl": {"pref_name": "ASPIRIN", "max_phase": 4, "molecule_properties": {"alogp": 1.31}}}
    said = write("", "mychem /v1/query?q=chembl.pref_name:aspirin&fields=chembl", hit)
    assert said.startswith("ChEMBL annotation of aspirin: preferred name: ASPIRIN; highest clinical phase: 4.")
    assert "calculated properties of aspirin: alogp: 1.31" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"chr": "X", "start": 1000, "end": 2000, "strand": 1}, "chrX:1,000-2,000, forward strand"),
        ({"name": "ABL1 kinase", "symbol": "ABL1"}, "ABL1 kinase (ABL1)"),
        ({"symbol": "Trp53", "taxid": 10090}, "Trp53 (mouse)"),
        ({"clinical_significance": "Benign", "conditions": {"name": "X"}}, "Benign for X"),
        ({"desc": "p53 domain", "id": "IPR1"}, "p53 domain (IPR1)"),
        ([True, 2.0, 0.5, None], "yes; 2; 0.5; None"),
        ({"af": 2e-05, "an_x": 3}, "af: 2e-05, an x: 3"),
    ],
)
def test_objects_are_said_in_a_line(value: Any, said: str) -> None:
    assert say(value) == said


def test_ontology_terms_are_said_by_name() -> None:
    assert say("HP:0001166") == "Arachnodactyly (HP:0001166)"
    assert say({"hpo_id": "HP:0001166", "evidence": "PCS"}) == "Arachnodactyly (HP:0001166)"
    assert say(["MONDO:9999999", "DOID:14323"]) == "MONDO:9999999; DOID:14323"
    assert say_at("_id", "MONDO:0007947") == "MONDO:0007947"


def test_the_hit_of_the_very_name_is_outlined() -> None:
    hits = [
        {"_id": "MONDO:1", "mondo": {"label": "Marfan syndrome, pig"}},
        {"_id": "MONDO:2", "mondo": {"label": "Marfan syndrome", "xrefs": {"omim": "154700"}}},
    ]
    said = write("what is Marfan syndrome?", 'mydisease /v1/query?q=mondo.label:"Marfan syndrome"', *hits)
    assert said.startswith("Marfan syndrome (MONDO:2).\n") and "154700" in said
    assert said.endswith("\n1 other disease matches, by name, too.")


def test_paths_are_found_through_lists_and_dotted_keys() -> None:
    document = {"a": [{"b": {"c": 1}}, {"b": [{"c": 2}, {"c": [3, 4]}]}], "x.y": {"z": 5}, "_license": "l"}
    assert find(document, "a.b.c") == [1, 2, 3, 4]
    assert find(document, "x.y.z") == [5]
    assert find(document, "a.none.c") == []


def test_a_table_has_a_row_for_each_hit() -> None:
    header, rows = table(
        Query.parse("mygene /v3/query?q=x&fields=alias"), [{"_id": "1", "alias": ["a", "b"]}, {"_id": "2"}]
    )
    assert (header, rows) == (["_id", "alias"], [["1", "a; b"], ["2", ""]])


@pytest.mark.parametrize(
    ("request_line", "status", "said"),
    [
        (
            "mygene /v3/query?q=symbol:CDK2&fields=name",
            "answered",
            "Full gene name of CDK2: cyclin dependent kinase 2.",
        ),
        ("mygene /v3/gene/1017", "answered", "CDK2, cyclin dependent kinase 2 (NCBI gene 1017)."),
        ("mygene /v3/gene/99999999999", "empty", "There is no gene 99999999999 in the offline snapshot"),
        ("mygene /v3/query?q=symbol:CDK2&fields=summary", "empty", "The offline snapshot does not hold summary."),
        ("mygene /v3/query?q=summary:kinase", "empty", "does not hold summary, so it cannot be searched by that"),
        ("mydisease /v1/disease/MONDO:0009061?fields=disgenet.genes_related_to_disease", "answered", "by HPO: CFTR"),
        ("myvariant /v1/variant/chr1:g.1A>G", "empty", "Most of its variants are known by their hg38 positions only."),
        ("mychem /v1/query?q=chembl.pref_name:imatinib&fields=gtopdb.interaction_targets", "answered", "(ABL1)"),
        ("mygene /v3/query?q=symbl:CDK2", "failed", "mygene has no field 'symbl'"),
        ("nonsense", "failed", "is not a request line"),
        ("mygene /v3/query?q=symbol:(CDK2", "failed", ""),
    ],
)
def test_requests_on_the_real_snapshot(settings: Settings, request_line: str, status: str, said: str) -> None:
    record = run_request(request_line, settings)
    assert (record["status"], record["question"]) == (status, request_line)
    assert said in record["answer"]
    assert (record["error"] is not None) == (status == "failed")


def test_the_question_shapes_the_answer_to_a_request(settings: Settings) -> None:
    request = "myvariant /v1/query?q=clinvar.gene.symbol:BRCA1 AND clinvar.rcv.clinical_significance:pathogenic"
    record = run_request(request, settings, question="how many pathogenic variants has BRCA1?")
    assert record["answer"].startswith(f"{record['total']:,} variants match in the offline snapshot.")
    assert record["values"] == [str(record["total"])]
