"""LoRA at the price of a plain linear layer: the update is folded into the weight before the multiplication.

PEFT multiplies by the weight, by A and by B, and adds, in seven places a layer, which on a CPU takes a third of a step.
y = x (W + sBA)ᵀ is the same with one multiplication; gradients reach A and B through products of the rank's width.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear

#: The name that PEFT gives to a model's only adapter.
_ADAPTER = "default"


class _Folded(torch.autograd.Function):  # type: ignore[misc]  # torch declares it without types
    """A linear layer with a low-rank update; the weight itself is not trained."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float) -> Any:
        folded = torch.addmm(weight, b.to(weight.dtype), a.to(weight.dtype), alpha=scale)
        ctx.save_for_backward(x, folded, a, b)
        ctx.scale = scale
        return torch.nn.functional.linear(x, folded)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, folded, a, b = ctx.saved_tensors
        (gradient,) = gradients
        rows, flat = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
        through_b = (flat @ b.to(flat.dtype)) * ctx.scale
        through_a = (rows @ a.to(rows.dtype).T) * ctx.scale
        down = gradient @ folded if ctx.needs_input_grad[0] else None
        return down, None, (through_b.T @ rows).to(a.dtype), (flat.T @ through_a).to(b.dtype), None


class FoldedLinear(Linear):  # type: ignore[misc]  # peft declares it without types
    """PEFT's LoRA layer, computed by folding.

    Weights are attributes, not values of a closure, so that one compiled layer serves all layers of a model.
    """

    def forward(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """Multiply by the weight with its update."""
        a, b = self.lora_A[_ADAPTER].weight, self.lora_B[_ADAPTER].weight
        result: torch.Tensor = _Folded.apply(x, self.base_layer.weight, a, b, self.scaling[_ADAPTER])
        return result


def fold_lora(model: Any) -> int:
    """Let every LoRA linear layer of a PEFT model compute by folding; return how many there are.

    Only layers without dropout and bias, as in our recipes, can be folded; others stay as they are.
    """
    count = 0
    for module in model.modules():
        if type(module) is Linear and module.base_layer.bias is None:
            module.__class__ = FoldedLinear
            count += 1
    return count
