"""Residual, layer norm, scale and shift, spelled out: the oracle, never the fast path.

adaLN as in DiT (arXiv 2212.09748), section 3.2, which LinGen's block keeps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def modulate_reference(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.modulate`."""
    dtype = torch.promote_types(tokens.dtype, torch.float32)
    if branch is not None:
        step = branch.to(dtype) if gate is None else branch.to(dtype) * gate.to(dtype)[:, None]
        tokens = (tokens.to(dtype) + step).to(tokens.dtype)
    centred = tokens.to(dtype) - tokens.to(dtype).mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    normed = centred / torch.sqrt(variance + eps)
    if scale is not None:
        normed = normed * (1 + scale.to(dtype)[:, None])
    if shift is not None:
        normed = normed + shift.to(dtype)[:, None]
    return tokens, normed.to(tokens.dtype)
