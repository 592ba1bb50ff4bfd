"""Causal depthwise convolution + SiLU, one output position at a time: the oracle, never the fast path."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def causal_conv1d_silu_reference(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None = None, n_prefix: int = 0
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.causal_conv1d_silu`."""
    if order is not None:
        order = torch.tensor([*range(n_prefix), *(n_prefix + i for i in order.tolist())], device=x.device)
        y, new_tail = causal_conv1d_silu_reference(x[:, order], weight, bias, tail)
        return y[:, torch.argsort(order)], new_tail
    taps = weight.shape[1]
    sequence = torch.cat((tail.to(x.dtype), x), dim=1)  # (b, k-1+l, c)
    outputs = []
    for i in range(x.shape[1]):
        window = sequence[:, i : i + taps]  # (b, k, c): the inputs i-k+1 .. i
        outputs.append((window * weight.t()).sum(dim=1))
    y = torch.stack(outputs, dim=1)  # (b, l, c)
    if bias is not None:
        y = y + bias
    return functional.silu(y), sequence[:, x.shape[1] :].to(tail.dtype)
