"""The bidirectional Mamba2 recurrence as dense blocks (state-space duality): fast on a CPU, correct anywhere.

Mamba2 (arXiv 2405.21060), section 6, for both directions in one pass. Inside a block of q positions the
output is one matrix a head, M = (C B^T) o W with W[i, j] = decay_fwd(j -> i) dt_fwd[j] below the diagonal,
decay_bwd(j -> i) dt_bwd[j] above it, and dt_fwd + dt_bwd on it: C B^T and M x are computed once for both
directions. Blocks talk through their states only: one decay matrix a head and direction carries them all.

Every exponent taken is a sum of dt A over the positions between source and target, so it is never positive:
entries of the wrong triangle are replaced before `exp`, and neither values nor gradients can overflow.
Products run in the dtype of `x`; decays and states are float32 (float64 for float64 inputs).
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor
from torch.nn import functional

_MIN_EXPONENT = -60.0


def ssd_state_torch(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """See `lingen_kernels.dispatch.ssd_state`; an `order` costs copies here."""
    if order is not None:
        x, dt, B = (t[:, order] for t in (x, dt, B))
    with _without_autocast(x):
        dtype = torch.promote_types(x.dtype, torch.float32)
        dt_heads = dt.transpose(1, 2).to(dtype)  # (b, h, l)
        log_decay = dt_heads * A.to(dtype)[:, None]
        # Suffix sums, not total - prefix: exact where it matters, for the last positions.
        to_end = log_decay.flip(-1).cumsum(-1).flip(-1)
        weight = _decay(to_end - log_decay) * dt_heads
        gain = _decay(to_end[..., 0])
        contribution = _weighted_outer(_by_head(x), B, weight)
        return _carry(initial_state, gain, contribution)


def ssd_bidirectional_torch(
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
    """See `lingen_kernels.dispatch.ssd_bidirectional`; an `order` costs copies here."""
    if order is not None:
        x, dt_fwd, dt_bwd, B, C = (t[:, order] for t in (x, dt_fwd, dt_bwd, B, C))
        y, final = ssd_bidirectional_torch(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len)
        return y[:, torch.argsort(order)], final
    with _without_autocast(x):
        length = x.shape[1]
        if length <= block_len:
            return _one_block(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd)
        n_blocks = -(-length // block_len)
        block_len = -(-length // n_blocks)  # even blocks: 148 positions make two of 74, not two of 128
        padding = n_blocks * block_len - length
        if padding:
            # dt = 0 neither decays nor adds: padded positions are invisible to both directions.
            x = functional.pad(x, (0, 0, 0, 0, 0, padding))
            dt_fwd, dt_bwd, B, C = (functional.pad(t, (0, 0, 0, padding)) for t in (dt_fwd, dt_bwd, B, C))
        y, final = _many_blocks(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len)
        return y[:, :length], final


def _one_block(
    x: Tensor,
    dt_fwd: Tensor,
    dt_bwd: Tensor,
    A_fwd: Tensor,
    A_bwd: Tensor,
    B: Tensor,
    C: Tensor,
    state_fwd: Tensor | None,
    state_bwd: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Both directions of a sequence that fits one block; shapes as in the public function."""
    weight_fwd, prefix_fwd = _decays(dt_fwd, A_fwd, x.dtype)  # (b, h, q) each
    weight_bwd, prefix_bwd = _decays(dt_bwd, A_bwd, x.dtype)
    before_bwd = functional.pad(prefix_bwd[..., :-1], (1, 0))  # sum over positions strictly before
    x_heads = _by_head(x)  # (b*h, q, p)

    y = torch.bmm(_block_matrix(weight_fwd, prefix_fwd, weight_bwd, before_bwd, B, C), x_heads)
    if state_fwd is not None:
        y = _add_state(y, C, _decay(prefix_fwd), state_fwd)
    if state_bwd is not None:
        y = _add_state(y, C, _decay(prefix_bwd[..., -1:] - before_bwd), state_bwd)

    to_end = _decay(prefix_fwd[..., -1:] - prefix_fwd) * weight_fwd
    contribution = _weighted_outer(x_heads, B, to_end)
    final = _carry(state_fwd, _decay(prefix_fwd[..., -1]), contribution)
    return y.view(x.shape[0], x.shape[2], x.shape[1], x.shape[3]).transpose(1, 2), final


def _many_blocks(
    x: Tensor,
    dt_fwd: Tensor,
    dt_bwd: Tensor,
    A_fwd: Tensor,
    A_bwd: Tensor,
    B: Tensor,
    C: Tensor,
    state_fwd: Tensor | None,
    state_bwd: Tensor | None,
    block_len: int,
) -> tuple[Tensor, Tensor]:
    """Both directions of a whole number of blocks; blocks join the batch axis, states link them."""
    batch, length, n_heads, headdim = x.shape
    n_blocks = length // block_len
    x, dt_fwd, dt_bwd, B, C = (t.reshape(batch * n_blocks, block_len, *t.shape[2:]) for t in (x, dt_fwd, dt_bwd, B, C))
    weight_fwd, prefix_fwd = _decays(dt_fwd, A_fwd, x.dtype)  # (b*blocks, h, q) each
    weight_bwd, prefix_bwd = _decays(dt_bwd, A_bwd, x.dtype)
    before_bwd = functional.pad(prefix_bwd[..., :-1], (1, 0))
    x_heads = _by_head(x)

    total_fwd = prefix_fwd[..., -1].view(batch, n_blocks, n_heads)
    total_bwd = prefix_bwd[..., -1].view(batch, n_blocks, n_heads)
    to_end = _decay(prefix_fwd[..., -1:] - prefix_fwd) * weight_fwd
    to_start = _decay(before_bwd) * weight_bwd
    made_fwd = _weighted_outer(x_heads, B, to_end).view(batch, n_blocks, n_heads, headdim, -1)
    made_bwd = _weighted_outer(x_heads, B, to_start).view(batch, n_blocks, n_heads, headdim, -1)
    entering_fwd, final = _link_forward(made_fwd, total_fwd, state_fwd)
    entering_bwd = _link_backward(made_bwd, total_bwd, state_bwd)

    y = torch.bmm(_block_matrix(weight_fwd, prefix_fwd, weight_bwd, before_bwd, B, C), x_heads)
    y = _add_state(y, C, _decay(prefix_fwd), entering_fwd)
    y = _add_state(y, C, _decay(prefix_bwd[..., -1:] - before_bwd), entering_bwd)
    y = y.view(batch, n_blocks, n_heads, block_len, headdim).transpose(2, 3)
    return y.reshape(batch, length, n_heads, headdim), final


def _decays(dt: Tensor, A: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Step sizes (m, h, q) and the inclusive prefix sums of dt A (m, h, q), at least float32."""
    dtype = torch.promote_types(dtype, torch.float32)
    dt_heads = dt.transpose(1, 2).to(dtype).contiguous()
    return dt_heads, (dt_heads * A.to(dtype)[:, None]).cumsum(-1)


def _decay(exponent: Tensor) -> Tensor:
    """exp(exponent), never below 1e-26: `exp` of a number that underflows is 50 times slower on a CPU."""
    return exponent.clamp_min(_MIN_EXPONENT).exp_()


def _by_head(x: Tensor) -> Tensor:
    """(m, q, h, p) -> (m*h, q, p), without a copy when m is 1."""
    return x.transpose(1, 2).reshape(-1, x.shape[1], x.shape[3])


def _block_matrix(
    weight_fwd: Tensor, prefix_fwd: Tensor, weight_bwd: Tensor, before_bwd: Tensor, B: Tensor, C: Tensor
) -> Tensor:
    """M (m*h, q, q) in the dtype of `B`: position j to position i, through both directions.

    Args:
        weight_fwd: dt of the forward direction, (m, h, q).
        prefix_fwd: sums of dt A over positions up to and with i, (m, h, q).
        weight_bwd: dt of the backward direction, (m, h, q).
        before_bwd: sums of dt A over positions strictly before i, (m, h, q).
        B: (m, q, n).
        C: (m, q, n).
    """
    length = B.shape[1]
    scores = torch.bmm(C, B.transpose(1, 2))  # (m, q, q), shared by heads and directions
    ones = prefix_fwd.new_ones(length, length)
    lower, upper = ones.tril(), ones.triu()  # (q, q); both hold the diagonal
    # Masks multiply instead of `torch.where`: measured 4 times faster on a CPU, and all terms are finite.
    exponent = torch.lerp(
        before_bwd[..., None, :] - before_bwd[..., :, None],  # positions i .. j-1
        prefix_fwd[..., :, None] - prefix_fwd[..., None, :],  # positions j+1 .. i
        lower,
    )
    # Both steps on the diagonal: both recurrences are inclusive, and nothing has decayed there.
    step = torch.addcmul(weight_fwd[..., None, :] * lower, weight_bwd[..., None, :], upper)
    mixing = _decay(exponent) * step * scores.to(step.dtype)[:, None]
    return mixing.to(B.dtype).view(-1, length, length)


def _add_state(y: Tensor, C: Tensor, decay: Tensor, state: Tensor) -> Tensor:
    """y (m*h, q, p) + decay[i] S C_i, for the state (m, h, p, n) entering each block."""
    rows = _rows(C, decay)
    return torch.baddbmm(y, rows, state.to(rows.dtype).flatten(0, 1).transpose(1, 2))


def _weighted_outer(x_heads: Tensor, B: Tensor, weight: Tensor) -> Tensor:
    """Sum over positions of weight[j] x_j B_j^T: (m*h, p, n), at least float32."""
    return torch.bmm(x_heads.transpose(1, 2), _rows(B, weight)).to(weight.dtype)


def _rows(rows: Tensor, scale: Tensor) -> Tensor:
    """rows (m, q, n) scaled a head by scale (m, h, q): (m*h, q, n) in the dtype of `rows`."""
    # Equal dtypes first: an operator on mixed dtypes leaves its vectorised path.
    return (rows.to(scale.dtype)[:, None] * scale[..., None]).to(rows.dtype).flatten(0, 1)


def _carry(state: Tensor | None, gain: Tensor, contribution: Tensor) -> Tensor:
    """gain (b, h) times state (b, h, p, n) plus contribution (b*h, p, n), in the dtype of `gain`."""
    contribution = contribution.unflatten(0, gain.shape)
    if state is None:
        return contribution
    return torch.addcmul(contribution, state.to(gain.dtype), gain[..., None, None])


def _link_forward(made: Tensor, total: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """States that enter each block from the left, and the one that leaves the last.

    Args:
        made: what each block adds to the state, (b, blocks, h, p, n).
        total: sum of dt A over each block, (b, blocks, h).
        state: what enters the first block, (b, h, p, n), or None for zeros.

    Returns:
        Entering states (b*blocks, h, p, n), final state (b, h, p, n).
    """
    first = torch.zeros_like(made[:, 0]) if state is None else state.to(made.dtype)
    linked = _link(torch.cat((first[:, None], made), dim=1), total, is_forward=True)
    return linked[:, :-1].flatten(0, 1), linked[:, -1]


def _link_backward(made: Tensor, total: Tensor, state: Tensor | None) -> Tensor:
    """States that enter each block from the right (b*blocks, h, p, n); arguments as in `_link_forward`."""
    last = torch.zeros_like(made[:, 0]) if state is None else state.to(made.dtype)
    linked = _link(torch.cat((made, last[:, None]), dim=1), total, is_forward=False)
    return linked[:, 1:].flatten(0, 1)


def _link(sources: Tensor, total: Tensor, *, is_forward: bool) -> Tensor:
    """Sum the decayed sources (b, blocks+1, h, p, n) reaching each of the blocks+1 borders; same shape."""
    border = functional.pad(total.transpose(1, 2).cumsum(-1), (1, 0))  # (b, h, blocks+1)
    exponent = border[..., :, None] - border[..., None, :]
    reaches = border.new_ones(border.shape[-1], border.shape[-1]).tril()
    if not is_forward:
        exponent, reaches = -exponent, reaches.t()
    decay = _decay(exponent.clamp_max(0.0)) * reaches  # (b, h, blocks+1, blocks+1)
    linked = torch.matmul(decay, sources.transpose(1, 2).flatten(3))  # (b, h, blocks+1, p*n)
    return linked.unflatten(3, sources.shape[3:]).transpose(1, 2)


def _without_autocast(x: Tensor) -> contextlib.AbstractContextManager[None]:
    """Autocast would round decays and states to bfloat16; entering a context costs, so only when it is on."""
    if not x.is_meta and torch.is_autocast_enabled(x.device.type):  # shapes alone know no autocast
        return torch.autocast(x.device.type, enabled=False)
    return contextlib.nullcontext()
