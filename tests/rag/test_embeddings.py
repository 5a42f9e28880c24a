from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag import embeddings
from rag.embeddings import DIMENSIONS, Embedder, default_embedder
from tools.errors import DataError


def test_vectors_have_unit_length_and_are_the_same_alone_and_among_others() -> None:
    texts = [f"field number {number}" for number in range(40)]
    together = default_embedder().embed(texts)
    alone = default_embedder().embed(texts[:1])
    assert together.shape == (40, DIMENSIONS)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.array_equal(together[0], alone[0])


def test_similarities_are_those_of_the_published_model() -> None:
    # The model card's own example: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
    # 0.6660, 0.1046 and 0.1411 in full precision; int8 weights cost a few hundredths.
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    similarity = (vectors := default_embedder().embed(texts)) @ vectors.T
    assert similarity[0, 1] == pytest.approx(0.6660, abs=0.06)
    assert similarity[0, 2] == pytest.approx(0.1046, abs=0.06)
    assert similarity[1, 2] == pytest.approx(0.1411, abs=0.06)


def test_any_text_has_a_vector() -> None:
    rows = default_embedder().embed(["", "\x00\x01", "β-catenin — Sjögren 病", "word " * 5000])
    assert np.isfinite(rows).all()


def test_progress_is_told_of_every_text() -> None:
    seen: list[tuple[int, int | None]] = []
    default_embedder().embed(["a", "b"], lambda _, done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "PACKAGE", "no_such_model_package")
    with pytest.raises(DataError) as caught:
        Embedder()
    assert "pip install no-such-model-package" in caught.value.hint


def test_a_changed_model_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(b"not the model")
    monkeypatch.setattr(embeddings, "model_path", lambda: other)
    with pytest.raises(DataError, match="damaged or of another version"):
        Embedder()
