"""How many chunks are in time on one device with so many sessions: the engine's own scheduler, with drawn costs.

A session asks for its next chunk when the one before begins to play, and stands still until a late one is there: as the
server does, without the lead that it may take. Pure; the same seed gives the same numbers.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from lingen_live.engine.scheduler import Demand, RecurrentStateScheduler


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a chunk: lognormal, by two measured numbers."""

    median_s: float = 0.137
    p95_s: float = 0.155

    def draw(self, dice: random.Random) -> float:
        """One of them."""
        sigma = math.log(self.p95_s / self.median_s) / 1.645
        return self.median_s * math.exp(dice.gauss(0.0, sigma))


def share_in_time(n_sessions: int, cost: Cost, chunk_s: float = 0.5, n_chunks: int = 2_000, seed: int = 0) -> float:
    """The share of chunks that are there when they are due, 0 to 1.

    Args:
        n_sessions: on one device, 1 or more.
        cost: of a chunk of one session.
        chunk_s: media time of a chunk.
        n_chunks: to be made in all.
        seed: of costs and of when sessions begin.
    """
    dice = random.Random(seed)
    scheduler = RecurrentStateScheduler(1, (cost.median_s,))
    asked_s = {number: dice.uniform(0.0, chunk_s) for number in range(n_sessions)}
    now_s, n_late = 0.0, 0
    for _ in range(n_chunks):
        waiting = [number for number, at_s in asked_s.items() if at_s <= now_s]
        if not waiting:
            now_s = min(asked_s.values())
            waiting = [number for number, at_s in asked_s.items() if at_s <= now_s]
        (number,) = scheduler.next_batch([Demand(one, asked_s[one] + chunk_s) for one in waiting], now_s)
        cost_s = cost.draw(dice)
        now_s += cost_s
        scheduler.observe(1, cost_s)
        due_s = asked_s[number] + chunk_s
        n_late += now_s > due_s
        asked_s[number] = max(now_s, due_s)  # this chunk begins to play, and the next is asked for
    return 1 - n_late / n_chunks
