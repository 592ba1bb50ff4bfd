"""Words for later chunks: added, moved, cancelled, and said when their chunk comes. Pure; knows only branches.

A plan belongs to its branch. It is no history: what of it came true is an event like any other.
"""

from __future__ import annotations

from dataclasses import replace

from lingen_live.engine.branch import Branch
from lingen_live.engine.events import MAX_PLANNED, Event, Planned, in_order
from lingen_live.errors import TimelineError


def added(branch: Branch, event: Event) -> tuple[Branch, int]:
    """The branch with one more plan, and the id of that.

    Raises:
        TimelineError: its chunk was made already, or there are too many plans.
    """
    if len(branch.plan) >= MAX_PLANNED:
        raise TimelineError(f"{len(branch.plan)} prompts are planned; at most {MAX_PLANNED} may be. Cancel one first.")
    _check_ahead(branch, event.chunk_index)
    ids = [one.id for one in branch.plan] + [event.plan_id for event in branch.events]
    id = max(ids, default=0) + 1
    planned = Planned(id, replace(event, origin="planned", plan_id=id))
    return replace(branch, plan=in_order((*branch.plan, planned))), id


def moved(branch: Branch, id: int, chunk_index: int) -> Branch:
    """The branch with a plan at another chunk.

    Raises:
        TimelineError: there is no such plan, or the chunk was made already.
    """
    planned = _find(branch, id)
    _check_ahead(branch, chunk_index)
    later = Planned(id, replace(planned.event, chunk_index=chunk_index))
    return replace(branch, plan=in_order(later if one is planned else one for one in branch.plan))


def cancelled(branch: Branch, id: int) -> Branch:
    """The branch without a plan.

    Raises:
        TimelineError: there is no such plan.
    """
    planned = _find(branch, id)
    return replace(branch, plan=tuple(one for one in branch.plan if one is not planned))


def next_due(branch: Branch) -> Planned | None:
    """The plan that comes true with the next chunk; one whose chunk was leapt over does so late."""
    return branch.plan[0] if branch.plan and branch.plan[0].event.chunk_index <= branch.head.chunk_index else None


def _find(branch: Branch, id: int) -> Planned:
    for planned in branch.plan:
        if planned.id == id:
            return planned
    known = ", ".join(str(one.id) for one in branch.plan) or "none"
    raise TimelineError(f"There is no plan {id}; there are {known}.")


def _check_ahead(branch: Branch, chunk_index: int) -> None:
    here = branch.head.chunk_index
    if chunk_index < here:
        raise TimelineError(f"Chunk {chunk_index} was made already; the next is {here}.")
