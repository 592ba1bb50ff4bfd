"""Skip, SiLU gate and RMS norm, spelled out: the oracle, never the fast path.

Mamba2 (arXiv 2405.21060), section 7.1: y + D x, gated by SiLU(z), then normalised.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gated_rms_norm_reference(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See `lingen_kernels.dispatch.gated_rms_norm`."""
    dtype = torch.promote_types(y.dtype, torch.float32)
    wide, inputs, skip, gate, weight = (t.to(dtype) for t in (y, x, skip, gate, weight))
    mixed = (wide + skip[:, None] * inputs).flatten(2)  # (b, l, h p)
    gated = mixed * gate / (1 + torch.exp(-gate))
    mean_square = gated.square().mean(dim=-1, keepdim=True)
    return (gated / torch.sqrt(mean_square + eps) * weight).to(y.dtype)
