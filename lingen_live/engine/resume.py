"""A timeline to what has to be known of it, and back, with every branch and moment. Knows streams and pools."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace

from lingen_live.engine.branch import Branch
from lingen_live.engine.events import Words
from lingen_live.engine.kept import KeptBranch, KeptMoment, KeptTimeline
from lingen_live.engine.pool import Slot, StatePool, slot_index
from lingen_live.engine.snapshot import Moment, Snapshot
from lingen_live.engine.stream import Stream
from lingen_live.engine.timeline import Mark, Timeline
from lingen_live.engine.words import Reading


def keep_timeline(timeline: Timeline) -> KeptTimeline:
    """All that `resume` needs beside the slots."""
    mark = timeline.mark()
    snapshots = dict.fromkeys(one for branch in mark.branches.values() for one in branch.snapshots)
    moments = {one.id: kept for one in snapshots if (kept := _keep_moment(one)) is not None}
    branches = tuple(_keep_branch(branch, moments) for branch in mark.branches.values())
    return KeptTimeline(tuple(moments.values()), branches, mark.current_id, mark.epoch, mark.next_id)


def resume(stream: Stream, kept: KeptTimeline, pool: StatePool, slots: Mapping[int, Slot]) -> None:
    """Have a new stream be where another one was, bit for bit.

    Args:
        stream: whatever it holds is forgotten.
        kept: of the other one.
        pool: holds its moments.
        slots: those of `kept`, reserved.

    Raises:
        LingenError: the words cannot be read.
    """
    readings: dict[tuple[Words, ...], Reading] = {}
    snapshots: dict[int, Snapshot] = {}
    for one in kept.moments:
        state, way = pool.read(slots[one.slot], one.n_chunks, one.n_done)
        if one.asked not in readings:
            readings[one.asked] = stream.words.read_all(one.asked)
        reading = replace(readings[one.asked], state=way.target)
        moment = Moment(state, one.chunk_index, one.seed, reading, way)
        snapshots[one.id] = Snapshot(moment, None, one.id)
    branches = {one.id: _branch(one, tuple(snapshots[id] for id in one.moments)) for one in kept.branches}
    stream.timeline.restore(Mark(branches, kept.current_id, kept.epoch, kept.next_id))


def _keep_moment(snapshot: Snapshot) -> KeptMoment | None:
    moment = snapshot.moment
    slot = slot_index(moment.state)
    if slot is None:
        return None
    way = moment.transition
    asked = tuple(one.words for one in moment.reading.asked)
    return KeptMoment(snapshot.id, slot, moment.chunk_index, moment.seed, asked, way.n_chunks, way.n_done)


def _keep_branch(branch: Branch, moments: Mapping[int, KeptMoment]) -> KeptBranch:
    return KeptBranch(
        branch.id,
        branch.name,
        branch.parent_id,
        branch.forked_at,
        branch.start,
        branch.events,
        branch.head.chunk_index,
        tuple(one.id for one in branch.snapshots if one.id in moments),
        branch.record,
        branch.plan,
        branch.is_whole,
    )


def _branch(kept: KeptBranch, snapshots: tuple[Snapshot, ...]) -> Branch:
    """The branch at its head, or, if that moment was told anew and not made since, at the last one before."""
    before = [one for one in snapshots if one.chunk_index <= kept.head_index] or list(snapshots[:1])
    at = before[-1]
    n_before = bisect_left(kept.events, at.chunk_index, key=lambda event: event.chunk_index)
    branch = Branch(
        kept.id,
        kept.name,
        kept.parent_id,
        kept.forked_at,
        kept.start,
        at.moment,
        snapshots,
        kept.events,
        n_before,
        kept.record,
        kept.plan,
        kept.is_whole,
    )
    return branch if at.chunk_index == kept.head_index else branch.sought(at)
