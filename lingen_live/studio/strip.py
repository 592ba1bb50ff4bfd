"""Variants side by side in one film, so that they play in step whatever plays them.

They are made one after the other, so their frames wait on the disk. Knows files and frames. Does not know engines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.movie import MovieWriter


class Strip:
    """What there is of the variants so far.

    Args:
        folder: of its own; gone when all is kept.

    Raises:
        OSError: nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._notes: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, frames: NDArray[np.uint8]) -> None:
        """Frames of a variant, uint8 RGB, (F, H, W, 3), after those that came before."""
        with self._frames(name).open("ab") as file:
            np.ascontiguousarray(frames).tofile(file)
        self._sizes[name] = frames.shape[1:]

    def note(self, ending: str, data: bytes) -> None:
        """A file that belongs to it, which will be named like the film."""
        (self._folder / ending).write_bytes(data)
        self._notes.append(ending)

    def finish(self, film: Path, fps: float) -> int:
        """Write the film; returns how many frames it has.

        Raises:
            EngineError: the frames make no film.
            OSError: it cannot be written.
        """
        parts = [np.memmap(self._frames(name), np.uint8, "r").reshape(-1, *size) for name, size in self._sizes.items()]
        writer = MovieWriter(film, fps)
        try:
            for frames in zip(*parts, strict=True):
                writer.add(np.concatenate(frames, axis=1)[np.newaxis])
            return writer.finish()
        finally:
            writer.close()

    def keep(self, film: Path) -> None:
        """Put what was noted beside the film, and let go of the rest."""
        for ending in self._notes:
            (self._folder / ending).replace(film.with_suffix(f".{ending}"))
        for name in self._sizes:
            self._frames(name).unlink()
        self._folder.rmdir()

    def _frames(self, name: str) -> Path:
        return self._folder / f"{name}.frames"
