from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tools.offline.parameters import Refusal, read_body, read_parameters, read_query, split_terms


def get(api: str = "mygene", endpoint: str = "query", **params: str) -> dict[str, Any]:
    return read_parameters(api, endpoint, "GET", [read_query({name: [value] for name, value in params.items()})])


def post(body: Any, kind: str = "application/json", api: str = "mygene", **params: str) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else (json.dumps(body) if "json" in kind else urlencode(body)).encode()
    query = read_query({name: [value] for name, value in params.items()})
    return read_parameters(api, "query", "POST", [query, read_body(data, kind)])


def refusal(**params: str) -> dict[str, Any]:
    with pytest.raises(Refusal) as caught:
        get(**params)
    assert caught.value.body["code"] == caught.value.status == 400
    assert caught.value.body["success"] is False
    return {key: value for key, value in caught.value.body.items() if key not in ("code", "success")}


def test_aliases_types_and_defaults() -> None:
    values = get(q=" x ", limit="5", skip="7", field="a,b c|d", facets="e", dotfield="", unknown="1")
    assert (values["q"], values["size"], values["from"]) == ("x", 5, 7)
    assert values["_source"] == ["a", "b", "c", "d"]
    assert (values["aggs"], values["facet_size"]) == (["e"], 10)
    assert (values["dotfield"], values["_sorted"]) == (True, True)
    assert values["species"] == ["all"]
    assert "unknown" not in values
    for text, truth in (("true", True), ("1", True), ("Yes", True), ("0", False), ("false", False), ("no", False)):
        assert get(dotfield=text)["dotfield"] is truth


def test_limits_are_told_as_the_services_tell_them() -> None:
    bad = {"error": "Bad Request"}
    assert refusal(size="1001") == {**bad, "keyword": "size", "max": 1000, "num": 1001, "alias": "limit"}
    assert refusal(skip="10001") == {**bad, "keyword": "from", "max": 10000, "num": 10001, "alias": "skip"}
    assert refusal(size="ten") == {**bad, "reason": "Expect type int.", "keyword": "size", "alias": "limit"}
    assert refusal(format="xml") == {**bad, "keyword": "format", "allowed": ["json", "yaml", "html", "msgpack"]}
    assert refusal(sort=",".join("abcdefghijk")) == {**bad, "keyword": "sort", "max": 10, "size": 11}
    assert refusal(facet_size="1001")["keyword"] == "facet_size"
    assert refusal(api="myvariant", assembly="hg18") == {**bad, "keyword": "assembly", "allowed": ["hg19", "hg38"]}
    assert "cannot be negative" in refusal(size="-1")["root_cause_line_00"]
    assert refusal(fields='"open')["reason"] == "No closing quotation"


def test_parameters_belong_to_endpoints_and_apis() -> None:
    assert "assembly" not in get("mygene", assembly="hg18")
    assert "species" not in get("mychem")
    assert "q" not in get("mygene", "entity")
    assert get("mydisease")["ignore_obsolete"] is True


def test_bodies() -> None:
    assert post({"q": ["CDK2", 1017], "scopes": "symbol,entrezgene", "size": 3})["q"] == ["CDK2", 1017]
    assert post({"q": "CDK2 BRCA1", "fields": ["a.b"]})["_source"] == ["a.b"]
    assert post({"q": ["x"]})["scopes"] == ["_id", "entrezgene", "ensembl.gene", "retired"]
    assert post({"q": ["x"]}, api="mychem")["scopes"] == ["_id"]
    form = "application/x-www-form-urlencoded"
    assert post({"q": '"two words","b\\"c",d', "scopes": "name"}, form)["q"] == ["two words", 'b"c', "d"]
    assert post({"q": '["a, b", "c"]'}, form)["q"] == ["a, b", "c"]
    assert post({"q": "x", "size": "4"}, form, size="9")["size"] == 9
    for body, kind, expected in (
        (b"{", "application/json", {"error": "Invalid JSON body."}),
        (b"[" * 100_000, "application/json", {"error": "Invalid JSON body."}),
        (b'{"q": ["\\ud800"]}', "application/json", {"error": "Invalid JSON body."}),
        ({}, "application/json", {"error": "Bad Request", "missing": "q"}),
        ({"q": ["x"], "size": "3"}, "application/json", {"error": "Bad Request", "reason": "Expect type int."}),
        ({"q": [*range(1001)]}, "application/json", {"keyword": "q", "max": 1000, "size": 1001}),
    ):
        with pytest.raises(Refusal) as caught:
            post(body, kind)
        assert expected.items() <= caught.value.body.items()


def test_terms_are_split_outside_quotes() -> None:
    assert split_terms("a,b|c d+e\n'f g' \"h,i\"") == ["a", "b", "c", "d", "e", "f g", "h,i"]
    assert split_terms("") == []


def test_forms_of_parts() -> None:
    parts = [b'"q"\r\n\r\nCDK2,\xce\xb2-catenin', b'"size"\r\n\r\n3', b'"upload"; filename="f.txt"\r\n\r\nscopes']
    body = (
        b"".join(b"--sep\r\nContent-Disposition: form-data; name=" + part + b"\r\n" for part in parts) + b"--sep--\r\n"
    )
    values = post(body, 'Multipart/form-data; boundary="sep"')
    assert (values["q"], values["size"]) == (["CDK2", "β-catenin"], 3)
    assert "upload" not in dict(read_body(body, "multipart/form-data; boundary=sep")[1])
    with pytest.raises(Refusal):
        post(b"nothing of the kind", "multipart/form-data; boundary=sep")
