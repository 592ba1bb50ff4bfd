"""A stream on its way to another engine, perhaps on another machine: what is known of it, and the bytes of its slots.

Plain values, no torch. Knows what is kept of a timeline. Does not know pools, nor how it travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.kept import KeptBranch, KeptTimeline


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """All that another engine with the same weights and dtype needs to go on with a stream, bit for bit.

    Attributes:
        kept: its timeline; slots are keys of `slots`.
        slots: the bytes of every moment, uint8 (n,); may be read-only.
        digest: of the weights.
        dtype: of the arithmetic.
    """

    kept: KeptTimeline
    slots: Mapping[int, NDArray[np.uint8]]
    digest: str
    dtype: str

    @property
    def n_bytes(self) -> int:
        """Of all moments."""
        return sum(data.nbytes for data in self.slots.values())

    @property
    def chunk_index(self) -> int:
        """Of the chunk that comes next."""
        return next(one.head_index for one in self.kept.branches if one.id == self.kept.current_id)


def heads_of(kept: KeptTimeline) -> KeptTimeline:
    """The timeline with one moment a branch, the one that it goes on from: all words and plans, little of the past."""
    branches = tuple(replace(one, moments=(_head_moment(kept, one),)) for one in kept.branches)
    needed = {id for one in branches for id in one.moments}
    return replace(kept, branches=branches, moments=tuple(one for one in kept.moments if one.id in needed))


def _head_moment(kept: KeptTimeline, branch: KeptBranch) -> int:
    """The last moment at or before the branch's head; the first, if none is."""
    indices = {one.id: one.chunk_index for one in kept.moments}
    return next((id for id in reversed(branch.moments) if indices[id] <= branch.head_index), branch.moments[0])
