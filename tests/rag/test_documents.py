from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rag.documents import Example, fields_of, load_examples, load_notes, read_examples
from tools.apis import API_NAMES
from tools.errors import DataError
from tools.paths import data_dir
from tools.query import Query

DEV = read_examples((data_dir() / "examples" / "dev.jsonl").read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", [*load_examples(), *DEV], ids=lambda example: example.question[:60])
def test_every_example_is_a_request_that_can_be_sent(example: Example) -> None:
    query = Query.parse(example.request)
    assert query.line == example.request
    query.check()


def test_examples_cover_every_api_and_every_kind() -> None:
    queries = [Query.parse(example.request) for example in load_examples()]
    assert min(Counter(query.api for query in queries)[api] for api in API_NAMES) >= 25
    assert min(Counter(query.kind for query in queries)[kind] for kind in ("query", "get", "batch", "fields")) >= 4
    used = {name for query in queries for name in query.params}
    assert {"species", "assembly", "size", "from", "sort", "facets", "filter"} <= used


def test_dev_questions_are_not_among_the_examples() -> None:
    shown = {example.question.lower() for example in load_examples()}
    assert not [example.question for example in DEV if example.question.lower() in shown]


@pytest.mark.parametrize("note", load_notes(), ids=lambda note: note.name)
def test_every_note_shows_a_request_that_can_be_sent(note) -> None:  # type: ignore[no-untyped-def]
    query = Query.parse(note.request)
    assert query.line == note.request
    query.check()


def test_fields_of_a_request() -> None:
    line = (
        "mygene /v3/query?q=chr19:1-300000000&fields=go.BP&filter=type_of_gene:protein-coding&sort=-symbol&facets=taxid"
    )
    assert fields_of(line) == {"go.BP", "type_of_gene", "symbol", "taxid"}
    assert fields_of("mygene /v3/query?q=A,B&scopes=symbol,alias") == {"symbol", "alias"}
    assert fields_of("mydisease /v1/query?q=_exists_:mondo.xrefs.omim") == {"mondo.xrefs.omim"}
    assert fields_of("mygene /v3/gene/1017") == frozenset()


def test_a_bad_example_file_says_which_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Example 2"):
        read_examples('{"question": "a", "request": "b"}\n{"question": "a"}\n')
