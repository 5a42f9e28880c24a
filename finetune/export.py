"""Export of an adapter: slim safetensors to keep, a GGUF adapter, and a merged GGUF model for llama.cpp.

None of it needs torch. The GGUF adapter follows llama.cpp's `convert_lora_to_gguf.py`: `<tensor>.lora_a` and
`<tensor>.lora_b`, where the rows of q's and k's B are permuted as those of the matrices that they change.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.model.base import Progress
from tools.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Largest adapter file that belongs into the repository.
MOST_BYTES = 20_000_000
#: GGUF types that the `gguf` library quantises to; the k-quants need llama.cpp's own program.
KINDS = ("Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "BF16", "F16", "F32")
_WEIGHTS = "adapter_model.safetensors"


def export_adapter(source: Path, target: Path, most_bytes: int = MOST_BYTES) -> Path:
    """Copy an adapter to `target` as float16, with its configuration and the record of its training.

    Raises:
        DataError: `source` is no adapter, or the result is larger than `most_bytes`.
    """
    import numpy as np
    from safetensors.numpy import save_file

    config, tensors = read_adapter(source)
    # What PEFT notes of the machine that trained is of no use elsewhere.
    config = {**config, "base_model_name_or_path": None, "inference_mode": True}
    target.mkdir(parents=True, exist_ok=True)
    partial = target / f".{_WEIGHTS}.part"
    save_file({name: np.ascontiguousarray(values.astype(np.float16)) for name, values in tensors.items()}, partial)
    size = partial.stat().st_size
    if size > most_bytes:
        partial.unlink()
        raise DataError(
            f"The adapter takes {size / 1e6:.1f} MB, more than {most_bytes / 1e6:.0f} MB.",
            "Train with a lower rank or with fewer layers, or allow more (--max-mb).",
        )
    (target / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(target / _WEIGHTS)
    record = source / "training.json"
    if record.is_file() and source.resolve() != target.resolve():
        shutil.copyfile(record, target / record.name)
    return target


def read_adapter(folder: Path) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """Read a PEFT folder's configuration and tensors.

    Raises:
        DataError: the folder is no LoRA adapter, or its tensors cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        config: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        return config, load_file(folder / _WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder} is no adapter: {error}", "A run's adapter is in its folder `adapter`.") from error


def export_gguf_adapter(source: Path, target: Path, base: Path | None = None) -> Path:
    """Write an adapter as a GGUF file that llama.cpp loads beside the base (`--lora`).

    Args:
        source: a PEFT LoRA folder.
        target: the file.
        base: the GGUF model that the adapter belongs to; by default the packaged one.

    Raises:
        DataError: the adapter cannot be read, is of a kind that the format cannot say, or does not fit the base.
    """
    import gguf
    import numpy as np

    from agent.model.checkpoint import open_gguf, permute_rows, read_architecture, transformers_name
    from agent.model.weights import packaged_model

    config, tensors = read_adapter(source)
    rank, alpha = config["r"], float(config["lora_alpha"])
    unlike = [name for name in ("rank_pattern", "alpha_pattern", "use_dora", "modules_to_save") if config.get(name)]
    if unlike:
        raise DataError(f"A GGUF adapter has one rank and one scale; this one uses {', '.join(unlike)}.", "Merge it.")
    reader = open_gguf(base or packaged_model())
    architecture = read_architecture(reader)
    names = {transformers_name(tensor.name): tensor.name for tensor in reader.tensors}
    halves: dict[str, dict[str, NDArray[Any]]] = {}
    for name, values in tensors.items():
        module, _, half = name.removeprefix("base_model.model.").partition(".lora_")
        tensor = names.get(f"{module}.weight")
        if tensor is None:
            raise DataError(f"The adapter changes {module}, which the model does not have.")
        halves.setdefault(tensor, {})[half[0]] = values.astype(np.float16)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    writer = gguf.GGUFWriter(partial, arch="llama")
    try:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        # llama.cpp scales by alpha / rank; rank-stabilised LoRA by alpha / sqrt(rank).
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha * math.sqrt(rank) if config.get("use_rslora") else alpha)
        for tensor in (tensor.name for tensor in reader.tensors if tensor.name in halves):
            pair, heads = halves[tensor], architecture.heads_of(tensor)
            rows = pair["B"] if heads is None else permute_rows(pair["B"], heads)
            writer.add_tensor(f"{tensor}.lora_a", np.ascontiguousarray(pair["A"]))
            writer.add_tensor(f"{tensor}.lora_b", np.ascontiguousarray(rows))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
    partial.replace(target)
    return target


def export_merged(
    source: Path, target: Path, home: Path, *, base: Path | None = None, kind: str | None = None,
    progress: Progress | None = None,
) -> Path:  # fmt: skip
    """Write the base with the adapter merged into it as one GGUF file.

    Args:
        source: a PEFT LoRA folder.
        target: the file.
        home: where the merged model is kept for use, too.
        base: the GGUF model to merge into; by default the packaged one.
        kind: GGUF type of the changed matrices, such as Q8_0 or F16; by default what the product runs.
        progress: told how far it is.

    Raises:
        DataError: adapter and base do not fit, or there is no such type.
    """
    from agent.model.weights import OUTPUT_TYPE, merged_model

    kind = (kind or OUTPUT_TYPE).upper()
    if kind not in KINDS:
        raise DataError(f"{kind} cannot be written here.", f"Choose one of {', '.join(KINDS)}.")
    made = merged_model(home, source, progress, base=base, output_type=kind)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, target)
    return target
