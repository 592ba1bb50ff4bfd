"""Problems for the operators that work on one position at a time: the gate and the modulation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

EPS = 1e-5


def make_gate_inputs(dtype: torch.dtype, length: int = 5) -> dict[str, Any]:
    """Arguments of `gated_rms_norm`: batch 2, 3 heads of 7; skip and weight stay at least float32."""
    generator = torch.Generator().manual_seed(length)
    wide = torch.promote_types(dtype, torch.float32)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "y": draw(2, length, 3, 7).to(dtype),
        "x": draw(2, length, 3, 7).to(dtype),
        "skip": draw(3).to(wide),
        "gate": (3 * draw(2, length, 21)).to(dtype),
        "weight": draw(21).to(wide),
        "eps": EPS,
    }


def make_modulate_inputs(dtype: torch.dtype, present: str, length: int = 5) -> dict[str, Any]:
    """Arguments of `modulate`: batch 2, width 19; those of shift, scale, branch, gate that `present` names."""
    generator = torch.Generator().manual_seed(length)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    shapes = {"shift": (2, 19), "scale": (2, 19), "branch": (2, length, 19), "gate": (2, 19)}
    optional = {name: draw(*shape) if name in present.split() else None for name, shape in shapes.items()}
    return {"tokens": 2 + 3 * draw(2, length, 19), **optional, "eps": EPS}


PRESENT = ("", "shift scale", "branch", "branch gate", "shift scale branch gate", "scale branch")


def moved(inputs: dict[str, Any], *, device: str = "cpu", dtype: torch.dtype | None = None) -> dict[str, Any]:
    """The same arguments elsewhere or in another dtype."""
    return {name: t.to(device, dtype or t.dtype) if isinstance(t, Tensor) else t for name, t in inputs.items()}


def split_leaves(inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Fresh copies of the arguments, and those of them that ask for gradients."""
    leaves = {name: t.detach().clone().requires_grad_() for name, t in inputs.items() if isinstance(t, Tensor)}
    return inputs | leaves, leaves
