import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.apis import API_NAMES, made_up, register
from tools.query import Query
from ui.answers import as_csv, tabulated
from ui.rendering import MOST_ROWS, answer_props, cell, escape, headline, link, request_props, show_table

HOSTILE = "<script>alert(1)</script> ![x](https://evil.example/a.png) [click](javascript:alert(1)) **bold** `code` https://evil.example"


def test_no_markup_survives_escaping():
    shown = escape(HOSTILE)
    assert not re.search(r"(?<!\\)[<>!\[\]()*`]", shown)
    # GitHub's Markdown makes links of bare addresses: these are broken by an invisible joiner.
    assert "https:" not in shown.replace("\\", "") and "https\u2060" in shown


@given(st.text(max_size=80))
def test_every_mark_of_markdown_is_escaped(text):
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>!\[\]*_`~|#]", escape(text))


def test_lines_stay_lines():
    assert escape("one\n    two").split("\n") == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "text", "host"),
    [
        ("entrezgene", "1017", "www.ncbi.nlm.nih.gov"),
        ("ensembl.gene", "ENSG00000123374", "www.ensembl.org"),
        ("uniprot.Swiss-Prot", "P24941", "www.uniprot.org"),
        ("dbsnp.rsid", "rs113488022", "www.ncbi.nlm.nih.gov"),
        ("clinvar.variant_id", "13961", "www.ncbi.nlm.nih.gov"),
        ("_id", "MONDO:0009061", "monarchinitiative.org"),
        ("chembl.molecule_chembl_id", "CHEMBL25", "www.ebi.ac.uk"),
        ("chembl.drug_mechanisms.target_chembl_id", "CHEMBL1862", "www.ebi.ac.uk"),
        ("pubchem.cid", "2244", "pubchem.ncbi.nlm.nih.gov"),
        ("pathway.reactome", "R-HSA-73894", "reactome.org"),
        ("refseq.rna", "NM_001798.5", "www.ncbi.nlm.nih.gov/nuccore"),
        ("refseq.protein", "NP_001789.2", "www.ncbi.nlm.nih.gov/protein"),
    ],
)
def test_identifiers_are_linked_to_their_home(path, text, host):
    address = link(path, text)
    assert address is not None and address.startswith(f"https://{host}/") and text in address


def test_targets_and_compounds_of_chembl_have_homes_of_their_own():
    assert "/explore/target/" in link("chembl.drug_mechanisms.target_chembl_id", "CHEMBL1862")
    assert "/explore/compound/" in link("chembl.molecule_chembl_id", "CHEMBL25")


@pytest.mark.parametrize("text", ["javascript:alert(1)", "https://evil.example", "1017 or so", "<b>rs1</b>"])
def test_nothing_else_is_linked(text):
    assert link("name", text) is None


def test_a_number_is_linked_only_where_it_is_an_identifier():
    assert link("cadd.phred", "32") is None
    assert link("_id", "1017", "mygene") and link("_id", "1017", "mychem") is None


def test_a_cell_carries_its_links_by_place():
    shown = cell("pathway.reactome", "DNA repair (R-HSA-73894); x", "mygene")
    (start, end, address) = shown["l"][0]
    assert shown["t"][start:end] == "R-HSA-73894" and address.endswith("R-HSA-73894")


def test_links_are_counted_as_the_page_counts():
    (start, end, _) = cell("x", "𝛽 (R-HSA-73894)", "mygene")["l"][0]
    # JavaScript counts the first letter as two.
    assert "𝛽 (R-HSA-73894)".encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le") == "R-HSA-73894"


def test_identifiers_of_a_whole_document_are_links_too():
    shown = show_table(Query.parse("mygene /v3/gene/1017"), [{"_id": "1017", "entrezgene": 1017, "name": "1017"}])
    assert shown["rows"][0][1]["l"][0][2].endswith("/gene/1017") and shown["rows"][1] == ["name", "1017"]


def test_a_later_page_of_hits_is_not_called_the_first():
    record = {
        "question": "q", "status": "answered", "request": "mygene /v3/query?q=kinase&from=10", "total": 30,
        "hits": [{"_id": "1017"}], "backend": "offline", "seconds": {},
    }  # fmt: skip
    assert answer_props(record, "a1")["start"] == 10
    for line in ("mygene /v3/query?q=kinase", "mygene /v3/query?q=kinase&from=x"):
        assert answer_props({**record, "request": line}, "a1")["start"] == 0


def test_props_of_a_record_hold_what_the_page_shows():
    record = {
        "question": "q", "status": "answered", "request": "mygene /v3/query?q=symbol:CDK2&fields=name", "total": 3,
        "hits": [{"_id": "1017", "name": "<script>alert(1)</script>"}], "backend": "offline", "seconds": {"total": 0.5},
    }  # fmt: skip
    props = answer_props(record, "a1")
    assert props["total"] == 3 and props["shown"] == 1
    assert props["table"]["rows"][0][1] == "<script>alert(1)</script>"  # as text: the page's element adds no markup
    assert props["request"]["url"].startswith("https://mygene.info/v3/query?q=symbol:CDK2")
    assert "client.query" in props["request"]["python"]
    assert Query.parse(props["request"]["line"]).q == "symbol:CDK2"


def test_a_request_can_be_put_to_an_api_of_one_s_own():
    register(made_up("widgets"))
    assert {*API_NAMES, "widgets"} <= set(request_props(Query.parse("mygene /v3/query?q=CDK2"))["apis"])


def test_a_count_by_value_is_a_table_too():
    request = "myvariant /v1/query?q=dbsnp.rsid:*&size=0&facets=dbsnp.vartype"
    query, rows = tabulated({"request": request, "values": ["snv", "12", "deletion", "3"], "hits": []})
    assert show_table(query, rows)["rows"] == [["snv", "12"], ["deletion", "3"]]
    assert b"".join(as_csv(query, rows)).splitlines() == [b"dbsnp.vartype,count", b"snv,12", b"deletion,3"]


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("4 genes match: A, a (1); B; C; D.", "4 genes match."),
        (
            "62 genes match in the offline snapshot; the first 10:\nA: x\nB: y\nC: z"
            "\nNothing is recorded for 1 of them.\nPositions are those of hg38.",
            "62 genes match in the offline snapshot.\nNothing is recorded for 1 of them.\nPositions are those of hg38.",
        ),
        ("62 genes match; items 11-14 of 62:\nA: x\nB: y\nC: z\nD: w", "62 genes match."),
        ("Yes: 4 of them are.", "Yes: 4 of them are."),
    ],
)
def test_what_the_table_lists_is_not_listed_above_it(answer, shown):
    assert headline({"answer": answer, "hits": [{}] * 4}) == shown
    assert headline({"answer": answer, "hits": [{}] * 2}) == answer


CDK2 = {"_id": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2", "ensembl": {"gene": "ENSG00000123374"}}


@pytest.mark.parametrize(
    ("request_line", "hits", "more", "header"),
    [
        ("mygene /v3/gene/1017", [CDK2], {}, ["field", "value"]),
        ("mygene /v3/gene/1017?fields=symbol,ensembl.gene", [CDK2], {}, ["_id", "symbol", "ensembl.gene"]),
        ("mygene /v3/query?q=symbol:CDK2&fields=symbol,name", [CDK2], {}, ["_id", "symbol", "name"]),
        ("mygene /v3/query?q=CDK2", [CDK2, {**CDK2, "_id": "2"}], {}, None),
        ("mygene /v3/query?q=CDK2,X1&scopes=symbol&fields=name", [{**CDK2, "query": "CDK2"}], {}, ["query", "name"]),
        ("myvariant /v1/query?q=*&size=0&facets=dbsnp.vartype", [], {"values": ["snv", "12"]}, None),
        (
            "mygene /v3/metadata/fields?search=kegg",
            [{"field": "pathway.kegg", "type": "object"}, {"field": "pathway.kegg.id", "type": "text", "index": True}],
            {}, ["field", "type", "index"],
        ),
        (
            "myvariant /v1/query?q=rs1,rs2&scopes=dbsnp.rsid&fields=dbsnp.rsid",
            [
                {"query": "rs1", "status": "found", "_id": "chr7:g.1A>T", "dbsnp": {"rsid": "rs1"}},
                {"query": "rs2", "status": "missing"},
            ],
            {"list": True}, ["query", "status", "_id", "dbsnp.rsid"],
        ),
    ],
)  # fmt: skip
def test_the_csv_holds_what_the_page_shows(request_line, hits, more, header):
    record = {
        "question": "q", "status": "answered", "request": request_line, "total": len(hits), "hits": hits,
        "backend": "offline", "values": [], "seconds": {}, **more,
    }  # fmt: skip
    shown = answer_props(record, "a1")["table"]
    page = [[column["path"] for column in shown["columns"]]]
    page += [[value if isinstance(value, str) else value["t"] for value in row] for row in shown["rows"]]
    written = b"".join(as_csv(*tabulated(record), listed=bool(record.get("list")))).decode()
    assert list(csv.reader(io.StringIO(written))) == page
    assert len(page) > 1 and all(any(row) for row in page) and (header is None or page[0] == header)


def test_all_hits_are_written_in_the_columns_of_the_table():
    query = Query.parse("mygene /v3/query?q=kinase&fields=name")
    written = b"".join(as_csv(query, [CDK2], iter([CDK2, {"_id": "2"}]))).decode()
    assert written.splitlines() == ["_id,name", "1017,cyclin dependent kinase 2", "2,"]


def test_a_request_that_cannot_be_written_as_a_line_is_not_shown():
    name = "2,4-dinitrophenol"
    record = {
        "question": "a list", "status": "answered", "total": 1, "backend": "offline", "seconds": {}, "list": True,
        "request": f"mychem /v1/query?q={name}&scopes=chembl.pref_name&fields=chembl.pref_name",
        "hits": [{"query": name, "status": "missing"}],
    }  # fmt: skip
    props = answer_props(record, "a1")
    assert props["request"] is None and props["table"]["rows"][0][:2] == [name, "missing"]
    # What was not looked up is not in the request.
    record["hits"] = [{"query": name, "status": "not looked up: not one of the ChEMBL ids"}]
    assert answer_props(record, "a1")["request"] is not None


def test_a_page_is_not_given_more_rows_than_it_can_hold():
    ids = [f"rs{number}" for number in range(MOST_ROWS + 5)]
    record = {
        "question": "a list", "status": "answered", "total": len(ids), "backend": "offline", "seconds": {},
        "list": True, "request": f"myvariant /v1/query?q={','.join(ids)}&scopes=dbsnp.rsid&fields=dbsnp.rsid",
        "hits": [{"query": name, "status": "missing"} for name in ids],
    }  # fmt: skip
    props = answer_props(record, "a1")
    assert len(props["table"]["rows"]) == props["shown"] == MOST_ROWS and props["total"] == len(ids)
    assert props["request"] is None and props["api"] == "myvariant"
    written = b"".join(as_csv(*tabulated(record), listed=True)).decode()
    assert len(written.splitlines()) == len(ids) + 1
