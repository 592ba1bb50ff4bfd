"""Problems for window attention: planes, windows, shifts and frames carried from before."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# height, width, window, shift, frames, carried frames, headdim
CASES = {
    "one window": (3, 3, 3, 0, 1, 1, 8),
    "four windows": (4, 6, 2, 0, 2, 1, 5),
    "shifted": (4, 6, 2, 1, 2, 2, 16),
    "no past": (4, 4, 4, 0, 3, 0, 8),
    "several tiles": (6, 6, 6, 0, 4, 3, 20),
    "shifted tiles": (12, 6, 6, 3, 2, 3, 8),
}


def make_window_inputs(case: str, dtype: torch.dtype, batch: int = 2, n_heads: int = 2) -> dict[str, Any]:
    """Arguments of `window_attention`; biases are at least float32, as the model may hold them."""
    height, width, window, shift, n_frames, n_past, headdim = CASES[case]
    generator = torch.Generator().manual_seed(len(case))
    wide = torch.promote_types(dtype, torch.float32)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    n_cells, places = height * width, window**2
    tokens, carried = (batch, n_frames * n_cells, n_heads, headdim), (batch, n_past * n_cells, n_heads, headdim)
    region = torch.randint(3, (n_cells // places, places), generator=generator)
    return {
        "query": (2 * draw(*tokens)).to(dtype),
        "key": draw(*tokens).to(dtype),
        "value": draw(*tokens).to(dtype),
        "past_key": draw(*carried).to(dtype),
        "past_value": draw(*carried).to(dtype),
        "time_bias": draw(n_heads, n_frames, n_frames + n_past).to(wide),
        "place_bias": draw(n_heads, places, places).to(wide),
        "region": region if shift else None,
        "height": height,
        "width": width,
        "window": window,
        "shift": shift,
    }
