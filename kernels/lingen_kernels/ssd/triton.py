"""The bidirectional Mamba2 recurrence on a GPU: two kernels, both directions inside each.

Mamba2 (arXiv 2405.21060), section 6; the algebra of both directions is that of `torch_ssd`.

1. `ssd_states_kernel`: one program a head and direction walks the blocks of its direction with the state in
   registers, float32, and writes the state that enters each block in the dtype of `x`; the forward walk
   writes the final state, float32. Both walks begin with the prefix (review tokens), if there is one.
2. `ssd_outputs_kernel`: one program a block and group of heads loads B and C once, computes C B^T once for
   all its heads and both directions, and adds what the two entering states give.

So x and B are read twice (at the lengths of a chunk the second time from cache), C, dt and y move once, and
besides them only the entering states move: 2 h p n / block_len numbers a position, written and read once.

Every position is addressed through `order` if there is one: a scan order costs an index load, not a copy. Any
strides of x, dt, B and C are taken as they are; states and A are made contiguous.

The gradient is not a kernel: it recomputes through `torch_ssd`, on the same device, from the saved inputs.
Knows nothing of dispatch. float64 inputs are refused: tensor cores have no use for them.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.availability import is_interpreted
from lingen_kernels.recompute import recompute_gradient
from lingen_kernels.ssd.prefix import with_prefix
from lingen_kernels.ssd.tile import Tile, tile_for
from lingen_kernels.ssd.torch_ssd import ssd_bidirectional_torch, ssd_state_torch
from lingen_kernels.triton import at_least_16, check_tensor, narrowed, on_device_of

# What tests/kernels/test_compile.py has seen fit the registers and shared memory of sm_90.
MAX_HEADDIM = 64
MAX_STATE = 128


def ssd_state_triton(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """See `lingen_kernels.dispatch.ssd_state`; headdim at most 64, d_state at most 128, no float64."""
    _check_limits(x, B)
    return _ssd_state(x, dt, A, B, initial_state, order)


def ssd_bidirectional_triton(
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
    n_prefix: int = 0,
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.ssd_bidirectional`; headdim at most 64, d_state at most 128, no float64."""
    _check_limits(x, B)
    return _ssd_bidirectional(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len, order, n_prefix)


@triton.jit
def ssd_states_kernel(
    x_ptr: tl.tensor,
    dt_fwd_ptr: tl.tensor,
    dt_bwd_ptr: tl.tensor,
    a_fwd_ptr: tl.tensor,
    a_bwd_ptr: tl.tensor,
    b_ptr: tl.tensor,
    order_ptr: tl.tensor,
    state_fwd_ptr: tl.tensor,
    state_bwd_ptr: tl.tensor,
    entering_ptr: tl.tensor,
    final_ptr: tl.tensor,
    length: tl.tensor,
    n_heads: tl.tensor,
    headdim: tl.tensor,
    d_state: tl.tensor,
    n_blocks: tl.tensor,
    n_prefix: tl.tensor,
    n_prefix_blocks: tl.tensor,
    x_sb: tl.tensor,
    x_sl: tl.tensor,
    x_sh: tl.tensor,
    x_sp: tl.tensor,
    dtf_sb: tl.tensor,
    dtf_sl: tl.tensor,
    dtf_sh: tl.tensor,
    dtb_sb: tl.tensor,
    dtb_sl: tl.tensor,
    dtb_sh: tl.tensor,
    b_sb: tl.tensor,
    b_sl: tl.tensor,
    b_sn: tl.tensor,
    HAS_ORDER: tl.constexpr,
    HAS_FWD: tl.constexpr,
    HAS_BWD: tl.constexpr,
    KEEPS_ENTERING: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    BL: tl.constexpr,
    BN: tl.constexpr,
    BP: tl.constexpr,
) -> None:
    """Walk the blocks of one head and direction; axes: head, direction and columns of headdim, batch.

    The state is held transposed, (n, p): then no product needs the transpose of a product, which some Triton
    versions compile wrongly for Hopper (flash-linear-attention, pull request 826).
    """
    i_h = tl.program_id(0)
    n_columns = tl.cdiv(headdim, BP)
    i_direction = tl.program_id(1) // n_columns
    i_p = tl.program_id(1) % n_columns
    i_b = tl.program_id(2).to(tl.int64)
    is_fwd = i_direction == 0
    NARROW: tl.constexpr = x_ptr.dtype.element_ty
    DOT: tl.constexpr = tl.float32 if IS_INTERPRETED else NARROW

    o_p = i_p * BP + tl.arange(0, BP)
    o_n = tl.arange(0, BN)
    p_state = (i_b * n_heads + i_h) * headdim * d_state + o_p[None, :] * d_state + o_n[:, None]
    m_fwd = (o_n[:, None] < tl.where(is_fwd, d_state, 0)) & (o_p[None, :] < headdim)
    m_bwd = (o_n[:, None] < tl.where(is_fwd, 0, d_state)) & (o_p[None, :] < headdim)
    b_state = tl.zeros((BN, BP), dtype=tl.float32)
    if HAS_FWD:
        b_state += tl.load(state_fwd_ptr + p_state, mask=m_fwd, other=0.0).to(tl.float32)
    if HAS_BWD:
        b_state += tl.load(state_bwd_ptr + p_state, mask=m_bwd, other=0.0).to(tl.float32)
    rate = tl.where(is_fwd, tl.load(a_fwd_ptr + i_h), tl.load(a_bwd_ptr + i_h)).to(tl.float32)

    # Blocks of the prefix come first and as they lie. After them the backward walk takes its blocks, and the rows
    # inside them, from last to first: one code for both.
    o_ahead = tl.arange(0, BL)
    for step in range(n_prefix_blocks + n_blocks):
        is_prefix = step < n_prefix_blocks
        is_ahead = is_fwd | is_prefix
        i_step = step - tl.where(is_prefix, 0, n_prefix_blocks)
        i_block = tl.where(is_ahead, i_step, n_blocks - 1 - i_step)
        o_l = i_block * BL + tl.where(is_ahead, o_ahead, BL - 1 - o_ahead)
        end = tl.where(is_prefix, n_prefix, length)
        m_l = o_l < end
        o_pos = o_l.to(tl.int64)
        if HAS_ORDER:
            o_order = tl.load(order_ptr + o_l, mask=o_l < tl.where(is_prefix, 0, length), other=0).to(tl.int64)
            o_pos = tl.where(is_prefix, o_pos, o_order)
        o_pos += tl.where(is_prefix, 0, n_prefix)
        if KEEPS_ENTERING:
            tile = ((i_direction * tl.num_programs(2) + i_b) * n_blocks + i_block) * n_heads + i_h
            p_entering = entering_ptr + tile * d_state * headdim + o_n[:, None] * headdim + o_p[None, :]
            m_kept = (o_n[:, None] < tl.where(is_prefix, 0, d_state)) & (o_p[None, :] < headdim)
            tl.store(p_entering, narrowed(b_state, NARROW, IS_INTERPRETED), mask=m_kept)

        # dt = 0 neither decays nor adds: rows past the end are invisible.
        p_dtf = dt_fwd_ptr + i_b * dtf_sb + o_pos * dtf_sl + i_h * dtf_sh
        p_dtb = dt_bwd_ptr + i_b * dtb_sb + o_pos * dtb_sl + i_h * dtb_sh
        # Loads of the other direction are masked away: what is not this walk's ends at zero.
        b_dt = tl.load(p_dtf, mask=o_l < tl.where(is_fwd, end, 0), other=0.0).to(tl.float32)
        b_dt += tl.load(p_dtb, mask=o_l < tl.where(is_fwd, 0, end), other=0.0).to(tl.float32)
        b_log = b_dt * rate
        # A suffix sum, not total - prefix: exact where it matters, for the last rows of the walk.
        b_to_end = tl.cumsum(b_log, axis=0, reverse=True) - b_log

        p_x = x_ptr + i_b * x_sb + o_pos[:, None] * x_sl + i_h * x_sh + o_p[None, :] * x_sp
        b_x = tl.load(p_x, mask=m_l[:, None] & (o_p[None, :] < headdim), other=0.0).to(tl.float32)
        b_x = narrowed(b_x * (tl.exp(b_to_end) * b_dt)[:, None], NARROW, IS_INTERPRETED).to(DOT)
        p_b = b_ptr + i_b * b_sb + o_pos[:, None] * b_sl + o_n[None, :] * b_sn
        b_b = tl.load(p_b, mask=m_l[:, None] & (o_n[None, :] < d_state), other=0.0).to(DOT)
        b_state = tl.dot(tl.trans(b_b), b_x, acc=b_state * tl.exp(tl.sum(b_log, axis=0)), input_precision="tf32x3")
    tl.store(final_ptr + p_state, b_state, mask=m_fwd)


@triton.jit
def ssd_outputs_kernel(
    x_ptr: tl.tensor,
    dt_fwd_ptr: tl.tensor,
    dt_bwd_ptr: tl.tensor,
    a_fwd_ptr: tl.tensor,
    a_bwd_ptr: tl.tensor,
    b_ptr: tl.tensor,
    c_ptr: tl.tensor,
    order_ptr: tl.tensor,
    entering_ptr: tl.tensor,
    y_ptr: tl.tensor,
    length: tl.tensor,
    n_heads: tl.tensor,
    headdim: tl.tensor,
    d_state: tl.tensor,
    n_blocks: tl.tensor,
    x_sb: tl.tensor,
    x_sl: tl.tensor,
    x_sh: tl.tensor,
    x_sp: tl.tensor,
    dtf_sb: tl.tensor,
    dtf_sl: tl.tensor,
    dtf_sh: tl.tensor,
    dtb_sb: tl.tensor,
    dtb_sl: tl.tensor,
    dtb_sh: tl.tensor,
    b_sb: tl.tensor,
    b_sl: tl.tensor,
    b_sn: tl.tensor,
    c_sb: tl.tensor,
    c_sl: tl.tensor,
    c_sn: tl.tensor,
    HAS_ORDER: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    HEADS: tl.constexpr,
    BL: tl.constexpr,
    BN: tl.constexpr,
    BP: tl.constexpr,
) -> None:
    """Outputs of one block for a group of heads; axes: block, group of heads, batch. y is contiguous."""
    i_block = tl.program_id(0)
    i_group = tl.program_id(1)
    i_b = tl.program_id(2).to(tl.int64)
    NARROW: tl.constexpr = x_ptr.dtype.element_ty
    DOT: tl.constexpr = tl.float32 if IS_INTERPRETED else NARROW

    o_r = tl.arange(0, BL)
    o_n = tl.arange(0, BN)
    o_p = tl.arange(0, BP)
    o_l = i_block * BL + o_r
    m_l = o_l < length
    o_pos = o_l.to(tl.int64)
    if HAS_ORDER:
        o_pos = tl.load(order_ptr + o_l, mask=m_l, other=0).to(tl.int64)
    m_ln = m_l[:, None] & (o_n[None, :] < d_state)
    m_lp = m_l[:, None] & (o_p[None, :] < headdim)
    m_np = (o_n[:, None] < d_state) & (o_p[None, :] < headdim)
    is_lower = o_r[:, None] >= o_r[None, :]
    is_upper = o_r[:, None] <= o_r[None, :]

    p_b = b_ptr + i_b * b_sb + o_pos[:, None] * b_sl + o_n[None, :] * b_sn
    p_c = c_ptr + i_b * c_sb + o_pos[:, None] * c_sl + o_n[None, :] * c_sn
    b_b = tl.load(p_b, mask=m_ln, other=0.0).to(DOT)
    b_c = tl.load(p_c, mask=m_ln, other=0.0).to(DOT)
    b_scores = tl.dot(b_c, tl.trans(b_b), input_precision="tf32x3")

    for i_h in range(i_group * HEADS, tl.minimum(i_group * HEADS + HEADS, n_heads)):
        p_dtf = dt_fwd_ptr + i_b * dtf_sb + o_pos * dtf_sl + i_h * dtf_sh
        p_dtb = dt_bwd_ptr + i_b * dtb_sb + o_pos * dtb_sl + i_h * dtb_sh
        b_dtf = tl.load(p_dtf, mask=m_l, other=0.0).to(tl.float32)
        b_dtb = tl.load(p_dtb, mask=m_l, other=0.0).to(tl.float32)
        b_log_fwd = b_dtf * tl.load(a_fwd_ptr + i_h).to(tl.float32)
        b_log_bwd = b_dtb * tl.load(a_bwd_ptr + i_h).to(tl.float32)
        b_prefix = tl.cumsum(b_log_fwd, axis=0)  # up to and with the row
        b_before = tl.cumsum(b_log_bwd, axis=0) - b_log_bwd  # strictly before the row

        # Chosen before exp: an exponent of the wrong triangle could overflow.
        b_mix = tl.where(
            is_lower,
            b_prefix[:, None] - b_prefix[None, :],  # rows j+1 .. i
            b_before[None, :] - b_before[:, None],  # rows i .. j-1
        )
        # Both steps on the diagonal: both recurrences are inclusive, and nothing has decayed there.
        b_step = tl.where(is_lower, b_dtf[None, :], 0.0) + tl.where(is_upper, b_dtb[None, :], 0.0)
        b_mix = narrowed(tl.exp(b_mix) * b_step * b_scores, NARROW, IS_INTERPRETED).to(DOT)
        p_x = x_ptr + i_b * x_sb + o_pos[:, None] * x_sl + i_h * x_sh + o_p[None, :] * x_sp
        b_x = tl.load(p_x, mask=m_lp, other=0.0).to(DOT)
        b_y = tl.dot(b_mix, b_x, input_precision="tf32x3")

        tile = (i_b * n_blocks + i_block) * n_heads + i_h
        p_fwd = entering_ptr + tile * d_state * headdim + o_n[:, None] * headdim + o_p[None, :]
        p_bwd = p_fwd + tl.num_programs(2).to(tl.int64) * n_blocks * n_heads * d_state * headdim
        b_fwd = tl.load(p_fwd, mask=m_np, other=0.0).to(DOT)
        b_y += tl.exp(b_prefix)[:, None] * tl.dot(b_c, b_fwd, input_precision="tf32x3")
        b_bwd = tl.load(p_bwd, mask=m_np, other=0.0).to(DOT)
        b_reach = tl.exp(tl.sum(b_log_bwd, axis=0) - b_before)  # rows i .. the end of the block
        b_y += b_reach[:, None] * tl.dot(b_c, b_bwd, input_precision="tf32x3")

        p_y = y_ptr + ((i_b * length + o_pos[:, None]) * n_heads + i_h) * headdim + o_p[None, :]
        tl.store(p_y, narrowed(b_y, NARROW, IS_INTERPRETED), mask=m_lp)


def _walk(
    x: Tensor,
    dt_fwd: Tensor,
    dt_bwd: Tensor,
    A_fwd: Tensor,
    A_bwd: Tensor,
    B: Tensor,
    state_fwd: Tensor | None,
    state_bwd: Tensor | None,
    order: Tensor | None,
    tile: Tile,
    *,
    n_directions: int,
    n_prefix: int = 0,
) -> tuple[Tensor, Tensor]:
    """Launch `ssd_states_kernel`: entering states (2, b, blocks, h, n, p), or one number, and the final state."""
    batch, n_positions, n_heads, headdim = x.shape
    length = n_positions - n_prefix
    d_state, n_blocks = B.shape[-1], triton.cdiv(length, tile.block_len)
    final = torch.empty(batch, n_heads, headdim, d_state, dtype=torch.float32, device=x.device)
    shape = (2, batch, n_blocks, n_heads, d_state, headdim) if n_directions == 2 else (1,)
    entering = torch.empty(shape, dtype=x.dtype, device=x.device)
    ssd_states_kernel[(n_heads, n_directions * triton.cdiv(headdim, tile.state_columns), batch)](
        x,
        dt_fwd,
        dt_bwd,
        A_fwd.contiguous(),
        A_bwd.contiguous(),
        B,
        order,
        None if state_fwd is None else state_fwd.contiguous(),
        None if state_bwd is None else state_bwd.contiguous(),
        entering,
        final,
        length,
        n_heads,
        headdim,
        d_state,
        n_blocks,
        n_prefix,
        triton.cdiv(n_prefix, tile.block_len),
        *x.stride(),
        *dt_fwd.stride(),
        *dt_bwd.stride(),
        *B.stride(),
        HAS_ORDER=order is not None,
        HAS_FWD=state_fwd is not None,
        HAS_BWD=state_bwd is not None,
        KEEPS_ENTERING=n_directions == 2,
        IS_INTERPRETED=is_interpreted(),
        BL=tile.block_len,
        BN=at_least_16(d_state),
        BP=tile.state_columns,
        num_warps=tile.states_warps,
        num_stages=tile.states_stages,
        enable_fp_fusion=True,
    )
    return entering, final


@torch.library.custom_op("lingen_kernels::ssd_bidirectional", mutates_args=())
def _ssd_bidirectional(
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
    order: Tensor | None,
    n_prefix: int,
) -> tuple[Tensor, Tensor]:
    """Both kernels; an operator of its own, so that torch.compile and autograd see one opaque call."""
    batch, length, n_heads, headdim = x.shape
    length -= n_prefix
    tile = tile_for(x.dtype, length, headdim, block_len)
    order = None if order is None else order.contiguous()
    y = torch.empty((batch, length, n_heads, headdim), dtype=x.dtype, device=x.device)
    with on_device_of(x):
        entering, final = _walk(
            x,
            *(dt_fwd, dt_bwd, A_fwd, A_bwd, B, state_fwd, state_bwd, order, tile),
            n_directions=2,
            n_prefix=n_prefix,
        )
        x, dt_fwd, dt_bwd, B, C = (t[:, n_prefix:] for t in (x, dt_fwd, dt_bwd, B, C))
        n_blocks = triton.cdiv(length, tile.block_len)
        ssd_outputs_kernel[(n_blocks, triton.cdiv(n_heads, tile.heads), batch)](
            x,
            dt_fwd,
            dt_bwd,
            A_fwd.contiguous(),
            A_bwd.contiguous(),
            B,
            C,
            order,
            entering,
            y,
            length,
            n_heads,
            headdim,
            B.shape[-1],
            n_blocks,
            *x.stride(),
            *dt_fwd.stride(),
            *dt_bwd.stride(),
            *B.stride(),
            *C.stride(),
            HAS_ORDER=order is not None,
            IS_INTERPRETED=is_interpreted(),
            HEADS=tile.heads,
            BL=tile.block_len,
            BN=at_least_16(B.shape[-1]),
            BP=at_least_16(headdim),
            num_warps=tile.outputs_warps,
            num_stages=tile.outputs_stages,
            enable_fp_fusion=True,
        )
    return y, final


@torch.library.custom_op("lingen_kernels::ssd_state", mutates_args=())
def _ssd_state(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None
) -> Tensor:
    """The forward walk alone."""
    tile = tile_for(x.dtype, x.shape[1], x.shape[3], 128)
    order = None if order is None else order.contiguous()
    with on_device_of(x):
        return _walk(x, dt, dt, A, A, B, initial_state, None, order, tile, n_directions=1)[1]


@_ssd_bidirectional.register_fake
def _(
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
    order: Tensor | None,
    n_prefix: int,
) -> tuple[Tensor, Tensor]:
    return x.new_empty((x.shape[0], x.shape[1] - n_prefix, *x.shape[2:])), _empty_state(x, B)


@_ssd_state.register_fake
def _(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None) -> Tensor:
    return _empty_state(x, B)


def _empty_state(x: Tensor, B: Tensor) -> Tensor:
    return x.new_empty((x.shape[0], x.shape[2], x.shape[3], B.shape[-1]), dtype=torch.float32)


recompute_gradient(_ssd_bidirectional, with_prefix(ssd_state_torch, ssd_bidirectional_torch))
recompute_gradient(_ssd_state, ssd_state_torch)


def _check_limits(x: Tensor, B: Tensor) -> None:
    """Refuse what the tiles cannot hold.

    Raises:
        ValueError: headdim or d_state above the limits, or a dtype without a kernel.
    """
    if x.shape[-1] > MAX_HEADDIM:
        raise ValueError(f"headdim is {x.shape[-1]}; the Triton kernels take at most {MAX_HEADDIM}.")
    if B.shape[-1] > MAX_STATE:
        raise ValueError(f"d_state is {B.shape[-1]}; the Triton kernels take at most {MAX_STATE}.")
    check_tensor("x", x)
