"""Skip, SiLU gate and RMS norm on a GPU: one program a position, everything read once and written once.

Arithmetic is float32, rounded once at the end. The gradient recomputes through `torch_gate`.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.availability import is_interpreted
from lingen_kernels.gate.torch_gate import gated_rms_norm_torch
from lingen_kernels.recompute import recompute_gradient
from lingen_kernels.triton import check_tensor, narrowed, on_device_of


def gated_rms_norm_triton(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See `lingen_kernels.dispatch.gated_rms_norm`; no float64. Copies y or x only if (h, p) is not one axis."""
    check_tensor("y", y)
    return _gated_rms_norm(y, x, skip, gate, weight, eps)


@triton.jit
def gated_rms_norm_kernel(
    y_ptr: tl.tensor,
    x_ptr: tl.tensor,
    skip_ptr: tl.tensor,
    gate_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    out_ptr: tl.tensor,
    length: tl.tensor,
    n_channels: tl.tensor,
    headdim: tl.tensor,
    eps: tl.tensor,
    y_sb: tl.tensor,
    y_sl: tl.tensor,
    y_sc: tl.tensor,
    x_sb: tl.tensor,
    x_sl: tl.tensor,
    x_sc: tl.tensor,
    gate_sb: tl.tensor,
    gate_sl: tl.tensor,
    gate_sc: tl.tensor,
    IS_INTERPRETED: tl.constexpr,
    BC: tl.constexpr,
) -> None:
    """One position; axes: position, batch. skip, weight and out are contiguous."""
    i_l = tl.program_id(0).to(tl.int64)
    i_b = tl.program_id(1).to(tl.int64)
    o_c = tl.arange(0, BC)
    m_c = o_c < n_channels
    b_y = tl.load(y_ptr + i_b * y_sb + i_l * y_sl + o_c * y_sc, mask=m_c, other=0.0).to(tl.float32)
    b_x = tl.load(x_ptr + i_b * x_sb + i_l * x_sl + o_c * x_sc, mask=m_c, other=0.0).to(tl.float32)
    b_gate = tl.load(gate_ptr + i_b * gate_sb + i_l * gate_sl + o_c * gate_sc, mask=m_c, other=0.0).to(tl.float32)
    b_skip = tl.load(skip_ptr + o_c // headdim, mask=m_c, other=0.0).to(tl.float32)
    b_weight = tl.load(weight_ptr + o_c, mask=m_c, other=0.0).to(tl.float32)
    b_gated = (b_y + b_skip * b_x) * (b_gate / (1.0 + tl.exp(-b_gate)))
    mean_square = tl.sum(b_gated * b_gated, axis=0) / n_channels
    b_out = b_gated * (1.0 / tl.sqrt(mean_square + eps)) * b_weight
    p_out = out_ptr + (i_b * length + i_l) * n_channels + o_c
    tl.store(p_out, narrowed(b_out, out_ptr.dtype.element_ty, IS_INTERPRETED), mask=m_c)


@torch.library.custom_op("lingen_kernels::gated_rms_norm", mutates_args=())
def _gated_rms_norm(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """The kernel as an operator of its own, so that torch.compile and autograd see one opaque call."""
    batch, length, _, headdim = y.shape
    y, x = y.flatten(2), x.flatten(2)
    n_channels = y.shape[2]
    out = torch.empty(y.shape, dtype=y.dtype, device=y.device)
    with on_device_of(y):
        gated_rms_norm_kernel[(length, batch)](
            y,
            x,
            skip.contiguous(),
            gate,
            weight.contiguous(),
            out,
            length,
            n_channels,
            headdim,
            eps,
            *y.stride(),
            *x.stride(),
            *gate.stride(),
            IS_INTERPRETED=is_interpreted(),
            BC=triton.next_power_of_2(n_channels),
            num_warps=8,
            enable_fp_fusion=True,
        )
    return out


@_gated_rms_norm.register_fake
def _(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    return y.new_empty((*y.shape[:2], y.shape[2] * y.shape[3]))


recompute_gradient(_gated_rms_norm, gated_rms_norm_torch)
