"""Residual, layer norm, scale and shift in PyTorch's own operators: fast on a CPU, correct on any device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def modulate_torch(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.modulate`."""
    if branch is not None and gate is not None:
        tokens = torch.addcmul(tokens, gate.to(tokens.dtype)[:, None], branch)
    elif branch is not None:
        tokens = tokens + branch
    normed = functional.layer_norm(tokens, (tokens.shape[-1],), eps=eps)
    if scale is not None and shift is not None:  # one pass over the tokens instead of two
        shift, scale = (row.to(tokens.dtype)[:, None] for row in (shift, scale))
        return tokens, torch.addcmul(shift, normed, 1 + scale)
    if scale is not None:
        normed = normed * (1 + scale.to(tokens.dtype)[:, None])
    if shift is not None:
        normed = normed + shift.to(tokens.dtype)[:, None]
    return tokens, normed
