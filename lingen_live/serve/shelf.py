"""Where films lie: a private directory that ends with the server, or one that a person named. Bounded.

Knows files and names; does not know how films are made.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_MINUTES = 10.0
MAX_FILM_BYTES = 256 * 2**20
MAX_SHELF_BYTES = 2 * 2**30
MAX_FILMS = 8
"""Of one session: a newer one takes the place of the oldest."""
MAX_AT_WORK = 4
"""Films that are written at a time, of all sessions together."""


@dataclass
class Shelf:
    """The films of a server.

    Attributes:
        directory: to keep them in; None for a private one, which is removed by `clear`.
        max_s: length of a film.
        max_bytes: of all films together.
        n_at_work: films being written now.
    """

    directory: Path | None = None
    max_s: float = 60 * DEFAULT_MINUTES
    max_bytes: int = MAX_SHELF_BYTES
    n_at_work: int = 0
    _sizes: dict[Path, int] = field(default_factory=dict)
    _private: Path | None = None

    @property
    def is_kept(self) -> bool:
        """Whether films stay when their session ends."""
        return self.directory is not None

    @property
    def room_bytes(self) -> int:
        """What may still be written, beside the films that are being written."""
        return self.max_bytes - sum(self._sizes.values())

    def new_path(self, n_bytes: int) -> Path:
        """For one more film: a name that nobody can guess, and room for so much.

        Raises:
            OSError: there is no directory to be had.
        """
        if self.directory is not None:
            self.directory.mkdir(parents=True, exist_ok=True)
        elif self._private is None:
            self._private = Path(tempfile.mkdtemp(prefix="lingen-live-"))
        path = (self.directory or self._private or Path()) / f"{secrets.token_urlsafe(12)}.mp4"
        self._sizes[path] = n_bytes
        return path

    def settle(self, path: Path, n_bytes: int) -> None:
        """A film is written: the rest of its room is free. Nothing of one that was dropped meanwhile."""
        if path in self._sizes:
            self._sizes[path] = n_bytes

    def drop(self, path: Path) -> None:
        """A film is wanted no more: it is deleted, unless films are kept."""
        if not self.is_kept:
            self._sizes.pop(path, None)
            for one in (path, path.with_suffix(".json")):
                one.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the private directory, if there is one; idempotent."""
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None
