"""Attention over a context and its branches, without computing what no token sees.

A mask over the whole sequence would do, but most of it is empty: no branch sees another. Here the context attends to
itself, and each branch to the context and itself, which more than halves the work.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

NAME = "branching"
#: For each row of a batch, the length of the context and of each branch.
Layout = list[tuple[int, list[int]]]


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,
    scaling: float | None = None, layout: Layout | None = None, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend as `layout` says; an attention function as Transformers registers them.

    Args:
        module: the attention layer.
        query: (rows, heads, width, size).
        key: (rows, key heads, width, size).
        value: as `key`.
        attention_mask: unused: the layout says what is seen.
        scaling: of the products; by default one over the root of the size.
        layout: the lengths of each row's parts; padding stands at the end.

    Returns:
        The output (rows, width, heads, size), and no weights.
    """
    assert layout is not None, "this attention is for training sequences"
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    rows = []
    for row, (context, branches) in enumerate(layout):
        q, k, v = query[row : row + 1], key[row : row + 1], value[row : row + 1]
        shared_k, shared_v = k[:, :, :context], v[:, :, :context]
        parts = [scaled_dot_product_attention(q[:, :, :context], shared_k, shared_v, is_causal=True, scale=scaling)]
        at = context
        for length in branches:
            end = at + length
            seen = torch.ones(length, context + length, dtype=torch.bool, device=q.device).tril(context)
            parts.append(
                scaled_dot_product_attention(
                    q[:, :, at:end], torch.cat((shared_k, k[:, :, at:end]), 2),
                    torch.cat((shared_v, v[:, :, at:end]), 2), attn_mask=seen, scale=scaling,
                )
            )  # fmt: skip
            at = end
        parts.append(torch.zeros_like(q[:, :, at:]))
        rows.append(torch.cat(parts, 2))
    return torch.cat(rows).transpose(1, 2).contiguous(), None


def register() -> str:
    """Make the attention known to Transformers; return the name to load a model with."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME
