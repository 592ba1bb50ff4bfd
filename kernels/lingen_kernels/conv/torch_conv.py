"""Causal depthwise convolution + SiLU as k shifted multiply-adds: fast on a CPU, correct on any device.

The grouped `conv1d` of PyTorch wants channels before positions, so it pays two transposes and, without a
good depthwise kernel, one small convolution a channel; `bench.py` times both.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def causal_conv1d_silu_torch(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None = None, n_prefix: int = 0
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.causal_conv1d_silu`; an `order` costs copies here."""
    if order is not None:
        order = whole_order(order, n_prefix)
        y, new_tail = causal_conv1d_silu_torch(x[:, order], weight, bias, tail)
        return y[:, torch.argsort(order)], new_tail
    length, taps = x.shape[1], weight.shape[1]
    sequence = torch.cat((tail.to(x.dtype), x), dim=1)  # (b, k-1+l, c)
    weight_rows = weight.t().to(x.dtype).contiguous()  # (k, c): a row a tap, read along channels
    if bias is None:
        y = sequence[:, :length] * weight_rows[0]
    else:
        y = torch.addcmul(bias.to(x.dtype), sequence[:, :length], weight_rows[0])
    for tap in range(1, taps):
        y.addcmul_(sequence[:, tap : tap + length], weight_rows[tap])
    # A copy: a view would keep the whole sequence alive inside the carried state.
    return functional.silu(y), sequence[:, length:].to(tail.dtype, copy=True)


def whole_order(order: Tensor, n_prefix: int) -> Tensor:
    """The order of all positions where `order` (l,) is that of those after a prefix: (n_prefix + l,)."""
    if not n_prefix:
        return order
    return torch.cat((torch.arange(n_prefix, device=order.device), order + n_prefix))
