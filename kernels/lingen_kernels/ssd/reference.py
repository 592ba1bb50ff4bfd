"""The Mamba2 recurrence, one position at a time, in the dtype it is given: the oracle of all fast paths.

Mamba2 (arXiv 2405.21060), section 2: S_i = exp(dt_i A) S_{i-1} + dt_i x_i B_i^T and y_i = S_i C_i.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ssd_state_reference(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """See `lingen_kernels.dispatch.ssd_state`."""
    if order is not None:
        x, dt, B = (t[:, order] for t in (x, dt, B))
    states = _states(x, dt, A, B, initial_state)
    return states[-1]


def ssd_bidirectional_reference(
    x: Tensor,
    dt_fwd: Tensor,
    dt_bwd: Tensor,
    A_fwd: Tensor,
    A_bwd: Tensor,
    B: Tensor,
    C: Tensor,
    state_fwd: Tensor | None,
    state_bwd: Tensor | None,
    block_len: int = 128,
    order: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.ssd_bidirectional`; `block_len` changes nothing here."""
    del block_len
    if order is not None:
        x, dt_fwd, dt_bwd, B, C = (t[:, order] for t in (x, dt_fwd, dt_bwd, B, C))
    forward = _states(x, dt_fwd, A_fwd, B, state_fwd)
    backward = _states(x.flip(1), dt_bwd.flip(1), A_bwd, B.flip(1), state_bwd)[::-1]
    outputs = [
        torch.matmul(s_fwd + s_bwd, C[:, None, i, :, None].to(s_fwd.dtype)).squeeze(-1)  # (b, h, p)
        for i, (s_fwd, s_bwd) in enumerate(zip(forward, backward, strict=True))
    ]
    y = torch.stack(outputs, dim=1).to(x.dtype)
    return y if order is None else y[:, torch.argsort(order)], forward[-1]


def _states(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None) -> list[Tensor]:
    """The state after each position: l tensors (b, h, p, n), at least float32."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    x, dt, A, B = (t.to(dtype) for t in (x, dt, A, B))
    batch, length, n_heads, headdim = x.shape
    state = x.new_zeros(batch, n_heads, headdim, B.shape[-1])
    if initial_state is not None:
        state = initial_state.to(dtype)
    states = []
    for i in range(length):
        decay = torch.exp(dt[:, i] * A)[..., None, None]  # (b, h, 1, 1)
        outer = (dt[:, i, :, None] * x[:, i])[..., None] * B[:, i, None, None, :]  # (b, h, p, n)
        state = decay * state + outer
        states.append(state)
    return states
