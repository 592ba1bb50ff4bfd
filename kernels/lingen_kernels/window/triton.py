"""Window attention on a GPU: windows, their shift and the carried frames are addresses, nothing is copied.

A program makes one tile of queries of one window and head: it walks the keys of the carried frames and of the chunk
with a running softmax (FlashAttention's, arXiv 2205.14135), adds the learned offsets of time and place, and hides
cells of other regions. Sums are float32. The gradient recomputes through `torch_window`.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.availability import is_interpreted
from lingen_kernels.recompute import recompute_gradient
from lingen_kernels.triton import at_least_16, check_tensor, narrowed, on_device_of
from lingen_kernels.window.torch_window import window_attention_torch

MAX_HEADDIM = 128
BLOCK_QUERIES = 128
BLOCK_KEYS = 32  # with 64 some versions of Triton spill up to 232 bytes a thread on sm_90


def window_attention_triton(
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
    """See `lingen_kernels.dispatch.window_attention`; headdim at most 128, no float64.

    Raises:
        ValueError: headdim is larger, or the dtype has no kernel.
    """
    check_tensor("query", query)
    if query.shape[3] > MAX_HEADDIM:
        raise ValueError(f"headdim is {query.shape[3]}; the Triton kernel takes at most {MAX_HEADDIM}.")
    return _window_attention(
        query, key, value, past_key, past_value, time_bias, place_bias, region, height, width, window, shift
    )


@triton.jit
def _attend_frames(
    b_q: tl.tensor,
    b_out: tl.tensor,
    b_max: tl.tensor,
    b_sum: tl.tensor,
    key_ptr: tl.tensor,
    key_sl: tl.tensor,
    value_ptr: tl.tensor,
    value_sl: tl.tensor,
    time_ptr: tl.tensor,
    place_ptr: tl.tensor,
    region_ptr: tl.tensor,
    b_region: tl.tensor,
    o_time: tl.tensor,
    q_cell: tl.tensor,
    m_q: tl.tensor,
    n_frames: tl.tensor,
    headdim: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    window: tl.tensor,
    row_0: tl.tensor,
    column_0: tl.tensor,
    scale: tl.tensor,
    HAS_REGION: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    NARROW: tl.constexpr,
    BK: tl.constexpr,
    BP: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor, tl.tensor]:
    """Go on with a running softmax over the window's cells in a few frames; a tile of keys is part of one frame."""
    DOT: tl.constexpr = tl.float32 if IS_INTERPRETED else NARROW
    HIDDEN: tl.constexpr = -1.0e30  # not -inf: a tile of keys may be hidden altogether
    n_cells = window * window
    n_tiles = tl.cdiv(n_cells, BK)
    o_p = tl.arange(0, BP)
    for step in range(n_frames * n_tiles):
        frame = step // n_tiles
        k_cell = step % n_tiles * BK + tl.arange(0, BK)
        m_k = k_cell < n_cells
        k_place = (row_0 + k_cell // window) % height * width + (column_0 + k_cell % window) % width
        k_pos = (frame * height * width + k_place).to(tl.int64)[:, None]
        m_kp = m_k[:, None] & (o_p[None, :] < headdim)
        b_k = tl.load(key_ptr + (k_pos * key_sl + o_p[None, :]), mask=m_kp, other=0.0).to(DOT)

        b_logits = tl.dot(b_q, tl.trans(b_k), input_precision="tf32x3") * scale
        b_time = tl.load(time_ptr + o_time + frame, mask=m_q, other=0.0).to(tl.float32)
        p_place = place_ptr + (q_cell[:, None] * n_cells + k_cell[None, :])
        b_place = tl.load(p_place, mask=m_q[:, None] & m_k[None, :], other=0.0).to(tl.float32)
        b_logits += b_time[:, None] + b_place
        if HAS_REGION:
            k_region = tl.load(region_ptr + k_cell, mask=m_k, other=-1)
            b_logits = tl.where(b_region[:, None] == k_region[None, :], b_logits, HIDDEN)
        b_logits = tl.where(m_k[None, :], b_logits, HIDDEN)

        b_new = tl.maximum(b_max, tl.max(b_logits, axis=1))
        b_keep = tl.exp(b_max - b_new)
        b_weights = tl.exp(b_logits - b_new[:, None])
        b_sum = b_sum * b_keep + tl.sum(b_weights, axis=1)
        b_v = tl.load(value_ptr + (k_pos * value_sl + o_p[None, :]), mask=m_kp, other=0.0).to(DOT)
        b_weights = narrowed(b_weights, NARROW, IS_INTERPRETED).to(DOT)
        b_out = tl.dot(b_weights, b_v, acc=b_out * b_keep[:, None], input_precision="tf32x3")
        b_max = b_new
    return b_out, b_max, b_sum


@triton.jit
def window_attention_kernel(
    query_ptr: tl.tensor,
    key_ptr: tl.tensor,
    value_ptr: tl.tensor,
    past_key_ptr: tl.tensor,
    past_value_ptr: tl.tensor,
    time_ptr: tl.tensor,
    place_ptr: tl.tensor,
    region_ptr: tl.tensor,
    out_ptr: tl.tensor,
    n_frames: tl.tensor,
    n_past: tl.tensor,
    n_heads: tl.tensor,
    headdim: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    window: tl.tensor,
    shift: tl.tensor,
    scale: tl.tensor,
    query_sb: tl.tensor,
    query_sl: tl.tensor,
    key_sb: tl.tensor,
    key_sl: tl.tensor,
    value_sb: tl.tensor,
    value_sl: tl.tensor,
    past_key_sb: tl.tensor,
    past_key_sl: tl.tensor,
    past_value_sb: tl.tensor,
    past_value_sl: tl.tensor,
    HAS_REGION: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    BQ: tl.constexpr,
    BK: tl.constexpr,
    BP: tl.constexpr,
) -> None:
    """One tile of queries; axes: window and tile, head, batch. Heads and channels lie together; out is contiguous."""
    n_cells = window * window
    n_queries = n_frames * n_cells
    n_tiles = tl.cdiv(n_queries, BQ)
    i_w = tl.program_id(0) // n_tiles
    i_h = tl.program_id(1)
    i_b = tl.program_id(2).to(tl.int64)
    row_0 = i_w // (width // window) * window + shift  # of the window's first cell; rolled over the border below
    column_0 = i_w % (width // window) * window + shift
    NARROW: tl.constexpr = query_ptr.dtype.element_ty
    DOT: tl.constexpr = tl.float32 if IS_INTERPRETED else NARROW

    o_p = tl.arange(0, BP)
    o_q = tl.program_id(0) % n_tiles * BQ + tl.arange(0, BQ)
    m_q = o_q < n_queries
    q_frame, q_cell = o_q // n_cells, o_q % n_cells
    q_place = (row_0 + q_cell // window) % height * width + (column_0 + q_cell % window) % width
    q_pos = (q_frame * height * width + q_place).to(tl.int64)
    m_qp = m_q[:, None] & (o_p[None, :] < headdim)
    p_q = query_ptr + i_b * query_sb + i_h * headdim + (q_pos[:, None] * query_sl + o_p[None, :])
    b_q = tl.load(p_q, mask=m_qp, other=0.0).to(DOT)
    b_region = q_cell
    if HAS_REGION:
        region_ptr += i_w * n_cells
        b_region = tl.load(region_ptr + q_cell, mask=m_q, other=-1)
    o_time = (i_h * n_frames + q_frame) * (n_past + n_frames)
    place_ptr += i_h * n_cells * n_cells

    b_out = tl.zeros((BQ, BP), dtype=tl.float32)
    b_max = tl.full((BQ,), -1.0e30, dtype=tl.float32)
    b_sum = tl.zeros((BQ,), dtype=tl.float32)
    b_out, b_max, b_sum = _attend_frames(
        *(b_q, b_out, b_max, b_sum),
        past_key_ptr + i_b * past_key_sb + i_h * headdim,
        past_key_sl,
        past_value_ptr + i_b * past_value_sb + i_h * headdim,
        past_value_sl,
        *(time_ptr, place_ptr, region_ptr, b_region, o_time, q_cell, m_q, n_past),
        *(headdim, height, width, window, row_0, column_0, scale),
        *(HAS_REGION, IS_INTERPRETED, NARROW, BK, BP),
    )
    b_out, b_max, b_sum = _attend_frames(
        *(b_q, b_out, b_max, b_sum),
        key_ptr + i_b * key_sb + i_h * headdim,
        key_sl,
        value_ptr + i_b * value_sb + i_h * headdim,
        value_sl,
        *(time_ptr + n_past, place_ptr, region_ptr, b_region, o_time, q_cell, m_q, n_frames),
        *(headdim, height, width, window, row_0, column_0, scale),
        *(HAS_REGION, IS_INTERPRETED, NARROW, BK, BP),
    )

    b_out = b_out / b_sum[:, None]
    p_out = out_ptr + (i_b * n_frames * height * width + q_pos[:, None]) * n_heads * headdim + i_h * headdim
    tl.store(p_out + o_p[None, :], narrowed(b_out, NARROW, IS_INTERPRETED), mask=m_qp)


def _together(tensor: Tensor) -> Tensor:
    """The same with heads and channels next to each other, without a copy where they are; (b, l, heads, p)."""
    is_together = tensor.stride(3) == 1 and tensor.stride(2) == tensor.shape[3]
    return tensor if is_together else tensor.contiguous()


@torch.library.custom_op("lingen_kernels::window_attention", mutates_args=())
def _window_attention(
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
    """The kernel as an operator of its own, so that torch.compile and autograd see one opaque call."""
    batch, length, n_heads, headdim = query.shape
    n_cells = height * width
    n_frames, n_past = length // n_cells, past_key.shape[1] // n_cells
    rows = [_together(t) for t in (query, key, value, past_key, past_value)]
    strides = [stride for t in rows for stride in t.stride()[:2]]
    out = torch.empty(query.shape, dtype=query.dtype, device=query.device)
    n_queries = n_frames * window**2
    queries, keys = min(BLOCK_QUERIES, at_least_16(n_queries)), min(BLOCK_KEYS, at_least_16(window**2))
    n_windows = (height // window) * (width // window)
    with on_device_of(query):
        window_attention_kernel[(n_windows * triton.cdiv(n_queries, queries), n_heads, batch)](
            *rows,
            time_bias.contiguous(),
            place_bias.contiguous(),
            None if region is None else region.contiguous(),
            out,
            n_frames,
            n_past,
            n_heads,
            headdim,
            height,
            width,
            window,
            shift,
            headdim**-0.5,
            *strides,
            HAS_REGION=region is not None,
            IS_INTERPRETED=is_interpreted(),
            BQ=queries,
            BK=keys,
            BP=at_least_16(headdim),
            num_warps=8 if queries == BLOCK_QUERIES else 4,
            num_stages=2,
            enable_fp_fusion=True,
        )
    return out


@_window_attention.register_fake
def _(
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
    return query.new_empty(query.shape)


recompute_gradient(_window_attention, window_attention_torch)
