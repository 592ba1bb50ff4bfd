"""What the Triton kernels share: rounding that the interpreter gets right, and where to launch.

Under Triton's CPU interpreter a bfloat16 `tl.dot` or `tl.sum` reads the raw bits and is silently wrong (3.6 to 3.9),
and a cast to bfloat16 truncates (3.9). So kernels take a constexpr IS_INTERPRETED: with it, operands are
rounded as on a GPU, then widened to float32 before they are used. Without it nothing is added.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from lingen_kernels.availability import is_interpreted


@triton.jit
def narrowed(value: tl.tensor, NARROW: tl.constexpr, IS_INTERPRETED: tl.constexpr) -> tl.tensor:
    """A float32 block in the dtype NARROW, rounded to nearest, ties to even."""
    if IS_INTERPRETED and tl.bfloat16 == NARROW:
        bits = value.to(tl.uint32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        value = bits.to(tl.float32, bitcast=True)
    return value.to(NARROW)


def at_least_16(size: int) -> int:
    """The next power of two that a matrix product on a GPU takes."""
    return max(16, triton.next_power_of_2(size))


def on_device_of(tensor: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Triton launches on the current device, which need not be that of `tensor`."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else contextlib.nullcontext()


def check_tensor(name: str, tensor: Tensor) -> None:
    """Refuse what no kernel computes in or cannot reach.

    Raises:
        ValueError: the dtype is not float32, bfloat16 or float16, or the tensor is not on a CUDA device.
    """
    if tensor.dtype not in {torch.float32, torch.bfloat16, torch.float16}:
        raise ValueError(f"{name} is {tensor.dtype}; the Triton kernels take float32, bfloat16 and float16.")
    if not tensor.is_cuda and not is_interpreted():
        raise ValueError(f"{name} is on {tensor.device}; the Triton kernels take tensors on a CUDA device.")
