"""How well bands of a picture fit the same bands some frames later, at every shift sideways.

A flow averaged over neighbourhoods cannot tell a camera from waves that drift by themselves, nor see behind rain. These
curves hold all shifts side by side, a band at a time: ground, hills and water each have a peak of their own, and what
falls in front has none. Knows pictures, not what moves them.
"""

from __future__ import annotations

import torch
from torch import Tensor

_FLAT = 1e-3
"""Added to the norms, which are sums over a band: where nothing has an edge, nothing fits."""


def band_correlations(grey: Tensor, *, n_bands: int, lag: int, reach_px: int) -> Tensor:
    """Normalised correlation of every band with itself `lag` frames later, by shift.

    Args:
        grey: (N, F, H, W), F > lag, H a multiple of n_bands, W > 2 reach_px.
        n_bands: horizontal bands of equal height.
        lag: frames.
        reach_px: largest shift.

    Returns:
        (N, n_bands, 2 reach_px + 1) in [-1, 1], the mean over all pairs of frames; the last index is the shift to
        the right, from -reach_px on.
    """
    rows = grey - grey.mean(-1, keepdim=True)  # shading from top to bottom does not move
    inner = grey.shape[-1] - 2 * reach_px
    before, after = rows[:, :-lag, :, reach_px : reach_px + inner], rows[:, lag:]
    scores = [_fit(before, after[..., first : first + inner], n_bands) for first in range(2 * reach_px + 1)]
    return torch.stack(scores, dim=-1)


def _fit(before: Tensor, after: Tensor, n_bands: int) -> Tensor:
    """(N, n_bands) from two stacks of rows (N, P, H, W)."""
    product, own, other = (
        values.sum(-1).unflatten(-1, (n_bands, -1)).sum((1, 3))
        for values in (before * after, before.square(), after.square())
    )
    return product / ((own * other).sqrt() + _FLAT)
