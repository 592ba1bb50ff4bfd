"""In which number format training multiplies matrices: bfloat16 wherever it is the faster one."""

from __future__ import annotations

import functools
import statistics
import time

import torch
from torch import Tensor
from torch.nn import functional

_TRIALS = 7
_WORTHWHILE = 1.2
"""How much faster products must be in bfloat16 for the casts around them to pay."""


def autocast(device: str) -> torch.autocast:
    """Products in bfloat16 on a GPU, and on a CPU whose bfloat16 is faster than its float32; all else in float32."""
    return torch.autocast(device, torch.bfloat16, enabled=device == "cuda" or bfloat16_pays())


@functools.cache
def bfloat16_pays() -> bool:
    """Whether this CPU multiplies in bfloat16 sufficiently faster, by a trial of less than a second.

    A CPU that knows the format may lose in it: one Xeon made 95 GFLOP/s against 170, an EPYC 215 against 85
    (docs/lab-notes.md).
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2048, 256, generator=generator), torch.randn(768, 256, generator=generator)
    rivals = [(x, weight), (x.bfloat16(), weight.bfloat16())]
    seconds: list[list[float]] = [[], []]
    for _ in range(_TRIALS):
        for index, operands in enumerate(rivals):  # in turn: whatever else the machine does disturbs both
            seconds[index].append(_product_s(*operands))
    single, half = (statistics.median(values) for values in seconds)
    return single > _WORTHWHILE * half


@torch.no_grad()
def _product_s(x: Tensor, weight: Tensor) -> float:
    start_s = time.perf_counter()
    functional.linear(x, weight)
    return time.perf_counter() - start_s
