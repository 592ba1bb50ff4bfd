"""What has to be known of a stream, beside its slots, to go on with it in another process. Plain values, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lingen_live.engine.events import Event, Planned, Start, Words
from lingen_live.engine.record import Record


@dataclass(frozen=True, slots=True)
class KeptMoment:
    """A snapshot.

    Attributes:
        id: of the snapshot.
        slot: where its tensors are.
        chunk_index: of the chunk that comes next.
        seed: of the noise.
        asked: the words that count.
        n_chunks: length of the transition.
        n_done: chunks of it that were made.
    """

    id: int
    slot: int
    chunk_index: int
    seed: int
    asked: tuple[Words, ...]
    n_chunks: int
    n_done: int


@dataclass(frozen=True, slots=True)
class KeptBranch:
    """A `Branch`, with indices in place of moments.

    Attributes:
        head_index: the chunk that comes next.
        moments: ids of its snapshots, by chunk index; at least one.
    """

    id: int
    name: str
    parent_id: int | None
    forked_at: int
    start: Start
    events: tuple[Event, ...]
    head_index: int
    moments: tuple[int, ...]
    record: Record
    plan: tuple[Planned, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class KeptTimeline:
    """A `Timeline`; moments that branches share are there once."""

    moments: tuple[KeptMoment, ...]
    branches: tuple[KeptBranch, ...]
    current_id: int
    epoch: int
    next_id: int

    @property
    def slots(self) -> Iterator[int]:
        """All slots that must not be written to."""
        return (moment.slot for moment in self.moments)
