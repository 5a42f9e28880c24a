"""Causal attention by plain multiplications, for training on short sequences.

The fused attention of a CPU spends, at a few hundred tokens, most of its time in small pieces of work; three
multiplications over the whole batch take a third of it. Queries that share a key head are multiplied together.
"""

from __future__ import annotations

from typing import Any

import torch

NAME = "plain-causal"


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,
    scaling: float | None = None, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend to all tokens before; an attention function as Transformers registers them.

    Args:
        module: the attention layer.
        query: (rows, heads, width, size).
        key: (rows, key heads, width, size).
        value: as `key`.
        attention_mask: unused: padding stands at the end, where no token before sees it.
        scaling: of the products; by default one over the root of the size.

    Returns:
        The output (rows, width, heads, size), and no weights.
    """
    rows, heads, width, size = query.shape
    shared = key.shape[1]
    together = (rows, shared, heads // shared * width)
    scaled = query * (size**-0.5 if scaling is None else scaling)
    scores = torch.matmul(scaled.reshape(*together, size), key.transpose(2, 3))
    places = torch.arange(width, device=query.device)
    scores = scores.view(rows, shared, -1, width, width).masked_fill(places[:, None] < places, float("-inf"))
    weights = torch.softmax(scores, -1).view(*together, width)
    return torch.matmul(weights, value).view(rows, heads, width, size).transpose(1, 2).contiguous(), None


def register() -> str:
    """Make the attention known to Transformers; return the name to load a model with."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME
