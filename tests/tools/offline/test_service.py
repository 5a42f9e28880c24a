"""The protocol, request by request, over a few documents in the real index."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgpack
import pytest
import yaml

from tools.offline.service import Reply, Service
from tools.offline.store import Store


class Caller:
    def __init__(self, store: Store) -> None:
        self.now = 1000.0
        self.service = Service(store, clock=lambda: self.now)

    def reply(self, address: str, method: str = "GET", body: Any = None, kind: str = "application/json") -> Reply:
        path, _, query = address.partition("?")
        data = b"" if body is None else (json.dumps(body) if "json" in kind else urlencode(body)).encode()
        return self.service.handle(method, path, parse_qs(query, keep_blank_values=True), data, kind)

    def get(self, address: str) -> Any:
        reply = self.reply(address)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def post(self, address: str, body: Any, kind: str = "application/json") -> Any:
        reply = self.reply(address, "POST", body, kind)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def ids(self, address: str) -> list[str]:
        return [hit["_id"] for hit in self.get(address)["hits"]]

    def refused(self, address: str, method: str = "GET", body: Any = None) -> dict[str, Any]:
        reply = self.reply(address, method, body)
        answer: dict[str, Any] = json.loads(reply.body)
        assert answer["code"] == reply.status
        assert answer["success"] is False
        return answer


@pytest.fixture
def call(store: Store) -> Caller:
    return Caller(store)


def test_a_query_answers_as_the_services_do(call: Caller) -> None:
    answer = call.get("/mygene/v3/query?q=symbol:CDK2&species=human")
    assert list(answer) == ["took", "total", "max_score", "hits"]
    (hit,) = answer["hits"]
    assert list(hit) == ["_id", "_score", "entrezgene", "name", "symbol", "taxid"]
    assert (answer["total"], answer["max_score"], hit["_id"]) == (1, hit["_score"], "1017")
    assert call.get("/mygene/v3/query/?q=symbol:CDK2&species=human&fields=all")["hits"][0]["HGNC"] == "1771"
    assert call.get("/mychem/v1/query?q=imatinib OR chembl.pref_name:imatinib")["hits"][0]["pubchem"] == {"cid": 5291}


def test_q_absent_empty_and_any(call: Caller) -> None:
    assert call.get("/mygene/v3/query")["total"] == 5
    assert call.get("/mygene/v3/query?q=__all__")["total"] == 5
    assert call.get("/mygene/v3/query?q=*&size=2")["total"] == 5
    assert call.get("/mygene/v3/query?q=__any__&size=1")["total"] == 5
    assert call.get("/mygene/v3/query?q=") == {"took": 0, "total": 0, "max_score": None, "hits": []}


def test_species_and_own_filters_of_mygene(call: Caller) -> None:
    assert call.ids("/mygene/v3/query?q=symbol:CDK2&species=mouse") == ["12566"]
    assert set(call.ids("/mygene/v3/query?q=symbol:CDK2&species=Human,10090")) == {"1017", "12566"}
    assert call.refused("/mygene/v3/query?q=x&species=klingon") == {
        "code": 400, "success": False, "error": "cannot map some species to taxids.",
    }  # fmt: skip
    assert set(call.ids("/mygene/v3/query?ensemblonly=1&entrezonly=1")) == {"1017", "12566", "672"}
    assert call.ids("/mygene/v3/query?exists=retired") == ["672"]
    assert set(call.ids("/mygene/v3/query?missing=ensembl.gene,retired")) == {"24525"}
    assert call.get("/mychem/v1/query?species=klingon")["total"] == 2


def test_filter_and_post_filter(call: Caller) -> None:
    assert set(call.ids("/mygene/v3/query?q=*&filter=symbol:BRCA1 symbol:KRAS")) == {"672", "24525"}
    assert call.ids("/mygene/v3/query?q=*&filter=symbol:BRCA1 symbol:KRAS&post_filter=taxid:9606") == ["672"]
    assert "root_cause_line_00" in call.refused("/mygene/v3/query?q=*&filter=symbol:(")


def test_facets(call: Caller) -> None:
    answer = call.get("/mygene/v3/query?facets=taxid,type_of_gene&size=0&facet_size=2")
    assert list(answer) == ["took", "total", "max_score", "facets"]
    assert answer["facets"]["taxid"] == {
        "_type": "terms", "terms": [{"count": 3, "term": 9606}, {"count": 1, "term": 10090}],
        "other": 1, "missing": 0, "total": 4,
    }  # fmt: skip
    assert answer["facets"]["type_of_gene"]["terms"] == [
        {"count": 4, "term": "protein-coding"}, {"count": 1, "term": "pseudo"},
    ]  # fmt: skip
    refused = call.refused("/mygene/v3/query?facets=taxid&facet_size=0")
    assert refused["root_cause_line_00"] == "[size] must be greater than 0. Found [0] in [taxid]"
    # Without a size of its own, a listing of everything gives the facets alone.
    assert "hits" not in call.get("/mygene/v3/query?aggs=taxid")
    assert len(call.get("/mygene/v3/query?q=symbol:CDK2&aggs=taxid")["hits"]) == 2


def test_what_is_filtered_afterwards_does_not_change_facets(call: Caller) -> None:
    for later in ("species_facet_filter=mouse", "post_filter=taxid:10090"):
        answer = call.get(f"/mygene/v3/query?q=symbol:CDK2&facets=taxid&{later}")
        assert (answer["total"], [hit["_id"] for hit in answer["hits"]]) == (1, ["12566"])
        assert answer["facets"]["taxid"]["total"] == 2


def test_sort_and_paging(call: Caller) -> None:
    assert call.ids("/widgets/v1/query?sort=-size&size=3") == ["w2499", "w2498", "w2497"]
    assert call.ids("/widgets/v1/query?sort=size&limit=2&skip=5") == ["w5", "w6"]
    first = call.get("/widgets/v1/query?q=widget&sort=size&size=1")
    assert (first["max_score"], first["hits"][0]["_score"]) == (None, None)
    for address, part in (
        ("sort=name", "Text fields are not optimised"),
        ("sort=nosuch", "No mapping found for [nosuch]"),
        ("sort=_id", "Cannot sort on the '_id' field"),
        ("sort=size:desc", "Did you mean 'sort=-size'?"),
        ("sort=-_score", "Did you mean 'sort=_score'?"),
        ("facets=name", "Text fields are not optimised"),
        ("from=9995", "Result window is too large"),
        ("from=10001", '"max": 10000'),
        ("size=1001", '"max": 1000'),
        ("size=x", "Expect type int."),
    ):
        assert part in json.dumps(call.refused(f"/widgets/v1/query?{address}")), address


def test_a_malformed_query_string_is_a_400(call: Caller) -> None:
    for q in ("symbol:CDK2 AND", "(a", "a OR", '"open', "go.*:x"):
        answer = call.refused(f"/mygene/v3/query?{urlencode({'q': q})}")
        assert (answer["code"], answer["error"]) == (400, "search_phase_execution_exception")
        assert answer["root_cause_line_00"]


def test_fetch_all_lists_everything_once(call: Caller) -> None:
    answer = call.get("/widgets/v1/query?q=widget&fetch_all=TRUE&fields=size&sort=name&size=3")
    seen = []
    while "hits" in answer:
        assert answer["total"] == 2500
        seen += [hit["_id"] for hit in answer["hits"]]
        assert set(answer["hits"][0]) == {"_id", "_score", "size"}
        call.now += 50
        answer = call.get(f"/widgets/v1/query?scroll_id={answer['_scroll_id']}")
    assert answer == {"success": False, "error": "No more results to return."}
    assert len(seen) == len(set(seen)) == 2500


def test_a_stale_or_foreign_cursor_is_refused(call: Caller) -> None:
    cursor = call.get("/widgets/v1/query?fetch_all=1")["_scroll_id"]
    stale = {"code": 400, "success": False, "error": "ValueError", "details": "Invalid or stale scroll_id."}
    assert call.refused(f"/mygene/v3/query?scroll_id={cursor}") == stale
    call.now += 61
    assert call.refused(f"/widgets/v1/query?scroll_id={cursor}") == stale
    assert call.refused("/widgets/v1/query?scroll_id=nonsense") == stale


def test_batches(call: Caller) -> None:
    rows = call.post("/mygene/v3/query", {"q": ["CDK2", "nosuch", "brca1"], "scopes": "symbol", "fields": "taxid"})
    assert [row["query"] for row in rows] == ["CDK2", "CDK2", "nosuch", "brca1"]
    assert rows[2] == {"query": "nosuch", "notfound": True}
    assert list(rows[3]) == ["query", "_id", "_score", "taxid"]
    form = "application/x-www-form-urlencoded"
    rows = call.post("/mygene/v3/query/", {"q": "1017,ENSG00000012048,2", "species": "human"}, form)
    assert [row["_id"] for row in rows] == ["1017", "672", "672"]
    assert [row.get("symbol") for row in rows] == ["CDK2", "BRCA1", "BRCA1"]
    rows = call.post("/mygene/v3/query", {"q": ["NM_001798", "1771", "P24941"], "scopes": "refseq,hgnc,uniprot"})
    assert [row["_id"] for row in rows] == ["1017"] * 3
    assert call.post("/widgets/v1/query", {"q": ["widget"], "scopes": "size,name", "size": 1})[0]["_id"]
    answer = call.post("/widgets/v1/query", {"q": ["widget", "x"], "scopes": "name", "with_total": True, "size": 2})
    assert (answer["max_total"], len(answer["hits"])) == (2500, 3)
    assert answer["msg"].startswith("1 query terms return > 2 hits, using from=2")
    assert call.post("/widgets/v1/query", {"q": ["name:widget AND size:7"], "scopes": []})[0]["_id"] == "w7"


def test_terms_of_a_batch_are_values_not_syntax(call: Caller) -> None:
    terms = ["p33(CDK2)", "a AND b", "NOT", "*", "CDK*", "x:y", '"', "\\", "/", "BRCA1 DNA repair associated"]
    rows = call.post("/mygene/v3/query", {"q": terms, "scopes": "alias,name,taxid"})
    found = {row["query"]: row.get("_id") for row in rows}
    assert found == {**dict.fromkeys(terms), "p33(CDK2)": "1017", "BRCA1 DNA repair associated": "672"}


def test_a_term_of_a_batch_is_no_range(call: Caller) -> None:
    rows = call.post("/mygene/v3/query", {"q": [">1", "<=9999999", "9606"], "scopes": "taxid,alias", "size": 1})
    assert [row.get("notfound") for row in rows] == [True, True, None]
    assert call.refused("/mygene/v3/gene/taxid:>1")["code"] == 404


def test_a_batch_has_limits(call: Caller) -> None:
    assert call.refused("/mygene/v3/query", "POST", {}) == {
        "code": 400, "success": False, "error": "Bad Request", "missing": "q",
    }  # fmt: skip
    assert call.refused("/mygene/v3/query", "POST", {"q": ["x"] * 1001})["max"] == 1000
    assert call.refused("/mygene/v3/gene", "POST", {"ids": ["x"] * 1001})["max"] == 1000
    assert len(call.post("/mygene/v3/query", {"q": [str(n) for n in range(5000, 6000)]})) == 1000


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/mygene/v3/gene/1017", "1017"),
        ("/mygene/v3/gene/ENSG00000123374", "1017"),
        ("/mygene/v3/gene/NCBIGene:1017", "1017"),
        ("/mygene/v3/gene/ENSEMBL:ENSG00000123374/", "1017"),
        ("/mygene/v3/gene/UniProtKB:P24941", "1017"),
        ("/mygene/v3/gene/2", "672"),
        ("/mygene/v3/gene/ENSMUSG00000099999", "12566"),
        ("/mygene/gene/symbol:brca1", "672"),
        ("/myvariant/v1/variant/chr7:g.140753336A%3ET", "chr7:g.140753336A>T"),
        ("/myvariant/v1/variant/chr7:140753336A%3ET", "chr7:g.140753336A>T"),
        ("/myvariant/v1/variant/rs113488022", "chr7:g.140753336A>T"),
        ("/myvariant/v1/variant/RCV000014992", "chr7:g.140753336A>T"),
        ("/myvariant/v1/variant/CLINVAR:13961", "chr7:g.140753336A>T"),
        ("/myvariant/v1/variant/CA000434", "chr17:g.7675088C>T"),
        ("/mychem/v1/chem/KTUFNOKKBVMGRW-UHFFFAOYSA-N", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mychem/v1/drug/CHEMBL941", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mychem/v1/compound/CHEBI:45783", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mychem/v1/chem/BKJ8M8G5HI", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mychem/v1/chem/DB00619", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mychem/v1/chem/5291", "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("/mydisease/v1/disease/MONDO:0009061", "MONDO:0009061"),
        ("/mydisease/v1/disease/DOID:1485", "MONDO:0009061"),
        ("/mydisease/v1/disease/OMIM:219700", "MONDO:0009061"),
        ("/mydisease/v1/disease/219700", "MONDO:0009061"),
        ("/mydisease/v1/disease/MESH:D003550", "MONDO:0009061"),
        ("/mydisease/v1/disease/ORPHANET:586", "MONDO:0009061"),
        ("/widgets/v1/doc/w7", "w7"),
        ("/widgets/v1/widgets/w7", "w7"),
    ],
)
def test_entities_by_every_form_of_identifier(call: Caller, path: str, expected: str) -> None:
    answer = call.get(path)
    assert (answer["_id"], answer["_version"]) == (expected, 1)
    assert "_score" not in answer


def test_entities_none_several_and_many(call: Caller) -> None:
    missing = {"code": 404, "success": False, "error": "Not Found."}
    assert call.refused("/mygene/v3/gene/0") == missing
    assert call.refused("/mygene/v3/gene/1017?species=mouse") == missing
    assert call.refused("/mygene/v3/gene/")["missing"] == "id"
    several = call.get("/mygene/v3/gene/symbol:cdk2?fields=taxid")
    assert sorted(row["taxid"] for row in several) == [9606, 10090]
    rows = call.post("/mygene/v3/gene", {"ids": "1017,0,ENSG00000012048", "fields": "symbol"})
    assert rows[0] == {"query": "1017", "_id": "1017", "_version": 1, "symbol": "CDK2"}
    assert rows[1] == {"query": "0", "notfound": True}
    assert rows[2]["_id"] == "672"


def test_documents_of_one_s_own_are_found_by_their_id(made_store: Callable[[], Store]) -> None:
    store = made_store()
    store.add("mygene", [{"_id": "999001", "symbol": "MINE"}, {"_id": "symbol:x", "entrezgene": "5"}], True, None)
    call = Caller(store)
    assert call.get("/mygene/v3/gene/999001")["symbol"] == "MINE"
    assert call.get("/mygene/v3/gene/symbol:x")["_id"] == "symbol:x"
    assert call.get("/mygene/v3/gene/5")["_id"] == "symbol:x"
    rows = call.post("/mygene/v3/gene", {"ids": "999001,999002"})
    assert [row.get("_id") for row in rows] == ["999001", None]


def test_assembly(call: Caller) -> None:
    reply = call.reply("/myvariant/v1/query?q=dbsnp.rsid:rs113488022")
    assert json.loads(reply.body)["total"] == 1
    assert reply.headers["x-assembly"] == "hg38"
    assert call.reply("/myvariant/v1/variant/rs113488022?assembly=hg38").headers["x-assembly"] == "hg38"
    assert call.get("/myvariant/v1/query?q=dbsnp.rsid:rs113488022&assembly=hg19")["total"] == 0
    assert call.refused("/myvariant/v1/variant/rs113488022?assembly=hg19")["code"] == 404
    assert call.refused("/myvariant/v1/query?q=x&assembly=hg18")["allowed"] == ["hg19", "hg38"]


def test_obsolete_diseases_are_left_out_unless_asked_for(call: Caller) -> None:
    assert call.ids("/mydisease/v1/query?q=*") == ["MONDO:0009061"]
    assert call.get("/mydisease/v1/query?q=*&ignore_obsolete=false")["total"] == 2
    assert call.refused("/mydisease/v1/disease/MONDO:0000001")["code"] == 404
    assert call.get("/mydisease/v1/disease/MONDO:0000001?ignore_obsolete=false")["mondo"]["is_obsolete"] is True


def test_gene_links_stand_in_for_what_the_snapshot_lacks(call: Caller) -> None:
    answer = call.get("/mydisease/v1/disease/MONDO:0009061?fields=disgenet.genes_related_to_disease")
    assert answer == {"_id": "MONDO:0009061", "_version": 1, "_hpo_genes": [{"symbol": "CFTR"}]}
    assert "_hpo_genes" not in call.get("/mydisease/v1/disease/MONDO:0009061?fields=mondo.label")


def test_shapes(call: Caller) -> None:
    base = "/mygene/v3/gene/1017?fields=ensembl.gene,alias,refseq"
    assert call.get(f"{base}&dotfield=1")["refseq.rna"] == ["NM_001798.5", "NM_052827.4"]
    assert call.get(f"{base}&always_list=ensembl&allow_null=go")["ensembl"] == [{"gene": "ENSG00000123374"}]
    assert call.get(f"{base}&allow_null=go.BP,pir")["pir"] is None
    assert list(call.get(f"{base}&_sorted=false"))[:2] == ["_id", "_version"]
    transformed = call.get(f"{base}&jmespath=alias|[0]")
    assert transformed["alias"] == "CDKN2"
    for wrong in ("alias", "alias|[", "alias|keys(@)"):
        assert call.refused(f"{base}&jmespath={wrong}")["code"] == 400


def test_list_filter_is_mychems(call: Caller) -> None:
    base = "/mychem/v1/query?q=imatinib&fields=chembl"
    assert call.get(f"{base}&list_filter=chembl.pref_name:a=b")["hits"][0]["chembl"]["pref_name"] == []
    assert call.refused(f"{base}&list_filter=chembl") == {
        "code": 400, "success": False, "error": "Bad Request", "keyword": "list_filter",
        "reason": "Invalid value for list_filter parameter", "details": "Invalid value for list_filter parameter",
    }  # fmt: skip
    assert call.get("/mygene/v3/query?q=cdk2&list_filter=chembl")["total"]


def test_formats(call: Caller) -> None:
    address = "/mygene/v3/query?q=symbol:CDK2&species=human&fields=symbol&size=1"
    plain = call.get(address)

    def without_time(answer: Any) -> Any:
        return {key: value for key, value in answer.items() if key != "took"}

    reply = call.reply(f"{address}&format=yaml")
    assert reply.headers["Content-Type"].startswith("text/x-yaml")
    assert without_time(yaml.safe_load(reply.body)) == without_time(plain)
    reply = call.reply(f"{address}&format=msgpack")
    assert reply.headers["Content-Type"] == "application/x-msgpack"
    assert without_time(msgpack.unpackb(reply.body)) == without_time(plain)
    reply = call.reply(f"{address}&format=html")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"&quot;CDK2&quot;" in reply.body
    assert call.reply(f"{address}&callback=f").body.startswith(b"f({")
    assert call.reply(f"{address}&callback=alert(1)//").headers["Content-Type"].startswith("application/json")
    assert call.reply("/mygene/v3/query?size=x&format=yaml").headers["Content-Type"].startswith("text/x-yaml")


def test_metadata(call: Caller) -> None:
    answer = call.get("/mygene/v3/metadata")
    assert answer["biothing_type"] == "gene"
    assert answer["stats"]["total"] == 5
    assert answer["taxonomy"]["human"] == 9606
    assert answer["build_version"]
    assert 10116 in answer["offline"]["taxids"]
    assert "ensembl.gene" in answer["offline"]["fields"]
    assert call.get("/myvariant/metadata/")["offline"]["assemblies"] == ["hg38"]


def test_field_listing(call: Caller) -> None:
    everything = call.get("/mygene/v3/metadata/fields")
    assert everything["symbol"]["type"] == "keyword"
    assert everything["symbol"]["searched_by_default"] is True
    assert everything["go"]["type"] == "object"
    assert not {"all", "refseq_agg", "accession_agg"} & set(everything)
    assert all(
        set(row) <= {"type", "index", "searched_by_default", "analyzer", "format", "fields"}
        for row in everything.values()
    )
    assert set(call.get("/mygene/v3/metadata/fields?search=kegg")) >= {"pathway.kegg", "pathway.kegg.id"}
    assert all(path.startswith("go") for path in call.get("/mygene/v3/metadata/fields/?prefix=go"))


def test_paths_methods_and_cors(call: Caller) -> None:
    for address in ("/nosuch/v1/query", "/mygene/v1/query", "/mygene/v3/nosuch", "/mygene/v3", "/mygene/v3/query/x"):
        assert call.refused(address)["code"] == 404
    assert call.refused("/mygene/v3/query", "DELETE")["code"] == 405
    assert call.refused("/mygene/v3/metadata", "POST")["code"] == 405
    preflight = call.reply("/mygene/v3/query", "OPTIONS")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert call.reply("/mygene/v3/query").headers["Access-Control-Allow-Origin"] == "*"
    head = call.reply("/mygene/v3/query", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert "/widgets/v1" in call.get("/")["apis"]


def test_explain_and_rawquery(call: Caller) -> None:
    hit = call.get("/mygene/v3/query?q=symbol:CDK2&species=human&explain=true")["hits"][0]
    assert hit["_explanation"]["value"] == hit["_score"]
    assert call.get("/mygene/v3/query?q=symbol:CDK2&species=human&rawquery")["offline"]["taxids"] == [9606]


def test_rawquery_of_batches_and_entities(call: Caller) -> None:
    rows = call.post("/mygene/v3/query", {"q": ["a b", 7], "scopes": "symbol,name", "rawquery": True})["offline"]
    assert [row["q"] for row in rows] == [r"symbol:a\ b OR name:a\ b", "symbol:7 OR name:7"]
    rows = call.post("/mygene/v3/query?rawquery=1", {"q": ["symbol:x"], "scopes": []})["offline"]
    assert [row["q"] for row in rows] == ["symbol:x"]
    assert call.get("/mygene/v3/gene/UniProtKB:P24941?rawquery=1")["offline"]["q"].startswith(
        "uniprot.Swiss-Prot:P24941"
    )
    rows = call.post("/mygene/v3/gene", {"ids": [1017, "x"], "rawquery": True})["offline"]
    assert [row["q"].partition(" ")[0] for row in rows] == ["entrezgene:1017", "_id:x"]


def test_a_listing_has_its_facets_first_and_keeps_its_filter(call: Caller, made_store: Callable[[], Store]) -> None:
    answer = call.get("/mygene/v3/query?fetch_all=1&facets=taxid&species_facet_filter=mouse")
    assert ([hit["_id"] for hit in answer["hits"]], answer["total"]) == (["12566"], 1)
    assert answer["facets"]["taxid"]["total"] == 5
    assert call.get(f"/mygene/v3/query?scroll_id={answer['_scroll_id']}")["success"] is False
    documents = [{"_id": f"b{n}", "taxid": 1 + n % 2} for n in range(2200)]
    store = made_store()
    store.add("mygene", documents, True, None)
    call = Caller(store)
    answer = call.get("/mygene/v3/query?fetch_all=1&facets=taxid&species_facet_filter=2&fields=taxid")
    answer = call.get(f"/mygene/v3/query?scroll_id={answer['_scroll_id']}")
    assert "facets" not in answer
    assert [hit["taxid"] for hit in answer["hits"]] == [2] * 100


def test_an_empty_query_string_has_empty_facets(call: Caller) -> None:
    empty = {"_type": "terms", "terms": [], "other": 0, "missing": 0, "total": 0}
    answer = call.get("/mygene/v3/query?q=&facets=taxid,type_of_gene")
    assert (answer["total"], answer["facets"]) == (0, {"taxid": empty, "type_of_gene": empty})
    assert "fielddata" in json.dumps(call.refused("/widgets/v1/query?q=&facets=name"))


@pytest.mark.parametrize(
    ("species", "ids"),
    [
        ("9443", {"1017", "672", "ENSG00000228570"}),
        ("39107", {"12566", "24525"}),
        ("mouse,314146", {"1017", "12566", "672", "24525", "ENSG00000228570"}),
        ("human", {"1017", "672", "ENSG00000228570"}),
        ("7742,all", {"1017", "12566", "672", "24525", "ENSG00000228570"}),
        ("33090", set()),
    ],
)
def test_species_with_all_below_them(call: Caller, species: str, ids: set[str]) -> None:
    assert set(call.ids(f"/mygene/v3/query?species={species}&include_tax_tree=true")) == ids
    answer = call.get(f"/mygene/v3/query?species={species}&include_tax_tree=1&fetch_all=1")
    assert {hit["_id"] for hit in answer["hits"]} == ids
    assert call.get("/mygene/v3/query?species=9443&include_tax_tree=false")["total"] == 0
    body = {"q": "CDK2,BRCA1,KRAS,NUTM2E", "scopes": "symbol", "species": species, "include_tax_tree": True}
    assert {row["_id"] for row in call.post("/mygene/v3/query", body) if "_id" in row} == ids
    assert call.refused("/mygene/v3/query?species=klingon&include_tax_tree=1")["code"] == 400


def test_species_out_of_range_are_refused(call: Caller) -> None:
    for taxid in ("99999999999999999999", "2147483648", "9" * 5000):
        assert "out of range for an integer" in call.refused(f"/mygene/v3/query?species={taxid}")["root_cause_line_00"]


def test_the_format_may_stand_in_a_body(call: Caller) -> None:
    body = {"q": "1017", "fields": "symbol", "format": "yaml"}
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        reply = call.reply("/mygene/v3/query", "POST", body, kind)
        assert reply.headers["Content-Type"].startswith("text/x-yaml")
        assert yaml.safe_load(reply.body)[0]["symbol"] == "CDK2"
    assert call.reply("/mygene/v3/query", "POST", {"q": ["1017"], "callback": "f"}).body.startswith(b"f([")
    reply = call.reply("/mygene/v3/query?format=msgpack", "POST", body)
    assert reply.headers["Content-Type"] == "application/x-msgpack"


def test_terms_that_are_none_are_refused(call: Caller) -> None:
    for term in (0, None, "", False):
        for address, body in (("query", {"q": ["x", term], "scopes": "symbol"}), ("gene", {"ids": ["x", term]})):
            assert call.refused(f"/mygene/v3/{address}", "POST", body)["details"] == "No search terms or scopes."
    for term in ({"a": 1}, ["a"]):
        for address, body in (
            ("query", {"q": ["x", term]}),
            ("query", {"q": [term], "scopes": []}),
            ("gene", {"ids": [term]}),
        ):
            assert (
                call.refused(f"/mygene/v3/{address}", "POST", body)["details"] == "A search term is a text or a number."
            )
    assert call.post("/mygene/v3/query", {"q": [""], "scopes": []}) == [{"query": "", "notfound": True}]


def test_large_numbers_in_every_format(made_store: Callable[[], Store]) -> None:
    store = made_store()
    store.add("mychem", [{"_id": "x", "n": 2**70, "m": -(10**400)}], True, None)
    call = Caller(store)
    assert call.get("/mychem/v1/chem/x")["n"] == 2**70
    unpacked = msgpack.unpackb(call.reply("/mychem/v1/chem/x?format=msgpack").body)
    assert (unpacked["n"], unpacked["m"]) == (2.0**70, -math.inf)


class PanicException(BaseException):
    """As the engine's own are called."""


def test_a_panic_of_the_engine_is_an_answer_too(
    made_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made_store()

    def fail(error: BaseException) -> None:
        raise error

    call = Caller(store)
    monkeypatch.setattr(store, "index", lambda name: fail(PanicException("limit")))
    assert call.refused("/mygene/v3/query")["details"] == "PanicException: limit"
    monkeypatch.setattr(store, "index", lambda name: fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        call.get("/mygene/v3/query")


def test_a_fault_of_ours_is_an_answer_too(made_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    store = made_store()
    monkeypatch.setattr(store, "index", lambda name: 1 / 0)
    call = Caller(store)
    answer = call.refused("/mygene/v3/query")
    assert (answer["code"], answer["details"]) == (500, "ZeroDivisionError: division by zero")
