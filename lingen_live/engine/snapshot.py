"""A moment of a stream: all that decides what comes next; and snapshots, moments that are kept.

A moment is a value: a tick makes a new one and leaves the old alone, so that keeping one copies nothing.
Knows states and prompts. Does not know branches, budgets or when to keep what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.events import tell
from lingen_live.engine.transition import Transition
from lingen_live.engine.words import Reading
from lingen_live.model.state import StreamState

THUMBNAIL_PX = 64


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A stream between two chunks.

    Attributes:
        state: what it remembers.
        chunk_index: of the chunk that comes next.
        seed: of the noise.
        reading: of the words it is at or on its way to.
        transition: the way there.
    """

    state: StreamState
    chunk_index: int
    seed: int
    reading: Reading
    transition: Transition

    @property
    def prompt(self) -> str:
        """The last words."""
        return tell(self.reading.asked[-1].words)

    def turned(self, reading: Reading, transition: Transition, state: StreamState | None = None) -> Moment:
        """The moment after words, and with another memory if a state is given."""
        return replace(self, state=self.state if state is None else state, reading=reading, transition=transition)

    def advanced(self, following: StreamState) -> Moment:
        """The moment after one more chunk."""
        return replace(self, state=following, chunk_index=self.chunk_index + 1, transition=self.transition.advanced())


class Snapshot:
    """A kept moment, with the picture before it.

    Args:
        moment: as it is before any words for its next chunk.
        thumbnail: uint8 RGB, (h, w, 3), of the last frame before the moment; None before the first.
        id: of one from another process, to be the same in this one; None for a new one.
    """

    _next_id = 0

    def __init__(self, moment: Moment, thumbnail: NDArray[np.uint8] | None, id: int | None = None) -> None:
        self.id = Snapshot._next_id if id is None else id
        Snapshot._next_id = max(Snapshot._next_id, self.id + 1)
        self.moment = moment
        self.chunk_index = moment.chunk_index
        self.thumbnail = thumbnail

    @property
    def n_bytes(self) -> int:
        """Memory held by the state and the thumbnail; prompts are small and shared."""
        return self.moment.state.n_bytes + (0 if self.thumbnail is None else self.thumbnail.nbytes)


def thumbnail_of(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The last of frames (F, H, W, 3), smaller: means of squares, its longer side at most `THUMBNAIL_PX`."""
    picture = frames[-1]
    stride = -(-max(picture.shape[:2]) // THUMBNAIL_PX)
    height, width = (side // stride for side in picture.shape[:2])
    squares = picture[: height * stride, : width * stride].reshape(height, stride, width, stride, 3)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)
