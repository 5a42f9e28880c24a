"""Export: a slim adapter, a GGUF adapter and a merged model that llama.cpp reads as the same thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np
import pytest
from plain_llama import keep_weights
from safetensors.numpy import load_file, save_file

from agent.model.weights import packaged_model
from finetune.export import export_adapter, export_gguf_adapter, export_merged
from tools.errors import DataError

RANK = 4
#: layer -> module -> (inputs, outputs), of the packaged model.
SHAPES = {"self_attn.q_proj": (576, 576), "self_attn.k_proj": (576, 192), "mlp.down_proj": (1536, 576)}
TEXT = "<|im_start|>user\nWhich pathways is CDK2 in?<|im_end|>\n<|im_start|>assistant\n"


def write_adapter(folder: Path, size: float = 0.02, **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in range(30):
        for module, (inputs, outputs) in SHAPES.items():
            name = f"base_model.model.model.layers.{layer}.{module}.lora_"
            tensors[name + "A.weight"] = (rng.standard_normal((RANK, inputs)) / 24).astype(np.float32)
            tensors[name + "B.weight"] = (rng.standard_normal((outputs, RANK)) * size).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 8, "base_model_name_or_path": "/somewhere", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "training.json").write_text('{"steps": 3}')
    return folder


def test_an_adapter_is_kept_as_float16_with_its_record(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "run")
    target = export_adapter(source, tmp_path / "kept")
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (source, target))
    assert before.keys() == after.keys() and {values.dtype for values in after.values()} == {np.dtype("float16")}
    assert all(np.allclose(before[name], after[name], atol=1e-3) for name in before)
    assert json.loads((target / "training.json").read_text()) == {"steps": 3}
    assert "/somewhere" not in (target / "adapter_config.json").read_text()
    # In place, too.
    export_adapter(target, target)
    assert sorted(file.name for file in target.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "training.json",
    ]  # fmt: skip


def test_an_adapter_that_is_too_large_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    target = export_adapter(write_adapter(tmp_path / "run"), tmp_path / "kept")
    before = (target / "adapter_model.safetensors").read_bytes()
    with pytest.raises(DataError, match="more than"):
        export_adapter(write_adapter(tmp_path / "other", 0.5), target, most_bytes=1000)
    assert (target / "adapter_model.safetensors").read_bytes() == before
    assert len(list(target.iterdir())) == 3


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no adapter"):
        export_adapter(tmp_path, tmp_path / "kept")


def last_logits(model: Path, adapter: Path | None = None) -> np.ndarray:
    keep_weights()
    made = llama_cpp.Llama(
        str(model), lora_path=str(adapter) if adapter else None, n_ctx=128, n_threads=2, verbose=False
    )
    made.eval(made.tokenize(TEXT.encode(), add_bos=False, special=True))
    pointer = llama_cpp.llama_get_logits_ith(made.ctx, -1)
    logits = np.ctypeslib.as_array(pointer, shape=(made.n_vocab(),)).astype(np.float64)
    made.close()
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


@pytest.mark.timeout(900)
def test_the_gguf_adapter_does_what_the_merged_model_does(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "run", 0.15, use_rslora=True)
    merged = export_merged(source, tmp_path / "out" / "merged.gguf", tmp_path / "home", kind="f32")
    adapter = export_gguf_adapter(source, tmp_path / "out" / "adapter.gguf")
    plain = last_logits(packaged_model())
    one, other = last_logits(merged), last_logits(packaged_model(), adapter)

    def apart(p: np.ndarray, q: np.ndarray) -> float:
        return float((np.exp(p) * (p - q)).sum())

    # Kullback-Leibler divergence in nats. The base's own rounding makes up what there is between the two.
    assert apart(one, other) < 0.05
    assert apart(one, plain) > 0.5
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["adapter.gguf", "merged.gguf"]


@pytest.mark.parametrize(("use_rslora", "alpha"), [(False, 8), (True, 16)])
def test_the_gguf_adapter_says_its_scale(tmp_path: Path, use_rslora: bool, alpha: float) -> None:
    made = export_gguf_adapter(write_adapter(tmp_path / "run", use_rslora=use_rslora), tmp_path / "adapter.gguf")
    reader = gguf.GGUFReader(made)
    assert reader.get_field("adapter.lora.alpha").contents() == alpha
    assert reader.get_field("general.type").contents() == "adapter"
    assert len(reader.tensors) == 2 * 30 * len(SHAPES)


def test_what_the_gguf_adapter_cannot_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rank_pattern"):
        export_gguf_adapter(write_adapter(tmp_path / "run", rank_pattern={"q_proj": 2}), tmp_path / "x.gguf")


@pytest.mark.parametrize("kind", ["Q4_9", "Q4_K"])
def test_a_type_that_cannot_be_written_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=kind):
        export_merged(write_adapter(tmp_path / "run"), tmp_path / "x.gguf", tmp_path / "home", kind=kind)
    assert not (tmp_path / "x.gguf").exists()
