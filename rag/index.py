"""The retrieval index: a Chroma store of field cards, notes and examples, and the word index beside it.

It stands in `<home>/index-<fingerprint>`; the fingerprint covers every text in it and the way they are embedded, so
that a changed catalogue, note or example leads to another folder and an old index is never read. Vectors are computed
once: `<home>/vectors-<model>.npz` keeps them by text, and a refreshed catalogue embeds only what is new.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from rag import documents, embeddings, labels, lexical
from rag.documents import Example, Note
from rag.embeddings import Embedder, Progress, default_embedder
from rag.labels import LabelIndex
from rag.lexical import LexicalIndex
from tools.apis import api_names
from tools.catalogue import Field
from tools.errors import DataError

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

#: Changes with the layout of the folder.
_LAYOUT = 1
_EXAMPLE_FIELDS = "example_fields.json"
_LABELS = "labels"
_LOCK_SECONDS = 600
#: Folders of earlier fingerprints that stay: another process may still read the last one.
_KEPT = 2


@dataclass(frozen=True)
class Contents:
    """Everything that an index is made of."""

    cards: list[Field]
    notes: Sequence[Note]
    examples: Sequence[Example]

    @cached_property
    def card_texts(self) -> list[str]:
        """What the cards' vectors are made of."""
        return [documents.card_text(card) for card in self.cards]

    @cached_property
    def guide_texts(self) -> list[str]:
        """What the vectors of notes and examples are made of, notes first."""
        return [documents.note_text(note) for note in self.notes] + [
            documents.question_text(example.question) for example in self.examples
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A hash that changes when any text does, or the way in which it is indexed."""
        digest = hashlib.sha256()
        versions = (_LAYOUT, documents.VERSION, lexical.VERSION, labels.VERSION, embeddings.FINGERPRINT)
        digest.update(repr(versions).encode())
        for card, text in zip(self.cards, self.card_texts, strict=True):
            digest.update(f"{card.api}\0{card.path}\0{text}\0{card.synonyms}\0{card.values}\n".encode())
        for note in self.notes:
            digest.update(f"{note}\n".encode())
        for example in self.examples:
            digest.update(f"{example}\n".encode())
        return digest.hexdigest()[:16]


def load_contents(apis: Sequence[str] | None = None) -> Contents:
    """Read what there is to index: the fields of these APIs (None: of all registered), all notes and examples."""
    return Contents(
        documents.load_cards(apis if apis is not None else api_names()),
        documents.load_notes(),
        documents.load_examples(),
    )


@dataclass
class Index:
    """An open index. Cards, notes and examples are known by their position in `contents`.

    `example_fields` holds for each example the fields that its request names.
    """

    folder: Path
    contents: Contents
    embedder: Embedder
    words: LexicalIndex
    labels: LabelIndex
    example_fields: list[list[str]]
    _client: Any = field(repr=False)

    @cached_property
    def _cards(self) -> Collection:
        return self._client.get_collection("cards", embedding_function=None)

    @cached_property
    def _guides(self) -> Collection:
        return self._client.get_collection("guides", embedding_function=None)

    def nearest_cards(self, vectors: Vectors, n: int) -> list[list[tuple[int, float]]]:
        """Return for each vector the `n` nearest cards as (position, cosine similarity), nearest first."""
        return _nearest(self._cards, vectors, n)

    def nearest_guides(self, vectors: Vectors, n: int) -> list[list[tuple[int, float]]]:
        """Return for each vector the `n` nearest notes and examples; positions of examples follow those of notes."""
        return _nearest(self._guides, vectors, n)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many cards, and how many notes and examples, the store holds."""
        return self._cards.count(), self._guides.count()

    @property
    def guides(self) -> int:
        """How many notes and examples there are."""
        return len(self.contents.notes) + len(self.contents.examples)

    def close(self) -> None:
        """Let go of the store's files."""
        self._client.close()


def open_index(home: Path, progress: Progress | None = None, contents: Contents | None = None) -> Index:
    """Open the index below `home`, building it first if there is none for the present catalogue, notes and examples.

    Several processes may call this at once: one builds, the others wait.

    Args:
        home: the folder for everything that is written.
        progress: told (what, done, of how many) while building.
        contents: what to index; None: all registered APIs.

    Raises:
        DataError: the model or the packaged data is missing, or the folder cannot be written.
    """
    with ThreadPoolExecutor(1) as pool:
        # Half of a cold start is this import; the model is loaded meanwhile, which does not hold the interpreter.
        pool.submit(importlib.import_module, "chromadb")
        contents = contents or load_contents()
        folder = home / f"index-{contents.fingerprint}"
        embedder = default_embedder()
    if folder.is_dir():
        try:
            return _open(folder, contents, embedder)
        except DataError:
            pass  # A disk that was full, a copy cut short: what can be built again need not be mended by hand.
    return _build_locked(home, folder, contents, embedder, progress)


def _open(folder: Path, contents: Contents, embedder: Embedder) -> Index:
    from chromadb.errors import ChromaError

    cure = f"Delete {folder}; it is built again."
    with ExitStack() as opened:
        try:
            example_fields = json.loads((folder / _EXAMPLE_FIELDS).read_text(encoding="utf-8"))
            words, named = LexicalIndex.load(folder), LabelIndex.load(folder / _LABELS)
            client = _client(folder / "chroma")
            opened.callback(client.close)
            index = Index(folder, contents, embedder, words, named, example_fields, client)
            sizes = index.sizes
        except (OSError, ValueError, RuntimeError, ChromaError) as error:
            raise DataError(f"The search index in {folder} is damaged: {error}", cure) from error
        if sizes != (len(contents.cards), len(contents.notes) + len(contents.examples)):
            raise DataError(f"The search index in {folder} is not whole.", cure)
        opened.pop_all()
    return index


def _build_locked(home: Path, folder: Path, contents: Contents, embedder: Embedder, progress: Progress | None) -> Index:
    from filelock import FileLock, Timeout

    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / "index.lock", timeout=_LOCK_SECONDS):
            if folder.is_dir():
                try:
                    return _open(folder, contents, embedder)  # Another process was first.
                except DataError:
                    shutil.rmtree(folder, ignore_errors=True)
            _build(home, folder, contents, embedder, progress)
            return _open(folder, contents, embedder)
    except Timeout as error:
        raise DataError(
            "Another process has been building the search index for ten minutes.",
            f"End it, or delete {home / 'index.lock'}.",
        ) from error
    except OSError as error:
        raise DataError(
            f"The search index cannot be written to {home}: {error.strerror or error}.",
            "Free some space, or set BIOTHINGS_ASSISTANT_HOME to a folder that can be written.",
        ) from error


def _build(home: Path, folder: Path, contents: Contents, embedder: Embedder, progress: Progress | None) -> None:
    """Build aside, then rename: an index is there whole or not at all."""
    aside = home / f"{folder.name}.{os.getpid()}.new"
    for left in home.glob("index-*.new"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir()
    try:
        vectors = _vectors([*contents.card_texts, *contents.guide_texts], home, embedder, progress)
        cards = len(contents.cards)
        client = _client(aside / "chroma")
        try:
            _add(client, "cards", vectors[:cards], [{"api": card.api, "path": card.path} for card in contents.cards])
            guides = [{"kind": "note", "name": note.name} for note in contents.notes]
            guides += [{"kind": "example", "name": example.request} for example in contents.examples]
            _add(client, "guides", vectors[cards:], guides)
        finally:
            client.close()
        LexicalIndex.build([documents.card_words(card) for card in contents.cards]).save(aside)
        LabelIndex.build([documents.card_names(card) for card in contents.cards]).save(aside / _LABELS)
        # Written down, since reading two hundred requests anew would cost each start.
        example_fields = [sorted(documents.fields_of(example.request)) for example in contents.examples]
        (aside / _EXAMPLE_FIELDS).write_text(json.dumps(example_fields), encoding="utf-8")
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    others = sorted(home.glob("index-*/"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _vectors(texts: Sequence[str], home: Path, embedder: Embedder, progress: Progress | None) -> Vectors:
    """Return the vectors of texts; those that were ever computed below `home` are read, not computed."""
    path = home / f"vectors-{embeddings.FINGERPRINT}.npz"
    known: dict[bytes, Vectors] = {}
    try:
        with np.load(path) as kept:
            known = {bytes(key): row for key, row in zip(kept["keys"], kept["rows"], strict=True)}
    except (OSError, ValueError, KeyError, BadZipFile):
        known = {}
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        known.update(zip(new, embedder.embed(list(new.values()), progress), strict=True))
    rows = np.stack([known[key] for key in keys])
    if new:
        temporary = path.with_name(f"{path.stem}.{os.getpid()}.npz")
        flat = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 32)
        np.savez(temporary, keys=flat, rows=rows)
        temporary.replace(path)
    return rows


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    # Vectors are always passed in, so Chroma's own embedder, which would fetch a model, is never made.
    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _add(client: Any, name: str, vectors: Vectors, metadatas: list[dict[str, str]]) -> None:
    # `sync_threshold` as large as the collection: all of it goes to the vector file at once, nothing is left in the
    # write-ahead log, which would be replayed at each start. `ef_search` is high since these collections are small.
    hnsw = {"space": "ip", "ef_construction": 200, "ef_search": 300}
    hnsw |= {"sync_threshold": max(2, len(vectors)), "batch_size": 2}
    collection = client.create_collection(name, embedding_function=None, configuration={"hnsw": hnsw})
    step = client.get_max_batch_size()
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        ids = [str(place) for place in range(len(vectors))[part]]
        collection.add(ids=ids, embeddings=vectors[part], metadatas=metadatas[part])


def _nearest(collection: Collection, vectors: Vectors, n: int) -> list[list[tuple[int, float]]]:
    answer = collection.query(query_embeddings=vectors, n_results=n, include=["distances"])
    distances = answer["distances"] or []
    return [
        [(int(place), 1.0 - distance) for place, distance in zip(ids, row, strict=True)]
        for ids, row in zip(answer["ids"], distances, strict=True)
    ]
