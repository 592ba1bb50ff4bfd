"""The SSD operators by the published mamba-ssm package: two causal scans and flips, the opponent of our kernels.

`mamba_chunk_scan_combined` (mamba-ssm 2.3, Apache-2.0) is causal, so the backward direction runs on flipped copies
and the outputs are added. The gradient is the package's own. Its Triton operators need neither its CUDA extension
nor its model code, which its `__init__` imports all the same: where that fails, they are imported past it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

_LONGEST_BLOCK = 256


def ssd_state_mamba(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """See `lingen_kernels.dispatch.ssd_state`; the package has no call for the state alone: outputs are dropped."""
    if order is not None:
        x, dt, B = (t[:, order] for t in (x, dt, B))
    return _scan(x, dt, A, B, B, initial_state, _LONGEST_BLOCK)[1]


def ssd_bidirectional_mamba(
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
    y_fwd, final = _scan(x, dt_fwd, A_fwd, B, C, state_fwd, block_len)
    x, dt_bwd, B, C = (t.flip(1) for t in (x, dt_bwd, B, C))
    y = y_fwd + _scan(x, dt_bwd, A_bwd, B, C, state_bwd, block_len)[0].flip(1)
    return y if order is None else y[:, torch.argsort(order)], final


def _scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor | None, block_len: int
) -> tuple[Tensor, Tensor]:
    """One direction: outputs (b, l, h, p) and the final state (b, h, p, n), float32."""
    block_len = 1 << (min(max(block_len, 16), _LONGEST_BLOCK).bit_length() - 1)  # the package takes powers of two
    scan = load_chunk_scan()
    return scan(x, dt, A, B[:, :, None], C[:, :, None], block_len, initial_states=state, return_final_states=True)


@functools.cache
def load_chunk_scan() -> Callable[..., Any]:
    """The package's `mamba_chunk_scan_combined`.

    Raises:
        ImportError: the package, triton or einops is missing.
    """
    name = "mamba_ssm.ops.triton.ssd_combined"
    try:
        module = importlib.import_module(name)
    except ImportError:
        spec = importlib.util.find_spec("mamba_ssm") if "mamba_ssm" not in sys.modules else None
        if spec is None or spec.submodule_search_locations is None:
            raise
        bare = ModuleType("mamba_ssm")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["mamba_ssm"] = bare
        module = importlib.import_module(name)
    return module.mamba_chunk_scan_combined
