"""Mining access logs: what is alike becomes one request, what is no request or finds nothing is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finetune.commands import app
from finetune.logs import keep_answered, mine, signature_of
from tools.backend import resolve_backend
from tools.errors import DataError
from tools.offline.store import Store
from tools.query import Query

LOG = """time,path,status
1,/v3/query?q=symbol%3ACDK2&fields=symbol%2Cname&species=human&email=me%40example.org,200
2,/v3/query?q=symbol:BRCA1&fields=name,200
3,"/v3/query?q=symbol:CDK4&fields=name,symbol&species=mouse",200
4,/v3/query?q=symbol:(CDK2 OR CDK4)&callback=jQuery123,200
5,/v3/gene/1017?fields=symbol,200
6,/v3/gene/1018,200
7,/favicon.ico,404
8,/v3/query?q=no.such.field:1,200
9,/v3/query?q=symbol:(,400
10,/v3/query,200
11,GET /v3/query?q=chr12:1-60000000&species=human HTTP/1.1,200
12,/v3/query?q=symbol:NOTHING9&fields=symbol&size=3,200
"""
GENES: list[dict[str, Any]] = [
    {"_id": "1017", "entrezgene": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2", "taxid": 9606,
     "genomic_pos": {"chr": "12", "start": 55966781, "end": 55972789}},
    {"_id": "1019", "entrezgene": "1019", "symbol": "CDK4", "name": "cyclin dependent kinase 4", "taxid": 9606},
    {"_id": "672", "entrezgene": "672", "symbol": "BRCA1", "name": "BRCA1 DNA repair associated", "taxid": 9606},
]  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.csv"
    path.write_text(LOG)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    Store(home).add("mygene", GENES, True, None)
    return home


def test_requests_that_differ_in_values_only_are_one(log: Path) -> None:
    mined = mine(log, "mygene")
    assert mined.rows == 12
    counts = {line: count for line, _, count in mined.requests}
    assert counts["mygene /v3/query?q=symbol:CDK2&fields=symbol,name&species=human"] == 2
    assert len(mined.requests) == 7 and mined.requests[0][2] == 2
    assert "mygene /v3/query?q=symbol:(CDK2 OR CDK4)" in counts
    assert mined.left_out == {"not a request that can be sent": 3, "asks for nothing": 1}
    # Nothing of who asked is kept.
    assert "example.org" not in repr(mined) and "jQuery" not in repr(mined)


def test_what_finds_something_is_handed_on(log: Path, home: Path) -> None:
    mined = mine(log, "mygene")
    seen: list[tuple[int, int]] = []
    rows = keep_answered(mined, resolve_backend("offline", home), lambda done, total: seen.append((done, total)))
    lines = [row["request"] for row in rows]
    assert "mygene /v3/query?q=chr12:1-60000000&species=human" in lines
    assert "mygene /v3/gene/1017?fields=symbol" in lines
    assert not any("NOTHING9" in str(line) or "1018" in str(line) for line in lines)
    assert mined.left_out["finds nothing"] == 2
    assert seen[-1] == (7, 7) and all(int(str(row["total"])) > 0 for row in rows)


def test_the_command(log: Path, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "requests.jsonl"
    arguments = ["logs", str(log), "--api", "mygene", "--out", str(out), "--backend", "offline"]
    result = CliRunner().invoke(app, arguments, env={"BIOTHINGS_ASSISTANT_HOME": str(home)})
    assert result.exit_code == 0, result.output
    assert "12 rows, 7 signatures, 5 requests" in result.output
    assert all(set(json.loads(line)) == {"request", "count", "total"} for line in out.read_text().splitlines())


def test_a_log_may_have_no_header_and_name_the_api_itself(tmp_path: Path) -> None:
    path = tmp_path / "paths.csv"
    path.write_text(
        "/mygene/v3/query?q=cdk2&fields=symbol,name,taxid\n"
        "https://mydisease.info/v1/query?q=mondo.label:asthma\n"
        "/v1/query?q=whose\n"
    )
    mined = mine(path)
    lines = {line for line, _, _ in mined.requests}
    assert lines == {
        "mygene /v3/query?q=cdk2&fields=symbol,name,taxid", "mydisease /v1/query?q=mondo.label:asthma",
    }  # fmt: skip
    assert mined.left_out == {"no known API": 1}


def test_a_table_without_paths_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column of paths"):
        mine(path)
    with pytest.raises(DataError, match="cannot be read"):
        mine(tmp_path / "missing.csv")
    path.write_text("")
    assert mine(path).rows == 0


@pytest.mark.parametrize(
    ("line", "operators", "searched"),
    [
        ("mygene /v3/query?q=symbol:CDK2", (), ("symbol",)),
        ("mygene /v3/query?q=symbol:CDK2 AND NOT taxid:9606", ("and", "not"), ("symbol", "taxid")),
        ('mygene /v3/query?q=name:"protein kinase"', ("phrase",), ("name",)),
        ("mygene /v3/query?q=taxid:>25 AND _exists_:go", ("and", "exists", "range"), ("go", "taxid")),
        ("mygene /v3/query?q=symbol:CDK*", ("wildcard",), ("symbol",)),
        ("mygene /v3/query?q=chr1:1-100&filter=type_of_gene:ncRNA", ("interval",), ("type_of_gene",)),
        ("mygene /v3/query?q=CDK2,CDK4&scopes=symbol", ("batch",), ()),
    ],
)  # fmt: skip
def test_signatures(line: str, operators: tuple[str, ...], searched: tuple[str, ...]) -> None:
    found = signature_of(Query.parse(line))
    assert (found.operators, found.searched) == (operators, searched)
