"""Who goes next when one engine makes many streams: those whose frames run out first, as many as pay.

Pure: times are passed in, seconds on one monotonic scale. Knows deadlines and how long batches took. Does not know
what a chunk is, nor whose streams they are.

    batch = scheduler.next_batch([Demand(7, dry_at_s=12.4), Demand(8, dry_at_s=12.1)], now_s=12.0)
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Demand:
    """A stream that wants a chunk, and when what it has will have been played."""

    stream_id: int
    dry_at_s: float


def choose_batch(demands: Sequence[Demand], now_s: float, cost_s: Sequence[float]) -> tuple[int, ...]:
    """The streams to make chunks for, the most urgent first.

    As many as still let the most urgent one be in time. If it will be late whatever is done, as many as are made
    in the least time each, so that the delay is made up.

    Args:
        demands: any number; none gives none.
        now_s: now.
        cost_s: how long a batch of 1, 2, ... takes; its length is the largest batch.

    Returns:
        Ids of streams.
    """
    urgent = sorted(demands, key=lambda demand: (demand.dry_at_s, demand.stream_id))[: len(cost_s)]
    if not urgent:
        return ()
    sizes = range(1, len(urgent) + 1)
    in_time = [size for size in sizes if now_s + cost_s[size - 1] <= urgent[0].dry_at_s]
    size = max(in_time) if in_time else min(sizes, key=lambda size: cost_s[size - 1] / size)
    return tuple(demand.stream_id for demand in urgent[:size])


class RecurrentStateScheduler:
    """`choose_batch` with costs as they were measured.

    Args:
        max_batch: the largest batch.
    """

    def __init__(self, max_batch: int) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch is {max_batch}; it must be 1 or more")
        self._durations_s: list[deque[float]] = [deque(maxlen=_WINDOW) for _ in range(max_batch)]

    def observe(self, n_chunks: int, duration_s: float) -> None:
        """A batch of `n_chunks` took `duration_s`."""
        self._durations_s[n_chunks - 1].append(duration_s)

    @property
    def cost_s(self) -> tuple[float, ...]:
        """Expected seconds of a batch of 1, 2, ...; of sizes never tried, by the chunk as the nearest smaller one."""
        costs: list[float] = []
        for size, durations_s in enumerate(self._durations_s, 1):
            known = statistics.median(durations_s) if durations_s else None
            costs.append(known if known is not None else costs[-1] * size / (size - 1) if costs else 0.0)
        return tuple(costs)

    def next_batch(self, demands: Sequence[Demand], now_s: float) -> tuple[int, ...]:
        """The streams to make chunks for now."""
        return choose_batch(demands, now_s, self.cost_s)
