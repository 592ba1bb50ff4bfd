"""Keyframes on request, and one bitrate for many receivers; time is invented."""

from __future__ import annotations

import pytest

from lingen_live.serve.feedback import BitrateRule, KeyframeRule, nominal_bps


def test_a_keyframe_is_made_when_asked_for_and_not_twice() -> None:
    rule = KeyframeRule()
    assert not rule.is_due(0.0)
    rule.ask()
    assert rule.is_due(0.0)
    rule.note(0.0)
    assert not rule.is_due(9.0)


def test_who_asks_too_soon_waits_and_is_not_forgotten() -> None:
    rule = KeyframeRule(interval_s=0.5)
    rule.note(10.0)
    for _ in range(20):
        rule.ask()
    assert not rule.is_due(10.4)
    assert rule.is_due(10.5)


@pytest.mark.parametrize(("size", "bps"), [((64, 64), 1_000_000), ((256, 256), 1_048_576), ((832, 480), 3_000_000)])
def test_larger_pictures_get_more(size: tuple[int, int], bps: int) -> None:
    assert nominal_bps(*size, 16.0) == bps


def test_an_estimate_above_what_is_sent_says_nothing() -> None:
    rule = BitrateRule(1_000_000, now_s=0.0)
    rule.note("a", 300_000)  # a still picture was sent at 200 kbit/s: nobody measured more
    assert rule.update(sent_bps=200_000, now_s=60.0) == 1_000_000


def test_it_falls_step_by_step_to_the_floor_and_rises_slowly_to_where_it_began() -> None:
    rule = BitrateRule(1_000_000, now_s=0.0)
    rule.note("a", 300_000)
    falling = [rule.update(sent_bps=rule.bitrate_bps, now_s=float(second)) for second in range(1, 12)]
    assert falling[0] == 1_000_000  # a moment's patience
    assert falling[1] == 700_000
    assert falling[2] == 700_000
    assert falling[-1] == 400_000
    rule.note("a", 2_000_000)
    rising = [rule.update(sent_bps=rule.bitrate_bps, now_s=float(second)) for second in range(12, 90)]
    assert rising == sorted(rising)
    assert (rising[0], rising[-1]) == (400_000, 1_000_000)
    assert len(set(rising)) <= 5


def test_one_bad_line_of_three_does_not_count_until_the_others_leave() -> None:
    rule = BitrateRule(1_000_000, now_s=0.0)
    for receiver, estimate in {"bad": 100_000, "good": 3_000_000, "fine": 2_000_000}.items():
        rule.note(receiver, estimate)
    assert rule.update(sent_bps=1_000_000, now_s=60.0) == 1_000_000
    rule.forget("good")
    rule.forget("fine")
    assert rule.update(sent_bps=1_000_000, now_s=61.0) == 700_000
