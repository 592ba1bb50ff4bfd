"""Review tokens: a pooled overview read before the tokens (LinGen, section 3.2), and a carried bank of them.

The overview is the current chunk's own tokens, average-pooled. The bank holds pooled tokens of committed
chunks in a fixed number of slots: slot 0 is the last chunk, and slot i follows slot i - 1 as a running mean
with rate 2^-i, so recent chunks stay sharp and older ones merge. No parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def overview(tokens: Tensor, n_frames: int, height: int, width: int, pool: int) -> Tensor:
    """Average-pool tokens (B, T h w, D) over `pool` x `pool` positions: (B, T, R, D), R = h w / pool^2."""
    batch, _, depth = tokens.shape
    planes = tokens.reshape(batch * n_frames, height, width, depth).permute(0, 3, 1, 2)
    return functional.avg_pool2d(planes, pool).flatten(2).transpose(1, 2).unflatten(0, (batch, n_frames))


def review_tokens(bank: Tensor, current: Tensor) -> Tensor:
    """What is read first: the bank (B, slots, R, D) from old to new, then the overview (B, T, R, D)."""
    return torch.cat((bank.flip(1).flatten(1, 2), current.flatten(1, 2)), dim=1)


def update_bank(bank: Tensor, current: Tensor) -> Tensor:
    """The bank after a chunk with this overview is committed; shapes as in `review_tokens`."""
    newest = current.mean(1, keepdim=True)
    rates = 0.5 ** torch.arange(1, bank.shape[1], device=bank.device, dtype=bank.dtype)
    older = bank[:, 1:] + (bank[:, :-1] - bank[:, 1:]) * rates.view(1, -1, 1, 1)
    return torch.cat((newest, older), dim=1)
