from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tools.errors import AssistantError, DataError, QueryError
from tools.offline.load import load


class Shelf:
    """Stands in for the store: keeps what it is given, all or nothing."""

    def __init__(self, home: Path = Path()) -> None:
        self.home = home
        self.kept: dict[str, list[dict[str, Any]]] = {"mygene": [], "myvariant": []}
        self.mappings: dict[str, Any] = {}
        self.how: list[tuple[bool, str | None]] = []

    def apis(self) -> list[str]:
        return list(self.kept)

    def create(self, api: str, mapping: dict[str, Any]) -> None:
        self.mappings[api] = mapping
        self.kept[api] = []

    @contextlib.contextmanager
    def restoring(self, api: str) -> Iterator[None]:
        yield

    def add(self, api: str, documents: Iterable[dict[str, Any]], replace: bool, assembly: str | None) -> int:
        new = list(documents)
        self.how.append((replace, assembly))
        self.kept[api] = new if replace else self.kept[api] + new
        return len(new)


DOCUMENTS = [{"_id": str(number), "name": f"gene {number} β"} for number in range(3000)]
TEXT = "\n".join(json.dumps(document, ensure_ascii=False) for document in DOCUMENTS).encode()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT + b"\n\n",
        b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"),
        gzip.compress(TEXT),
        gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]) + b"\0" * 100,
        zstd(TEXT),
        zstd(TEXT[:5000]) + zstd(TEXT[5000:]),
    ],
)
def test_every_packing_is_known_by_its_first_bytes(tmp_path: Path, data: bytes) -> None:
    shelf = Shelf()
    report = load(shelf, "mygene", write(tmp_path / "any.name", data))  # type: ignore[arg-type]
    assert (report.loaded, report.bad) == (3000, [])
    assert shelf.kept["mygene"] == DOCUMENTS


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_file_that_is_cut_off_or_damaged_changes_nothing(tmp_path: Path, pack: Any) -> None:
    shelf = Shelf()
    packed = pack(TEXT)
    for data in (packed[:-20], packed[: len(packed) // 2], packed[:200] + b"\xff" * 50 + packed[250:]):
        with pytest.raises(DataError, match="cannot be read"):
            load(shelf, "mygene", write(tmp_path / "f", data))  # type: ignore[arg-type]
    assert shelf.kept["mygene"] == []


def test_bad_lines_are_named_and_left_out(tmp_path: Path) -> None:
    lines = [
        b'{"_id": "1"}', b"{", b"[1]", b'{"x": 1}', b"", b'{"_id": ""}', b'{"_id": 7}', b'{"_id": "a\xff"}',
        b'{"_id": "n", "v": NaN}', b'{"_id": true}', b"[" * 100_000, b'{"_id": "last"}',
    ]  # fmt: skip
    shelf = Shelf()
    report = load(shelf, "mygene", write(tmp_path / "f", b"\n".join(lines)))  # type: ignore[arg-type]
    assert [document["_id"] for document in shelf.kept["mygene"]] == ["1", "7", "last"]
    assert report.loaded == 3
    assert report.bad_count == 8
    assert [line for line, _ in report.bad] == [2, 3, 4, 6, 8, 9, 10, 11]
    reasons = dict(report.bad)
    assert reasons[2].startswith("not JSON")
    assert reasons[3] == "not an object"
    assert reasons[4] == reasons[6] == reasons[10] == "no _id"
    assert reasons[8] == "not UTF-8: byte 11"
    assert reasons[9] == "NaN is not a number of JSON"


def test_saved_hits_are_documents(tmp_path: Path) -> None:
    shelf = Shelf()
    load(shelf, "mygene", write(tmp_path / "f", b'{"_id": "1", "_score": 23.1, "_version": 2, "name": "x"}'))  # type: ignore[arg-type]
    assert shelf.kept["mygene"] == [{"_id": "1", "name": "x"}]


def test_odd_values_are_kept_or_their_line_named(tmp_path: Path) -> None:
    from tools.offline.search import SearchRequest
    from tools.offline.store import Store

    store = Store(tmp_path)
    kinds = {"k": "keyword", "i": "long", "f": "float", "d": "date", "t": "text"}
    store.create("odd", {name: {"type": kind} for name, kind in kinds.items()})
    large = 123456789012345678901234567890
    lines = [
        json.dumps({"_id": "large", **dict.fromkeys(kinds, large)}),
        r'{"_id": "half", "k": "\ud800"}',
        r'{"_id": "\udc00"}',
        r'{"_id": "key", "\uD800": 1}',
        r'{"_id": "pair", "t": "\ud83d\udc4d \u00e9"}',
        '{"_id": "deep", "x": ' + "[" * 300 + "]" * 300 + "}",
        '{"_id": "flat", "x": [' + ",".join(["[1]"] * 300) + "]}",
        '{"_id": "date", "d": 99999999999999999999, "i": "1e9999999", "f": 1e400}',
        '{"_id": "last", "d": "99999999999999999999", "i": "%s"}' % ("9" * 5000),
    ]
    report = load(store, "odd", write(tmp_path / "f", "\n".join(lines).encode()))
    assert (report.loaded, [line for line, _ in report.bad]) == (5, [2, 3, 4, 6])
    assert {reason for _, reason in report.bad} == {"nested too deeply", "half of a surrogate pair is not a character"}
    index = store.index("odd")
    document = index.get("large")
    assert document is not None
    assert document["i"] == document["k"] == large
    assert [hit.id for hit in index.search(SearchRequest(q=f"k:{large}")).hits] == ["large"]
    assert index.search(SearchRequest(q="_exists_:i")).total == 0
    assert index.search(SearchRequest(q="_exists_:d")).total == 0
    store.create("odd", {"k": {"type": "keyword"}})  # indexed anew, from what was kept
    assert store.index("odd").get("large") == document


def test_positions_out_of_range_are_none(tmp_path: Path) -> None:
    from tools.offline.store import Store

    store = Store(tmp_path)
    lines = [
        '{"_id": "1", "genomic_pos": {"chr": "1", "start": 1e400, "end": 1e400}}',
        json.dumps({"_id": "2", "genomic_pos": {"chr": "1", "start": 10**30, "end": 10**30 + 5}}),
    ]
    report = load(store, "mygene", write(tmp_path / "f", "\n".join(lines).encode()), replace=True)
    assert (report.loaded, report.bad) == (2, [])


def test_a_file_without_any_document_is_refused(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.kept["mygene"] = [{"_id": "old"}]
    with pytest.raises(DataError, match="holds no document; line 1: not JSON"):
        load(shelf, "mygene", write(tmp_path / "f", b"a,b\n1,2\n"), replace=True)  # type: ignore[arg-type]
    assert shelf.kept["mygene"] == [{"_id": "old"}]


def test_a_load_that_fails_leaves_the_mapping_as_it_was(tmp_path: Path) -> None:
    from tools.offline.search import SearchRequest
    from tools.offline.store import Store

    store = Store(tmp_path)
    store.create("odd", {"n": {"type": "integer"}})
    store.add("odd", [{"_id": "1", "n": 7}], True, None)
    mapping = write(tmp_path / "m.json", b'{"n": {"type": "keyword"}}')
    for replace in (False, True):
        for api in ("odd", "new"):
            with pytest.raises(DataError, match="holds no document"):
                load(store, api, write(tmp_path / "f", b"a,b"), mapping=mapping, replace=replace)
    assert store.index("odd").search(SearchRequest(q="n:>6")).total == 1
    assert "new" not in store.apis()
    assert not (tmp_path / "apis").exists()


def test_options_are_passed_on_and_checked(tmp_path: Path) -> None:
    shelf: Any = Shelf(tmp_path)
    file = write(tmp_path / "f", b'{"_id": "1"}')
    mapping = write(tmp_path / "m.json", b'{"name": {"type": "text"}}')
    load(shelf, "myvariant", file, replace=True, assembly="hg38")
    assert shelf.how == [(True, "hg38")]
    load(shelf, "made-up_1", file, mapping=mapping)
    assert shelf.mappings == {"made-up_1": {"name": {"type": "text"}}}
    assert json.loads((tmp_path / "apis" / "made-up_1" / "fields.json").read_text()) == {"name": {"type": "text"}}
    wrong: list[tuple[type[AssistantError], str, dict[str, Any]]] = [
        (QueryError, "mygene", {"assembly": "hg38"}),
        (QueryError, "myvariant", {"assembly": "hg18"}),
        (QueryError, "mygen", {}),
        (QueryError, "other", {}),
        (QueryError, "1up", {"mapping": mapping}),
        (QueryError, "Up", {"mapping": mapping}),
        (QueryError, "metadata", {"mapping": mapping}),
        (DataError, "x", {"mapping": tmp_path / "none.json"}),
        (DataError, "x", {"mapping": file}),
        (DataError, "x", {"mapping": write(tmp_path / "w.json", b'{"name": {"type": "text", "analyzer": "x"}}')}),
        (DataError, "x", {"mapping": write(tmp_path / "v.json", b"[]")}),
    ]
    for number, part in enumerate(['"copy_to": 5', '"copy_to": [1]', '"analyzer": ["x"]', '"fields": ["raw"]',
                                   '"fields": {"raw": {}}', '"fields": {"raw": 1}']):  # fmt: skip
        row = write(tmp_path / f"row{number}.json", b'{"name": {"type": "text", %s}}' % part.encode())
        wrong.append((DataError, "x", {"mapping": row}))
    for error, api, options in wrong:
        with pytest.raises(error) as caught:
            load(shelf, api, file, **options)
        assert caught.value.hint
    with pytest.raises(DataError, match="There is no file"):
        load(shelf, "mygene", tmp_path / "none")


def test_a_made_up_api_can_be_asked(tmp_path: Path) -> None:
    from tools import catalogue
    from tools.backend import resolve_backend
    from tools.client import execute
    from tools.offline.store import Store
    from tools.query import Query

    listing = {"name": {"type": "text", "searched_by_default": True}, "parts.size": {"type": "integer"}}
    mapping = write(tmp_path / "m.json", json.dumps(listing).encode())
    lines = b"\n".join(
        json.dumps({"_id": f"g{n}", "name": f"gadget {n}", "parts": {"size": n}}).encode() for n in range(9)
    )
    report = load(Store(tmp_path), "gadgets", write(tmp_path / "f", lines), mapping=mapping)
    assert report.loaded == 9
    backend = resolve_backend("offline", tmp_path)
    result = execute(Query.parse("gadgets /v1/query?q=gadget AND parts.size:>=7&sort=-parts.size"), backend)
    assert [hit["_id"] for hit in result.hits] == ["g8", "g7"]
    assert execute(Query.parse("gadgets /v1/doc/g3"), backend).hits[0]["name"] == "gadget 3"
    assert execute(Query.parse("gadgets /v1/doc?ids=g3,g4,x"), backend).notfound == ["x"]
    catalogue.set_home(tmp_path)
    try:
        assert catalogue.load_catalogue("gadgets").exists("parts.size")
    finally:
        catalogue.set_home(None)
