"""The branches of a stream and the budget for what is kept of them.

Changes are prepared and then take effect at once: whoever fails halfway has changed nothing. Knows branches and
bytes. Does not know how a chunk is made.

    timeline = Timeline(TimelineLimits(), start, moment)
    timeline.put(timeline.current.told(event, after))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lingen_live.engine.branch import Branch
from lingen_live.engine.events import Start, tell
from lingen_live.engine.snapshot import Moment, Snapshot
from lingen_live.engine.thinning import N_RECENT, protected, worth
from lingen_live.engine.view import BranchView, PlanView, TimelineView
from lingen_live.errors import ConfigError, TimelineError

MAX_NAME_CHARS = 40
FIRST_NAME = "main"
_N_SPARE = 8
"""Moments that there must be room for beside those that always stay."""


@dataclass(frozen=True, slots=True)
class TimelineLimits:
    """How much is kept.

    Attributes:
        memory_bytes: of all snapshots together.
        max_branches: how many there may be.
    """

    memory_bytes: int = 64 * 2**20
    max_branches: int = 8

    @classmethod
    def for_state(cls, state_bytes: int) -> TimelineLimits:
        """The usual limits; of a model with large states, as much memory as they need."""
        usual = cls()
        return replace(usual, memory_bytes=max(usual.memory_bytes, usual.needed_bytes(state_bytes)))

    def needed_bytes(self, state_bytes: int) -> int:
        """The least memory: for the moments that always stay, and for some that need not."""
        return (2 * self.max_branches + N_RECENT + _N_SPARE) * state_bytes

    def check(self, state_bytes: int) -> None:
        """Refuse a budget in which the moments that always stay have no room.

        Raises:
            ConfigError: with both numbers.
        """
        needed = self.needed_bytes(state_bytes)
        if self.max_branches < 1 or self.memory_bytes < needed:
            raise ConfigError(
                f"The timeline has {self.memory_bytes} bytes; {self.max_branches} branches of this model take {needed}."
            )


@dataclass(frozen=True, slots=True)
class Mark:
    """A timeline as it was."""

    branches: dict[int, Branch]
    current_id: int
    epoch: int
    next_id: int


class Timeline:
    """All branches, of which the stream is on one.

    Args:
        limits: how much is kept.
        start: how the first branch begins.
        moment: its moment before chunk 0.
    """

    def __init__(self, limits: TimelineLimits, start: Start, moment: Moment) -> None:
        limits.check(moment.state.n_bytes)
        self.limits = limits
        self.epoch = 0
        self._next_id = 1
        first = Branch(0, FIRST_NAME, None, 0, start, moment, (Snapshot(moment, None),))
        self._branches: dict[int, Branch] = {0: first}
        self._current_id = 0

    @property
    def current(self) -> Branch:
        """Where the stream is."""
        return self._branches[self._current_id]

    @property
    def branches(self) -> tuple[Branch, ...]:
        """All, oldest first."""
        return tuple(self._branches.values())

    @property
    def n_bytes(self) -> int:
        """Memory of all that is kept; what branches share counts once."""
        return sum(snapshot.n_bytes for snapshot in self._snapshots())

    def view(self) -> TimelineView:
        """All of it that people may see."""
        here = self.current
        return TimelineView(
            branch_id=here.id,
            chunk_index=here.head.chunk_index,
            epoch=self.epoch,
            branches=tuple(
                BranchView(one.id, one.name, one.parent_id, one.forked_at, one.tip_index) for one in self.branches
            ),
            max_branches=self.limits.max_branches,
            moments=tuple((one.chunk_index, one.id) for one in here.snapshots),
            plan=tuple(
                PlanView(one.id, one.event.chunk_index, one.event.verb, tell(one.event.words), one.event.n_chunks)
                for one in here.plan
            ),
        )

    def find(self, chunk_index: int) -> Snapshot:
        """The kept moment of the current branch at a chunk index.

        Raises:
            TimelineError: it is not kept; names the nearest that are.
        """
        branch = self.current
        if found := branch.kept(chunk_index):
            return found
        kept = [one.chunk_index for one in branch.snapshots]
        below = [index for index in kept if index < chunk_index][-1:]
        above = [index for index in kept if index > chunk_index][:1]
        nearest = " and ".join(str(index) for index in (*below, *above))
        raise TimelineError(
            f"The moment before chunk {chunk_index} of branch {branch.name!r} is not kept; "
            f"{len(kept)} of {kept[0]} to {kept[-1]} are, the nearest before {nearest}."
        )

    def mark(self) -> Mark:
        """Everything as it is now, for `restore`."""
        return Mark(self._branches, self._current_id, self.epoch, self._next_id)

    def restore(self, mark: Mark) -> None:
        """Have everything as it was."""
        self._branches, self._current_id, self.epoch, self._next_id = (
            mark.branches,
            mark.current_id,
            mark.epoch,
            mark.next_id,
        )

    def put(self, branch: Branch, *, is_stale: bool = False) -> None:
        """Have the current branch as it is now; `is_stale` when what was made of it but not shown is void."""
        shed = self._over_budget({**self._branches, branch.id: branch})
        self._branches = {**self._branches, branch.id: branch}
        if shed:
            self._branches = {id: one.without(shed) for id, one in self._branches.items()}
        self.epoch += is_stale

    def restart(self, start: Start, moment: Moment) -> None:
        """The current branch forgets everything and begins anew; branches that left it stay."""
        old = self.current
        fresh = Branch(old.id, old.name, None, 0, start, moment, (Snapshot(moment, None),))
        orphans = {one.id: replace(one, parent_id=None) for one in self.branches if one.parent_id == old.id}
        self._branches = {**self._branches, **orphans, old.id: fresh}
        self.epoch += 1

    def seek(self, chunk_index: int) -> None:
        """Go to a kept moment of the current branch.

        Raises:
            TimelineError: it is not kept.
        """
        self.put(self.current.sought(self.find(chunk_index)), is_stale=True)

    def fork(self, chunk_index: int | None = None, name: str | None = None) -> int:
        """Leave the current branch at a kept moment, by default here, for a new branch; returns its id.

        Raises:
            TimelineError: the moment is not kept, there are too many branches, or the name cannot be one.
        """
        snapshot = self.find(self.current.head.chunk_index if chunk_index is None else chunk_index)
        id, name = self.reserve(name)
        return self.adopt(self.current.forked(snapshot, id, name))

    def reserve(self, name: str | None) -> tuple[int, str]:
        """Id and name for one more branch; nothing is changed yet.

        Raises:
            TimelineError: there are too many branches, or the name cannot be one.
        """
        if len(self._branches) >= self.limits.max_branches:
            raise TimelineError(
                f"There are {len(self._branches)} branches; at most {self.limits.max_branches} may be: delete one."
            )
        return self._next_id, f"branch {self._next_id}" if name is None else check_name(name)

    def adopt(self, branch: Branch) -> int:
        """Take a branch whose id was reserved, and go there; returns the id."""
        shed = self._over_budget({**self._branches, branch.id: branch}, branch.id)
        branches = {**self._branches, branch.id: branch}
        self._branches = {id: one.without(shed) for id, one in branches.items()} if shed else branches
        self._current_id = branch.id
        self._next_id = max(self._next_id, branch.id + 1)
        self.epoch += 1
        return branch.id

    def switch(self, branch_id: int) -> None:
        """Go on with another branch where it was left.

        Raises:
            TimelineError: there is none of this id.
        """
        if self._check_id(branch_id) is not self.current:
            self._current_id = branch_id
            self.epoch += 1

    def delete(self, branch_id: int) -> None:
        """Forget another branch; those that left it hang on what it had left.

        Raises:
            TimelineError: there is none of this id, or the stream is on it.
        """
        gone = self._check_id(branch_id)
        if branch_id == self._current_id:
            raise TimelineError(f"The stream is on branch {gone.name!r}; switch to another before it is deleted.")
        self._branches = {
            one.id: replace(one, parent_id=gone.parent_id, forked_at=min(one.forked_at, gone.forked_at))
            if one.parent_id == branch_id
            else one
            for one in self.branches
            if one.id != branch_id
        }

    def _check_id(self, branch_id: int) -> Branch:
        if branch_id not in self._branches:
            known = ", ".join(str(id) for id in self._branches)
            raise TimelineError(f"There is no branch {branch_id}; there are {known}.")
        return self._branches[branch_id]

    def _snapshots(self) -> Iterator[Snapshot]:
        """Every snapshot once."""
        yield from dict.fromkeys(one for branch in self.branches for one in branch.snapshots)

    def _over_budget(self, branches: dict[int, Branch], current_id: int | None = None) -> set[Snapshot]:
        """The snapshots to let go, so that the others fit."""
        here_id = self._current_id if current_id is None else current_id
        sizes = {one: one.n_bytes for branch in branches.values() for one in branch.snapshots}
        excess = sum(sizes.values()) - self.limits.memory_bytes
        shed: set[Snapshot] = set()
        while excess > 0:
            value: dict[Snapshot, float] = {}
            fixed: set[Snapshot] = set()
            for branch in branches.values():
                left = [one for one in branch.snapshots if one not in shed]
                indices = [one.chunk_index for one in left]
                stays = protected(indices, branch.head.chunk_index if branch.id == here_id else None)
                fixed.update(one for one in left if one.chunk_index in stays)
                for position in range(1, len(left) - 1):
                    one = left[position]
                    value[one] = max(value.get(one, 0.0), worth(indices, position))
            candidates = {one: value[one] for one in value if one not in fixed}
            if not candidates:
                break
            loser = min(candidates, key=candidates.__getitem__)
            shed.add(loser)
            excess -= sizes[loser]
        return shed


def check_name(name: str) -> str:
    """The name of a branch without the blanks around it.

    Raises:
        TimelineError: it cannot be one.
    """
    text = name.strip()
    if not 1 <= len(text) <= MAX_NAME_CHARS:
        raise TimelineError(f"The name has {len(text)} characters; a branch has a name of 1 to {MAX_NAME_CHARS}.")
    if not text.isprintable() or "/" in text or "\\" in text:
        raise TimelineError("The name holds a slash or a character that cannot be shown; a branch has plain words.")
    return text
