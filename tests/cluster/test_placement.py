"""Who goes where, and who waits how long; a day of it by the same rule."""

from __future__ import annotations

import pytest

from lingen_live.cluster.placement import Kind, Room, Seeker, place, relieve
from lingen_live.cluster.playback import Cost, share_in_time
from lingen_live.cluster.simulation import DAY_S, DayPlan, simulate

A, B = Kind("a", "float32"), Kind("b", "float32")


def rooms(*taken: int, kind: Kind = A) -> list[Room]:
    """Devices that play two, have memory for three, and hold as many as told."""
    return [Room(f"d{k}", kind, 3, 2, n) for k, n in enumerate(taken)]


@pytest.mark.parametrize(
    ("seekers", "them", "chosen"),
    [
        ([Seeker(0)], rooms(1, 0), {0: "d1"}),
        ([Seeker(k) for k in range(5)], rooms(0, 0), {0: "d0", 1: "d1", 2: "d0", 3: "d1"}),
        ([Seeker(0)], rooms(2, 2), {}),
        ([Seeker(0, A, is_live=True)], rooms(2, 2), {0: "d0"}),  # rather late than lost
        ([Seeker(0, A, is_live=True)], rooms(3, 3), {}),
        ([Seeker(0), Seeker(1, A, is_live=True)], rooms(1, 2), {1: "d0"}),  # who plays already goes first
        ([Seeker(0, B, is_live=True), Seeker(1)], rooms(1, 2), {1: "d0"}),  # nobody waits behind whom nothing fits
        ([Seeker(0, B)], rooms(0, 0), {}),
        ([Seeker(0)], [], {}),
    ],
)
def test_place(seekers: list[Seeker], them: list[Room], chosen: dict[int, str]) -> None:
    before = sum(room.n_taken for room in them)
    assert place(seekers, them) == chosen
    assert sum(room.n_taken for room in them) == before + len(chosen)


@pytest.mark.parametrize(
    ("them", "move"),
    [
        (rooms(2, 0), None),
        (rooms(3, 1), ("d0", "d1")),
        (rooms(3, 1, 0), ("d0", "d2")),
        (rooms(3, 2), None),
        ([*rooms(3), Room("other", B, 3, 2, 0)], None),
        ([], None),
    ],
)
def test_relieve(them: list[Room], move: tuple[str, str] | None) -> None:
    assert relieve(them) == move


def test_on_time_while_costs_fit_and_not_beyond() -> None:
    shares = [share_in_time(n, Cost(), n_chunks=400) for n in (1, 3, 4)]
    assert shares[0] == 1.0
    assert shares[0] >= shares[1] > 0.9 > shares[2]


SMALL = DayPlan(n_sessions=300, n_devices=6, mean_session_s=3_000.0, mean_life_s=20_000.0)


def test_a_day_is_the_same_again_and_loses_nobody() -> None:
    day = simulate(SMALL, seed=3)
    assert day == simulate(SMALL, seed=3)
    assert day != simulate(SMALL, seed=4)
    assert day.n_failures > 0
    assert day.n_moves > 0
    for visit in day.visits:
        assert visit.began_s is not None
        assert visit.began_s >= visit.arrived_s
        assert visit.lost_s is None
        assert visit.ends_s == pytest.approx(visit.began_s + visit.length_s + visit.moves_s + sum(visit.outages_s))
    up_s = sum(day.device_s)
    assert 0 < up_s <= 6 * DAY_S
    assert sum(k * s for k, s in enumerate(day.device_s)) == pytest.approx(sum(day.hourly_used) * 3600)


def test_who_waits_was_told_about_how_long() -> None:
    plan = DayPlan(n_sessions=500, n_devices=8, mean_life_s=1e12)
    told = [(visit.estimate_s, (visit.began_s or 0) - visit.arrived_s) for visit in simulate(plan, seed=0).visits]
    ratios = sorted(wait_s / estimate_s for estimate_s, wait_s in told if estimate_s is not None)
    assert len(ratios) > 100
    assert 0.8 < ratios[len(ratios) // 2] < 1.25


def test_without_failures_and_with_room_nobody_waits() -> None:
    day = simulate(DayPlan(n_sessions=100, n_devices=100, mean_life_s=1e12), seed=0)
    assert day.n_failures == 0
    assert all(visit.began_s == visit.arrived_s and not visit.outages_s for visit in day.visits)
