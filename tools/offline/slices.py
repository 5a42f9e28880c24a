"""What was taken of a service with `offline sync`: one folder a slice, below the folder of its API.

`slice.json` is the record. While a slice is being taken, `documents.ndjson` beside it grows, a line a document, so
that a sync that was stopped goes on where it was; in the end the documents go into the index and the file goes away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from tools.offline.documents import read_source, write_source
from tools.offline.files import write_whole

_FOLDER, _RECORD, _DOCUMENTS = "slices", "slice.json", "documents.ndjson"


@dataclass(frozen=True)
class Slice:
    """The record of one slice.

    Args:
        name: short and without spaces; the same request has the same.
        request: the request line whose hits were taken.
        limit: at most so many of them; None: all.
        source: the backend: `live`, or a server's address.
        build_version, build_date: what the service's `/metadata` said; None where it says nothing.
        assembly: of variants, the assembly of their identifiers.
        started, finished: when, as ISO 8601; not finished: to be gone on with.
        total: how many hits there were.
        documents: how many different ones were taken.
        bytes: their size as JSON.
    """

    name: str
    request: str
    limit: int | None
    source: str
    build_version: str | None
    build_date: str | None
    assembly: str | None
    started: str
    total: int
    finished: str | None = None
    documents: int = 0
    bytes: int = 0


def slice_folder(api_folder: Path, name: str) -> Path:
    """Return where a slice of an API is kept."""
    return api_folder / _FOLDER / name


def read_slice(folder: Path) -> Slice | None:
    """Return the record in a slice's folder, None where there is none that can be read."""
    try:
        return Slice(**json.loads((folder / _RECORD).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_slice(folder: Path, record: Slice) -> None:
    """Keep the record of a slice."""
    write_whole(folder / _RECORD, orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))


def list_slices(api_folder: Path) -> list[Slice]:
    """Return the records of an API's slices, the oldest first."""
    found = [read_slice(path.parent) for path in api_folder.glob(f"{_FOLDER}/*/{_RECORD}")]
    return sorted((record for record in found if record), key=lambda record: record.started)


def forget_slices(api_folder: Path, name: str | None = None) -> None:
    """Remove the record of one slice, or of all, and what was taken of those not finished."""
    shutil.rmtree(slice_folder(api_folder, name) if name else api_folder / _FOLDER, ignore_errors=True)


class Spool:
    """The documents taken so far, on disk; `taken` are their identifiers, `bytes` their size.

    Args:
        folder: the slice's folder.
        keep: whether to go on with what is there; else it is thrown away.
    """

    def __init__(self, folder: Path, keep: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / _DOCUMENTS
        self.taken: set[str] = set()
        whole = 0
        if keep and self._path.exists():
            with self._path.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        break  # the last line was cut off when the process was killed
                    whole += len(line)
                    self.taken.add(read_source(line)["_id"])
        self._file = self._path.open("ab")
        self._file.truncate(whole)
        self.bytes = whole

    def add(self, document: dict[str, Any]) -> None:
        """Take one document more; of two with one identifier the later will stay."""
        self.taken.add(document["_id"])
        self.bytes += self._file.write(write_source(document) + b"\n")

    def save(self) -> None:
        """Make sure that what was taken outlives this process."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def documents(self) -> Iterator[dict[str, Any]]:
        """Yield all documents, in the order in which they were taken."""
        self.save()
        with self._path.open("rb") as lines:
            for line in lines:
                yield read_source(line)

    def close(self, remove: bool = False) -> None:
        """Close the file; with `remove` its documents are needed no more."""
        self._file.close()
        if remove:
            self._path.unlink(missing_ok=True)
