"""The timeline as people see it: branches, moments to go back to, and plans. Plain values, no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BranchView:
    """A line of history.

    Attributes:
        id: unique in its timeline.
        name: for people.
        parent_id: the branch that it left; None if it left none.
        forked_at: chunk index at which it left.
        tip_index: chunks made on it.
    """

    id: int
    name: str
    parent_id: int | None
    forked_at: int
    tip_index: int


@dataclass(frozen=True, slots=True)
class PlanView:
    """Words for a later chunk."""

    id: int
    chunk_index: int
    verb: str
    prompt: str
    n_chunks: int


@dataclass(frozen=True, slots=True)
class TimelineView:
    """Everything that can be shown of a timeline.

    Attributes:
        branch_id: where the stream is.
        chunk_index: of the chunk that comes next.
        epoch: a counter, higher whenever queued frames became stale.
        branches: all, oldest first.
        max_branches: how many there may be.
        moments: (chunk index, snapshot id) of every kept moment of the current branch, rising; equal ids are the same
            moment, on whatever branch.
        plan: of the current branch, in order.
    """

    branch_id: int
    chunk_index: int
    epoch: int
    branches: tuple[BranchView, ...]
    max_branches: int
    moments: tuple[tuple[int, int], ...]
    plan: tuple[PlanView, ...]

    def to_json(self) -> Mapping[str, Any]:
        """As it is sent to pages."""
        return {
            "branch_id": self.branch_id,
            "chunk_index": self.chunk_index,
            "branches": [dataclasses.asdict(branch) for branch in self.branches],
            "max_branches": self.max_branches,
            "moments": [list(moment) for moment in self.moments],
            "plan": [dataclasses.asdict(plan) for plan in self.plan],
        }


NO_TIMELINE = TimelineView(0, 0, 0, (), 1, (), ())
"""Of an engine that keeps nothing."""
