from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from rag.documents import load_examples, load_notes
from rag.index import Contents, open_index
from rag.retrieve import Retriever
from tools.catalogue import load_catalogue
from tools.errors import DataError

FEW = ("symbol", "name", "summary", "genomic_pos", "go.BP")


def contents() -> Contents:
    catalogue = load_catalogue("mygene")
    cards = [field for path in FEW if (field := catalogue.get(path))]
    return Contents(cards, load_notes()[:3], load_examples()[:5])


def changed() -> Contents:
    before = contents()
    card = dataclasses.replace(before.cards[0], description="Something else altogether.")
    return Contents([card, *before.cards[1:]], before.notes, before.examples)


def counted(home: Path, what: Contents) -> int:
    """Open an index and count the texts that were embedded for it."""
    told: list[int] = []
    open_index(home, lambda _, done, total: told.append(done), what).close()
    return len(told)


def test_it_is_built_once_and_only_changed_cards_are_embedded_again(tmp_path: Path) -> None:
    assert counted(tmp_path, contents()) == len(FEW) + 3 + 5
    assert counted(tmp_path, contents()) == 0
    assert counted(tmp_path, changed()) == 1
    assert len(list(tmp_path.glob("index-*/"))) == 2
    assert counted(tmp_path, contents()) == 0


def test_fingerprint_covers_cards_notes_and_examples() -> None:
    base = contents()
    notes = Contents(base.cards, base.notes[1:], base.examples)
    examples = Contents(base.cards, base.notes, base.examples[1:])
    synonyms = Contents(
        [dataclasses.replace(base.cards[0], synonyms=("x",)), *base.cards[1:]], base.notes, base.examples
    )
    assert len({each.fingerprint for each in (base, changed(), notes, examples, synonyms)}) == 5
    assert contents().fingerprint == base.fingerprint


def test_a_build_that_breaks_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.lexical import LexicalIndex

    def fail(self: LexicalIndex, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LexicalIndex, "save", fail)
        with pytest.raises(DataError, match="No space left") as caught:
            open_index(tmp_path, None, contents())
    assert "BIOTHINGS_ASSISTANT_HOME" in caught.value.hint
    assert not list(tmp_path.glob("index-*/"))
    open_index(tmp_path, None, contents()).close()


def test_damaged_vectors_are_computed_again(tmp_path: Path) -> None:
    counted(tmp_path, contents())
    for path in tmp_path.glob("vectors-*.npz"):
        path.write_bytes(b"PK damaged")
    assert counted(tmp_path, changed()) == len(FEW) + 3 + 5


@pytest.mark.parametrize("lost", ["lexical.npz", "lexical.json", "example_fields.json", "chroma/chroma.sqlite3"])
def test_a_damaged_index_is_built_again(tmp_path: Path, lost: str) -> None:
    counted(tmp_path, contents())
    (folder,) = tmp_path.glob("index-*/")
    (folder / lost).unlink()
    index = open_index(tmp_path, None, contents())
    assert index.sizes == (len(FEW), 8)
    index.close()
    (folder / lost).stat()


def test_it_works_without_any_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    index = open_index(tmp_path, None, contents())
    found = Retriever(index).retrieve("where is BRCA1 located", k=3)
    index.close()
    assert "genomic_pos" in [field.path for field in found.fields]
