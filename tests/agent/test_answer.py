"""What is said of responses: written out in full, since the wording is the product."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from agent.answer import _fetch_names
from agent.direct import run_request
from agent.intent import read_intent
from agent.sentence import species_needed, write_sentence
from agent.settings import Settings
from agent.values import asked_values, details, find, say, say_at, table
from tools.errors import DataError
from tools.query import Query

GENE = {"_id": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2"}
PROCESSES = {"go": {"BP": [{"id": "1", "term": "DNA repair"}, {"id": "2", "term": "mitosis"}]}}


class Page(BaseHTTPRequestHandler):
    """A web server that is no BioThings server."""

    def do_GET(self) -> None:
        body = b"<html>Nothing here</html>"
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def write(question: str, request: str, *hits: dict[str, Any], total: int | None = None, **rest: Any) -> str:
    offline, names, taxids = rest.pop("offline", False), rest.pop("names", None), rest.pop("taxids", ())
    species = rest.pop("species", None)
    result = {"hits": list(hits), "total": len(hits) if total is None else total, "facets": {}, "notfound": []} | rest
    return write_sentence(question, Query.parse(request), result, names, offline, taxids, species)


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
    hit["pathway"]["kegg"].pop()
    said = write("how many KEGG pathways is CDK2 in?", "mygene /v3/query?q=symbol:CDK2&fields=pathway.kegg", hit)
    assert said == "KEGG pathways of CDK2: 1, which is A (hsa1)."


def test_a_value_that_is_a_number_is_not_counted() -> None:
    hit = {"_id": "X", "pubchem": {"hydrogen_bond_acceptor_count": 4}}
    request = "mychem /v1/query?q=aspirin&fields=pubchem.hydrogen_bond_acceptor_count"
    said = write("how many hydrogen bond acceptors has aspirin?", request, hit)
    assert said.endswith(" of aspirin: 4.") and "1" not in said


def test_where_gets_the_place() -> None:
    hit = {"_id": "672", "genomic_pos": {"chr": "17", "start": 43044295, "end": 43170245, "strand": -1}}
    request = "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos"
    said = write("where is BRCA1?", f"{request}&species=human", hit)
    assert said == "BRCA1 is on chromosome 17, from 43,044,295 to 43,170,245 on the reverse strand (GRCh38)."
    # The assembly is that of human genes, so it is named only of those that are known to be human.
    assert write("", request, hit) == said.replace(" (GRCh38)", "")
    assert write("", f"{request}&species=mouse", hit) == said.replace(" (GRCh38)", "")
    assert write("", f"{request}&species=human,mouse", hit) == said.replace(" (GRCh38)", "")
    assert write("", request, {**hit, "taxid": 10090}, taxids={9606}) == said.replace(" (GRCh38)", "")
    lists = {key: [value] for key, value in hit["genomic_pos"].items()}  # type: ignore[attr-defined]
    assert write("", f"{request}&species=human&always_list=genomic_pos.chr", {"genomic_pos": lists}) == said
    hg19 = {"_id": "672", "genomic_pos_hg19": hit["genomic_pos"]}
    assert write("", request + "_hg19", hg19).endswith("(GRCh37).")
    for known in ({**hit, "taxid": 9606}, {**hit, "_id": "ENSG00000012048"}):
        assert write("", request, known) == said
    assert write("", request, hit, taxids={9606}) == said


@pytest.mark.parametrize(
    ("question", "fields", "hit", "verdict"),
    [
        ("is CDK2 a pseudogene?", "type_of_gene", {"type_of_gene": "protein-coding"}, "No: "),
        ("is CDK2 protein coding?", "type_of_gene", {"type_of_gene": "protein-coding"}, "Yes: "),
        ("is CDK2 on chromosome 12?", "genomic_pos", {"genomic_pos": {"chr": "12", "start": 1, "end": 2}}, "Yes: "),
        ("is CDK2 on chromosome 2?", "genomic_pos", {"genomic_pos": {"chr": "12", "start": 1, "end": 2}}, "No: "),
        ("is CDK2 on chromosome 12?", "genomic_pos.chr", {"genomic_pos": {"chr": "12"}}, "Yes: "),
        ("is CDK2 on chromosome 12?", "genomic_pos.start", {"genomic_pos": {"start": 12}}, "Gen"),
        ("is CDK2 on chromosome 2 or chromosome 12?", "genomic_pos.chr", {"genomic_pos": {"chr": "12"}}, "Chrom"),
        ("is MT-ND1 on chrM?", "genomic_pos.chr", {"genomic_pos": {"chr": "MT"}}, "Yes: "),
        ("is CDK2 on the forward strand?", "genomic_pos.strand", {"genomic_pos": {"strand": -1}}, "No: "),
        ("is NKX2-1 on the forward strand?", "genomic_pos.strand", {"genomic_pos": {"strand": 1}}, "Yes: "),
        ("is CDK2 on the - strand?", "genomic_pos.strand", {"genomic_pos": {"strand": -1}}, "Yes: "),
        ("is CDK2 on strand +1?", "genomic_pos.strand", {"genomic_pos": {"strand": -1}}, "No: "),
        ("is CDK2 on the plus or the minus strand?", "genomic_pos.strand", {"genomic_pos": {"strand": 1}}, "Str"),
        ("is CDK2 not protein coding?", "type_of_gene", {"type_of_gene": "protein-coding"}, "Gene type"),
        ("is CDK2 without aliases?", "alias", {}, "Alias"),
        ("isn’t CDK2 protein coding?", "type_of_gene", {"type_of_gene": "protein-coding"}, "Yes: "),
        ("is it so that CDK2 isn't protein coding?", "type_of_gene", {"type_of_gene": "protein-coding"}, "Gene type"),
        ("is CDK2 involved in DNA repair?", "go.BP", {"go": {"BP": [{"id": "1", "term": "DNA repair"}]}}, "Yes: "),
        ("is CDK2 involved in vision?", "go.BP", {"go": {"BP": [{"id": "1", "term": "DNA repair"}]}}, "Biological"),
        ("is CDK2 involved in vision?", "go.BP", {"go": {"BP": {"id": "1", "term": "not vision"}}}, "Biological"),
        ("is CDK2 involved in vision?", "go.BP", PROCESSES, "Not named among the 2 biological processes (GO) rec"),
        ("is CDK2 involved in RNA repair?", "go.BP", PROCESSES, "Biological"),
        ("is CDK2 involved in mitosys?", "go.BP", PROCESSES, "Yes: "),
        ("is CDK2 involved in many processes?", "go.BP", PROCESSES, "Biological"),
        ("does CDK2 have aliases?", "alias", {"alias": "p33"}, "Yes: "),
        ("does CDK2 have aliases?", "alias", {}, "No: "),
        ("what are aliases of CDK2?", "alias", {"alias": "p33"}, "Alias"),
    ],
)
def test_yes_and_no_only_where_the_response_decides(question: str, fields: str, hit: Any, verdict: str) -> None:
    said = write(question, f"mygene /v3/query?q=symbol:CDK2&fields={fields}", {"_id": "1017", **hit})
    assert said.startswith(verdict), said
    assert write(question, f"mygene /v3/query?q=symbol:CDK2&fields={fields}", {"_id": "1", **hit}, offline=True)


@pytest.mark.parametrize(
    ("question", "field", "value", "verdict"),
    [
        ("was rofecoxib withdrawn?", "withdrawn_flag", True, "Yes: "),
        ("was rofecoxib withdrawn?", "withdrawn_flag", False, "No: "),
        ("does rofecoxib have a black box warning?", "black_box_warning", 0, "No: "),
        ("does rofecoxib have a black box warning?", "black_box_warning", 1, "Yes: "),
        ("is rofecoxib oral?", "oral", False, "No: "),
        ("is rofecoxib a prodrug?", "prodrug", -1, "ChEMBL"),
        ("is rofecoxib approved?", "max_phase", 4, "Yes: "),
        ("is rofecoxib approved?", "max_phase", "2", "No: "),
        ("has rofecoxib been in clinical trials?", "max_phase", 2, "ChEMBL"),
        ("does rofecoxib have a full molecular weight?", "molecule_properties.full_mwt", 314.4, "Yes: "),
        ("is the molecular weight of rofecoxib right?", "molecule_properties.full_mwt", 314.4, "ChEMBL"),
    ],
)
def test_a_value_that_says_no_is_no_yes(question: str, field: str, value: Any, verdict: str) -> None:
    document: Any = value
    for key in reversed(field.split(".")):
        document = {key: document}
    request = f"mychem /v1/query?q=chembl.pref_name:rofecoxib&fields=chembl.{field}"
    for offline in (False, True):
        said = write(question, request, {"_id": "X", "chembl": document}, offline=offline)
        assert said.startswith(verdict), said


@pytest.mark.parametrize(
    ("question", "request_line", "hit", "yes"),
    [
        ("is CDK2 a tumour suppressor in humans?", "mygene /v3/query?q=symbol:CDK2&species=human", GENE, False),
        ("is CDK2 known to be a suppressor?", "mygene /v3/query?q=symbol:CDK2&species=human", GENE, False),
        ("is p53 a tumour suppressor?", "mygene /v3/query?q=(symbol:p53 OR alias:p53)", GENE, False),
        ("is CDK2 a tumour kinase?", "mygene /v3/query?q=symbol:CDK2 AND name:kinase", GENE, False),
        ("is CDK2 a human kinase?", "mygene /v3/query?q=symbol:CDK2 AND name:kinase&species=human", GENE, True),
        ("is cdk2 a kinase of mice?", "mygene /v3/query?q=symbol:CDK2 AND name:kinase&species=mouse", GENE, True),
        ("is CDK2 protein-coding?", "mygene /v3/query?q=symbol:CDK2&filter=type_of_gene:protein-coding", GENE, True),
        ("are there kinases?", "mygene /v3/query?q=name:kinase", GENE, True),
        ("is there a record of CDK2?", "mygene /v3/gene/CDK2", GENE, True),
        ("are there kinases of viral origin?", "mygene /v3/query?q=name:kinase", GENE, False),
        (
            "has rs1 a CADD score above 20?",
            "myvariant /v1/query?q=dbsnp.rsid:rs1 AND cadd.phred:>20",
            {"_id": "v"},
            True,
        ),
        (
            "does achondroplasia have autosomal dominant inheritance?",
            r"mydisease /v1/query?q=mondo.label:achondroplasia AND hpo.inheritance.hpo_id:HP\:0000006",
            {"_id": "MONDO:0007037"},
            True,
        ),
    ],
)
def test_yes_needs_all_of_the_claim_in_the_request(question: str, request_line: str, hit: Any, yes: bool) -> None:
    assert write(question, request_line, hit).startswith("Yes: ") is yes


def test_some_hits_of_more_decide_nothing_of_all() -> None:
    request = "mygene /v3/query?q=kinase&fields=type_of_gene"
    coding = [{"_id": str(number), "type_of_gene": "protein-coding"} for number in range(3)]
    assert write("are kinases pseudogenes?", request, *coding).startswith("No: ")
    assert not write("are kinases pseudogenes?", request, *coding, total=42).startswith("No")
    assert write("are all kinases protein coding?", request, *coding).startswith("Yes: ")
    assert not write("are all kinases protein coding?", request, *coding, total=42).startswith("Yes")


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("how many genes?", "count"),
        ("number of kinases", "count"),
        ("what is the number of kinases?", "count"),
        ("please tell me the number of kinases", "count"),
        ("total number of kinases", "count"),
        ("count pathogenic variants in BRCA1", "count"),
        ("uncertain significance variants in PALB2, count", "count"),
        ("the count of variants in BRCA1", "count"),
        ("which genes affect platelet count?", "values"),
        ("CAS number of aspirin", "values"),
        ("how much does aspirin weigh?", "values"),
        ("what is the CAS number of aspirin?", "values"),
        ("where is CDK2?", "values"),
        ("is CDK2 a gene?", "yes-no"),
    ],
)
def test_a_number_is_only_counted_where_it_is_asked_for(question: str, intent: str) -> None:
    assert read_intent(question) == intent


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


def test_one_name_of_several_genes_is_listed_for_each() -> None:
    hits = [{"_id": str(number), "symbol": "CDK2"} for number in range(3)]
    request = "mygene /v3/query?q=symbol:CDK2&fields=symbol"
    assert write("", request, *hits) == "3 genes match: CDK2; CDK2; CDK2."
    assert write("", request, *hits, total=9) == "9 genes match: CDK2; CDK2; CDK2 (first 3 of 9)."


@pytest.fixture
def brca1() -> list[dict[str, Any]]:
    places = {"12189": "11", "672": "17", "497672": "10"}
    return [{"_id": key, "genomic_pos": {"chr": name, "start": 1000, "end": 2000}} for key, name in places.items()]


def test_a_symbol_of_several_species_is_answered_for_the_human_gene(brca1: list[dict[str, Any]]) -> None:
    request = "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos"
    known: dict[str, Any] = {
        "species": {"672": 9606, "12189": 10090, "497672": 10116},
        "names": {"672": "BRCA1", "12189": "Brca1", "497672": "Brca1"},
    }
    said = write("where is BRCA1?", request, *brca1, **known)
    assert said == (
        "BRCA1 is on chromosome 17, from 1,000 to 2,000 (GRCh38).\n"
        "This is the human gene; 2 other genes of that symbol match, in mouse, rat; name a species to see them."
    )
    assert "; 41 other genes of that symbol match, in mouse, rat, …;" in write("", request, *brca1, total=42, **known)
    assert write("is BRCA1 on chromosome 17?", request, *brca1, **known).startswith("Yes: BRCA1 is on chromosome 17,")
    lines = [
        "3 genes match:",
        "Brca1 (mouse): chr11:1,000-2,000",
        "BRCA1 (human): chr17:1,000-2,000",
        "Brca1 (rat): chr10:1,000-2,000",
    ]
    # Where several species are asked for, or other genes may be meant, none comes first.
    for other in (f"{request}&species=human,mouse,rat", request.replace("symbol:", "")):
        assert write("", other, *brca1, **known).splitlines() == lines
    named = [{"_id": key, "symbol": name} for key, name in known["names"].items()]
    said = write("", "mygene /v3/query?q=symbol:BRCA1&fields=symbol", *named, **known)
    assert said == "3 genes match: BRCA1 (human); Brca1 (mouse); Brca1 (rat)."
    header, rows = table(
        Query.parse("mygene /v3/query?q=symbol:BRCA1"), [{**GENE, "taxid": 9606}, {**GENE, "taxid": 10090}]
    )
    assert header[-1] == "taxid" and [row[-1] for row in rows] == ["human (9606)", "mouse (10090)"]


def test_the_species_of_genes_is_asked_for_where_it_is_not_known(
    brca1: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [hit["_id"] for hit in brca1]
    line = "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos"
    query = Query.parse(line)
    assert species_needed(query, brca1) == ids
    assert species_needed(Query.parse(f"{line}&species=human,mouse"), brca1) == ids
    assert species_needed(query, [{**brca1[0], "taxid": 10090}, *brca1[1:]]) == ids[1:]
    # There, all are of one species.
    assert species_needed(Query.parse(f"{line}&species=human"), brca1) == species_needed(query, brca1, {9606}) == []
    assert species_needed(query, brca1[:1]) == []
    sent: list[Query] = []

    def execute(request: Query, *_: Any) -> Any:
        sent.append(request)
        return SimpleNamespace(hits=[{"_id": "672", "symbol": "BRCA1", "taxid": 9606}, {"query": "12189"}])

    monkeypatch.setattr("tools.client.execute", execute)
    runtime: Any = SimpleNamespace(backend=None)
    assert _fetch_names(query, brca1, (), runtime) == ({"672": "BRCA1"}, {"672": 9606})
    assert sent[0].ids == tuple(ids) and set(sent[0].fields) == {"symbol", "name", "entrezgene", "taxid"}


def test_the_name_that_leads_a_line_is_recorded() -> None:
    hits = [{"_id": "1", "symbol": "A1", "alias": "A"}, {"_id": "2", "symbol": "B"}, {"_id": "3"}]
    said = write("", "mygene /v3/query?q=kinase&fields=symbol,alias", *hits)
    assert said == "3 genes match:\nA1: alias symbols: A\nB\nNothing is recorded for 1 of them."
    hits = [{"query": "CDK2", "_id": "1017", "symbol": "CDK2"}]
    assert write("", "mygene /v3/query?q=CDK2&scopes=symbol&fields=symbol", *hits).endswith("\nCDK2: CDK2")


@pytest.mark.parametrize(
    ("fields", "said", "values", "header"),
    [
        ("refseq.*", "RefSeq protein accessions of CDK2: NP_1.", ["NM_1", "NP_1"], ["_id", "refseq.rna"]),
        ("ref*", "protein accessions: NP_1.", ["NM_1", "NP_1"], ["_id", "refseq"]),
        ("refseq.*a", "accessions of CDK2: NM_1.", ["NM_1"], ["_id", "refseq.rna"]),
        ("all", "CDK2 (NCBI gene 1017).", ["1017", "CDK2", "NM_1", "NP_1"], ["_id", "symbol"]),
        ("*", "CDK2 (NCBI gene 1017).", ["1017", "CDK2", "NM_1", "NP_1"], ["_id", "symbol"]),
        ("-name", "CDK2 (NCBI gene 1017).", ["CDK2"], ["_id", "symbol"]),
        ("zz*", "Zz* of CDK2: nothing is recorded.", [], ["_id", "zz*"]),
    ],
)
def test_patterns_of_fields_are_what_they_fit(fields: str, said: str, values: list[str], header: list[str]) -> None:
    hit = {"_id": "1017", "symbol": "CDK2", "refseq": {"rna": ["NM_1"], "protein": "NP_1"}}
    query = Query.parse(f"mygene /v3/query?q=symbol:CDK2&fields={fields}")
    assert said in write("", query.line, hit)
    assert asked_values(query, [hit]) == values
    assert table(query, [hit])[0][:2] == header


def test_a_source_s_own_spelling_stays() -> None:
    hit = {"_id": "chr1:g.1A>T", "gnomad_genome": {"af": {"af": 0.01}}}
    said = write("", "myvariant /v1/query?q=dbsnp.rsid:rs1&fields=gnomad_genome.af.af", hit)
    assert said == "gnomAD genome allele frequency of rs1: 0.01."


def test_null_is_no_value() -> None:
    assert table(Query.parse("mygene /v3/gene/1"), [{"_id": "1", "alias": None, "go": []}])[1] == []
    said = write("", "mygene /v3/query?q=symbol:CDK2&fields=alias", {"_id": "1017", "alias": None})
    assert said == "Alias symbols of CDK2: nothing is recorded."
    hit = {"_id": "1017", "ensembl": {"gene": "ENSG1", "protein": None, "transcript": [], "_license": "x"}}
    said = write("", "mygene /v3/query?q=symbol:CDK2&fields=ensembl", hit)
    assert said == "Ensembl identifiers of CDK2: gene id: ENSG1."


def test_of_a_list_of_groups_and_single_things_none_is_left_out() -> None:
    hit = {"_id": "X", "chembl": {"drug_indications": ["A", {"x": {"y": 1}}, {"name": "B"}]}}
    said = write("", "mychem /v1/query?q=aspirin&fields=chembl.drug_indications", hit)
    assert "A; " in said and "1" in said and "; B." in said


def test_a_further_page_is_told_as_one() -> None:
    hits = [{"_id": str(number), "symbol": f"G{number}"} for number in range(3)]
    request = "mygene /v3/query?q=kinase&from=10"
    assert write("", f"{request}&fields=symbol", *hits, total=42) == "42 genes match: G0; G1; G2 (items 11-13 of 42)."
    assert write("", request, *hits, total=42).endswith("G2 (NCBI gene 2) (items 11-13 of 42).")
    assert write("", request, hits[0], total=11).endswith("(item 11 of 11).")
    hits = [{**hit, "alias": "a"} for hit in hits]
    said = write("", f"{request}&fields=alias", *hits, total=42)
    assert said.startswith("42 genes match; items 11-13 of 42:\nG0: a\n")
    assert write("", f"{request}&fields=alias", total=5) == "5 genes match; there are none after the first 5."
    assert write("", "mygene /v3/query?q=kinase&size=0&fields=alias", total=5) == "5 genes match."


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
        ({"chr": ["X"], "start": [1000], "end": [2000], "strand": [-1]}, "chrX:1,000-2,000, reverse strand"),
        ({"chr": "X", "start": 1, "end": 2, "strand": [1, -1]}, "chrX:1-2"),
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
    # With `dotfield` a group is no object of its own.
    flat = {"_id": "1", "ensembl.gene": "ENSG1", "ensembl.protein.id": ["a", "b"]}
    assert find(flat, "ensembl") == [{"gene": "ENSG1", "protein.id": ["a", "b"]}]
    assert find(flat, "ensembl.protein") == [{"id": ["a", "b"]}]
    assert find({"a": {"b.c": 1}}, "a.b") == [{"c": 1}]


def test_a_table_has_a_row_for_each_hit() -> None:
    header, rows = table(
        Query.parse("mygene /v3/query?q=x&fields=alias"), [{"_id": "1", "alias": ["a", "b"]}, {"_id": "2"}]
    )
    assert (header, rows) == (["_id", "alias"], [["1", "a; b"], ["2", ""]])
    listing = [{"field": "pathway.kegg", "type": "object"}, {"field": "pathway.kegg.id", "type": "keyword"}]
    header, rows = table(Query.parse("mygene /v3/metadata/fields?search=kegg"), listing)
    assert (header, rows) == (["field", "type"], [["pathway.kegg", "object"], ["pathway.kegg.id", "keyword"]])


def test_what_a_sentence_leaves_out_of_one_hit_is_a_table() -> None:
    many = [f"A{number}" for number in range(12)]
    hit = {"_id": "1017", "symbol": "CDK2", "alias": many, "ensembl": {"gene": "ENSG1", "transcript": many}}

    def shown(rest: str, document: dict[str, Any] = hit) -> Any:
        return details(Query.parse(f"mygene /v3/query?q=symbol:CDK2{rest}"), document, 10)

    assert shown("&fields=alias") == (["alias"], [[item] for item in many])
    assert shown("&fields=ensembl") == (["ensembl.transcript"], [[item] for item in many])
    header, rows = shown("&fields=symbol,alias,ensembl")
    assert header == ["field", "value"] and rows[11:13] == [["alias", "A11"], ["ensembl.transcript", "A0"]]
    assert shown("&fields=symbol")[1] == shown("&fields=alias", {**hit, "alias": many[:10]})[1] == []
    assert shown("", {"_id": "1017", "symbol": "CDK2", "pfam": "PF1"})[1] == [["symbol", "CDK2"], ["pfam", "PF1"]]
    assert shown("", {"_id": "1017", "symbol": "CDK2", "taxid": 9606})[1] == []


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
        ("mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos", "answered", "on the reverse strand (GRCh38)."),
        ("mygene /v3/query?q=symbol:CDK2&fields=name&species=human,mouse", "answered", "genes only, none of mouse."),
        ("mygene /v3/query?q=symbol:zzz9&species=human,mouse", "empty", "genes only, none of mouse."),
        ("mygene /v3/query?q=name:kinase&sort=homologene.id", "answered", "so the hits are not sorted by that."),
        ("mygene /v3/query?q=name:kinase&facets=homologene.id", "answered", "so its values cannot be counted."),
        ("mygene /v3/query?q=name:kinase&missing=summary", "answered", "hold summary, so it cannot be searched"),
        ("mygene /v3/query?q=name:kinase AND NOT _exists_:summary", "answered", "does not hold summary, so it cannot"),
        ("mygene /v3/query?q=name:kinase OR summary:insulin", "answered", "does not hold summary, so it cannot"),
        ("mygene /v3/query?q=symbol:CDK2&fields=name&from=10", "answered", "there are none after the first 1."),
        ("mygene /v3/query?q=symbol:CDK2&fields=summary", "empty", "The offline snapshot does not hold summary."),
        ("mygene /v3/query?q=symbol:CDK2&fields=-summary", "answered", "CDK2, cyclin dependent kinase 2"),
        ("mygene /v3/query?q=symbol:CDK2&fields=all", "answered", "CDK2, cyclin dependent kinase 2"),
        ("mygene /v3/query?q=symbol:CDK2&fields=ensembl&dotfield=true", "answered", "ENSG00000123374"),
        ("http://[nonsense", "failed", "is not an address"),
        ("mygene /v3/query?q=summary:kinase", "empty", "does not hold summary, so it cannot be searched by that"),
        ("mydisease /v1/disease/MONDO:0009061?fields=disgenet.genes_related_to_disease", "answered", "by HPO: CFTR"),
        ("myvariant /v1/variant/chr1:g.1A>G", "empty", "Most of its variants are known by their hg38 positions only."),
        ("mychem /v1/query?q=chembl.pref_name:imatinib&fields=gtopdb.interaction_targets", "answered", "(ABL1)"),
        ("mygene /v3/query?q=type_of_gene:protein_coding", "empty", "value of type_of_gene; the nearest is protein"),
        ("myvariant /v1/query?q=clinvar.rcv.clinical_significance:patogenic", "empty", "the nearest is Pathogenic."),
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


def test_a_value_that_was_looked_for_elsewhere_is_not_missed(settings: Settings) -> None:
    record = run_request("mygene /v3/query?q=(name:kinase OR summary:kinase)&sort=_score", settings)
    assert record["status"] == "answered" and "does not hold" not in record["answer"]


def test_hpo_stands_in_for_all_hits_and_the_other_fields_stay(settings: Settings) -> None:
    request = "mydisease /v1/query?q=mondo.label:ataxia&fields=disgenet.genes_related_to_disease"
    few, many = run_request(request, settings), run_request(f"{request}&size=100", settings)
    assert len(many["hits"]) > 10 and len(many["values"]) > len(few["values"])
    assert many["answer"].count("by HPO:") == 10
    request = "mydisease /v1/disease/MONDO:0009061?fields=mondo.{},disgenet.genes_related_to_disease"
    record = run_request(request.format("label"), settings)
    assert "of cystic fibrosis: cystic fibrosis." in record["answer"] and "by HPO: CFTR" in record["answer"]
    assert {"cystic fibrosis", "CFTR"} <= set(record["values"])
    record = run_request(request.format("definition"), settings)
    assert "The offline snapshot does not hold mondo.definition." in record["answer"]
    assert "by HPO: CFTR" in record["answer"]


@pytest.mark.parametrize(
    ("q", "blamed"),
    [
        ("symbol:CDK2&filter=name:zzzyyy", "This part alone finds nothing: name:zzzyyy."),
        ("symbol:CDK2 AND type_of_gene:pseudo AND NOT name:zzzyyy", "no record fits all of them together"),
        ("symbol:CDK2 AND (name:zzzyyy OR name:xxxwww)", "finds nothing: name:(zzzyyy OR xxxwww)."),
        ("type_of_gene:pseudo AND (symbol:CDK2 OR symbol:zzzyyy)", "no record fits all of them together"),
    ],
)
def test_blame_is_for_what_a_hit_must_fulfil(settings: Settings, q: str, blamed: str) -> None:
    record = run_request(f"mygene /v3/query?q={q}", settings)
    assert record["status"] == "empty" and blamed in record["answer"]


def test_the_request_shown_is_the_one_sent(settings: Settings) -> None:
    line = "mygene /v3/query?q=name:kinase&fields=symbol"
    wide = settings.model_copy(update={"hits": 50})
    record = run_request(line, wide)
    assert len(record["hits"]) == 50
    assert record["request"] == record["attempts"][0]["request"] == f"{line}&size=50"
    assert record["url"] == "https://mygene.info/v3/query?q=name:kinase&fields=symbol&size=50"
    assert run_request(f"{line}&size=3", wide)["request"] == f"{line}&size=3"
    assert run_request("mygene /v3/gene/1017?fields=symbol", wide)["request"] == "mygene /v3/gene/1017?fields=symbol"


def test_a_server_s_failure_is_an_attempt_of_the_record(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"backend": "http://127.0.0.1:9/v3", "timeout": 1.0})
    record = run_request("mygene /v3/gene/1017", nowhere)
    assert (record["status"], record["backend"]) == ("failed", "http://127.0.0.1:9/v3")
    assert [(row["outcome"], row["request"]) for row in record["attempts"]] == [("error", "mygene /v3/gene/1017")]
    assert record["error"] is not None and record["error"]["hint"]
    assert record["attempts"][0]["error"] == record["error"]["message"]
    assert record["seconds"]["execute"] > 0


def test_a_wrong_address_is_not_nothing_found(settings: Settings, service: str) -> None:
    for line in ("mygene /v3/query?q=symbol:CDK2", "mygene /v3/gene/1017"):
        record = run_request(line, settings.model_copy(update={"backend": f"{service}/elsewhere/v3"}))
        assert record["status"] == "failed" and record["error"] is not None
        assert "address" in record["error"]["hint"]


def test_a_fault_of_the_offline_data_keeps_its_own_words(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DataError("The disk is full.", "Make room.")

    monkeypatch.setattr("agent.runtime._runtimes", {})
    monkeypatch.setattr("tools.offline.store.Store.index", fail)
    record = run_request("mygene /v3/query?q=symbol:CDK2", settings)
    assert (record["status"], record["error"]) == ("failed", {"message": "The disk is full.", "hint": "Make room."})
    assert record["attempts"][0]["outcome"] == "error"


def test_the_question_shapes_the_answer_to_a_request(settings: Settings) -> None:
    request = "myvariant /v1/query?q=clinvar.gene.symbol:BRCA1 AND clinvar.rcv.clinical_significance:pathogenic"
    record = run_request(request, settings, question="how many pathogenic variants has BRCA1?")
    assert record["answer"].startswith(f"{record['total']:,} variants match in the offline snapshot.")
    assert record["values"] == [str(record["total"])]
