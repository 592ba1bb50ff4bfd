"""Which chunk was on when: what tells a film's script where in the stream the film is. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_CHUNKS = 8192
"""More than an hour of half seconds, as long as digests of chunks are kept."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Chunks one after the other on one branch: `n_chunks` from `first` on."""

    branch_id: int
    first: int
    n_chunks: int


class Shown:
    """The last chunks that played, and when."""

    def __init__(self) -> None:
        self._begun: deque[tuple[int, int, int]] = deque(maxlen=MAX_CHUNKS)  # pts, branch, chunk

    def note(self, pts: int, branch_id: int, chunk_index: int) -> None:
        """A chunk's first frame is shown at `pts`, 90 kHz; they come in order."""
        self._begun.append((pts, branch_id, chunk_index))

    def between(self, begin_pts: int, end_pts: int) -> Stretch | None:
        """What was shown from `begin_pts` until before `end_pts`.

        None if somebody went back or to another branch meanwhile, or it is too long ago. A pause parts nothing.
        """
        known = [one for one in self._begun if one[0] < end_pts]
        n_before = sum(pts <= begin_pts for pts, _, _ in known)
        if not n_before:
            return None
        shown = [(branch_id, chunk_index) for _, branch_id, chunk_index in known[n_before - 1 :]]
        branch_id, first = shown[0]
        if shown != [(branch_id, first + k) for k in range(len(shown))]:
            return None
        return Stretch(branch_id, first, len(shown))
