"""Reads the bundled snapshot: one compressed table a source, joined here into BioThings-shaped documents.

A table is zstd-compressed NDJSON. Its first line is a header; every further line is a block of rows, written as a
list of columns (see `snapshot_build/tables.py`). In the header:

- `columns`: the first is `_id`, by which rows are sorted and joined (it is left out where a shape makes it). Every
  other name is a dotted field path; `path@table` holds numbers (one, or a list) of values in the header's `tables`;
  null means that there is no value.
- `constants`: values by path that every document of the table has.
- `shape`: the function of `snapshot_shapes.py` that makes the document instead, for tables too large to spell out.

Lists of one are written as the bare value, as the BioThings services write them.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import zstandard

from tools.errors import DataError
from tools.offline.snapshot_shapes import SHAPES
from tools.paths import data_dir

Document = dict[str, Any]

API_FILES = {"mygene": "genes", "myvariant": "variants", "mychem": "chemicals", "mydisease": "diseases"}

# Part of every fingerprint: to be raised when the same files are joined into other documents.
_FORMAT = "1"
# Fields whose parts belong together: when two sources have one, the first is kept whole.
_ATOMIC = frozenset({"gene"})


@dataclass(frozen=True)
class SnapshotSource:
    """One source of one API, as the manifest states it; `credit` is the line to show."""

    file: str
    api: str
    source: str
    version: str
    licence: str
    credit: str
    package: str
    share_alike: bool
    rows: int
    bytes: int
    sha256: str


class Snapshot:
    """A folder of tables with its manifest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _sources(self) -> tuple[SnapshotSource, ...]:
        path = self._folder / "manifest.json"
        try:
            return tuple(SnapshotSource(**entry) for entry in json.loads(path.read_text("utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"The offline snapshot cannot be read: {path}: {error}",
                "Install the package again, or use `--backend live`.",
            ) from error

    def sources(self, api: str) -> tuple[SnapshotSource, ...]:
        """Return the sources of an API's documents, none for an API that the snapshot does not have."""
        return tuple(source for source in self._sources if source.api == api)

    def fingerprint(self, api: str) -> str:
        """Return a short text that changes whenever the documents of the API do."""
        parts = [_FORMAT, *(f"{source.file}:{source.sha256}" for source in self.sources(api))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def documents(self, api: str) -> Iterator[Document]:
        """Yield the API's documents, each with its `_id`, in the order of these.

        Objects that come from a header's tables are shared between documents: change none in place.
        Raises DataError where a file is missing or damaged.
        """
        lineages = tuple(_lineages(self)) if api == "mydisease" else ()
        document: Document = {}
        fragments = [_Table(self._folder / source.file).fragments() for source in self.sources(api)]
        for fragment in heapq.merge(*fragments, key=itemgetter("_id")):
            if document and fragment["_id"] == document["_id"]:
                _join(document, fragment)
                continue
            if document:
                yield _finish(document, lineages)
            document = fragment
        if document:
            yield _finish(document, lineages)

    def column(self, file: str, name: str) -> Iterator[tuple[str, Any]]:
        """Yield (`_id`, value) of one column of one table."""
        table = _Table(self._folder / file)
        index = table.columns.index(name)
        for block in table.blocks():
            yield from zip(block[0], block[index], strict=True)


class _Table:
    """One file, opened and its header read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = self._read()
        header = next(self._lines)
        self.columns: list[str] = header["columns"]
        self._tables: dict[str, list[Any]] = header.get("tables", {})
        self._constants: dict[str, Any] = header.get("constants", {})
        self._shape: str | None = header.get("shape")

    def _read(self) -> Iterator[Any]:
        try:
            with self._path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
                for line in io.TextIOWrapper(io.BufferedReader(stream, 1 << 20), encoding="utf-8"):
                    yield json.loads(line)
        except (OSError, zstandard.ZstdError, ValueError) as error:
            raise DataError(
                f"The offline snapshot is damaged: {self._path}: {error}",
                "Install the package again, or use `--backend live`.",
            ) from error

    def blocks(self) -> Iterator[list[list[Any]]]:
        """Yield the blocks, each a list of columns of equal length."""
        return self._lines

    def fragments(self) -> Iterator[Document]:
        """Yield what this table knows of each document, `_id` first."""
        if self._shape is not None:
            shape = SHAPES[self._shape](self._tables)
            for block in self.blocks():
                yield from map(shape, zip(*block, strict=True))
            return
        constants = [(path.split("."), value) for path, value in self._constants.items()]
        named = [column.partition("@") for column in self.columns[1:]]
        columns = [(name.split("."), self._tables[table] if table else None) for name, _, table in named]
        for block in self.blocks():
            for id_, *row in zip(*block, strict=True):
                fragment: Document = {"_id": id_}
                for path, value in constants:
                    _put(fragment, path, value)
                for (path, values), value in zip(columns, row, strict=True):
                    if value is None:
                        continue
                    if values is not None:
                        value = [values[number] for number in value] if isinstance(value, list) else values[value]
                    _put(fragment, path, value)
                yield fragment


def _put(document: Document, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
    document[path[-1]] = value


def _join(document: Document, fragment: Document) -> None:
    """Add to a document what another source knows of it: objects are merged, values listed together."""
    for key, value in fragment.items():
        if key not in document:
            document[key] = value
        elif (known := document[key]) == value or key in _ATOMIC:
            continue
        elif isinstance(known, dict) and isinstance(value, dict):
            _join(known, value)
        else:
            known = known if isinstance(known, list) else [known]
            document[key] = known + [
                item for item in (value if isinstance(value, list) else [value]) if item not in known
            ]


class _Lineage:
    """The is_a relations of one ontology, and what follows from them for its documents."""

    def __init__(self, field: str, own_id: str, parents: Iterable[tuple[str, Any]]) -> None:
        self.field = field
        self._own_id = own_id
        self._parents = {
            id_: value if isinstance(value, list) else [value] for id_, value in parents if value is not None
        }
        self._ancestors: dict[str, frozenset[str]] = {}
        self._children: dict[str, list[str]] = {}
        self._descendants: dict[str, list[str]] = {}
        for id_, parents_ in self._parents.items():
            for parent in parents_:
                self._children.setdefault(parent, []).append(id_)
            for ancestor in self._all_ancestors(id_):
                self._descendants.setdefault(ancestor, []).append(id_)

    def _all_ancestors(self, id_: str) -> frozenset[str]:
        if id_ not in self._ancestors:
            parents = self._parents.get(id_, [])
            self._ancestors[id_] = frozenset(parents).union(*map(self._all_ancestors, parents))
        return self._ancestors[id_]

    def add_to(self, term: Document) -> None:
        """Add ancestors, children and descendants to one term."""
        id_ = term[self._own_id]
        found = {
            "ancestors": self._all_ancestors(id_),
            "children": self._children.get(id_, ()),
            "descendants": self._descendants.get(id_, ()),
        }
        for key, ids in found.items():
            if ids:
                term[key] = sorted(ids) if len(ids) > 1 else next(iter(ids))


def _lineages(snapshot: Snapshot) -> Iterator[_Lineage]:
    """Make the lineage of each ontology that the snapshot has: a source can be taken out of it."""
    files = {source.file for source in snapshot.sources("mydisease")}
    if (mondo := "diseases.mondo.jsonl.zst") in files:
        yield _Lineage("mondo", "mondo", snapshot.column(mondo, "mondo.parents"))
    if (doid := "diseases.doid.jsonl.zst") in files:
        # Documents go by their MONDO id, DOIDs' parents by DOID.
        doids = dict(snapshot.column(doid, "disease_ontology.doid"))
        parents = snapshot.column(doid, "disease_ontology.parents")
        yield _Lineage("disease_ontology", "doid", ((doids[id_], value) for id_, value in parents))


def _finish(document: Document, lineages: Iterable[_Lineage]) -> Document:
    for lineage in lineages:
        if (term := document.get(lineage.field)) is not None:
            lineage.add_to(term)
    return document


@cache
def bundled() -> Snapshot:
    """Return the snapshot that the package carries."""
    return Snapshot(data_dir() / "snapshot")


def documents(api: str) -> Iterator[Document]:
    """Yield the bundled documents of an API; see `Snapshot.documents`."""
    return bundled().documents(api)


def fingerprint(api: str) -> str:
    """Return a short text that changes whenever the bundled documents of an API do."""
    return bundled().fingerprint(api)


def sources(api: str) -> tuple[SnapshotSource, ...]:
    """Return the sources of the bundled documents of an API."""
    return bundled().sources(api)
