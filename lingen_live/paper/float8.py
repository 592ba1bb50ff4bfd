"""Linear layers in 8-bit floating point (e4m3): weights by output row, activations by token, products in tensor cores.

Every row is scaled so that its largest number is the largest of the format (Micikevicius et al., arXiv 2209.05433),
so no calibration is needed. What it costs in accuracy is measured (`bench stream --fp8`), not assumed. Inference only.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

_LARGEST = torch.finfo(torch.float8_e4m3fn).max
_SMALLEST_SCALE = 1e-12
_ALIGNMENT = 16
"""Both sides of a matrix must be multiples of it."""


class Float8Linear(nn.Module):
    """A drop-in for `nn.Linear` that only infers.

    Buffers:
        weight: (out, in) float8_e4m3fn.
        scale: (1, out) float32; scale times weight is the layer's weight.
        bias: (out,) in the dtype of the activations, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        narrow, scale = to_float8(weight)
        self.register_buffer("weight", narrow)
        self.register_buffer("scale", scale.t().contiguous())
        self.register_buffer("bias", bias)
        self.weight: Tensor
        self.scale: Tensor
        self.bias: Tensor | None

    @classmethod
    def of(cls, linear: nn.Linear) -> Self:
        """The same layer, rounded.

        Raises:
            ValueError: a side is no multiple of 16.
        """
        if not fits(linear):
            raise ValueError(
                f"a layer of {linear.in_features} x {linear.out_features} has no 8-bit form; "
                f"both sides must be multiples of {_ALIGNMENT}."
            )
        return cls(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """x (..., in) to (..., out), in the dtype of x."""
        rows = x.flatten(0, -2)
        narrow, scale = to_float8(rows)
        # Sums are float32; bfloat16 is what tensor cores write when scales are by row.
        out = torch._scaled_mm(narrow, self.weight.t(), scale, self.scale, out_dtype=torch.bfloat16)
        out = out.to(x.dtype).unflatten(0, x.shape[:-1])
        return out if self.bias is None else out + self.bias


def to_float8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (n, k) as float8_e4m3fn, rounded to nearest, and the scale (n, 1) float32 that gives them back."""
    wide = rows.float()
    scale = (wide.abs().amax(-1, keepdim=True) / _LARGEST).clamp_min(_SMALLEST_SCALE)
    return (wide / scale).to(torch.float8_e4m3fn), scale


def fits(linear: nn.Linear) -> bool:
    """Whether a layer has an 8-bit form."""
    return linear.in_features % _ALIGNMENT == 0 and linear.out_features % _ALIGNMENT == 0


def use_float8(module: nn.Module) -> int:
    """Replace every linear layer inside a module that has an 8-bit form, in place; returns how many."""
    n_replaced = 0
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and fits(child):
                setattr(parent, name, Float8Linear.of(child))
                n_replaced += 1
    return n_replaced


def why_no_float8(device: str | torch.device) -> str | None:
    """What is missing for it, in words; None if it can run. A CPU computes it slowly, and the same."""
    if torch.device(device).type != "cuda":
        return None
    capability = torch.cuda.get_device_capability(device)
    return None if capability >= (8, 9) else f"compute capability is {capability}, 8-bit products need (8, 9)"
