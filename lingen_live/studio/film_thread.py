"""A film that is encoded on a thread of its own, while its next frames are made. Bounded. Knows no engine."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.movie import MovieWriter

_MAX_WAITING = 2


class FilmThread:
    """As `MovieWriter`, inside `with`: what was not finished by its end is gone.

    An error of the thread is raised by the next call.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._writer = MovieWriter(path, fps)
        self._executor = ThreadPoolExecutor(1, "lingen-film")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> FilmThread:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._writer.close()

    def add(self, frames: NDArray[np.uint8]) -> None:
        """Have frames, (F, H, W, 3), written; waits if it falls behind. They must not be changed any more."""
        while len(self._waiting) >= _MAX_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(self._writer.add, frames))

    def finish(self) -> int:
        """Have the film where it belongs; returns how many frames it has."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._executor.submit(self._writer.finish).result()
