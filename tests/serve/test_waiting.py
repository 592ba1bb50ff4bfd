"""How long those in line are told that they will wait."""

from __future__ import annotations

import pytest

from lingen_live.serve.waiting import MIN_ENDED, Stays, estimate_s


def test_estimate() -> None:
    assert estimate_s(3, 10, 600) == 180  # one of ten ends every minute
    assert estimate_s(1, 0, 600) is None


def test_nothing_is_known_until_a_few_have_ended_and_those_who_still_play_count() -> None:
    stays = Stays()
    stays.play(4, 600.0)
    for _ in range(MIN_ENDED):
        assert stays.mean_s is None
        stays.end()
    assert stays.mean_s == 4 * 600 / MIN_ENDED
    stays.play(1, 600.0)  # nobody ends: they last longer than was thought
    assert stays.mean_s == 5 * 600 / MIN_ENDED


def test_the_mean_is_that_of_many_and_follows_when_it_changes() -> None:
    stays = Stays()
    for length_s in (100.0, 900.0):
        for _ in range(600):
            stays.play(10, length_s / 10)
            stays.end()
        assert stays.mean_s == pytest.approx(length_s, rel=0.05)
