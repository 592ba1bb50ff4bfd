"""How near a kernel's answer must be, and where kernels run in tests."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # on a CPU, Triton kernels run in their interpreter


def assert_near(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Largest difference below `tolerance` times the largest expected value."""
    assert actual.shape == expected.shape
    error = (actual.double() - expected.double()).abs().max().item()
    assert error <= tolerance * max(expected.abs().max().item(), 1.0), f"error {error}"


def leaves_of(arguments: dict[str, Any]) -> dict[str, Tensor]:
    """Fresh copies that ask for gradients."""
    return {name: value.detach().clone().requires_grad_() for name, value in arguments.items()}


def gradients_of(loss: Tensor, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of the loss in every leaf."""
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
