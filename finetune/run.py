"""A training run from pairs to adapter: split, rendered, trained, and described beside the adapter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.runtime import Progress
from finetune.dataset import KEPT_WITHOUT_CARDS, Encode, Example, build_sequences, read_content, read_pairs
from tools.errors import DataError

if TYPE_CHECKING:
    from finetune.pairs import Pair
    from finetune.plan import Plan
    from rag.retrieve import Retriever

#: Raise it when the same pairs are rendered in another way.
_RENDERING = 4


@dataclass(frozen=True)
class Sequences:
    """What a run trains on and what it is validated on, as tokens; `notes` say what they were made of."""

    training: list[Example]
    validation: list[Example]
    notes: dict[str, Any]


def packaged_base(home: Path) -> Path:
    """Return the packaged base model as a Transformers folder, written below `home` on first use.

    Raises:
        DataError: the packaged model is missing or damaged.
    """
    from agent.model.weights import hash_file, packaged_model, write_transformers_base

    path = packaged_model()
    folder = home / "base" / hash_file(path)[:16]
    if not (folder / "model.safetensors").is_file():
        write_transformers_base(folder, path)
    return folder


def open_tokenizer(base: Path | str) -> Encode:
    """Return what turns text into a model's tokens, special marks included and none added.

    Raises:
        DataError: the model has no tokenizer.
    """
    file = Path(base) / "tokenizer.json"
    if file.is_file():
        from tokenizers import Tokenizer

        fast = Tokenizer.from_file(str(file))

        def encode(text: str) -> list[int]:
            ids: list[int] = fast.encode(text, add_special_tokens=False).ids
            return ids

        return encode
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(base))
    except (OSError, ValueError) as error:
        raise DataError(f"{base} has no tokenizer: {str(error).splitlines()[0]}") from error
    return lambda text: list(tokenizer(text, add_special_tokens=False).input_ids)


def choose(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Return the first `count` pairs; what was added to the synthesised ones (corrections, paraphrases) goes first."""
    return sorted(pairs, key=lambda pair: pair.source == "synthesised")[:count]


def prepare(
    pairs_path: Path,
    plan: Plan,
    base: Path | str,
    open_retriever: Callable[[], Retriever],
    cache: Path,
    progress: Progress | None = None,
) -> Sequences:
    """Split and render the pairs of a file; what was rendered before from the same is read from `cache`.

    Raises:
        DataError: the file holds no pairs, or retrieval's data is missing.
    """
    from agent.prompts import PROMPT_VERSION
    from finetune.corpus import split_pairs
    from rag.index import load_contents

    try:
        data_hash = hashlib.sha256(read_content(pairs_path)).hexdigest()
        pairs = read_pairs(pairs_path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{pairs_path} cannot be read as pairs: {str(error).splitlines()[0]}",
            "Make them: biothings-assistant finetune data",
        ) from error
    encode = open_tokenizer(base)
    notes: dict[str, Any] = {
        "base": str(base) if not Path(base).is_dir() else Path(base).name,
        "pairs": {"file": pairs_path.name, "sha256": data_hash, "count": len(pairs)},
        "prompt_version": PROMPT_VERSION,
        "retrieval": load_contents().fingerprint,
        "rendering": _RENDERING,
        "data": plan.data.model_dump(),
        # The tokenizer by what it does, whatever file it comes from.
        "tokenizer": hashlib.sha256(json.dumps(encode("mygene /v3/query?q=symbol:CDK2")).encode()).hexdigest()[:16],
    }
    key = hashlib.sha256(json.dumps(notes, sort_keys=True).encode()).hexdigest()
    kept = _read(cache, key)
    if kept is not None:
        return Sequences(*kept, notes)
    split = split_pairs(pairs)
    training = choose(split.training, plan.data.pairs)
    if not training:
        raise DataError(f"{pairs_path} holds no pair to train on.", "Make some: biothings-assistant finetune data")
    retriever = open_retriever()

    def render(chosen: Sequence[Pair], seed: int, what: str, kept: float) -> list[Example]:
        def report(done: int, total: int) -> None:
            if progress:
                progress(what, done, total)

        return build_sequences(chosen, retriever, encode, seed, report, kept)

    made = (
        render(training, plan.data.seed, "rendering training pairs", KEPT_WITHOUT_CARDS),
        render(split.validation[: plan.data.validation], plan.data.seed + 1, "rendering validation pairs", 1.0),
    )
    _write(cache, key, made)
    return Sequences(*made, notes)


def _write(path: Path, key: str, parts: tuple[list[Example], list[Example]]) -> None:
    import msgpack
    import zstandard

    rows = [[[example.tokens, example.learnt] for example in part] for part in parts]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(zstandard.compress(msgpack.packb([key, rows])))
    partial.replace(path)


def _read(path: Path, key: str) -> tuple[list[Example], list[Example]] | None:
    import msgpack
    import zstandard

    if not path.is_file():
        return None
    try:
        found, rows = msgpack.unpackb(zstandard.decompress(path.read_bytes()))
    except (zstandard.ZstdError, ValueError):
        return None
    if found != key:
        return None
    training, validation = ([Example(tokens, learnt) for tokens, learnt in part] for part in rows)
    return training, validation


def run_training(
    pairs_path: Path,
    plan: Plan,
    out: Path,
    home: Path,
    open_retriever: Callable[[], Retriever],
    *,
    base: Path | str | None = None,
    log: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
    stop_after: float | None = None,
    start: Path | None = None,
) -> Path:
    """Train an adapter as `plan` says; go on where an earlier run in `out` stopped.

    Args:
        pairs_path: JSON lines of pairs.
        plan: the recipe.
        out: the run's folder: rendered sequences, checkpoint, adapter.
        home: where the packaged base is unpacked.
        open_retriever: opens retrieval; called where sequences must be rendered.
        base: a Transformers folder or hub name; by default the packaged base.
        log: told a line a step.
        progress: told what is being rendered.
        stop_after: seconds of training after which the run ends with what it has.
        start: an adapter to begin from; what is recorded beside it goes on to be recorded, as `earlier`.

    Returns:
        The adapter's folder.

    Raises:
        DataError: data or a package is missing, or `out` belongs to another run.
    """
    _require("torch", "peft", "transformers")
    from finetune.train import train

    base = base or packaged_base(home)
    sequences = prepare(pairs_path, plan, base, open_retriever, out / "sequences.msgpack.zst", progress)
    log(f"{len(sequences.training)} conversations, {sum(map(len, sequences.training)):,} tokens")
    notes = {**sequences.notes, "sequences": len(sequences.training)}
    if start is not None:
        notes["earlier"] = _read_record(start)
    try:
        return train(
            sequences.training, Path(base), out, plan.training, held=sequences.validation, notes=notes, log=log,
            stop_after=stop_after, start=start,
        )  # fmt: skip
    except ValueError as error:
        raise DataError(str(error)) from error


def _read_record(adapter: Path) -> Any:
    try:
        return json.loads((adapter / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{adapter} is not an adapter that was trained here: {error}") from error


def _require(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise DataError(
            f"Training needs {', '.join(missing)}, not installed.",
            "Install it: pip install 'biothings-assistant[finetune]'",
        )
