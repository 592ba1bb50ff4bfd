"""Window attention, one query at a time over an explicit list of what it may see: the oracle, never the fast path.

LinGen (arXiv 2412.09856), section 3.3, with the windows of `lingen_live.model.tesa`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def window_attention_reference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    time_bias: Tensor,
    place_bias: Tensor,
    region: Tensor | None,
    height: int,
    width: int,
    window: int,
    shift: int,
) -> Tensor:
    """See `lingen_kernels.dispatch.window_attention`."""
    dtype = torch.promote_types(query.dtype, torch.float32)
    n_cells, n_heads = height * width, query.shape[2]
    wide_query, time_bias, place_bias = (t.to(dtype) for t in (query, time_bias, place_bias))
    keys = torch.cat((past_key.to(dtype), key.to(dtype)), dim=1).unflatten(1, (-1, n_cells))
    values = torch.cat((past_value.to(dtype), value.to(dtype)), dim=1).unflatten(1, (-1, n_cells))
    places = [_place(cell, height, width, window, shift) for cell in range(n_cells)]
    out = torch.empty_like(wide_query)
    for position in range(query.shape[1]):
        frame, cell = divmod(position, n_cells)
        which, place = places[cell]
        seen = [other for other in range(n_cells) if places[other][0] == which]
        if region is not None:
            seen = [other for other in seen if region[which, places[other][1]] == region[which, place]]
        logits = torch.einsum("bhp,bfchp->bhfc", wide_query[:, position], keys[:, :, seen]) * query.shape[3] ** -0.5
        seen_places = [places[other][1] for other in seen]
        logits = logits + time_bias[:, frame, :, None] + place_bias[:, place, seen_places][:, None]
        weights = logits.flatten(2).softmax(-1).view_as(logits)
        out[:, position] = torch.einsum("bhfc,bfchp->bhp", weights, values[:, :, seen])
    return out.to(query.dtype).view(*query.shape[:2], n_heads, -1)


def _place(cell: int, height: int, width: int, window: int, shift: int) -> tuple[int, int]:
    """The window of a cell, row by row, and where in it the cell is, once the plane is rolled back by `shift`."""
    row, column = (cell // width - shift) % height, (cell % width - shift) % width
    which = row // window * (width // window) + column // window
    return which, row % window * window + column % window
