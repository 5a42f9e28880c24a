"""The records behind the answers on the page: kept so that they can be downloaded, run again and corrected."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from agent.values import find, say_at, table, unique
from tools.query import Query
from ui.sqlite import connect

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (id TEXT PRIMARY KEY, thread TEXT, user TEXT, created REAL, record BLOB)",
    "CREATE INDEX IF NOT EXISTS answers_thread ON answers (thread)",
)
#: Spreadsheets read a cell that begins so as a formula. (OWASP, "CSV Injection".)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Answers:
    """Records in a SQLite file. Its methods block: call them from a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with connect(path) as connection:
            for statement in _SCHEMA:
                connection.execute(statement)

    def keep(self, record: dict[str, Any], thread: str, user: str) -> str:
        """Keep a record; return the name to get it by."""
        name = str(uuid.uuid4())
        content = gzip.compress(json.dumps(record, default=str).encode(), 4)
        with connect(self._path) as connection:
            connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", (name, thread, user, time.time(), content))
        return name

    def get(self, name: str, user: str) -> dict[str, Any] | None:
        """Return a record of this user."""
        row = (
            connect(self._path).execute("SELECT record FROM answers WHERE id = ? AND user = ?", (name, user)).fetchone()
        )
        return json.loads(gzip.decompress(row["record"])) if row else None

    def forget(self, thread: str) -> None:
        """Remove the records of a chat."""
        with connect(self._path) as connection:
            connection.execute("DELETE FROM answers WHERE thread = ?", (thread,))


def tabulated(record: dict[str, Any]) -> tuple[Query, list[dict[str, Any]]]:
    """Return what the table of an answer shows, with the request whose fields are its columns.

    That is the answer's hits; where it has but counts by value (`values` holds each term before its count), these.
    """
    query = Query.parse(record["request"])
    facet = query.params.get("facets")
    if facet is None or record["hits"]:
        return query, record["hits"]
    rows = []
    for term, count in zip(record["values"][::2], record["values"][1::2], strict=False):
        # Nested as documents are, so that the field's path leads to the term.
        row = reduce(lambda inner, name: {name: inner}, reversed(facet.split(".")), term)
        rows.append({**row, "count": int(count)})
    return query.model_copy(update={"fields": (facet, "count")}), rows


def lay_out(query: Query, hits: list[dict[str, Any]], *, listed: bool = False) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table, for the page and for the download alike.

    Counts, which have no `_id`, have no column for it. Of a list (`listed`), each row says whose answer it is and what
    became of it.
    """
    if listed:
        lead = ["query", "status"]
        header = list(dict.fromkeys([*lead, "_id", *query.fields]))
        return header, [[str(hit[path]) if path in lead else _said(hit, path) for path in header] for hit in hits]
    if query.kind == "fields":
        header = ["field", "type", "index"]
        return header, [[_said(hit, path) for path in header] for hit in hits]
    header, rows = table(query, hits)
    if header[:1] == ["_id"] and hits and not any("_id" in hit for hit in hits):
        return header[1:], [row[1:] for row in rows]
    return header, rows


def _said(hit: dict[str, Any], path: str) -> str:
    return "; ".join(unique(say_at(path, value) for value in find(hit, path)))


def as_json(hits: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Write hits as a JSON array, one hit a line."""
    lead = b"[\n"
    for hit in hits:
        yield lead + json.dumps(hit, ensure_ascii=False).encode()
        lead = b",\n"
    yield b"\n]\n" if lead != b"[\n" else b"[]\n"


def as_csv(
    query: Query,
    known: list[dict[str, Any]],
    every: Iterable[dict[str, Any]] | None = None,
    *,
    listed: bool = False,
) -> Iterator[bytes]:
    """Write as CSV what the page's table of the `known` hits shows, or `every` hit in the columns of that table."""
    header, rows = lay_out(query, known, listed=listed)
    yield _line(header)
    if every is None:
        yield from map(_line, rows)
        return
    # With its fields named, a table keeps its columns whatever the hits hold.
    named = query.model_copy(update={"fields": tuple(path for path in header if path not in ("_id", "query"))})
    for hit in every:
        columns, (row,) = table(named, [hit])
        found = dict(zip(columns, row, strict=True))
        yield _line([found.get(path, "") for path in header])


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(
        [f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell for cell in cells]
    )
    return out.getvalue().encode()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
