"""What PyTorch offers beside the operators' own forms: a grouped convolution, and FlexAttention in windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lingen_kernels.window.torch_window import from_windows, joined, to_windows


def grouped_conv(inputs: dict[str, Any]) -> Callable[[], object]:
    """PyTorch's own convolution: channels before positions, so it pays two transposes."""
    x, weight, bias = inputs["x"], inputs["weight"].to(inputs["x"]), inputs["bias"].to(inputs["x"])

    def run() -> object:
        with torch.inference_mode():
            sequence = torch.cat((inputs["tail"].to(x), x), dim=1)
            y = functional.conv1d(sequence.transpose(1, 2), weight[:, None], bias, groups=x.shape[2])
            return functional.silu(y.transpose(1, 2)), sequence[:, x.shape[1] :]

    return run


def flex_windows(inputs: dict[str, Any], *, is_compiled: bool) -> Callable[[], Tensor]:
    """FlexAttention, windows as its batch: offsets and regions are read inside its kernel, windows are copied.

    Args:
        inputs: of `window_attention`.
        is_compiled: else it runs its slow form, for checks only.
    """
    from torch.nn.attention.flex_attention import flex_attention

    attend = torch.compile(flex_attention, dynamic=False) if is_compiled else flex_attention
    query, place, time, region = (inputs[name] for name in ("query", "place_bias", "time_bias", "region"))
    geometry = [inputs[name] for name in ("height", "width", "window", "shift")]
    batch, n_heads, cells = query.shape[0], query.shape[2], inputs["window"] ** 2

    def offset(score: Tensor, b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        score = score + place[h, q % cells, k % cells] + time[h, q // cells, k // cells]
        if region is None:
            return score
        window = b % region.shape[0]
        return torch.where(region[window, q % cells] == region[window, k % cells], score, -float("inf"))

    def windows(tokens: Tensor) -> Tensor:
        split = to_windows(tokens, *geometry).unflatten(1, (-1, n_heads))
        return split.flatten(0, 1).contiguous()  # b windows, heads, frames cells, p

    def run() -> Tensor:
        with torch.inference_mode():
            key, value = (joined(inputs[f"past_{name}"], inputs[name]) for name in ("key", "value"))
            out = attend(windows(query), windows(key), windows(value), score_mod=offset)
            return from_windows(out.unflatten(0, (batch, -1)).flatten(1, 2), query, *geometry)

    return run


def rivals_of(operator: str, inputs: dict[str, Any], *, is_cuda: bool) -> dict[str, Callable[[], object]]:
    """Further functions that compute an operator, by name; FlexAttention has no fast form on a CPU."""
    if operator == "conv":
        return {"grouped conv1d": grouped_conv(inputs)}
    if operator == "window" and is_cuda:
        return {"flex attention": flex_windows(inputs, is_compiled=True)}
    return {}
