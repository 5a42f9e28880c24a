"""The unmodified `biothings-client`, and our own execution, against `serve` in a process of its own."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from biothings_client import get_async_client, get_client

from tools.backend import resolve_backend
from tools.client import execute, iterate
from tools.errors import BadRequest, QueryError, SettingsError
from tools.offline.server import serve
from tools.offline.store import Store
from tools.query import Query

SERVE = """
import sys, pathlib
from tools.offline.server import serve
from tools.offline.store import Store
serve(Store(pathlib.Path(sys.argv[1])), port=0, ready=lambda url: (sys.stdout.write(url + "\\n"), sys.stdout.flush()))
"""


def start(home: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    process, url = start(home)
    yield url
    process.terminate()
    assert process.wait(10) in (0, -signal.SIGTERM)


def client(kind: str, address: str) -> Any:
    api, version = {"gene": ("mygene", "v3"), "chem": ("mychem", "v1"), "widgets": ("widgets", "v1")}[kind]
    made = get_client(kind, url=f"{address}/{api}/{version}")
    made.http_client = httpx.Client(trust_env=False)
    made.http_client_setup = True
    made.delay = 0
    return made


def test_it_listens_at_once_and_stops_in_order(home: Path) -> None:
    begun = time.monotonic()
    process, url = start(home)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    connection.request("GET", "/status")
    assert connection.getresponse().status == 200
    assert time.monotonic() - begun < 5
    assert urlsplit(url).hostname == "127.0.0.1"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_a_taken_port_is_told(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot be listened at"):
            serve(Store(home), port=taken.getsockname()[1])


def test_the_plain_client_queries(address: str) -> None:
    gene = client("gene", address)
    answer = gene.query("symbol:CDK2", species="human", fields=["symbol", "ensembl.gene"])
    assert answer["hits"][0]["ensembl"] == {"gene": "ENSG00000123374"}
    assert gene.query("cdk2")["hits"][0]["_id"] == "1017"
    assert gene.query("symbol:CDK2", facets="taxid")["facets"]["taxid"]["total"] == 2
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        gene.query("symbol:CDK2 AND")
    frame = gene.query("symbol:CDK2", as_dataframe=True)
    assert sorted(frame["taxid"]) == [9606, 10090]


def test_the_plain_client_asks_for_many(address: str) -> None:
    gene = client("gene", address)
    answer = gene.querymany(["CDK2", "BRCA1", "nosuch"], scopes="symbol", species="human", returnall=True)
    assert [row["query"] for row in answer["out"]] == ["CDK2", "BRCA1", "nosuch"]
    assert answer["missing"] == ["nosuch"]
    assert len(gene.querymany((str(n) for n in range(2500)), scopes="entrezgene", verbose=False)) == 2500
    frame = gene.querymany(["CDK2"], scopes="symbol", as_dataframe=True)
    assert list(frame.index) == ["CDK2", "CDK2"]


def test_the_plain_client_gets(address: str) -> None:
    gene = client("gene", address)
    assert gene.getgene("1017", fields="symbol") == {"_id": "1017", "_version": 1, "symbol": "CDK2"}
    assert gene.getgene("0") is None
    assert [row.get("symbol") for row in gene.getgenes(["1017", "672", "0"], fields="symbol")] == [
        "CDK2",
        "BRCA1",
        None,
    ]
    chem = client("chem", address)
    assert chem.getchem("CHEMBL25")["chembl"]["pref_name"] == "ASPIRIN"
    assert chem.getdrug("CHEMBL25")["_id"] == "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"


def test_the_plain_client_fetches_all_and_describes(address: str) -> None:
    widgets = client("widgets", address)
    hits = list(widgets.query("name:widget", fetch_all=True, fields="size"))
    assert sorted(hit["size"] for hit in hits) == list(range(2500))
    gene = client("gene", address)
    assert gene.metadata()["stats"]["total"] == 5
    assert "pathway.kegg.id" in gene.get_fields("kegg")


async def test_the_asynchronous_client(address: str) -> None:
    gene = get_async_client("gene", url=f"{address}/mygene/v3")
    gene.http_client = httpx.AsyncClient(trust_env=False)
    gene.http_client_setup = True
    gene.delay = 0
    answers = await asyncio.gather(*(gene.query("symbol:CDK2", species="human") for _ in range(20)))
    assert {answer["hits"][0]["_id"] for answer in answers} == {"1017"}
    assert (await gene.getgene("672"))["symbol"] == "BRCA1"
    assert len(await gene.querymany(["CDK2", "BRCA1"], scopes="symbol", verbose=False)) == 3
    assert (await gene.metadata())["biothing_type"] == "gene"


REQUESTS = [
    "mygene /v3/query?q=symbol:CDK2&fields=symbol,ensembl.gene&species=human",
    "mygene /v3/query?q=cdk2&facets=taxid",
    "mygene /v3/gene/1017?fields=summary,symbol",
    "mygene /v3/gene?ids=1017,672,0&fields=symbol",
    "mygene /v3/query?q=CDK2,nosuch&scopes=symbol&fields=name",
    "mygene /v3/metadata/fields?search=kegg",
    "myvariant /v1/variant/chr7:g.140753336A>T",
    "widgets /v1/query?q=name:widget&sort=-size&size=3",
]


@pytest.mark.parametrize("line", REQUESTS)
def test_in_process_and_over_the_port_agree(home: Path, address: str, line: str) -> None:
    from tools import apis

    if "widgets" not in apis.api_names():
        apis.register(apis.made_up("widgets"))
    query = Query.parse(line)
    here = execute(query, resolve_backend("offline", home))
    there = execute(query, resolve_backend(address, home))
    assert here.hits
    assert here.hits == there.hits
    assert (here.total, here.notfound, here.facets, here.assembly) == (
        there.total, there.notfound, there.facets, there.assembly,
    )  # fmt: skip
    assert (here.backend, there.backend) == ("offline", address)


def test_execution_offline(home: Path, address: str) -> None:
    offline = resolve_backend("offline", home)
    assert len(list(iterate(Query.parse("mygene /v3/query?q=taxid:9606"), offline))) == 3
    assert execute(Query.parse("mygene /v3/gene/0"), offline).notfound == ["0"]
    assert execute(Query.parse("myvariant /v1/variant/rs28934578"), offline).assembly == "hg38"
    assert execute(Query.parse("myvariant /v1/variant/rs1"), offline).assembly is None
    with pytest.raises(BadRequest, match="CDK2 AND"):
        execute(Query.parse("mygene /v3/query?q=symbol:CDK2 AND"), offline)
    with pytest.raises(BadRequest, match="size: 2000 is more than the 1000 allowed"):
        execute(Query.parse("mygene /v3/query?q=x&size=2000"), offline)
    with pytest.raises(QueryError, match="has no API called mychem"):
        execute(Query.parse("mychem /v1/query?q=x"), resolve_backend(f"{address}/mygene", home))
