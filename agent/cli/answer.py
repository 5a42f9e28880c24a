"""How an answer looks in a terminal: the sentence, a table, the request as a link and as Python."""

from __future__ import annotations

from agent.cli.console import FAILED, out, say_error, write_json, write_line
from agent.sentence import SHOWN, place_among
from agent.state import Record
from agent.values import details, table
from tools.query import Query

ROWS = 20
#: Most rows of a table about one hit: its fields, or the items of its lists.
_ROWS_OF_ONE = 100
_LONGEST_CELL = 120


def write_record(record: Record, as_json: bool) -> int:
    """Write a record to standard output; one that failed, for a reader, to standard error. Returns the exit code."""
    if as_json:
        write_json(record)
    elif record["status"] == "failed":
        fault = record["error"] or {"message": record["answer"], "hint": ""}
        say_error(fault["message"], fault["hint"])
    else:
        write_line(record["answer"])
        if record["request"]:
            query = Query.parse(record["request"])
            _write_table(query, record)
            _write_request(query)
    return FAILED if record["status"] == "failed" else 0


def _write_table(query: Query, record: Record) -> None:
    """Write the hits as a table, where it says more than the sentence does."""
    hits = record["hits"]
    alone = len(hits) == 1 and query.kind in ("query", "get")
    header, rows = details(query, hits[0], SHOWN) if alone else table(query, hits)
    if not rows or (len(rows) == 1 and not alone and query.fields):
        return
    from rich import box
    from rich.table import Table

    # What has the width to itself needs no cutting.
    single = len(header) == 1
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(header):
        grid.add_column(name, overflow="fold", no_wrap=number == 0 and not single)
    shown = rows[: _ROWS_OF_ONE if alone else ROWS]
    for row in shown:
        grid.add_row(*(row if single else map(_cut, row)))
    write_line("")
    out().print(grid)
    total = len(rows) if alone else max(record["total"] or 0, len(rows))
    if total > len(shown):
        write_line(place_among(len(shown), total, 0 if alone else int(query.params.get("from") or 0)))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - 1] + "…"


def _write_request(query: Query) -> None:
    write_line(f"\nRequest: {query.url or query.line}\n\nIn Python:\n")
    write_line("\n".join(f"    {line}".rstrip() for line in query.snippet().splitlines()))
