"""A llama-architecture GGUF file read as a Transformers checkpoint: names, row order, configuration, tokenizer.

llama.cpp's converter stores the rows of the query and key projections in another order than Transformers, since the two
rotate different pairs of a head's dimensions (`permute` in llama.cpp's `conversion/llama.py`). Everything here is read
from the GGUF file itself; nothing is fetched, and torch is not needed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_MODULES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_TOP_LEVEL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_TOKEN_CONTROL, _TOKEN_USER_DEFINED = 3, 4
"""Values of `tokenizer.ggml.token_type` (enum llama_token_type)."""


@dataclass(frozen=True)
class Architecture:
    """The shape of a llama-architecture model, as its GGUF metadata give it."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    context: int
    vocabulary: int
    rope_theta: float
    norm_epsilon: float
    tied: bool
    """Whether the output layer is the embedding matrix."""

    def heads_of(self, name: str) -> int | None:
        """Return the number of heads whose rows GGUF permutes in the tensor of that GGUF name; None: not permuted."""
        if name.endswith(".attn_q.weight"):
            return self.heads
        if name.endswith(".attn_k.weight"):
            return self.kv_heads
        return None


def open_gguf(path: Path) -> Any:
    """Open a GGUF file and return its `gguf.GGUFReader` (memory-mapped).

    Raises:
        DataError: The file is missing or is not GGUF.
    """
    import gguf

    try:
        return gguf.GGUFReader(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no model at {path}.", "Set BIOTHINGS_ASSISTANT_MODEL_PATH to one.") from error
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"{path} cannot be read as GGUF: {error}", "Get the file again; it may be cut off.") from error


def read_value(reader: Any, key: str, default: Any = None) -> Any:
    """Return one metadata value of a GGUF file, or `default` where the file does not have it."""
    field = reader.get_field(key)
    return default if field is None else field.contents()


def read_architecture(reader: Any) -> Architecture:
    """Return the shape of the model in a GGUF file.

    Raises:
        DataError: The file holds another architecture than llama.
    """
    kind = read_value(reader, "general.architecture")
    if kind != "llama":
        raise DataError(
            f"The model's architecture is {kind!r}; adapters and training need 'llama'.",
            "Use it without an adapter, or choose a GGUF of the llama architecture.",
        )
    hidden = read_value(reader, "llama.embedding_length")
    heads = read_value(reader, "llama.attention.head_count")
    return Architecture(
        layers=read_value(reader, "llama.block_count"),
        hidden=hidden,
        intermediate=read_value(reader, "llama.feed_forward_length"),
        heads=heads,
        kv_heads=read_value(reader, "llama.attention.head_count_kv", heads),
        head_size=read_value(reader, "llama.rope.dimension_count", hidden // heads),
        context=read_value(reader, "llama.context_length"),
        vocabulary=next(int(tensor.shape[1]) for tensor in reader.tensors if tensor.name == "token_embd.weight"),
        # Shortest decimal of the float32 values, so that 9.999999747378752e-06 becomes 1e-05 again.
        rope_theta=_shortest(read_value(reader, "llama.rope.freq_base", 10000.0)),
        norm_epsilon=_shortest(read_value(reader, "llama.attention.layer_norm_rms_epsilon", 1e-5)),
        tied=all(tensor.name != "output.weight" for tensor in reader.tensors),
    )


def _shortest(value: float) -> float:
    import numpy as np

    return float(str(np.float32(value)))


def transformers_name(gguf_name: str) -> str:
    """Return the Transformers name of a GGUF tensor: `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`.

    Raises:
        DataError: Llama models have no such tensor.
    """
    if gguf_name in _TOP_LEVEL:
        return _TOP_LEVEL[gguf_name]
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", gguf_name)
    if match is None or match[2] not in _MODULES:
        raise DataError(f"The model holds a tensor that llama models do not have: {gguf_name}.")
    return f"model.layers.{match[1]}.{_MODULES[match[2]]}.{match[3]}"


def permute_rows(rows: Array, heads: int) -> Array:
    """Bring the rows of a query or key projection from Transformers' order into GGUF's."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def restore_rows(rows: Array, heads: int) -> Array:
    """Bring the rows of a query or key projection from GGUF's order into Transformers'; undoes `permute_rows`."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def base_state_dict(path: Path) -> dict[str, Array]:
    """Return the dequantised weights of a GGUF file as float32, with Transformers' names and row order."""
    import gguf
    import numpy as np

    reader = open_gguf(path)
    architecture = read_architecture(reader)
    state: dict[str, Array] = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        heads = architecture.heads_of(tensor.name)
        if heads is not None:
            values = restore_rows(values, heads)
        state[transformers_name(tensor.name)] = np.ascontiguousarray(values)
    return state


def write_transformers_base(directory: Path, path: Path | None = None) -> Path:
    """Write a model as a Transformers checkpoint: configuration, tokenizer and float32 weights.

    Args:
        directory: Where the files go; it is created.
        path: The GGUF file to read; the packaged base model by default.

    Returns:
        `directory`, ready for `AutoModelForCausalLM.from_pretrained` and `AutoTokenizer.from_pretrained`.

    Raises:
        DataError: The file is not a llama-architecture GGUF, or its tokenizer is of a kind not known here.
    """
    from safetensors.numpy import save_file

    from agent.model.weights import packaged_model

    path = packaged_model() if path is None else path
    directory.mkdir(parents=True, exist_ok=True)
    reader = open_gguf(path)
    _write_tokenizer(directory, reader)
    _write_json(directory / "config.json", transformers_config(reader))
    _write_json(
        directory / "generation_config.json",
        {"do_sample": False, **{key: value for key, value in _special_ids(reader).items() if key != "unk_token_id"}},
    )
    partial = directory / "model.safetensors.part"
    save_file(base_state_dict(path), partial, metadata={"format": "pt"})
    partial.replace(directory / "model.safetensors")
    return directory


def transformers_config(reader: Any) -> dict[str, Any]:
    """Return the content of `config.json` for the model in a GGUF file."""
    shape = read_architecture(reader)
    ids = _special_ids(reader)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_size,
        "hidden_act": "silu",
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.norm_epsilon,
        # Transformers 4 reads the first, 5 the second.
        "rope_theta": shape.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "tie_word_embeddings": shape.tied,
        "attention_bias": any(tensor.name.endswith(".attn_q.bias") for tensor in reader.tensors),
        "mlp_bias": any(tensor.name.endswith(".ffn_up.bias") for tensor in reader.tensors),
        "initializer_range": 0.02,
        "use_cache": True,
        "dtype": "float32",
        **{key: ids[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if key in ids},
    }


def _special_ids(reader: Any) -> dict[str, int]:
    names = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    found = {ours: read_value(reader, f"tokenizer.ggml.{theirs}_token_id") for ours, theirs in names.items()}
    return {f"{name}_token_id": number for name, number in found.items() if number is not None}


def _write_tokenizer(directory: Path, reader: Any) -> None:
    """Write `tokenizer.json` and its configuration from the vocabulary and merges of the GGUF file."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    kind, pre = read_value(reader, "tokenizer.ggml.model"), read_value(reader, "tokenizer.ggml.pre")
    if (kind, pre) not in {("gpt2", "smollm"), ("gpt2", "gpt-2")}:
        raise DataError(
            f"The model's tokenizer is of the kind {kind}/{pre}; only SmolLM's and GPT-2's can be written.",
            "Train on a Transformers checkpoint of that model instead of its GGUF file.",
        )
    words: list[str] = read_value(reader, "tokenizer.ggml.tokens")
    kinds: list[int] = read_value(reader, "tokenizer.ggml.token_type")
    merges = [tuple(pair.split(" ")) for pair in read_value(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = (
        # SmolLM splits numbers into digits before all else (LLAMA_VOCAB_PRE_TYPE_SMOLLM in llama-vocab.cpp).
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
        if pre == "smollm"
        else byte_level
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(word, special=True, normalized=False)
            for word, k in zip(words, kinds, strict=True)
            if k == _TOKEN_CONTROL
        ]
    )
    tokenizer.add_tokens(
        [AddedToken(word, normalized=False) for word, k in zip(words, kinds, strict=True) if k == _TOKEN_USER_DEFINED]
    )
    tokenizer.save(str(directory / "tokenizer.json"))
    special = {key.removesuffix("_id"): words[number] for key, number in _special_ids(reader).items()}
    _write_json(directory / "special_tokens_map.json", special)
    _write_json(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": read_value(reader, "llama.context_length"),
            "clean_up_tokenization_spaces": False,
            "add_prefix_space": False,
            "chat_template": read_value(reader, "tokenizer.chat_template"),
            **special,
        },
    )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
