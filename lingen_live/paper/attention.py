"""The best attention that PyTorch has on a machine, found by timing: DiT is to be the strongest opponent it can be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from lingen_kernels.benchmark.timing import times_of
from lingen_live.config import ModelConfig

# Which is asked first; one that cannot do a call (a mask, a dtype) leaves it to the next.
_REST = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
ORDERS = {
    "FlashAttention": [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, *_REST],
    "cuDNN": [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, *_REST],
}
_N_TOKENS = 16_384
_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Attention:
    """A choice of attention.

    Attributes:
        name: for people.
        backends: asked in this order; empty for PyTorch's own choice.
    """

    name: str
    backends: tuple[SDPBackend, ...] = ()

    def __call__(self) -> AbstractContextManager[Any]:
        """A context in which PyTorch's fused attention is this one."""
        return sdpa_kernel(list(self.backends), set_priority=True) if self.backends else contextlib.nullcontext()


PLAIN = Attention("PyTorch's own choice")


def choose_attention(config: ModelConfig, device: str, dtype: torch.dtype) -> Attention:
    """The fastest on long sequences of heads of this width; a CPU has one only."""
    if torch.device(device).type != "cuda":
        return PLAIN
    shape = (3, 1, config.width // config.attn_headdim, _N_TOKENS, config.attn_headdim)
    query, key, value = torch.randn(shape, device=device, dtype=dtype)

    def seconds(attention: Attention) -> float:
        with attention():
            run = lambda: functional.scaled_dot_product_attention(query, key, value)  # noqa: E731
            return times_of(run, _REPEATS, is_cuda=True).best_s

    return fastest([Attention(name, tuple(order)) for name, order in ORDERS.items()], seconds)


def fastest(rivals: list[Attention], seconds: Callable[[Attention], float]) -> Attention:
    """The one that takes the fewest seconds; one that this machine lacks is left out.

    Args:
        rivals: in order of preference.
        seconds: times one; raises RuntimeError if it cannot run.
    """
    times_s: dict[Attention, float] = {}
    for rival in rivals:
        with contextlib.suppress(RuntimeError):
            times_s[rival] = seconds(rival)
    return min(times_s, key=lambda rival: times_s[rival]) if times_s else PLAIN
