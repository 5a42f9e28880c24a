"""The offline indexes on disk: built, filled, dropped, opened.

Below `<home>/offline/` each API has a folder: `state.json` names the version in use, `v1`, `v2`… are engine folders,
`mapping.json` is there where the user gave a mapping, `slices` holds what `offline sync` knows. A version is built
aside and `state.json` replaced at the end, so that a crash leaves the old one; documents are added to a version in one
commit of the engine. A file lock keeps writers of several processes apart; readers need none, since open files outlive
their names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import tantivy
from filelock import FileLock

from tools.apis import API_NAMES
from tools.errors import DataError
from tools.offline import memory, snapshot
from tools.offline.documents import (
    ASSEMBLIES,
    HG19_ID_KEY,
    ID,
    ID_HG19,
    NUMBER,
    ORIGIN,
    POSITION_FIELDS,
    SOURCE,
    Document,
    DocumentWriter,
    build_schema,
    join_assemblies,
    read_source,
)
from tools.offline.files import Locks, write_whole
from tools.offline.index import COVERAGE_FILE, Index
from tools.offline.mapping import FieldMapping
from tools.offline.slices import forget_slices, list_slices, slice_folder
from tools.paths import data_dir

__all__ = ["Index", "Store"]

Progress = Callable[[str, int, int | None], None]
Rows = dict[str, dict[str, Any]]
# To be raised when indexes of the same documents would be written otherwise.
_FORMAT = 7
_HEAP_BYTES = 100_000_000
_PROGRESS_STEP = 1000
_FROM_SNAPSHOT = "snapshot"
_LOADED = "load"
_ROW_KEYS = ("type", "index", "analyzer", "normalizer", "copy_to", "fields", "format", "searched_by_default")
_HG38_ROWS: Rows = {
    "hg38": {"type": "object"},
    "hg38.start": {"type": "integer", "index": True},
    "hg38.end": {"type": "integer", "index": True},
    # The entity endpoint takes ClinGen allele ids, though the published listing lacks their field.
    "clingen": {"type": "object"},
    "clingen.caid": {"type": "keyword", "index": True},
}


@dataclass(frozen=True)
class _State:
    """What `state.json` says: the version in use and what it was built from (`snapshot` None: loaded files only)."""

    version: str
    digest: str
    snapshot: str | None
    revision: int


class Store:
    """The indexes below one home folder.

    Args:
        home: the product's folder for what it writes.
        progress: told what is being indexed, how much is done, and of how much (None: not known).
    """

    def __init__(self, home: Path, progress: Progress | None = None) -> None:
        self.home = home
        self._root = home / "offline"
        self._progress = progress
        self._opened: dict[str, tuple[tuple[int, ...], Index]] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def apis(self) -> tuple[str, ...]:
        """Return the names of the APIs that can be asked: the four, and those that were created."""
        made = sorted(path.parent.name for path in self._root.glob("*/mapping.json"))
        return (*API_NAMES, *(name for name in made if name not in API_NAMES))

    def index(self, api: str) -> Index:
        """Open the index of an API; it is built from the bundled snapshot on first use, or when that has changed.

        Raises:
            DataError: there is no such API, or its data cannot be read.
        """
        stamp = self._stamp(api)
        known = self._opened.get(api)
        if known is not None and known[0] == stamp:
            return known[1]
        with self._lock(api):
            rows = self._rows(api)
            mapping, digest = _read_mapping(api, orjson.dumps(rows))
            state = self._state(api)
            if state is None or not self._is_current(api, state, digest):
                state = self._rebuild(api, mapping, digest, state)
            index = Index(self._folder(api) / state.version, api, mapping, self._is_custom(api))
            self._opened[api] = (self._stamp(api), index)
            return index

    def create(self, api: str, mapping: Mapping[str, Mapping[str, Any]]) -> None:
        """Give an API a mapping of its own; documents that it holds are indexed anew by it.

        Raises:
            DataError: the mapping has an unknown analyser.
        """
        rows = {path: {key: row[key] for key in _ROW_KEYS if key in row} for path, row in mapping.items()}
        FieldMapping(rows)
        with self._lock(api):
            write_whole(self._folder(api) / "mapping.json", orjson.dumps(rows))

    @contextmanager
    def restoring(self, api: str) -> Iterator[None]:
        """Give an API its mapping back, or none, where what is done within fails after `create`."""
        path = self._folder(api) / "mapping.json"
        before = path.read_bytes() if path.exists() else None
        try:
            yield
        except BaseException:
            if before is None and api not in API_NAMES:
                self.drop(api)
            else:
                with self._lock(api):
                    if before is None:
                        path.unlink(missing_ok=True)
                    else:
                        write_whole(path, before)
            raise

    def add(self, api: str, documents: Iterable[Document], replace: bool, assembly: str | None, part: str = "") -> int:
        """Add documents, newest wins; with `replace` they take the place of everything that the API holds.

        Args:
            api: the API's name.
            documents: each with its `_id`.
            replace: whether what is there goes.
            assembly: the assembly of variants; None: they are found under either.
            part: the name of the slice that they are, so that it can be dropped by itself.

        Returns:
            The number of documents read.
        """
        origin = f"{_LOADED}:{assembly or ''}:{part}".rstrip(":")
        entries = ((document, origin) for document in documents)
        with self._lock(api):
            if not replace:
                self.index(api)
            mapping, digest = _read_mapping(api, orjson.dumps(self._rows(api)))
            state = self._state(api)
            if replace or state is None:
                count = self._build(api, mapping, digest, None, entries, state)
                forget_slices(self._folder(api))
            else:
                folder = self._folder(api) / state.version
                count = self._fill(api, tantivy.Index.open(str(folder)), folder, mapping, entries, may_replace=True)
                self._save(api, _State(state.version, state.digest, state.snapshot, state.revision + 1))
            return count

    def drop(self, api: str) -> None:
        """Remove what an API holds; one of the four is built from the snapshot again when it is next used."""
        with self._lock(api):
            self._opened.pop(api, None)
            shutil.rmtree(self._folder(api), ignore_errors=True)

    def drop_slice(self, api: str, name: str) -> None:
        """Remove what one sync took; what it had taken the place of in the snapshot comes back."""
        with self._lock(api):
            state = self._state(api)
            if state is not None:
                mapping, digest = _read_mapping(api, orjson.dumps(self._rows(api)))
                self._rebuild(api, mapping, digest, state, without=name)
            forget_slices(self._folder(api), name)

    def slice_folder(self, api: str, name: str) -> Path:
        """Return where the slice of an API is kept (`tools.offline.slices`)."""
        return slice_folder(self._folder(api), name)

    def info(self) -> list[dict[str, Any]]:
        """Return what there is of each API: `built`, and then documents, bytes, time of the last change."""
        rows: list[dict[str, Any]] = []
        for api in self.apis():
            state = self._state(api)
            row: dict[str, Any] = {"api": api, "built": state is not None, "custom": self._is_custom(api)}
            row["slices"] = [asdict(record) for record in list_slices(self._folder(api))]
            if state is not None:
                folder = self._folder(api) / state.version
                index = self.index(api)
                row |= {
                    "documents": index.count,
                    "loaded": index.count_loaded(),
                    "bytes": sum(path.stat().st_size for path in folder.iterdir()),
                    "changed": (self._folder(api) / "state.json").stat().st_mtime,
                    "snapshot": state.snapshot,
                    "path": str(folder),
                }
            rows.append(row)
        return rows

    def changed(self, api: str) -> datetime:
        """Return when the index of an API was last built or added to.

        Raises:
            DataError: it has not been built.
        """
        try:
            return datetime.fromtimestamp((self._folder(api) / "state.json").stat().st_mtime, UTC)
        except OSError as error:
            raise DataError(f"The offline index of {api} has not been built.", "It is built on first use.") from error

    def _rebuild(
        self, api: str, mapping: FieldMapping, digest: str, state: _State | None, without: str | None = None
    ) -> _State:
        """Build from the snapshot, if the API has one and it was not replaced, and from what was loaded before.

        Of that, the slice `without` is left out.
        """
        uses_snapshot = api in API_NAMES and (state is None or state.snapshot is not None)
        entries = _chain(
            ((document, _FROM_SNAPSHOT) for document in snapshot.documents(api)) if uses_snapshot else (),
            self._loaded(api, state, without) if state is not None else (),
        )
        fingerprint = snapshot.fingerprint(api) if uses_snapshot else None
        self._build(api, mapping, digest, fingerprint, entries, state)
        built = self._state(api)
        assert built is not None
        return built

    def _build(
        self,
        api: str,
        mapping: FieldMapping,
        digest: str,
        fingerprint: str | None,
        entries: Iterable[tuple[Document, str]],
        state: _State | None,
    ) -> int:
        folder = self._folder(api)
        number = 1 + int(state.version[1:]) if state else 1
        aside = folder / "building"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        engine = tantivy.Index(build_schema(mapping), str(aside))
        count = self._fill(api, engine, aside, mapping, entries)
        del engine
        shutil.rmtree(folder / f"v{number}", ignore_errors=True)
        aside.rename(folder / f"v{number}")
        self._save(api, _State(f"v{number}", digest, fingerprint, time.time_ns()))
        # The version before stays for readers that are just opening it.
        for path in folder.glob("v*"):
            if path.name not in (f"v{number}", state.version if state else ""):
                shutil.rmtree(path, ignore_errors=True)
        memory.give_back()
        return count

    def _fill(
        self,
        api: str,
        engine: tantivy.Index,
        folder: Path,
        mapping: FieldMapping,
        entries: Iterable[tuple[Document, str]],
        may_replace: bool = False,
    ) -> int:
        """Index documents in one commit; of several with one identifier the last stays."""
        mapping = mapping.copy()
        documents = DocumentWriter(mapping, engine.schema, api)
        writer = engine.writer(_HEAP_BYTES, 1)
        first, searcher = _next_number(engine), engine.searcher()
        seen: set[int] = set()
        count = 0
        try:
            for document, origin in entries:
                if may_replace and api == "myvariant":
                    document = _as_known(engine, searcher, document, _assemblies(api, origin))
                key = hash(document["_id"])
                if may_replace or key in seen:
                    writer.delete_documents_by_term(ID, document["_id"])
                seen.add(key)
                writer.add_document(documents.write(document, first + count, origin, _assemblies(api, origin)))
                count += 1
                if self._progress is not None and count % _PROGRESS_STEP == 0:
                    self._progress(f"indexing {api}", count, None)
            coverage = folder / COVERAGE_FILE
            known = set(json.loads(coverage.read_text("utf-8"))) if coverage.exists() else set()
            write_whole(coverage, orjson.dumps(sorted(known | set(mapping.seen_paths()))))
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        finally:
            # This also gives up the engine's lock on the folder.
            writer.wait_merging_threads()
        if self._progress is not None:
            self._progress(f"indexing {api}", count, count)
        return count

    def _loaded(self, api: str, state: _State, without: str | None) -> Iterator[tuple[Document, str]]:
        """Yield the documents of a version that did not come from the snapshot."""
        engine = tantivy.Index.open(str(self._folder(api) / state.version))
        searcher = engine.searcher()
        for origin, count in searcher.terms_with_prefix(ORIGIN, _LOADED):
            if without is not None and origin.endswith(f":{without}"):
                continue
            query = tantivy.Query.term_query(engine.schema, ORIGIN, origin)
            for _, address in searcher.search(query, max(count, 1)).hits:
                yield read_source(searcher.doc(address).get_first(SOURCE)), origin

    def _is_current(self, api: str, state: _State, digest: str) -> bool:
        if state.digest != digest or not (self._folder(api) / state.version / "meta.json").exists():
            return False
        return state.snapshot is None or state.snapshot == snapshot.fingerprint(api)

    def _rows(self, api: str) -> Rows:
        """Return the field listing of an API: the user's own, else the packaged one."""
        path = self._folder(api) / "mapping.json"
        if not path.exists():
            if api not in API_NAMES:
                raise DataError(f"There is no offline index {api!r}.", f"There are {', '.join(self.apis())}.")
            return _packaged_rows(api)
        rows: Rows = orjson.loads(path.read_bytes())
        return rows

    def _state(self, api: str) -> _State | None:
        try:
            return _State(**json.loads((self._folder(api) / "state.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _save(self, api: str, state: _State) -> None:
        write_whole(self._folder(api) / "state.json", orjson.dumps(state))

    def _is_custom(self, api: str) -> bool:
        return (self._folder(api) / "mapping.json").exists()

    def _stamp(self, api: str) -> tuple[int, ...]:
        """Return what changes whenever an index must be opened anew."""
        stamp: list[int] = []
        for name in ("state.json", "mapping.json"):
            try:
                status = os.stat(self._folder(api) / name)
                stamp += [status.st_mtime_ns, status.st_ino]
            except FileNotFoundError:
                stamp += [0, 0]
        return tuple(stamp)

    def _folder(self, api: str) -> Path:
        return self._root / api

    def _lock(self, api: str) -> Locks:
        with self._guard:
            lock = self._locks.setdefault(api, threading.RLock())
        self._root.mkdir(parents=True, exist_ok=True)
        return Locks(lock, FileLock(self._root / f".{api}.lock", thread_local=False, is_singleton=True))


@lru_cache(maxsize=64)
def _assemblies(api: str, origin: str) -> tuple[str, ...]:
    if api != "myvariant":
        return ()
    if origin == _FROM_SNAPSHOT:
        return ("hg38",)
    _, assembly, *_ = [*origin.split(":"), ""]
    return (assembly,) if assembly else ASSEMBLIES


def _as_known(
    engine: tantivy.Index, searcher: tantivy.Searcher, document: Document, assemblies: tuple[str, ...]
) -> Document:
    """Return a variant of one assembly with what is known of it in the other.

    Else it would be there twice, or be lost to the other assembly.
    """
    assembly = assemblies[0]  # of an id that may be of either, hg19, as where it is looked for first
    query = tantivy.Query.term_query(engine.schema, ID_HG19 if assembly == "hg19" else ID, document["_id"])
    for _, address in searcher.search(query, 2).hits:
        known = read_source(searcher.doc(address).get_first(SOURCE))
        if HG19_ID_KEY in known:
            return join_assemblies(known, document, assembly)
    return document


def _next_number(engine: tantivy.Index) -> int:
    """Return the number of the document that is indexed next; listings go by these numbers."""
    query = tantivy.Query.all_query()
    last = engine.searcher().search(query, 1, order_by_field=NUMBER, order=tantivy.Order.Desc).hits
    return int(last[0][0]) + 1 if last else 0


@lru_cache(maxsize=16)
def _read_mapping(api: str, rows: bytes) -> tuple[FieldMapping, str]:
    """Return the fields of a listing, and a digest of what an index of them depends on."""
    nested = POSITION_FIELDS.values() if api == "mygene" else ()
    digest = hashlib.sha256(b"%d\n%s" % (_FORMAT, rows)).hexdigest()[:16]
    return FieldMapping(orjson.loads(rows), nested), digest


@lru_cache(maxsize=8)
def _packaged_rows(api: str) -> Rows:
    try:
        listing = json.loads((data_dir() / "schema" / f"{api}.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The field listing of {api} cannot be read: {error}", "Install the package again.") from error
    rows: Rows = {}
    for path, entry in listing.items():
        row = {key: entry[key] for key in _ROW_KEYS if key in entry}
        if entry.get("default"):
            row["searched_by_default"] = True
        rows[path] = row
    return {**rows, **_HG38_ROWS} if api == "myvariant" else rows


def _chain(*streams: Iterable[tuple[Document, str]]) -> Iterator[tuple[Document, str]]:
    for stream in streams:
        yield from stream
