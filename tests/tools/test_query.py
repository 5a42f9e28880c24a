"""Requests: parsing, rendering, checking, canonical equality."""

import ast

import pytest
from biothings_client import get_client
from hypothesis import given
from hypothesis import strategies as st

from tools.apis import made_up, register
from tools.errors import QueryError
from tools.query import Query

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=20)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}(\.[A-Za-z][A-Za-z0-9_-]{0,8}){0,2}", fullmatch=True)
ITEMS = TEXT.filter(lambda text: "," not in text and text.strip("/") == text)


@st.composite
def queries(draw):
    """Requests of every kind, with any printable text in their values."""
    api = draw(st.sampled_from(["mygene", "myvariant", "mychem", "mydisease"]))
    fields = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
    params = draw(st.dictionaries(st.sampled_from(["size", "sort", "filter", "facets"]), TEXT, max_size=2))
    match draw(st.sampled_from(["query", "get", "batch", "entities", "fields"])):
        case "query":
            return Query(api=api, kind="query", q=draw(TEXT), fields=fields, params=params)
        case "get":
            identifier = draw(ITEMS.filter(lambda text: "//" not in text))
            return Query(api=api, kind="get", ids=(identifier,), fields=fields, params=params)
        case "batch":
            ids = tuple(draw(st.lists(ITEMS, min_size=1, max_size=4, unique=True)))
            scopes = tuple(draw(st.lists(NAMES, min_size=1, max_size=2, unique=True)))
            return Query(api=api, kind="batch", ids=ids, scopes=scopes, fields=fields, params=params)
        case "entities":
            ids = tuple(draw(st.lists(ITEMS, min_size=1, max_size=4, unique=True)))
            return Query(api=api, kind="batch", ids=ids, fields=fields, params=params)
        case _:
            return Query(api=api, kind="fields", params={"search": draw(TEXT)})


@given(queries())
def test_parse_reads_back_what_line_writes(query):
    assert Query.parse(query.line) == query


@given(queries())
def test_parse_reads_back_the_url(query):
    if query.kind == "batch":
        assert query.url is None
    else:
        assert Query.parse(query.url) == query


@given(queries())
def test_snippet_is_python(query):
    ast.parse(query.snippet())


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("mygene /v3/metadata/fields?search=kegg", 'client.get_fields("kegg")'),
        ("mygene /v3/metadata/fields", "client.get_fields()"),
        (
            "mygene /v3/metadata/fields?prefix=go",
            'httpx.get("https://mygene.info/v3/metadata/fields?prefix=go").json()',
        ),
    ],
)
def test_a_listing_s_snippet_asks_for_that_listing(line, call):
    assert f"result = {call}\n" in Query.parse(line).snippet()


def test_a_snippet_asks_for_what_the_client_can_read():
    snippet = Query.parse("mygene /v3/query?q=x&format=yaml&callback=f&size=5").snippet()
    assert 'result = client.query("x", size=5)\n' in snippet


def test_an_api_with_a_hyphen_in_its_name_has_a_snippet_that_runs():
    register(made_up("my-api"))
    one, many = (Query(api="my-api", kind=kind, ids=("1",)).snippet() for kind in ("get", "batch"))
    assert 'result = getattr(client, "getmy-api")("1")\n' in one
    assert 'result = getattr(client, "getmy-apis")(["1"])\n' in many
    client = get_client("my-api", url="http://127.0.0.1:9/my-api/v1")
    assert callable(getattr(client, "getmy-api")) and callable(getattr(client, "getmy-apis"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://MyGene.info/v3/query?q=symbol:CDK2", "mygene /v3/query?q=symbol:CDK2"),
        ("mygene /v3/query?q=symbol:CDK2&species=human", "mygene /v3/query?q=symbol:cdk2&species=9606"),
        ("mygene /v3/query?q=symbol:CDK2&fields=name,go", "mygene /v3/query?fields=go,name&q=(symbol:CDK2)"),
        ("mygene /v3/query?q=symbol:(A OR B)", "mygene /v3/query?q=symbol:B OR symbol:A"),
        ("mygene /v3/query?q=symbol:A&size=10", "mygene /v3/query?q=symbol:A&limit=10&from=0"),
        ("mychem /v1/drug/X-Y", "mychem /v1/chem/X-Y"),
        ("mygene /v3/query?species=human", "mygene /v3/query?q=__all__&species=human"),
        ("mygene /v3/query?species=human", "mygene /v3/query?q=*&species=human"),
        ("mygene /v3/query?q=A,B&scopes=symbol", "mygene /v3/query?q=B,A&scopes=symbol"),
        ("myvariant /v1/query?q=cadd.phred:>=20 AND chrom:7", "myvariant /v1/query?q=chrom:7 AND cadd.phred:[20 TO *]"),
    ],
)
def test_two_spellings_of_one_request_are_equal(one, other):
    assert Query.parse(one).canonical == Query.parse(other).canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mygene /v3/query?q=symbol:CDK2", "mygene /v3/query?q=alias:CDK2"),
        ("mygene /v3/query?q=symbol:CDK2", "mygene /v3/query?q=symbol:CDK2&species=human"),
        ("mygene /v3/query?q=symbol:A AND symbol:B", "mygene /v3/query?q=symbol:A OR symbol:B"),
        ("myvariant /v1/variant/chr7:g.1A>T", "myvariant /v1/variant/CHR7:g.1a>t"),
        ("mygene /v3/query?q=symbol:A&size=5", "mygene /v3/query?q=symbol:A"),
    ],
)
def test_different_requests_are_not_equal(one, other):
    assert Query.parse(one).canonical != Query.parse(other).canonical


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("mygen /v3/query?q=x", "mygene"),
        ("mygene /v3/query?q=symbl:CDK2", "symbol"),
        ("mygene /v3/query?q=symbol:CDK2&fields=pathway.reactom", "pathway.reactome"),
        ("mygene /v3/query?q=symbol:CDK2&size=5000", "1,000"),
        ("mygene /v3/query?q=symbol:CDK2&species=mous", "mouse"),
        ("mygene /v3/query?q=symbol:CDK2&spcies=mouse", "species"),
        ("mygene /v3/query?q=genomic_pos.chr:7", "chr7:55000000-55300000"),
        ("mygene /v3/query?q=chr7:1-100 AND symbol:CDK2", "filter="),
        ("mygene /v3/query?q=(symbol:CDK2", "parenthes"),
        ("mygene /v3/query?q=go.BP:x", "go.BP.term"),
        ("mygene /v3/query?q=summary:x&facets=go", "go.BP"),
        ("myvariant /v1/query?q=cadd.phred:high", "number"),
        ("mychem /v1/query?q=chembl.withdrawn_flag:yes", "chembl.withdrawn_flag:true"),
        ("mydisease /v1/query?q=chr7:1-100", "mygene and myvariant"),
        ("mygene /v3/query?q=x&size=²", "1,000"),
        ("mygene /v3/query?q=x&species=²", "mouse"),
        ("mygene /v3/query?q=x&size=" + "9" * 5000, "1,000"),
        ("mygene /v3/query?q=x&organism=human", "species"),
        ("mygene /v3/query?q=x&fields=hgnc", "HGNC"),
        ("mygene /v3/query?q=x&sort=mgi", "MGI"),
        ("mygene /v3/query?q=x&exists=summry", "summary"),
        ("http://[mygene.info/v3/query?q=x", "not an address"),
        ("mygene /v3/query?q=x y&fetch_all=true", "offline sync mygene 'x y'"),
        ("mygene /v3/gene/", "identifier"),
        ("which genes are on chr7?", "mygene /v3/query"),
    ],
)
def test_faults_are_named_with_the_nearest_valid_choice(line, named):
    with pytest.raises(QueryError) as caught:
        Query.parse(line).check()
    assert named in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "line",
    [
        "mygene /v3/query?q=symbol:CDK2&fields=go&species=human",
        "mygene /v3/query?q=go:GO\\:0004693&fields=-summary",
        "mygene /v3/query?q=hgnc:1771 AND NOT _exists_:pathway",
        "mygene /v3/query?q=x&exists=hgnc,summary",
        "mygene /v3/query?q=chr19:1-300000000&filter=type_of_gene:protein-coding&species=human",
        "mygene /v3/query?q=insulin receptor&fields=refseq.*",
        "myvariant /v1/query?q=chr1:69000-70000 AND cadd.phred:>20",
        "mydisease /v1/disease/MONDO:0009061?fields=hpo",
        "mygene /v3/metadata/fields?search=kegg",
    ],
)
def test_good_requests_pass(line):
    assert Query.parse(line).check().line == line


def test_a_field_called_chrom_is_no_interval():
    line = "myvariant /v1/query?q=NOT chrom:5 AND dbsnp.gene.symbol:BRCA1"
    assert Query.parse(line).check().line == Query.parse(line).line
