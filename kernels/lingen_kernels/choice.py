"""Which implementation of the operators is in use: chosen once, by environment or by name.

The choice is made at import: environment variable LINGEN_KERNELS, else "torch" until the Triton kernels have been
timed on a GPU. `use` overrides it, `implementation` reports it, `missing` says what cannot run here and why. Triton
is imported when it is chosen, never before. Implementations know nothing of the choice.
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
from lingen_kernels.ssd.prefix import with_prefix
from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference
from lingen_kernels.ssd.torch_ssd import ssd_bidirectional_torch, ssd_state_torch
from lingen_kernels.window.reference import window_attention_reference
from lingen_kernels.window.torch_window import window_attention_torch


@dataclass(frozen=True, slots=True)
class Kernels:
    """One implementation of every operator, under one name.

    Attributes:
        name: of the implementation.
        has_free_orders: whether a scan order costs an address and not a copy, in the SSD and the convolution.
    """

    name: str
    has_free_orders: bool
    ssd_state: Callable[..., Tensor]
    ssd_bidirectional: Callable[..., tuple[Tensor, Tensor]]
    causal_conv1d_silu: Callable[..., tuple[Tensor, Tensor]]
    gated_rms_norm: Callable[..., Tensor]
    modulate: Callable[..., tuple[Tensor, Tensor]]
    window_attention: Callable[..., Tensor]


def _load_torch() -> Kernels:
    return Kernels(
        "torch",
        False,
        ssd_state_torch,
        with_prefix(ssd_state_torch, ssd_bidirectional_torch),
        causal_conv1d_silu_torch,
        gated_rms_norm_torch,
        modulate_torch,
        window_attention_torch,
    )


def _load_reference() -> Kernels:
    return Kernels(
        "reference",
        False,
        ssd_state_reference,
        with_prefix(ssd_state_reference, ssd_bidirectional_reference),
        causal_conv1d_silu_reference,
        gated_rms_norm_reference,
        modulate_reference,
        window_attention_reference,
    )


def _load_triton() -> Kernels:
    from lingen_kernels.adaln.triton import modulate_triton
    from lingen_kernels.conv.triton import causal_conv1d_silu_triton
    from lingen_kernels.gate.triton import gated_rms_norm_triton
    from lingen_kernels.ssd.triton import ssd_bidirectional_triton, ssd_state_triton
    from lingen_kernels.window.triton import window_attention_triton

    return Kernels(
        "triton",
        True,
        ssd_state_triton,
        ssd_bidirectional_triton,
        causal_conv1d_silu_triton,
        gated_rms_norm_triton,
        modulate_triton,
        window_attention_triton,
    )


def _load_mamba() -> Kernels:
    """The package has an SSD only, and that takes no order; the other operators are those of `triton`."""
    from lingen_kernels.ssd.mamba_adapter import load_chunk_scan, ssd_bidirectional_mamba, ssd_state_mamba

    load_chunk_scan()
    return replace(
        _load_triton(),
        name="mamba-ssm",
        has_free_orders=False,
        ssd_state=ssd_state_mamba,
        ssd_bidirectional=with_prefix(ssd_state_mamba, ssd_bidirectional_mamba),
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


def active() -> Kernels:
    """The implementation in use."""
    return _active


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
