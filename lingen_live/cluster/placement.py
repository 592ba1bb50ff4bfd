"""Which session goes to which device. Pure: knows numbers, no process and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What decides whether a stream can go on somewhere: the digest of the weights, and the arithmetic."""

    digest: str
    dtype: str


@dataclass(slots=True)
class Room:
    """A device that takes sessions.

    Attributes:
        name: of the device.
        kind: of its engine.
        n_slots: sessions that it has memory for.
        n_in_time: sessions that it plays as fast as needed.
        n_taken: sessions that are there, or on their way.
    """

    name: str
    kind: Kind
    n_slots: int
    n_in_time: int
    n_taken: int

    def has_place(self, *, is_live: bool) -> bool:
        """Whether one more session may come; one that plays already is rather late than lost."""
        return self.n_taken < (self.n_slots if is_live else min(self.n_slots, self.n_in_time))


@dataclass(frozen=True, slots=True)
class Seeker:
    """A session that has no device.

    Attributes:
        number: of the session.
        kind: what it was made with; None while it has made nothing.
        is_live: whether somebody saw it already.
    """

    number: int
    kind: Kind | None = None
    is_live: bool = False


def place(seekers: Sequence[Seeker], rooms: Sequence[Room]) -> dict[int, str]:
    """Devices for as many sessions as there is room for.

    Those that play already come first, then all in their order; nobody waits behind one that fits nowhere. A session
    goes where most places are free, so that its words wait for as few others as may be.

    Args:
        seekers: in the order in which they came.
        rooms: their `n_taken` counts on; at equal numbers the earlier one is taken.
    """
    chosen: dict[int, str] = {}
    for seeker in sorted(seekers, key=lambda one: not one.is_live):
        free = [room for room in rooms if seeker.kind in (None, room.kind) and room.has_place(is_live=seeker.is_live)]
        if free:
            room = max(free, key=lambda one: one.n_in_time - one.n_taken)
            room.n_taken += 1
            chosen[seeker.number] = room.name
    return chosen


def relieve(rooms: Sequence[Room]) -> tuple[str, str] | None:
    """From which device to which one a session should move, for the first one has more than it plays in time.

    Before newcomers are let in: else a device that took somebody in after a failure is late for as long as they stay.

    Args:
        rooms: all; their `n_taken` is not changed.
    """
    fullest = max(rooms, key=lambda one: one.n_taken - one.n_in_time, default=None)
    if fullest is None or fullest.n_taken <= fullest.n_in_time:
        return None
    others = [room for room in rooms if room.kind == fullest.kind and room.has_place(is_live=False)]
    target = max(others, key=lambda one: one.n_in_time - one.n_taken, default=None)
    return (fullest.name, target.name) if target else None
