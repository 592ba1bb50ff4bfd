"""A moment of a stream: all that decides what comes next; and snapshots, moments that are kept.

A moment is a value: a tick makes a new one and leaves the old alone, so that keeping one copies nothing.
Knows states and prompts. Does not know branches, budgets or when to keep what.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.engine.events import tell
from lingen_live.engine.transition import Transition
from lingen_live.engine.words import Reading
from lingen_live.model.state import StreamState

THUMBNAIL_PX = 64
_LEVEL = 1  # more takes longer and saves nothing: the low bits of floats are noise


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


@dataclass(frozen=True, slots=True)
class PackedState:
    """A state without loss in fewer bytes: bytes of equal rank lie together, then are deflated.

    Attributes:
        parts: data, shape, dtype and device of each tensor of `StreamState`.
    """

    parts: tuple[tuple[bytes, torch.Size, torch.dtype, torch.device], ...]

    @classmethod
    def pack(cls, state: StreamState) -> PackedState:
        """Pack a state; tens of milliseconds for a megabyte and a half."""
        tensors = [getattr(state, f.name) for f in fields(state)]
        return cls(tuple((_deflate(t), t.shape, t.dtype, t.device) for t in tensors))

    def unpack(self) -> StreamState:
        """The state, bit for bit."""
        return StreamState(*(_inflate(*part) for part in self.parts))

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return sum(len(data) for data, *_ in self.parts)


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
        self._moment = moment
        self._packed: PackedState | None = None
        self.chunk_index = moment.chunk_index
        self.thumbnail = thumbnail

    @property
    def moment(self) -> Moment:
        """The moment, bit for bit as it was."""
        return replace(self._moment, state=self._packed.unpack()) if self._packed else self._moment

    @property
    def is_packed(self) -> bool:
        """Whether `pack` was called."""
        return self._packed is not None

    @property
    def n_bytes(self) -> int:
        """Memory held by the state and the thumbnail; prompts are small and shared."""
        state = self._packed or self._moment.state
        return state.n_bytes + (0 if self.thumbnail is None else self.thumbnail.nbytes)

    def pack(self) -> None:
        """Hold the state packed from now on."""
        if self._packed is None:
            self._packed = PackedState.pack(self._moment.state)
            self._moment = replace(self._moment, state=_NO_STATE)


_NO_STATE = StreamState(*(torch.empty(0) for _ in fields(StreamState)))


def thumbnail_of(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The last of frames (F, H, W, 3), smaller: means of squares, its longer side at most `THUMBNAIL_PX`."""
    picture = frames[-1]
    stride = -(-max(picture.shape[:2]) // THUMBNAIL_PX)
    height, width = (side // stride for side in picture.shape[:2])
    squares = picture[: height * stride, : width * stride].reshape(height, stride, width, stride, 3)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def _deflate(tensor: Tensor) -> bytes:
    raw = tensor.contiguous().cpu().view(-1).view(torch.uint8).numpy()
    return zlib.compress(raw.reshape(-1, tensor.element_size()).T.tobytes(), _LEVEL)


def _inflate(data: bytes, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
    ranks = np.frombuffer(zlib.decompress(data), np.uint8).reshape(dtype.itemsize, -1)
    raw = torch.from_numpy(np.ascontiguousarray(ranks.T).reshape(-1))
    return raw.view(dtype).reshape(shape).to(device)
