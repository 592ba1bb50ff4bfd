"""Window attention by PyTorch's fused attention: windows are copied into the batch axis. Correct on any device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def window_attention_torch(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    time_bias: Tensor,
    place_bias: Tensor,
    region: Tensor | None,
    height: int,
    width: int,
    window: int,
    shift: int,
) -> Tensor:
    """See `lingen_kernels.dispatch.window_attention`."""
    n_windows = (height // window) * (width // window)
    out = functional.scaled_dot_product_attention(
        to_windows(query, height, width, window, shift),
        to_windows(joined(past_key, key), height, width, window, shift),
        to_windows(joined(past_value, value), height, width, window, shift),
        attn_mask=_bias(time_bias, place_bias, region, n_windows).to(query.dtype),
    )
    return from_windows(out, query, height, width, window, shift)


def joined(past: Tensor, present: Tensor) -> Tensor:
    """Carried positions, then those of the chunk, in the dtype of these."""
    return torch.cat((past.to(present.dtype), present), dim=1)


def _bias(time_bias: Tensor, place_bias: Tensor, region: Tensor | None, n_windows: int) -> Tensor:
    """(1, windows * heads, T cells, (past + T) cells): learned offsets, -inf from region to region."""
    bias = place_bias[:, None, :, None, :] + time_bias[:, :, None, :, None]
    if region is None:
        return bias.flatten(3, 4).flatten(1, 2).repeat(n_windows, 1, 1).unsqueeze(0)
    is_apart = region[:, :, None] != region[:, None, :]
    bias = bias.masked_fill(is_apart[:, None, None, :, None, :], float("-inf"))
    return bias.flatten(4, 5).flatten(2, 3).flatten(0, 1).unsqueeze(0)


def to_windows(tokens: Tensor, height: int, width: int, window: int, shift: int) -> Tensor:
    """(b, frames h w, heads, p) to (b, windows * heads, frames * cells, p)."""
    x = tokens.unflatten(1, (-1, height, width))
    if shift:
        x = torch.roll(x, (-shift, -shift), (2, 3))
    x = x.unflatten(2, (-1, window)).unflatten(4, (-1, window))
    x = x.permute(0, 2, 4, 6, 1, 3, 5, 7)  # b, rows, columns, heads, frames, window, window, p
    return x.flatten(4, 6).flatten(1, 3)


def from_windows(windows: Tensor, query: Tensor, height: int, width: int, window: int, shift: int) -> Tensor:
    """The reverse for queries: (b, windows * heads, T cells, p) to the shape of `query`."""
    batch, length, n_heads, headdim = query.shape
    n_frames = length // (height * width)
    x = windows.unflatten(2, (n_frames, window, window))
    x = x.unflatten(1, (height // window, width // window, n_heads))
    x = x.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(batch, n_frames, height, width, n_heads, headdim)
    if shift:
        x = torch.roll(x, (shift, shift), (2, 3))
    return x.reshape(batch, length, n_heads, headdim)
