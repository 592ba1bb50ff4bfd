"""Who goes next when one engine makes many streams, and how many it can make: by deadlines and measured costs.

Pure: times are passed in, seconds on one monotonic scale. Knows deadlines and how long batches took. Does not know
what a chunk is, nor whose streams they are.

    batch = scheduler.next_batch([Demand(7, dry_at_s=12.4), Demand(8, dry_at_s=12.1)], now_s=12.0)
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_WINDOW = 8
WORTH_IT = 0.97
"""A larger batch must make a chunk in at most this share of the time: those in it wait for each other."""
FULL_LOAD = 0.9
"""Share of the time that streams may take for their chunks; the rest is for words, pauses and noise."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A stream that wants a chunk, and when what it has will have been played: never, if nobody watches it made."""

    stream_id: int
    dry_at_s: float


def choose_batch(demands: Sequence[Demand], now_s: float, cost_s: Sequence[float]) -> tuple[int, ...]:
    """The streams to make chunks for, the most urgent first.

    Of the sizes with which the most urgent one is in time, the one that makes a chunk in the least time; a larger
    one only if that pays. If it will be late whatever is done, all sizes count, so that the delay is made up. What
    never runs dry is made only when nothing else is wanted.

    Args:
        demands: any number; none gives none.
        now_s: now.
        cost_s: how long a batch of 1, 2, ... takes; its length is the largest batch.

    Returns:
        Ids of streams.
    """
    watched = [demand for demand in demands if demand.dry_at_s < math.inf]
    urgent = sorted(watched or demands, key=lambda demand: (demand.dry_at_s, demand.stream_id))[: len(cost_s)]
    if not urgent:
        return ()
    sizes = range(1, len(urgent) + 1)
    in_time = [size for size in sizes if now_s + cost_s[size - 1] <= urgent[0].dry_at_s]
    size = _cheapest(in_time or sizes, cost_s)
    return tuple(demand.stream_id for demand in urgent[:size])


def capacity(cost_s: Sequence[float], chunk_s: float) -> int:
    """How many streams can play without end, at least 1.

    Args:
        cost_s: how long a batch of 1, 2, ... takes.
        chunk_s: media time of a chunk.
    """
    shares = [cost / size for size, cost in enumerate(cost_s, 1) if cost > 0]
    return max(1, int(FULL_LOAD * chunk_s / min(shares))) if shares else len(cost_s)


class RecurrentStateScheduler:
    """`choose_batch` and `capacity` with costs as they were measured.

    Args:
        max_batch: the largest batch.
        costs_s: of a batch of 1, 2, ... as far as they were tried; forgotten as real ones come.
    """

    def __init__(self, max_batch: int, costs_s: Sequence[float] = ()) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch is {max_batch}; it must be 1 or more")
        self._durations_s: list[deque[float]] = [deque(maxlen=_WINDOW) for _ in range(max_batch)]
        for durations_s, cost_s in zip(self._durations_s, costs_s, strict=False):
            durations_s.append(cost_s)

    def observe(self, n_chunks: int, duration_s: float) -> None:
        """A batch of `n_chunks` took `duration_s`."""
        self._durations_s[n_chunks - 1].append(duration_s)

    @property
    def is_measured(self) -> bool:
        """Whether anything is known."""
        return any(self._durations_s)

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

    def capacity(self, chunk_s: float) -> int | None:
        """How many streams can play without end; None while nothing was measured."""
        return capacity(self.cost_s, chunk_s) if self.is_measured else None


def _cheapest(sizes: Sequence[int], cost_s: Sequence[float]) -> int:
    """The smallest size that no larger one beats by enough."""
    best = sizes[0]
    for size in sizes[1:]:
        if cost_s[size - 1] / size <= WORTH_IT * cost_s[best - 1] / best:
            best = size
    return best
