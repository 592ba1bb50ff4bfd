"""Seeded noise that is the same on every device: integer-hashed lattices, applied as small matrix products.

Columns and rows of a picture are independent coordinates, so 2-D value noise is `Wy @ lattice @ Wx^T` with
interpolation weights W: a lattice of a hundred cells instead of a hash for every pixel. Knows no scene.
"""

from __future__ import annotations

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF


def hash_unit(*keys: Tensor) -> Tensor:
    """Hash integers to floats.

    Args:
        keys: int64 tensors that broadcast together.

    Returns:
        float32 in [0, 1), the broadcast shape; equal keys give equal values on every device.
    """
    state = torch.full((), 0x9E3779B9, dtype=torch.int64, device=keys[0].device)
    for key in keys:
        state = (state ^ (key & _MASK)) * 0x85EBCA6B & _MASK
        state = (state ^ (state >> 15)) * 0xC2B2AE35 & _MASK
        state = state ^ (state >> 13)
    return (state >> 8).to(torch.float32) / float(1 << 24)


def smoothstep(t: Tensor) -> Tensor:
    """3 t^2 - 2 t^3 of t clamped to [0, 1]."""
    t = t.clamp(0, 1)
    return t * t * (3 - 2 * t)


def noise_1d(x: Tensor, seed: Tensor, salt: int) -> Tensor:
    """Value noise along a line.

    Args:
        x: (N, ...) coordinates, one lattice cell a unit.
        seed: (N,) int64.
        salt: separates uses of the same seed.

    Returns:
        the shape of x, in [0, 1).
    """
    cell = torch.floor(x)
    i = cell.to(torch.int64)
    key = seed.view(-1, *[1] * (x.dim() - 1)) + salt * 7919
    return torch.lerp(hash_unit(i, key), hash_unit(i + 1, key), smoothstep(x - cell))


def _hat_weights(x: Tensor, n_cells: int) -> tuple[Tensor, Tensor]:
    """First lattice index (N, 1) and smooth interpolation weights (N, P, n_cells) of points x (N, P)."""
    first = torch.floor(x.amin(1, keepdim=True))
    offsets = torch.arange(n_cells, device=x.device, dtype=x.dtype)
    weights = smoothstep(1 - (x - first).unsqueeze(-1).sub(offsets).abs())
    return first.to(torch.int64), weights


def _cells(x: Tensor) -> int:
    """Lattice cells that cover every row of x (N, P)."""
    return int((x.amax(1) - x.amin(1)).max().item()) + 3


def noise_2d(x: Tensor, y: Tensor, seed: Tensor, salt: int) -> Tensor:
    """Value noise over a picture.

    Args:
        x: (N, W) column coordinates in lattice cells.
        y: (N, H) row coordinates in lattice cells.
        seed: (N,) int64.
        salt: separates uses of the same seed.

    Returns:
        (N, 1, H, W) in [0, 1).
    """
    i0, wx = _hat_weights(x, _cells(x))
    j0, wy = _hat_weights(y, _cells(y))
    i = (i0 + torch.arange(wx.shape[2], device=x.device)).unsqueeze(1)
    j = (j0 + torch.arange(wy.shape[2], device=x.device)).unsqueeze(2)
    lattice = hash_unit(i, j, seed.view(-1, 1, 1) + salt * 7919)
    return (wy @ lattice @ wx.transpose(1, 2)).unsqueeze(1)


def splat(px: Tensor, py: Tensor, amount: Tensor, rx: Tensor, ry: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Draw soft points, each a product of two Gaussians.

    Args:
        px: (N, K) centres, in the units of x.
        py: (N, K) centres, in the units of y.
        amount: (N, K) peak value.
        rx: radii along x, broadcastable to (N, K).
        ry: radii along y, broadcastable to (N, K).
        x: (N, W) columns.
        y: (N, H) rows.

    Returns:
        (N, 1, H, W): the sum of all points, not clamped.
    """
    gx = torch.exp(-(((x.unsqueeze(1) - px.unsqueeze(2)) / rx.unsqueeze(-1)) ** 2))
    gy = torch.exp(-(((y.unsqueeze(1) - py.unsqueeze(2)) / ry.unsqueeze(-1)) ** 2)) * amount.unsqueeze(2)
    return (gy.transpose(1, 2) @ gx).unsqueeze(1)
