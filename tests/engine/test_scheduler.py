"""Who goes next, by invented clocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingen_live.engine.scheduler import Demand, RecurrentStateScheduler, choose_batch

LINEAR = (0.1, 0.2, 0.3, 0.4)
INF = float("inf")
CHEAP = (0.1, 0.12, 0.14, 0.16)


@pytest.mark.parametrize(
    ("dry_at_s", "cost_s", "chosen"),
    [
        ([], CHEAP, ()),
        ([9.0], CHEAP, (0,)),
        ([3.0, 1.0, 2.0], CHEAP, (1, 2, 0)),
        ([3.0, 1.0, 2.0], CHEAP[:2], (1, 2)),  # no room for the third
        ([1.0, 0.13], CHEAP, (1, 0)),
        ([1.0, 0.11, 2.0], CHEAP, (1,)),  # in company the first would be late
        ([0.05, 0.06], CHEAP, (0, 1)),  # late anyway: in company each costs less
        ([0.05, 0.06], (0.1, 0.3), (0,)),  # late anyway, and company costs more
        ([1.0, 1.0, 0.35, 1.0], LINEAR, (2,)),  # company gains nothing
        ([1.0, 1.0], (0.1, 0.198), (0,)),  # too little to make them wait for each other
        ([1.0, 1.0], CHEAP, (0, 1)),
        ([INF, 1.0, INF], CHEAP, (1,)),  # what nobody watches keeps nobody company
        ([INF, INF], CHEAP, (0, 1)),
    ],
)
def test_the_most_urgent_go_first_and_as_many_as_it_can_wait_for(
    dry_at_s: list[float], cost_s: tuple[float, ...], chosen: tuple[int, ...]
) -> None:
    demands = [Demand(stream_id, dry) for stream_id, dry in enumerate(dry_at_s)]
    assert choose_batch(demands, 0.0, cost_s) == chosen
    shifted = [Demand(demand.stream_id, demand.dry_at_s + 1000) for demand in demands]
    assert choose_batch(shifted, 1000.0, cost_s) == chosen


@settings(deadline=None, derandomize=True, database=None)
@given(
    dry_at_s=st.lists(st.floats(-1, 5), max_size=8),
    steps=st.lists(st.floats(0.01, 0.2), min_size=1, max_size=5),
)
def test_nobody_is_left_behind_for_someone_less_urgent(dry_at_s: list[float], steps: list[float]) -> None:
    cost_s = tuple(sum(steps[: k + 1]) for k in range(len(steps)))
    demands = [Demand(k, dry) for k, dry in enumerate(dry_at_s)]
    chosen = choose_batch(demands, 0.0, cost_s)
    assert len(chosen) == len(set(chosen)) <= len(cost_s)
    assert bool(chosen) == bool(demands)
    left = [demand.dry_at_s for demand in demands if demand.stream_id not in chosen]
    assert all(dry_at_s[one] <= min(left, default=6) for one in chosen)


def test_costs_are_what_was_measured_lately() -> None:
    scheduler = RecurrentStateScheduler(3)
    assert scheduler.cost_s == (0.0, 0.0, 0.0)
    scheduler.observe(1, 0.1)
    assert scheduler.cost_s == pytest.approx((0.1, 0.2, 0.3))
    for _ in range(9):
        scheduler.observe(2, 0.12)
        scheduler.observe(1, 0.08)
    assert scheduler.cost_s == pytest.approx((0.08, 0.12, 0.18))
    assert scheduler.next_batch([Demand(5, 0.13), Demand(6, 0.2), Demand(7, 0.3)], 0.0) == (5, 6)


def test_a_scheduler_for_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="max_batch is 0"):
        RecurrentStateScheduler(0)
