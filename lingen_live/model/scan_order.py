"""Rotary Major Scan: the four orders in which tokens become a sequence (LinGen, section 3.2, figure 4).

Only permutations. The paper names the orders; the axis reading (slowest to fastest) is this project's.
"""

from __future__ import annotations

import torch
from torch import Tensor

ORDERS: tuple[tuple[int, int, int], ...] = (
    (0, 1, 2),  # spatial row-major: t, h, w
    (0, 2, 1),  # spatial column-major: t, w, h
    (1, 2, 0),  # temporal row-major: h, w, t
    (2, 1, 0),  # temporal column-major: w, h, t
)


def scan_order(index: int, n_frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """One of the orders and its inverse.

    Args:
        index: 0 to 3; successive layers take successive orders.
        n_frames: T of the token grid.
        height: h.
        width: w.

    Returns:
        order (L,) such that `tokens[:, order]` is the sequence to scan, and inverse (L,) that undoes it.
    """
    grid = torch.arange(n_frames * height * width).view(n_frames, height, width)
    order = grid.permute(ORDERS[index]).reshape(-1)
    return order, torch.argsort(order)
