"""One line of history as a value: how it began, what was said when, and the moments of it that are kept.

Every change makes a new `Branch`, so that a failure halfway leaves the old one as it was. Knows events and
snapshots. Does not know models, other branches, or how much may be kept.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace

from lingen_live.engine.events import MAX_STRETCH, Event, Planned, Start, in_order, scene_start
from lingen_live.engine.record import Record
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.snapshot import Moment, Snapshot
from lingen_live.errors import TimelineError

MAX_EVENTS = 2048
"""Of one branch: when there are more, the oldest are forgotten, and the branch cannot be replayed from its start."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A line of history, and where on it the stream is.

    Attributes:
        id: unique in its timeline.
        name: for people.
        parent_id: the branch that it left; None if it left none, or the shared past is gone.
        forked_at: chunk index at which it left.
        start: how it began.
        events: what was said, by chunk; those beyond the head are replayed as it gets there.
        n_applied: events that the head has taken.
        head: where the stream is.
        snapshots: kept moments by chunk index; beyond the head when the stream has turned back.
        record: of the chunks that were made.
        plan: words for later, in the order in which they come.
        is_whole: whether the events go back to the start.
    """

    id: int
    name: str
    parent_id: int | None
    forked_at: int
    start: Start
    head: Moment
    snapshots: tuple[Snapshot, ...]
    events: tuple[Event, ...] = ()
    n_applied: int = 0
    record: Record = field(default_factory=Record)
    plan: tuple[Planned, ...] = ()
    is_whole: bool = True

    @classmethod
    def grown(cls, id: int, name: str, scenario: Scenario, head: Moment) -> Branch:
        """A branch that has lived through a scenario up to a head, of whose moments only that one is kept."""
        n_before = bisect_left(scenario.events, head.chunk_index, key=lambda event: event.chunk_index)
        snapshots = (Snapshot(head, None),)
        return cls(id, name, None, 0, scenario.start, head, snapshots, scenario.events, n_before, scenario.record)

    @property
    def tip_index(self) -> int:
        """The latest moment: chunks made on this branch."""
        return max(self.head.chunk_index, self.snapshots[-1].chunk_index)

    @property
    def due(self) -> tuple[Event, ...]:
        """Events for the next chunk that the head has not taken."""
        return tuple(e for e in self.events[self.n_applied :] if e.chunk_index == self.head.chunk_index)

    def kept(self, chunk_index: int) -> Snapshot | None:
        """The snapshot of a moment, if it is kept."""
        at = bisect_left(self.snapshots, chunk_index, key=lambda one: one.chunk_index)
        found = self.snapshots[at : at + 1]
        return found[0] if found and found[0].chunk_index == chunk_index else None

    def told(self, event: Event, after: Moment) -> Branch:
        """Words that are new: what used to come after the head does not happen any more."""
        here = self.head.chunk_index
        told = replace(
            self,
            events=(*self.events[: self.n_applied], event),
            snapshots=_until(self.snapshots, here),
            record=self.record.before(here),
        ).taken(after)
        return told if len(told.events) <= MAX_EVENTS else told._forgetful()

    def taken(self, after: Moment) -> Branch:
        """The next event that was there already is taken by the head."""
        event = self.events[self.n_applied]
        snapshots = self.snapshots
        if event.verb == "reanchor":
            # From inside the stretch that was told anew it could not be told anew again.
            stretch = range(event.chunk_index - event.n_chunks + 1, event.chunk_index + 1)
            snapshots = tuple(one for one in snapshots if one.chunk_index not in stretch)
        return replace(self, n_applied=self.n_applied + 1, head=after, snapshots=snapshots)

    def stretch(self, n_chunks: int) -> tuple[Snapshot, ...]:
        """The kept moments before, between and after the last chunks.

        Raises:
            TimelineError: they are not all at hand, or not of one scene.
        """
        here = self.head.chunk_index
        n_scene = here - scene_start(self.events[: self.n_applied])
        moments = [self.kept(index) for index in range(here - n_chunks, here + 1)]
        kept = tuple(one for one in moments if one is not None)
        if not 1 <= n_chunks <= MAX_STRETCH or n_chunks > n_scene or len(kept) <= n_chunks:
            raise TimelineError(
                f"{n_chunks} chunks cannot be told anew: the scene has {n_scene} since it was cut or told anew, "
                f"and 1 to {MAX_STRETCH} that are kept can."
            )
        return kept

    def pushed(self, snapshot: Snapshot, digest: bytes, path: str) -> Branch:
        """One more chunk; what is kept of later ones stays if the chunk is the one that was there before."""
        index = snapshot.chunk_index
        record = self.record.after(index - 1, digest, path)
        later = tuple(one for one in self.snapshots if one.chunk_index > index) if record is self.record else ()
        earlier = _until(self.snapshots, index - 1)
        return replace(self, head=snapshot.moment, snapshots=(*earlier, snapshot, *later), record=record)

    def sought(self, snapshot: Snapshot) -> Branch:
        """The stream turns to a kept moment; whatever was said since is replayed from there."""
        n_before = bisect_left(self.events, snapshot.chunk_index, key=lambda event: event.chunk_index)
        recorded = tuple(replace(event, origin="recorded") for event in self.events[n_before:])
        events = (*self.events[:n_before], *recorded)
        return replace(self, events=events, n_applied=n_before, head=snapshot.moment)

    def forked(self, snapshot: Snapshot, id: int, name: str) -> Branch:
        """Another branch with the same past up to a kept moment, and nothing after it."""
        index = snapshot.chunk_index
        n_before = bisect_left(self.events, index, key=lambda event: event.chunk_index)
        return replace(
            self,
            id=id,
            name=name,
            parent_id=self.id,
            forked_at=index,
            events=self.events[:n_before],
            n_applied=n_before,
            head=snapshot.moment,
            snapshots=_until(self.snapshots, index),
            record=self.record.before(index),
        )

    def turned_back(self, snapshot: Snapshot) -> tuple[Branch, tuple[Event, ...]]:
        """The branch at a moment behind the head as if nothing had come after it, and what was typed since.

        What was planned goes back to the plan; what was recorded earlier and replayed is void.
        """
        index = snapshot.chunk_index
        n_before = bisect_left(self.events, index, key=lambda event: event.chunk_index)
        since = self.events[n_before : self.n_applied]
        planned = tuple(Planned(event.plan_id, event) for event in since if event.origin == "planned")
        branch = replace(
            self,
            events=self.events[:n_before],
            n_applied=n_before,
            head=snapshot.moment,
            snapshots=_until(self.snapshots, index),
            record=self.record.before(index),
            plan=in_order((*planned, *self.plan)),
        )
        return branch, tuple(event for event in since if event.origin == "typed")

    def without(self, snapshots: set[Snapshot]) -> Branch:
        """The same with fewer moments kept."""
        return replace(self, snapshots=tuple(one for one in self.snapshots if one not in snapshots))

    def _forgetful(self) -> Branch:
        """Without the older half of the events, and without the moments from which they would be needed."""
        n_gone = len(self.events) // 2
        last_gone = self.events[n_gone - 1].chunk_index
        kept = tuple(one for one in self.snapshots if one.chunk_index > last_gone) or self.snapshots[-1:]
        return replace(
            self,
            events=self.events[n_gone:],
            n_applied=self.n_applied - n_gone,
            snapshots=kept,
            is_whole=False,
        )


def _until(snapshots: tuple[Snapshot, ...], chunk_index: int) -> tuple[Snapshot, ...]:
    """Those of moments up to a chunk index."""
    return snapshots[: bisect_left(snapshots, chunk_index + 1, key=lambda one: one.chunk_index)]
