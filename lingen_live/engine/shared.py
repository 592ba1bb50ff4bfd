"""Memory for one chunk, shared by two processes, so that frames never go through a pipe.

One chunk is enough: the next is asked for only after this one was copied out. The process that creates the
memory takes its name from the system as soon as the other one holds it: from then on nothing can be left
behind, however both end. Knows bytes and shapes. Does not know whose turn it is: messages say that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class SharedChunk:
    """`create` it in the owner, `attach` to it in the other, `hide` it in the owner, `close` it in both."""

    def __init__(self, memory: SharedMemory, *, is_owner: bool) -> None:
        self._memory = memory
        self._has_name = is_owner  # and owes the system to take it away

    @classmethod
    def create(cls, n_bytes: int) -> Self:
        """Allocate room for frames of at most `n_bytes`."""
        return cls(SharedMemory(create=True, size=n_bytes), is_owner=True)

    @classmethod
    def attach(cls, name: str) -> Self:
        """Open the memory that another process created."""
        # From 3.13 on, a process that only borrows may stay out of the resource tracker's books; before,
        # it registers with the tracker that it shares with the owner, whose unlink strikes it out.
        untracked: dict[str, Any] = {"track": False} if sys.version_info >= (3, 13) else {}
        return cls(SharedMemory(name=name, **untracked), is_owner=False)

    @property
    def name(self) -> str:
        """What `attach` needs."""
        return self._memory.name

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Copy `frames` in.

        Raises:
            ValueError: they do not fit.
        """
        if frames.nbytes > self._memory.size:
            raise ValueError(f"A chunk of {frames.nbytes} bytes does not fit into {self._memory.size} shared bytes.")
        self._view(frames.shape)[...] = frames

    def read(self, shape: Sequence[int]) -> NDArray[np.uint8]:
        """A copy of the frames, of `shape` (F, H, W, 3)."""
        return self._view(shape).copy()

    def hide(self) -> None:
        """Take the name from the system, in the owner; whoever is attached stays so. Idempotent."""
        if self._has_name:
            self._has_name = False
            self._memory.unlink()

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        self.hide()

    def _view(self, shape: Sequence[int]) -> NDArray[np.uint8]:
        return np.ndarray(tuple(shape), np.uint8, self._memory.buf)
