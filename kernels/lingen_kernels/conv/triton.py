"""Causal depthwise convolution + SiLU on a GPU: each input is read from memory once, the scan order is an address.

A program makes a tile of positions and channels; the k - 1 inputs before it come from cache, from other tiles'
positions or from the carried tail. Sums are float32. The gradient recomputes through `torch_conv`.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.availability import is_interpreted
from lingen_kernels.conv.torch_conv import causal_conv1d_silu_torch
from lingen_kernels.recompute import recompute_gradient
from lingen_kernels.triton import check_tensor, narrowed, on_device_of

BLOCK_LEN = 16
BLOCK_CHANNELS = 128


def causal_conv1d_silu_triton(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None = None, n_prefix: int = 0
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.causal_conv1d_silu`; no float64."""
    check_tensor("x", x)
    return _causal_conv1d_silu(x, weight, bias, tail, order, n_prefix)


@triton.jit
def causal_conv1d_silu_kernel(
    x_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    tail_ptr: tl.tensor,
    order_ptr: tl.tensor,
    y_ptr: tl.tensor,
    new_tail_ptr: tl.tensor,
    length: tl.tensor,
    n_channels: tl.tensor,
    n_prefix: tl.tensor,
    x_sb: tl.tensor,
    x_sl: tl.tensor,
    x_sc: tl.tensor,
    HAS_ORDER: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    TAPS: tl.constexpr,
    BL: tl.constexpr,
    BC: tl.constexpr,
) -> None:
    """One tile; axes: tile of positions, tile of channels, batch. All but x is contiguous."""
    i_l = tl.program_id(0)
    i_c = tl.program_id(1)
    i_b = tl.program_id(2).to(tl.int64)
    NARROW: tl.constexpr = x_ptr.dtype.element_ty
    o_l = i_l * BL + tl.arange(0, BL)
    o_c = i_c * BC + tl.arange(0, BC)
    m_c = o_c < n_channels
    p_x = x_ptr + i_b * x_sb + o_c[None, :] * x_sc
    p_tail = tail_ptr + i_b * (TAPS - 1) * n_channels + o_c[None, :]

    b_y = tl.zeros((BL, BC), dtype=tl.float32)
    if HAS_BIAS:
        b_y += tl.load(bias_ptr + o_c, mask=m_c, other=0.0).to(tl.float32)[None, :]
    for tap in tl.static_range(TAPS):
        o_from = o_l + (tap - (TAPS - 1))  # below zero: in the tail
        m_from = (o_from >= 0) & (o_from < length)
        o_pos = o_from.to(tl.int64)
        if HAS_ORDER:
            m_order = (o_from >= n_prefix) & (o_from < length)
            o_order = tl.load(order_ptr + o_from - n_prefix, mask=m_order, other=0).to(tl.int64)
            o_pos = tl.where(o_from < n_prefix, o_pos, n_prefix + o_order)
        b_x = tl.load(p_x + o_pos[:, None] * x_sl, mask=m_from[:, None] & m_c[None, :], other=0.0).to(tl.float32)
        if TAPS > 1:
            o_tail = o_from + (TAPS - 1)
            m_tail = (o_from < 0)[:, None] & m_c[None, :]
            b_tail = tl.load(p_tail + o_tail[:, None] * n_channels, mask=m_tail, other=0.0).to(tl.float32)
            b_x += narrowed(b_tail, NARROW, IS_INTERPRETED).to(tl.float32)
        b_y += b_x * tl.load(weight_ptr + o_c * TAPS + tap, mask=m_c, other=0.0).to(tl.float32)[None, :]
    b_y = b_y / (1.0 + tl.exp(-b_y))

    m_l = o_l < length
    o_pos = o_l.to(tl.int64)
    if HAS_ORDER:
        m_order = (o_l >= n_prefix) & (o_l < length)
        o_order = tl.load(order_ptr + o_l - n_prefix, mask=m_order, other=0).to(tl.int64)
        o_pos = tl.where(o_l < n_prefix, o_pos, n_prefix + o_order)
    p_y = y_ptr + (i_b * length + o_pos[:, None]) * n_channels + o_c[None, :]
    tl.store(p_y, narrowed(b_y, NARROW, IS_INTERPRETED), mask=m_l[:, None] & m_c[None, :])

    # The first tile writes the next tail: the last inputs, and old ones if the sequence is shorter than the tail.
    if TAPS > 1 and i_l == 0:
        for row in tl.static_range(TAPS - 1):
            from_x = length + row - (TAPS - 1)
            i_pos = tl.maximum(from_x, 0)
            if HAS_ORDER:
                i_order = tl.load(order_ptr + tl.maximum(i_pos - n_prefix, 0))
                i_pos = tl.where(i_pos < n_prefix, i_pos, n_prefix + i_order)
            b_new = tl.load(
                x_ptr + i_b * x_sb + o_c * x_sc + i_pos.to(tl.int64) * x_sl,
                mask=o_c < tl.where(from_x >= 0, n_channels, 0),
                other=0.0,
            ).to(tl.float32)
            b_old = tl.load(
                tail_ptr + (i_b * (TAPS - 1) + tl.minimum(length + row, TAPS - 2)) * n_channels + o_c,
                mask=o_c < tl.where(from_x < 0, n_channels, 0),
                other=0.0,
            ).to(tl.float32)
            b_new += narrowed(b_old, NARROW, IS_INTERPRETED).to(tl.float32)
            p_new = new_tail_ptr + (i_b * (TAPS - 1) + row) * n_channels + o_c
            tl.store(p_new, narrowed(b_new, new_tail_ptr.dtype.element_ty, IS_INTERPRETED), mask=m_c)


@torch.library.custom_op("lingen_kernels::causal_conv1d_silu", mutates_args=())
def _causal_conv1d_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None, n_prefix: int
) -> tuple[Tensor, Tensor]:
    """The kernel as an operator of its own, so that torch.compile and autograd see one opaque call."""
    batch, length, n_channels = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    new_tail = torch.empty(tail.shape, dtype=tail.dtype, device=tail.device)
    channels = min(BLOCK_CHANNELS, triton.next_power_of_2(n_channels))
    positions = min(BLOCK_LEN, triton.next_power_of_2(length))
    with on_device_of(x):
        causal_conv1d_silu_kernel[(triton.cdiv(length, positions), triton.cdiv(n_channels, channels), batch)](
            x,
            weight.contiguous(),
            None if bias is None else bias.contiguous(),
            tail.contiguous(),
            None if order is None else order.contiguous(),
            y,
            new_tail,
            length,
            n_channels,
            n_prefix,
            *x.stride(),
            HAS_ORDER=order is not None,
            HAS_BIAS=bias is not None,
            IS_INTERPRETED=is_interpreted(),
            TAPS=weight.shape[1],
            BL=positions,
            BC=channels,
            enable_fp_fusion=True,
        )
    return y, new_tail


@_causal_conv1d_silu.register_fake
def _(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None, n_prefix: int
) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), tail.new_empty(tail.shape)


recompute_gradient(_causal_conv1d_silu, causal_conv1d_silu_torch)
