"""What is counted of a device of a cluster, over all lives of its engine, and moves between them. Pure numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """A stream that went to another device while it played; `pause_s` is how long nothing could be made of it."""

    number: int
    source: str
    target: str
    pause_s: float


@dataclass(slots=True)
class DeviceCounts:
    """All of them only rise.

    Attributes:
        n_chunks: made.
        making_s: from the first span of a chunk to the end of its last, added up over chunks; those that are made in
            one batch count each.
        n_missed: chunks that came when what was ready had been played.
        n_failures: ends of an engine that nobody asked for.
        n_lost: sessions that were there then.
        n_taken_over: sessions that came from an engine that had ended so, or from the gateway before.
        n_moved_in: sessions that came while they played.
        n_moved_out: sessions that went while they played.
        moving_s: how long nothing could be made of those that came.
    """

    n_chunks: int = 0
    making_s: float = 0.0
    n_missed: int = 0
    n_failures: int = 0
    n_lost: int = 0
    n_taken_over: int = 0
    n_moved_in: int = 0
    n_moved_out: int = 0
    moving_s: float = 0.0

    def note_arrival(self, pause_s: float) -> None:
        """A session came while it played, and nothing could be made of it for so long."""
        self.n_moved_in += 1
        self.moving_s += pause_s
