"""Writes one source of one API as a compressed table, and the manifest of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

# Rows are written in blocks of columns: like next to like compresses a fifth better than row after row.
BLOCK_ROWS = 4000

_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(
    19, window_log=25, enable_ldm=True, write_checksum=1, write_content_size=1
)


@dataclass(frozen=True)
class Source:
    """Where a table comes from and what it may be used under; all of it goes into the manifest."""

    name: str
    version: str
    licence: str
    credit: str
    package: str
    share_alike: bool = False


@dataclass
class Table:
    """One source's part of one API's documents; `tools.offline.snapshot` describes columns, tables and shapes.

    Rows begin with the `_id`; it is not written where `columns` do not, because the shape makes it from the rest.
    """

    file: str
    api: str
    source: Source
    columns: Sequence[str]
    rows: list[tuple[Any, ...]]
    tables: dict[str, list[Any]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    shape: str | None = None


class Numbering:
    """Numbers values by how often they occur, so that common ones take few digits."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}

    def count(self, value: Hashable) -> None:
        """Take note of one occurrence."""
        self._counts[value] = self._counts.get(value, 0) + 1

    def freeze(self) -> tuple[list[Any], dict[Any, int]]:
        """Return the values in the order of their numbers, and the number of each."""
        values = sorted(self._counts, key=lambda value: (-self._counts[value], json.dumps(value)))
        return values, {value: number for number, value in enumerate(values)}


def one_or_many(values: Iterable[Any]) -> Any:
    """Return None for nothing, the bare value for one, a list for more, without repetitions: as BioThings does."""
    unique = list(dict.fromkeys(value for value in values if value not in (None, "")))
    return unique[0] if len(unique) == 1 else unique or None


def write_table(folder: Path, table: Table) -> dict[str, Any]:
    """Write the table as zstd-compressed NDJSON, sorted by `_id`, and return its entry for the manifest."""
    rows = sorted(table.rows, key=lambda row: row[0])
    ids = [row[0] for row in rows]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{table.file}: an _id occurs twice")
    header: dict[str, Any] = {"columns": list(table.columns)}
    header |= {"tables": table.tables} if table.tables else {}
    header |= {"constants": table.constants} if table.constants else {}
    header |= {"shape": table.shape} if table.shape else {}
    lines = [_dump(header)]
    first = 0 if table.columns[0] == "_id" else 1
    for start in range(0, len(rows), BLOCK_ROWS):
        lines.append(_dump(list(zip(*rows[start : start + BLOCK_ROWS], strict=True))[first:]))
    data = zstandard.ZstdCompressor(compression_params=_COMPRESSION).compress(("\n".join(lines) + "\n").encode())
    (folder / table.file).write_bytes(data)
    source = table.source
    return {
        "file": table.file,
        "api": table.api,
        "source": source.name,
        "version": source.version,
        "licence": source.licence,
        "credit": source.credit,
        "package": source.package,
        "share_alike": source.share_alike,
        "rows": len(rows),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def write_manifest(folder: Path, entries: list[dict[str, Any]]) -> None:
    """Write `manifest.json`, one entry a file, in the order in which the reader joins them."""
    (folder / "manifest.json").write_text(json.dumps({"files": entries}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
