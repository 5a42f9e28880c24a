"""Fine-tuning: a LoRA adapter for any causal model of Hugging Face, on whatever device there is.

    biothings-assistant finetune train --pairs data/train/pairs.jsonl.zst --out runs/first

One linear script in functions: read, render, train, save. Checkpoints hold everything that the next step depends on,
so that a run which is stopped and resumed ends as one that was not. Beside the adapter stand the settings, the data's
hash, the losses and the versions.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from agent.model.weights import hash_file
from finetune.dataset import Example

if TYPE_CHECKING:
    import torch

Log = Callable[[str], None]
#: Takes logits and the tokens that are wanted to their loss.
Measure = Callable[..., Any]
#: Validation sequences that are computed at once.
_HELD_ROWS = 16


class Recipe(BaseModel):
    """All that shapes a training run."""

    model_config = ConfigDict(extra="forbid")

    rank: int = Field(default=32, description="LoRA rank.")
    alpha: int = Field(default=64, description="LoRA alpha; the update is scaled by alpha / rank.")
    learning_rate: float = Field(default=1e-3, description="At its peak.")
    warmup: float = Field(default=0.05, description="Share of the steps in which the learning rate rises.")
    epochs: float = Field(default=1.0, description="How often the data is gone through.")
    batch_tokens: int = Field(default=2500, description="Tokens of a step, at most (one sequence at least).")
    first_layer: int = Field(default=0, description="Layers below this one get no LoRA, which saves time.")
    refusals: float = Field(default=1.0, description="Share of the refusals (the shortest answers) that is learnt.")
    compiled: bool = Field(default=False, description="Compile the layers: half a minute, then steps of half the time.")
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 1
    checkpoint_seconds: float = 180.0
    dtype: str = Field(default="auto", description="float32, bfloat16, or auto: bfloat16 where the device computes it.")


def train(
    examples: Sequence[Example], base: Path, out: Path, recipe: Recipe, *, held: Sequence[Example] = (),
    notes: dict[str, Any] | None = None, log: Log = lambda _: None, stop_after: float | None = None,
    start: Path | None = None,
) -> Path:  # fmt: skip
    """Train an adapter and write it to `out/adapter`; continue where `out/checkpoint` stands, if it does.

    Args:
        examples: the training sequences, see `finetune.dataset`.
        base: a Transformers model folder or hub name.
        out: the run's folder.
        recipe: the settings.
        held: validation sequences; their loss is logged at each checkpoint.
        notes: what else is to be recorded beside the adapter (prompt version, data's hash …).
        log: told a line a step.
        start: an adapter folder to begin from, made with the same rank and layers; fresh weights otherwise.
        stop_after: seconds after which the run saves a checkpoint and the adapter as it is, and ends.

    Returns:
        The adapter's folder.
    """
    import torch
    from peft import LoraConfig, get_peft_model, load_peft_weights, set_peft_model_state_dict
    from transformers import AutoModelForCausalLM

    from finetune.attention import register
    from finetune.folding import fold_lora

    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    model: Any = AutoModelForCausalLM.from_pretrained(
        base, dtype=_dtype(recipe, device), attn_implementation=register()
    )
    layers = list(range(recipe.first_layer, model.config.num_hidden_layers))
    linear = {
        name.rpartition(".")[2] for name, module in model.model.named_modules() if isinstance(module, torch.nn.Linear)
    }
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=sorted(linear),
        layers_to_transform=layers,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, config).to(device)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if start is not None:
        set_peft_model_state_dict(model, load_peft_weights(str(start), device=device))
    fold_lora(model)
    measure = _measure
    if recipe.compiled:
        for layer in model.get_base_model().model.layers:
            layer.compile(dynamic=True)
        measure = torch.compile(_measure, dynamic=True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.99), fused=True
    )
    batches = _batches(examples, recipe)
    out.mkdir(parents=True, exist_ok=True)
    state = _resume(out, model, optimizer, _fingerprint(examples, batches, recipe, base, start), log)
    if state["step"] and _kept_step(out) != state["step"]:
        # It was killed behind its last checkpoint, before the adapter was in place; there may be no step left to make.
        _save_adapter(out, model, state, recipe, notes or {})
    started, done_before = time.monotonic(), state["seconds"]
    saved = time.monotonic()
    for step in range(state["step"], len(batches)):
        rate = _rate(step, len(batches), recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        begun = time.monotonic()
        loss, count = _step(model, [examples[place] for place in batches[step]], device, measure, learn=True)
        torch.nn.utils.clip_grad_norm_(trained, recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens = sum(len(examples[place]) for place in batches[step])
        state["step"], state["seconds"] = step + 1, done_before + time.monotonic() - started
        state["losses"].append(round(loss, 4))
        left = (len(batches) - step - 1) * state["seconds"] / (step + 1)
        speed = tokens / (time.monotonic() - begun)
        log(f"{100 * (step + 1) / len(batches):5.1f}%  step {step + 1}/{len(batches)}  loss {loss:.4f}  "
            f"{speed:,.0f} tokens/s  {count} learnt  lr {rate:.2e}  {left / 60:.0f} min left")  # fmt: skip
        over = stop_after is not None and time.monotonic() - started > stop_after
        if over or step + 1 == len(batches) or time.monotonic() - saved > recipe.checkpoint_seconds:
            if held:
                state["held"].append([step + 1, round(_held_loss(model, held, device, measure), 4)])
                log(f"validation loss {state['held'][-1][1]:.4f}")
            _save(out, model, optimizer, state, recipe, notes or {})
            saved = time.monotonic()
        if over:
            log("stopped: the time is up; run again to go on")
            break
    return out / "adapter"


def _measure(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of the tokens that are wanted."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), wanted)


def _step(
    model: Any, examples: Sequence[Example], device: str, measure: Measure = _measure, *, learn: bool
) -> tuple[float, int]:
    """Forward (and backward) over one batch; return the mean loss of its learnt tokens, and how many there are."""
    import torch

    tokens, learnt = _tensors(examples, device)
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    with torch.set_grad_enabled(learn):
        hidden = causal.model(input_ids=tokens, use_cache=False).last_hidden_state
        # The head is wide: it is computed where there is something to learn only.
        rows, places = learnt.nonzero(as_tuple=True)
        loss = measure(causal.lm_head(hidden[rows, places - 1]), tokens[rows, places])
        if learn:
            loss.backward()
    return float(loss.detach()), len(rows)


def _tensors(examples: Sequence[Example], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens, padded at the end, and which of them are learnt."""
    import torch

    shape = (len(examples), max(len(example) for example in examples))
    tokens = torch.zeros(shape, dtype=torch.long)
    learnt = torch.zeros(shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        tokens[row, : len(example)] = torch.tensor(example.tokens)
        learnt[row, example.learnt : len(example)] = True
    return tokens.to(device), learnt.to(device)


def _held_loss(model: Any, examples: Sequence[Example], device: str, measure: Measure) -> float:
    model.eval()
    total = count = 0.0
    for at in range(0, len(examples), _HELD_ROWS):
        loss, learnt = _step(model, examples[at : at + _HELD_ROWS], device, measure, learn=False)
        total, count = total + loss * learnt, count + learnt
    model.train()
    return total / max(count, 1)


def _batches(examples: Sequence[Example], recipe: Recipe) -> list[list[int]]:
    """Group sequences of like length into steps; the same recipe and data give the same batches."""
    rng = random.Random(recipe.seed)
    shortest = min(example.written for example in examples)
    kept = [
        place
        for place, example in enumerate(examples)
        if recipe.refusals == 1 or example.written > shortest or rng.random() < recipe.refusals
    ]
    batches: list[list[int]] = []
    whole, part = divmod(recipe.epochs, 1)
    for epoch in range(math.ceil(recipe.epochs)):
        order = list(kept)
        rng.shuffle(order)
        if epoch == int(whole):
            order = order[: int(part * len(order))]
        # Buckets of a few hundred keep the order random on the whole, and the lengths within a batch alike.
        made = [batch for bucket in _chunks(order, 400) for batch in _fill(bucket, examples, recipe.batch_tokens)]
        rng.shuffle(made)
        batches += made
    return batches


def _fill(bucket: Sequence[int], examples: Sequence[Example], most: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for place in sorted(bucket, key=lambda place: len(examples[place])):
        if batch and len(examples[place]) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _chunks(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """Rise linearly, then fall along a cosine to a twentieth."""
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    along = (step - rise) / max(1, steps - rise)
    return recipe.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))


def _dtype(recipe: Recipe, device: str) -> Any:
    import torch

    if recipe.dtype != "auto":
        return getattr(torch, recipe.dtype)
    # A CPU without bfloat16 units emulates it at a thirtieth of float32's speed.
    quick = device == "cuda" or (device == "cpu" and torch.backends.cpu.get_cpu_capability() in ("AVX512_BF16", "AMX"))
    return torch.bfloat16 if quick or (device == "cpu" and _has_bf16()) else torch.float32


def _has_bf16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def _fingerprint(
    examples: Sequence[Example], batches: Sequence[Sequence[int]], recipe: Recipe, base: Path, start: Path | None
) -> str:
    """Hash all that a run's adapter depends on: settings, order, sequences, the base's weights and the start's."""
    kept = recipe.model_dump(exclude={"checkpoint_seconds"})
    digest = hashlib.sha256(json.dumps([kept, batches]).encode())
    for example in examples:
        digest.update(f"{example.learnt} {example.tokens}\n".encode())
    for folder in (base, start):
        # A base that is a hub's name has no files here.
        weights = sorted(folder.glob("*.safetensors")) if folder is not None else []
        digest.update(repr([hash_file(file) for file in weights] or str(folder)).encode())
    return digest.hexdigest()[:16]


def _resume(out: Path, model: Any, optimizer: Any, run: str, log: Log) -> dict[str, Any]:
    import torch
    from peft import set_peft_model_state_dict

    fresh = {"step": 0, "seconds": 0.0, "losses": [], "held": [], "run": run}
    path = out / "checkpoint.pt"
    if not path.exists():
        return fresh
    kept = torch.load(path, weights_only=True, map_location="cpu")
    if kept["state"]["run"] != fresh["run"]:
        raise ValueError(
            f"{path} belongs to a run with other data or settings, of another base or from another start; "
            "choose another folder or delete it"
        )
    set_peft_model_state_dict(model, kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    torch.set_rng_state(kept["rng"])
    log(f"goes on from step {kept['state']['step']}")
    state: dict[str, Any] = kept["state"]
    return state


def _save(out: Path, model: Any, optimizer: Any, state: dict[str, Any], recipe: Recipe, notes: dict[str, Any]) -> None:
    """Write the checkpoint and the adapter, each aside first, so that a kill leaves the one before."""
    import torch
    from peft import get_peft_model_state_dict

    partial = out / "checkpoint.part"
    torch.save(
        {"model": get_peft_model_state_dict(model), "optimizer": optimizer.state_dict(), "state": state,
         "rng": torch.get_rng_state()}, partial,
    )  # fmt: skip
    partial.replace(out / "checkpoint.pt")
    _save_adapter(out, model, state, recipe, notes)


def _save_adapter(out: Path, model: Any, state: dict[str, Any], recipe: Recipe, notes: dict[str, Any]) -> None:
    import peft
    import torch
    import transformers

    fresh, old = out / "adapter.part", out / "adapter.old"
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(fresh)
    record = {
        **notes, "recipe": recipe.model_dump(), "steps": state["step"], "seconds": round(state["seconds"]),
        "loss": state["losses"][-50:], "validation": state["held"],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }  # fmt: skip
    (fresh / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if (out / "adapter").exists():
        # A folder cannot be renamed onto another.
        (out / "adapter").replace(old)
    fresh.replace(out / "adapter")
    shutil.rmtree(old, ignore_errors=True)


def _kept_step(out: Path) -> int:
    """Return the step at which the adapter of a run was written, 0 where there is none."""
    try:
        return int(json.loads((out / "adapter" / "training.json").read_text(encoding="utf-8"))["steps"])
    except (OSError, ValueError, KeyError):
        return 0
