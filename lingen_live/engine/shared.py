"""Memory for the chunks of one pass, shared by two processes, so that frames never go through a pipe.

One pass is enough: the next is asked for only after this one was copied out. The process that creates the
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

    def __init__(self, memory: SharedMemory, n_rows: int, *, is_owner: bool) -> None:
        self._memory = memory
        self._row_bytes = memory.size // n_rows
        self._has_name = is_owner  # and owes the system to take it away

    @classmethod
    def create(cls, n_bytes: int, n_rows: int = 1) -> Self:
        """Allocate room for `n_rows` chunks of at most `n_bytes`."""
        return cls(SharedMemory(create=True, size=n_bytes * n_rows), n_rows, is_owner=True)

    @classmethod
    def attach(cls, name: str, n_rows: int = 1) -> Self:
        """Open the memory that another process created."""
        # From 3.13 on, a process that only borrows may stay out of the resource tracker's books; before,
        # it registers with the tracker that it shares with the owner, whose unlink strikes it out.
        untracked: dict[str, Any] = {"track": False} if sys.version_info >= (3, 13) else {}
        return cls(SharedMemory(name=name, **untracked), n_rows, is_owner=False)

    @property
    def name(self) -> str:
        """What `attach` needs."""
        return self._memory.name

    def write(self, frames: NDArray[np.uint8], row: int = 0) -> None:
        """Copy `frames` in, as the chunk `row`.

        Raises:
            ValueError: they do not fit.
        """
        if frames.nbytes > self._row_bytes:
            raise ValueError(f"A chunk of {frames.nbytes} bytes does not fit into {self._row_bytes} shared bytes.")
        self._view(frames.shape, row)[...] = frames

    def read(self, shape: Sequence[int], row: int = 0) -> NDArray[np.uint8]:
        """A copy of the frames of the chunk `row`, of `shape` (F, H, W, 3)."""
        return self._view(shape, row).copy()

    def hide(self) -> None:
        """Take the name from the system, in the owner; whoever is attached stays so. Idempotent."""
        if self._has_name:
            self._has_name = False
            self._memory.unlink()

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        self.hide()

    def _view(self, shape: Sequence[int], row: int) -> NDArray[np.uint8]:
        return np.ndarray(tuple(shape), np.uint8, self._memory.buf, row * self._row_bytes)
