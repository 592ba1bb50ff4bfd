"""Residual, layer norm, scale and shift on a GPU: one program a token, everything read once and written once.

Arithmetic is float32; the sum is rounded to its dtype before it is normalised, as its reader would see it. The
gradient recomputes through `torch_adaln`.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.adaln.torch_adaln import modulate_torch
from lingen_kernels.availability import is_interpreted
from lingen_kernels.recompute import recompute_gradient
from lingen_kernels.triton import check_tensor, narrowed, on_device_of


def modulate_triton(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """See `lingen_kernels.dispatch.modulate`; no float64."""
    check_tensor("tokens", tokens)
    if branch is None:
        return tokens, _modulate(tokens, shift, scale, eps)
    return _add_and_modulate(tokens, shift, scale, branch, gate, eps)


@triton.jit
def modulate_kernel(
    tokens_ptr: tl.tensor,
    shift_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    branch_ptr: tl.tensor,
    gate_ptr: tl.tensor,
    sum_ptr: tl.tensor,
    out_ptr: tl.tensor,
    length: tl.tensor,
    width: tl.tensor,
    eps: tl.tensor,
    tokens_sb: tl.tensor,
    tokens_sl: tl.tensor,
    tokens_sd: tl.tensor,
    branch_sb: tl.tensor,
    branch_sl: tl.tensor,
    branch_sd: tl.tensor,
    shift_sb: tl.tensor,
    scale_sb: tl.tensor,
    gate_sb: tl.tensor,
    HAS_SHIFT: tl.constexpr,
    HAS_SCALE: tl.constexpr,
    HAS_BRANCH: tl.constexpr,
    HAS_GATE: tl.constexpr,
    IS_INTERPRETED: tl.constexpr,
    BD: tl.constexpr,
) -> None:
    """One token; axes: token, batch. Sums and outputs are contiguous, rows along their channels."""
    i_l = tl.program_id(0).to(tl.int64)
    i_b = tl.program_id(1).to(tl.int64)
    NARROW: tl.constexpr = out_ptr.dtype.element_ty
    o_d = tl.arange(0, BD)
    m_d = o_d < width
    o_out = (i_b * length + i_l) * width + o_d
    p_tokens = tokens_ptr + i_b * tokens_sb + i_l * tokens_sl + o_d * tokens_sd
    b_tokens = tl.load(p_tokens, mask=m_d, other=0.0).to(tl.float32)
    if HAS_BRANCH:
        p_branch = branch_ptr + i_b * branch_sb + i_l * branch_sl + o_d * branch_sd
        b_branch = tl.load(p_branch, mask=m_d, other=0.0).to(tl.float32)
        if HAS_GATE:
            b_branch *= tl.load(gate_ptr + i_b * gate_sb + o_d, mask=m_d, other=0.0).to(tl.float32)
        b_sum = narrowed(b_tokens + b_branch, NARROW, IS_INTERPRETED)
        tl.store(sum_ptr + o_out, b_sum, mask=m_d)
        b_tokens = b_sum.to(tl.float32)
    mean = tl.sum(b_tokens, axis=0) / width
    b_centred = tl.where(m_d, b_tokens - mean, 0.0)
    variance = tl.sum(b_centred * b_centred, axis=0) / width
    b_out = b_centred * (1.0 / tl.sqrt(variance + eps))
    if HAS_SCALE:
        b_out *= 1.0 + tl.load(scale_ptr + i_b * scale_sb + o_d, mask=m_d, other=0.0).to(tl.float32)
    if HAS_SHIFT:
        b_out += tl.load(shift_ptr + i_b * shift_sb + o_d, mask=m_d, other=0.0).to(tl.float32)
    tl.store(out_ptr + o_out, narrowed(b_out, NARROW, IS_INTERPRETED), mask=m_d)


def _launch(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    total: Tensor | None,
    out: Tensor,
    eps: float,
) -> None:
    batch, length, width = tokens.shape
    # Rows are slices of one modulation: a row stride each, so that none is copied.
    shift, scale, gate = (t if t is None or t.stride(1) == 1 else t.contiguous() for t in (shift, scale, gate))
    with on_device_of(tokens):
        modulate_kernel[(length, batch)](
            tokens,
            shift,
            scale,
            branch,
            gate,
            total,
            out,
            length,
            width,
            eps,
            *tokens.stride(),
            *(tokens if branch is None else branch).stride(),
            *(0 if t is None else t.stride(0) for t in (shift, scale, gate)),
            HAS_SHIFT=shift is not None,
            HAS_SCALE=scale is not None,
            HAS_BRANCH=branch is not None,
            HAS_GATE=gate is not None,
            IS_INTERPRETED=is_interpreted(),
            BD=triton.next_power_of_2(width),
            num_warps=4,
            enable_fp_fusion=True,
        )


@torch.library.custom_op("lingen_kernels::add_and_modulate", mutates_args=())
def _add_and_modulate(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """The kernel as an operator of its own, so that torch.compile and autograd see one opaque call."""
    total, out = (torch.empty(tokens.shape, dtype=tokens.dtype, device=tokens.device) for _ in range(2))
    _launch(tokens, shift, scale, branch, gate, total, out, eps)
    return total, out


@torch.library.custom_op("lingen_kernels::modulate", mutates_args=())
def _modulate(tokens: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float) -> Tensor:
    """The same without a branch: an operator may not return its argument."""
    out = torch.empty(tokens.shape, dtype=tokens.dtype, device=tokens.device)
    _launch(tokens, shift, scale, None, None, None, out, eps)
    return out


@_add_and_modulate.register_fake
def _(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    return tokens.new_empty(tokens.shape), tokens.new_empty(tokens.shape)


@_modulate.register_fake
def _(tokens: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float) -> Tensor:
    return tokens.new_empty(tokens.shape)


def _modulate_twin(tokens: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float) -> Tensor:
    return modulate_torch(tokens, shift, scale, None, None, eps)[1]


recompute_gradient(_add_and_modulate, modulate_torch)
recompute_gradient(_modulate, _modulate_twin)
