"""How the work of the SSD kernels is cut. Knows sizes; does not know Triton."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True, slots=True)
class Tile:
    """How the work is cut; changes speed, never the result.

    Attributes:
        block_len: positions of a block, a power of two, 16 or more.
        heads: heads that share one C B^T.
        state_columns: columns of headdim a walking program holds.
        states_warps: warps of a program of `ssd_states_kernel`.
        states_stages: loads in flight in the walk.
        outputs_warps: warps of a program of `ssd_outputs_kernel`.
        outputs_stages: loads in flight in the loop over heads.
    """

    block_len: int
    heads: int
    state_columns: int
    states_warps: int
    states_stages: int
    outputs_warps: int
    outputs_stages: int


# From long to short blocks; the first that `block_len` allows is taken. Not yet timed on a GPU.
_NARROW_TILES = (
    Tile(128, heads=4, state_columns=64, states_warps=8, states_stages=2, outputs_warps=8, outputs_stages=2),
    Tile(64, heads=4, state_columns=64, states_warps=4, states_stages=3, outputs_warps=4, outputs_stages=2),
)
# float32 is there to check the mathematics on a GPU; three TF32 products replace one, and registers are short.
_FLOAT32_TILES = (
    Tile(16, heads=2, state_columns=32, states_warps=4, states_stages=2, outputs_warps=8, outputs_stages=1),
)


def tile_for(dtype: torch.dtype, length: int, headdim: int, block_len: int) -> Tile:
    """The tile for a problem: blocks of at most `block_len` positions (but 16 at least), none longer than needed."""
    tiles = _FLOAT32_TILES if dtype == torch.float32 else _NARROW_TILES
    longest = min(max(block_len, 16), _at_least_16(length))
    tile = next((tile for tile in tiles if tile.block_len <= longest), tiles[-1])
    power_of_two = 1 << (longest.bit_length() - 1)
    return replace(
        tile,
        block_len=min(tile.block_len, power_of_two),
        state_columns=min(tile.state_columns, _at_least_16(headdim)),
    )


def _at_least_16(size: int) -> int:
    """The next power of two that a matrix product on a GPU takes."""
    return max(16, 1 << (size - 1).bit_length())
