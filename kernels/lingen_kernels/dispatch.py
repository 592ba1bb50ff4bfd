"""Chooses the implementation of the operators once, and checks shapes at the door.

The choice is made at import: environment variable LINGEN_KERNELS, else "torch" until the Triton kernels have been
timed on a GPU. `use` overrides it, `implementation` reports it, `missing` says what cannot run here and why. Triton
is imported when it is chosen, never before. Implementations know nothing of the choice; callers nothing of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from lingen_kernels.adaln.reference import modulate_reference
from lingen_kernels.adaln.torch_adaln import modulate_torch
from lingen_kernels.availability import is_interpreted, why_no_mamba, why_no_triton
from lingen_kernels.conv.reference import causal_conv1d_silu_reference
from lingen_kernels.conv.torch_conv import causal_conv1d_silu_torch
from lingen_kernels.gate.reference import gated_rms_norm_reference
from lingen_kernels.gate.torch_gate import gated_rms_norm_torch
from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference
from lingen_kernels.ssd.torch_ssd import ssd_bidirectional_torch, ssd_state_torch


@dataclass(frozen=True, slots=True)
class Kernels:
    """One implementation of every operator, under one name."""

    name: str
    ssd_state: Callable[..., Tensor]
    ssd_bidirectional: Callable[..., tuple[Tensor, Tensor]]
    causal_conv1d_silu: Callable[..., tuple[Tensor, Tensor]]
    gated_rms_norm: Callable[..., Tensor]
    modulate: Callable[..., tuple[Tensor, Tensor]]


def _load_torch() -> Kernels:
    return Kernels(
        "torch",
        ssd_state_torch,
        ssd_bidirectional_torch,
        causal_conv1d_silu_torch,
        gated_rms_norm_torch,
        modulate_torch,
    )


def _load_reference() -> Kernels:
    return Kernels(
        "reference",
        ssd_state_reference,
        ssd_bidirectional_reference,
        causal_conv1d_silu_reference,
        gated_rms_norm_reference,
        modulate_reference,
    )


def _load_triton() -> Kernels:
    from lingen_kernels.adaln.triton import modulate_triton
    from lingen_kernels.conv.triton import causal_conv1d_silu_triton
    from lingen_kernels.gate.triton import gated_rms_norm_triton
    from lingen_kernels.ssd.triton import ssd_bidirectional_triton, ssd_state_triton

    return Kernels(
        "triton",
        ssd_state_triton,
        ssd_bidirectional_triton,
        causal_conv1d_silu_triton,
        gated_rms_norm_triton,
        modulate_triton,
    )


def _load_mamba() -> Kernels:
    """The package has an SSD only; the other operators are those of `triton`."""
    from lingen_kernels.ssd.mamba_adapter import load_chunk_scan, ssd_bidirectional_mamba, ssd_state_mamba

    load_chunk_scan()
    return replace(
        _load_triton(), name="mamba-ssm", ssd_state=ssd_state_mamba, ssd_bidirectional=ssd_bidirectional_mamba
    )


_LOADERS = {
    "torch": _load_torch,
    "reference": _load_reference,
    "triton": _load_triton,
    "mamba-ssm": _load_mamba,
}


def missing() -> dict[str, str]:
    """What cannot run in this process, and why; imports none of it."""
    reasons = {"triton": why_no_triton(), "mamba-ssm": why_no_mamba()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def implementations() -> tuple[str, ...]:
    """The names `use` accepts in this process."""
    return tuple(name for name in _LOADERS if name not in missing())


def _by_name(name: str) -> Kernels:
    if name == "auto":
        name = "triton" if "triton" not in missing() and not is_interpreted() else "torch"
    if name not in _LOADERS:
        raise ValueError(f"There are no kernels named {name!r}; known are {', '.join((*_LOADERS, 'auto'))}.")
    if name in missing():
        raise ValueError(f"The kernels {name!r} cannot run here: {missing()[name]}.")
    return _LOADERS[name]()


_active = _by_name(os.environ.get("LINGEN_KERNELS") or "torch")


def implementation() -> str:
    """The name of the implementation in use."""
    return _active.name


def use(name: str) -> None:
    """Choose the implementation by name for the whole process.

    Args:
        name: one of `implementations()`, or "auto": triton where there is a CUDA device for it, else torch.

    Raises:
        ValueError: the name is unknown, or its kernels cannot run in this process; the message says why.
    """
    global _active
    _active = _by_name(name)


def ssd_state(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """Run the recurrence S_i = exp(dt_i A) S_{i-1} + dt_i x_i B_i^T and return its last state.

    Args:
        x: inputs, (b, l, h, p).
        dt: step sizes, positive, (b, l, h).
        A: decay rates, negative, (h,).
        B: input projections, shared by heads, in the dtype of `x`, (b, l, n).
        initial_state: (b, h, p, n), or None for zeros.
        order: which position comes i-th, a permutation (l,) of int64, or None to take them as they lie.

    Returns:
        The final state (b, h, p, n), float32 (float64 for float64 inputs).

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None, None))
    batch, length, n_heads, headdim = x.shape
    _check("dt", dt, (batch, length, n_heads))
    _check("A", A, (n_heads,))
    _check("B", B, (batch, length, None))
    if initial_state is not None:
        _check("initial_state", initial_state, (batch, n_heads, headdim, B.shape[-1]))
    if order is not None:
        _check("order", order, (length,))
    return _active.ssd_state(x, dt, A, B, initial_state, order)


def ssd_bidirectional(
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
    """Run the recurrence from both ends and read both states out with C: y_i = (S^f_i + S^b_i) C_i.

    S^f is the inclusive forward recurrence from `state_fwd`, S^b the inclusive recurrence over the reversed
    sequence from `state_bwd`; position i is therefore part of both. No D term and no gate.

    Args:
        x: inputs, (b, l, h, p).
        dt_fwd: step sizes of the forward direction, not negative, (b, l, h).
        dt_bwd: step sizes of the backward direction, not negative, (b, l, h).
        A_fwd: decay rates of the forward direction, negative, (h,).
        A_bwd: decay rates of the backward direction, negative, (h,).
        B: input projections, shared by heads and directions, in the dtype of `x`, (b, l, n).
        C: output projections, shared by heads and directions, in the dtype of `x`, (b, l, n).
        state_fwd: state before the first position, (b, h, p, n), or None for zeros.
        state_bwd: state after the last position, (b, h, p, n), or None for zeros.
        block_len: positions of one dense block at most; changes speed, never the result.
        order: which position comes i-th, a permutation (l,) of int64, or None to take them as they lie. Outputs
            lie where their inputs lie: y[:, order] is the result for x[:, order], dt_fwd[:, order] and so on.

    Returns:
        y (b, l, h, p) in the dtype of `x`, and the final forward state (b, h, p, n), float32 (float64 for
        float64 inputs).

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None, None))
    batch, length, n_heads, headdim = x.shape
    for name, dt in (("dt_fwd", dt_fwd), ("dt_bwd", dt_bwd)):
        _check(name, dt, (batch, length, n_heads))
    for name, rates in (("A_fwd", A_fwd), ("A_bwd", A_bwd)):
        _check(name, rates, (n_heads,))
    _check("B", B, (batch, length, None))
    _check("C", C, (batch, length, B.shape[-1]))
    for name, state in (("state_fwd", state_fwd), ("state_bwd", state_bwd)):
        if state is not None:
            _check(name, state, (batch, n_heads, headdim, B.shape[-1]))
    if order is not None:
        _check("order", order, (length,))
    if block_len < 1:
        raise ValueError(f"block_len is {block_len}; it must be 1 or more.")
    return _active.ssd_bidirectional(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len, order)


def causal_conv1d_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Convolve each channel with its past, continuing from `tail`, then apply SiLU.

    Args:
        x: inputs, (b, l, c).
        weight: taps a channel, the last one on the present, (c, k).
        bias: (c,) or None.
        tail: the k - 1 inputs before x, (b, k-1, c); zeros at the start of a stream.
        order: which position comes i-th, a permutation (l,) of int64, or None to take them as they lie. Outputs
            lie where their inputs lie: y[:, order] is the result for x[:, order].

    Returns:
        y (b, l, c) in the dtype of `x`, and the tail for the next call, (b, k-1, c) in the dtype of `tail`.

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None))
    batch, _, n_channels = x.shape
    _check("weight", weight, (n_channels, None))
    _check("tail", tail, (batch, weight.shape[1] - 1, n_channels))
    if bias is not None:
        _check("bias", bias, (n_channels,))
    if order is not None:
        _check("order", order, (x.shape[1],))
    return _active.causal_conv1d_silu(x, weight, bias, tail, order)


def gated_rms_norm(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Add the skip of Mamba2's D, gate with SiLU, normalise: rms_norm((y + skip x) silu(gate)) weight.

    Args:
        y: outputs of the SSD, (b, l, h, p).
        x: inputs of the SSD, (b, l, h, p).
        skip: D, one number a head, (h,).
        gate: (b, l, h p).
        weight: (h p,).
        eps: added to the mean square, positive.

    Returns:
        (b, l, h p) in the dtype of `y`.

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("y", y, (None, None, None, None))
    batch, length, n_heads, headdim = y.shape
    _check("x", x, (batch, length, n_heads, headdim))
    _check("skip", skip, (n_heads,))
    _check("gate", gate, (batch, length, n_heads * headdim))
    _check("weight", weight, (n_heads * headdim,))
    return _active.gated_rms_norm(y, x, skip, gate, weight, eps)


def modulate(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Add a branch to the tokens, then prepare them for the next one: layer_norm(sum) (1 + scale) + shift.

    Args:
        tokens: (b, l, d).
        shift: (b, d), or None for zeros.
        scale: (b, d), or None for zeros.
        branch: what to add, (b, l, d), or None for nothing.
        gate: what the branch is multiplied with, (b, d), or None for ones.
        eps: added to the variance, positive.

    Returns:
        The sum tokens + gate branch (b, l, d) (`tokens` itself without a branch), and the modulated norm
        (b, l, d), both in the dtype of `tokens`.

    Raises:
        ValueError: shapes disagree (the message names the argument and both shapes), or a gate has no branch.
    """
    _check("tokens", tokens, (None, None, None))
    batch, length, width = tokens.shape
    for name, row in (("shift", shift), ("scale", scale), ("gate", gate)):
        if row is not None:
            _check(name, row, (batch, width))
    if branch is not None:
        _check("branch", branch, (batch, length, width))
    elif gate is not None:
        raise ValueError("gate is given, branch is not; a gate multiplies a branch.")
    return _active.modulate(tokens, shift, scale, branch, gate, eps)


def _check(name: str, tensor: Tensor, expected: tuple[int | None, ...]) -> None:
    """Refuse a tensor whose shape is not `expected`; None stands for any size of at least 1."""
    shape = tuple(tensor.shape)
    if len(shape) == len(expected) and all(
        size == want if want is not None else size > 0 for size, want in zip(shape, expected, strict=True)
    ):
        return
    wanted = tuple("any" if want is None else want for want in expected)
    raise ValueError(f"{name} has shape {shape}; the others ask for {wanted}.".replace("'", ""))
