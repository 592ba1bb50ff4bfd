"""Which moment of a live session variants begin from. Pure, but for the question to the engine."""

from __future__ import annotations

from collections.abc import Sequence

from lingen_live.engine.view import TimelineView
from lingen_live.errors import ScenarioError
from lingen_live.serve.room import Room
from lingen_live.studio.storyboard import Grid
from lingen_live.studio.variants import Taken, Variant

MAX_LEAD = 10
"""Chunks that are made again for every variant, at most, because moments in between are not kept."""


async def take_moment(room: Room, back: int, variants: Sequence[Variant], grid: Grid) -> Taken:
    """A moment of a session as it is now; the session is not disturbed.

    Args:
        room: of the session.
        back: chunks before what plays.
        variants: tell how much before the moment they need.
        grid: of the engine.

    Raises:
        LingenError: there is no such moment, or not enough before it.
    """
    base_index, chunk_index = choose_moment(room.session.archive.timeline, back, variants)
    data = await room.session.archive.save(base_index)
    return Taken(data, base_index, chunk_index, f"{chunk_index * grid.chunk_s:g} s")


def choose_moment(timeline: TimelineView, back: int, variants: Sequence[Variant]) -> tuple[int, int]:
    """Where the session file is taken, and the moment: the chunk that comes next, each.

    Args:
        timeline: of the session.
        back: chunks before what plays; the nearest moment before that is kept is meant.
        variants: tell how much before the moment they need.

    Raises:
        ScenarioError: there is no such moment, or not enough before it.
    """
    kept = [index for index, _ in timeline.moments if index <= timeline.chunk_index]
    if not kept:
        raise ScenarioError("That session has shown nothing yet.")
    chunk_index = next((index for index in reversed(kept) if index <= timeline.chunk_index - back), kept[0])
    greedy = max(variants, key=lambda one: one.stretch)
    base_index = next((index for index in reversed(kept) if index <= chunk_index - greedy.stretch), None)
    if base_index is None or chunk_index - base_index > MAX_LEAD:
        raise ScenarioError(
            f"Variant {greedy.name} tells {greedy.stretch} chunks anew, but before chunk {chunk_index} of that session "
            "not so many are kept."
        )
    return base_index, chunk_index
