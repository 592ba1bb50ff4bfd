"""Window attention on a GPU: windows, their shift and the carried frames are addresses, nothing is copied.

A program makes one tile of queries of one window and head: it walks the keys of the carried frames and of the chunk
with a running softmax (FlashAttention's, arXiv 2205.14135), adds the learned offsets of time and place, and hides
cells that are no neighbours. Sums are float32. The gradient recomputes through `torch_window`.
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
BLOCK_KEYS = 64


def window_attention_triton(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    time_bias: Tensor,
    place_bias: Tensor,
    is_neighbour: Tensor | None,
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
        query, key, value, past_key, past_value, time_bias, place_bias, is_neighbour, height, width, window, shift
    )


@triton.jit
def window_attention_kernel(
    query_ptr: tl.tensor,
    key_ptr: tl.tensor,
    value_ptr: tl.tensor,
    past_key_ptr: tl.tensor,
    past_value_ptr: tl.tensor,
    time_ptr: tl.tensor,
    place_ptr: tl.tensor,
    neighbour_ptr: tl.tensor,
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
    HAS_NEIGHBOUR: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    BQ: tl.constexpr,
    BK: tl.constexpr,
    BP: tl.constexpr,
) -> None:
    """One tile of queries; axes: window and tile, head, batch. Heads and channels lie together; out is contiguous."""
    n_cells = window * window
    n_queries = n_frames * n_cells
    n_keys = (n_past + n_frames) * n_cells
    n_tiles = tl.cdiv(n_queries, BQ)
    i_w = tl.program_id(0) // n_tiles
    i_h = tl.program_id(1)
    i_b = tl.program_id(2).to(tl.int64)
    row_0 = i_w // (width // window) * window + shift  # of the window's first cell; rolled over the border below
    column_0 = i_w % (width // window) * window + shift
    NARROW: tl.constexpr = query_ptr.dtype.element_ty
    DOT: tl.constexpr = tl.float32 if IS_INTERPRETED else NARROW
    HIDDEN: tl.constexpr = -1.0e30  # not -inf: a tile of keys may be hidden altogether

    o_p = tl.arange(0, BP)
    m_p = o_p < headdim
    o_q = tl.program_id(0) % n_tiles * BQ + tl.arange(0, BQ)
    m_q = o_q < n_queries
    q_frame, q_cell = o_q // n_cells, o_q % n_cells
    q_cells = (row_0 + q_cell // window) % height * width + (column_0 + q_cell % window) % width
    q_pos = (q_frame * height * width + q_cells).to(tl.int64)
    m_qp = m_q[:, None] & m_p[None, :]
    p_q = query_ptr + i_b * query_sb + q_pos[:, None] * query_sl + i_h * headdim + o_p[None, :]
    b_q = tl.load(p_q, mask=m_qp, other=0.0).to(DOT)

    b_out = tl.zeros((BQ, BP), dtype=tl.float32)
    b_max = tl.full((BQ,), HIDDEN, dtype=tl.float32)
    b_sum = tl.zeros((BQ,), dtype=tl.float32)
    for first in range(0, n_keys, BK):
        o_k = first + tl.arange(0, BK)
        k_frame, k_cell = o_k // n_cells, o_k % n_cells
        k_cells = (row_0 + k_cell // window) % height * width + (column_0 + k_cell % window) % width
        m_past = (k_frame < n_past)[:, None] & m_p[None, :]
        m_here = ((k_frame >= n_past) & (o_k < n_keys))[:, None] & m_p[None, :]
        past_pos = (k_frame * height * width + k_cells).to(tl.int64)[:, None]
        here_pos = ((k_frame - n_past) * height * width + k_cells).to(tl.int64)[:, None]
        o_hp = i_h * headdim + o_p[None, :]
        b_k = tl.load(key_ptr + i_b * key_sb + here_pos * key_sl + o_hp, mask=m_here, other=0.0).to(DOT)
        p_past = past_key_ptr + i_b * past_key_sb + past_pos * past_key_sl + o_hp
        b_k += tl.load(p_past, mask=m_past, other=0.0).to(DOT)
        b_v = tl.load(value_ptr + i_b * value_sb + here_pos * value_sl + o_hp, mask=m_here, other=0.0).to(DOT)
        p_past = past_value_ptr + i_b * past_value_sb + past_pos * past_value_sl + o_hp
        b_v += tl.load(p_past, mask=m_past, other=0.0).to(DOT)

        b_logits = tl.dot(b_q, tl.trans(b_k), input_precision="tf32x3") * scale
        m_qk = m_q[:, None] & (o_k < n_keys)[None, :]
        p_time = time_ptr + (i_h * n_frames + q_frame[:, None]) * (n_past + n_frames) + k_frame[None, :]
        b_logits += tl.load(p_time, mask=m_qk, other=0.0).to(tl.float32)
        p_place = place_ptr + (i_h * n_cells + q_cell[:, None]) * n_cells + k_cell[None, :]
        b_logits += tl.load(p_place, mask=m_qk, other=0.0).to(tl.float32)
        if HAS_NEIGHBOUR:
            p_near = neighbour_ptr + (i_w * n_cells + q_cell[:, None]) * n_cells + k_cell[None, :]
            b_near = tl.load(p_near, mask=m_qk, other=0)
            b_logits = tl.where(b_near != 0, b_logits, HIDDEN)
        b_logits = tl.where((o_k < n_keys)[None, :], b_logits, HIDDEN)

        b_new = tl.maximum(b_max, tl.max(b_logits, axis=1))
        b_keep = tl.exp(b_max - b_new)
        b_weights = tl.exp(b_logits - b_new[:, None])
        b_sum = b_sum * b_keep + tl.sum(b_weights, axis=1)
        b_weights = narrowed(b_weights, NARROW, IS_INTERPRETED).to(DOT)
        b_out = tl.dot(b_weights, b_v, acc=b_out * b_keep[:, None], input_precision="tf32x3")
        b_max = b_new

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
    is_neighbour: Tensor | None,
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
    n_queries, n_keys = n_frames * window**2, (n_past + n_frames) * window**2
    queries, keys = min(BLOCK_QUERIES, at_least_16(n_queries)), min(BLOCK_KEYS, at_least_16(n_keys))
    n_windows = (height // window) * (width // window)
    with on_device_of(query):
        window_attention_kernel[(n_windows * triton.cdiv(n_queries, queries), n_heads, batch)](
            *rows,
            time_bias.contiguous(),
            place_bias.contiguous(),
            None if is_neighbour is None else is_neighbour.contiguous().view(torch.uint8),
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
            HAS_NEIGHBOUR=is_neighbour is not None,
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
    is_neighbour: Tensor | None,
    height: int,
    width: int,
    window: int,
    shift: int,
) -> Tensor:
    return query.new_empty(query.shape)


recompute_gradient(_window_attention, window_attention_torch)
