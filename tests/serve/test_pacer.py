"""When frames play and when chunks are asked for, by invented clocks."""

from __future__ import annotations

import pytest

from lingen_live.serve.pacer import Action, LeadTime, Pacer

FPS = 16.0
SLOT_S = 1 / FPS


def test_nothing_plays_before_the_first_frame() -> None:
    pacer = Pacer(FPS)
    decision = pacer.decide(100.0, 0, is_paused=False)
    assert (decision.action, decision.wait_s) == (Action.WAIT, SLOT_S)
    assert pacer.media_time_s(100.0) == 0.0


def test_frames_are_sent_slot_by_slot_and_do_not_drift() -> None:
    pacer = Pacer(FPS)
    now_s = 1000.3
    for slot in range(1000):
        decision = pacer.decide(now_s, 8, is_paused=False)
        assert decision.action is Action.SEND
        assert decision.media_time_s == pytest.approx(slot * SLOT_S)
        now_s += decision.wait_s + 0.004  # every wake-up is late; lateness must not add up
    assert now_s == pytest.approx(1000.3 + 1000 * SLOT_S, abs=0.01)


def test_an_early_wake_up_waits_for_its_slot() -> None:
    pacer = Pacer(FPS)
    pacer.decide(0.0, 8, is_paused=False)
    decision = pacer.decide(0.02, 8, is_paused=False)
    assert decision.action is Action.WAIT
    assert decision.wait_s == pytest.approx(SLOT_S - 0.02)


def test_a_late_chunk_repeats_the_last_frame_and_is_counted() -> None:
    pacer = Pacer(FPS)
    pacer.decide(0.0, 1, is_paused=False)
    late = pacer.decide(SLOT_S, 0, is_paused=False)
    assert (late.action, late.media_time_s, late.is_late) == (Action.REPEAT, SLOT_S, True)
    again = pacer.decide(2 * SLOT_S, 1, is_paused=False)
    assert (again.action, again.media_time_s, again.is_late) == (Action.SEND, 2 * SLOT_S, False)


def test_a_stall_skips_the_slots_slept_through() -> None:
    pacer = Pacer(FPS)
    pacer.decide(0.0, 8, is_paused=False)
    decision = pacer.decide(10 * SLOT_S + 0.01, 8, is_paused=False)
    assert (decision.action, decision.media_time_s) == (Action.SEND, 10 * SLOT_S)
    assert decision.wait_s == pytest.approx(SLOT_S - 0.01)


def run(pacer: Pacer, slots: range, n_queued: int, is_paused: bool) -> list[tuple[Action, float]]:
    """Decide once a slot; what was sent, and its media time in slots."""
    decisions = [(slot, pacer.decide(slot * SLOT_S, n_queued, is_paused)) for slot in slots]
    return [(d.action, d.media_time_s * FPS) for _, d in decisions if d.action is not Action.WAIT]


def test_a_pause_repeats_slowly_and_media_time_goes_on() -> None:
    pacer = Pacer(FPS, idle_fps=2.0)
    run(pacer, range(4), 8, is_paused=False)
    held = run(pacer, range(4, 36), 8, is_paused=True)
    assert held == [
        (Action.REPEAT, 11.0),
        (Action.REPEAT, 19.0),
        (Action.REPEAT, 27.0),
        (Action.REPEAT, 35.0),
    ]
    assert run(pacer, range(36, 38), 8, is_paused=False) == [(Action.SEND, 36.0), (Action.SEND, 37.0)]


def test_a_pause_is_not_late() -> None:
    pacer = Pacer(FPS)
    pacer.decide(0.0, 1, is_paused=False)
    assert not any(pacer.decide(slot * SLOT_S, 0, is_paused=True).is_late for slot in range(1, 40))


def test_a_starved_stream_slows_its_repeats_after_a_while() -> None:
    pacer = Pacer(FPS, idle_fps=2.0, patience_s=1.0)
    run(pacer, range(1), 1, is_paused=False)
    repeats = run(pacer, range(1, 49), 0, is_paused=False)
    assert len([slot for _, slot in repeats if slot <= 16]) == 16
    assert [slot for _, slot in repeats if slot > 16] == [24.0, 32.0, 40.0, 48.0]


def test_patience_begins_anew_after_a_pause() -> None:
    pacer = Pacer(FPS, patience_s=1.0)
    run(pacer, range(1), 1, is_paused=False)
    run(pacer, range(1, 100), 0, is_paused=True)
    assert len(run(pacer, range(100, 116), 0, is_paused=False)) == 16


def test_media_time_never_goes_back() -> None:
    pacer = Pacer(FPS)
    now_s, last_s = 5.0, -1.0
    for step in range(600):
        decision = pacer.decide(now_s, (0, 3, 1)[step % 3], is_paused=step % 50 > 30)
        if decision.action is not Action.WAIT:
            assert decision.media_time_s > last_s
            last_s = decision.media_time_s
        now_s += (decision.wait_s, 0.0, 0.5, 0.01)[step % 4]


def test_the_lead_is_a_whole_chunk_until_a_chunk_was_seen() -> None:
    assert LeadTime(0.5).lead_s == 0.5


def test_the_lead_follows_the_slowest_of_the_last_chunks() -> None:
    lead = LeadTime(0.5, window=3, stretch=1.25, margin_s=0.1)
    for duration_s in (0.05, 0.2, 0.1):
        lead.observe(duration_s)
    assert lead.lead_s == pytest.approx(0.35)
    lead.observe(0.04)
    lead.observe(0.04)
    assert lead.lead_s == pytest.approx(0.225)


def test_the_lead_is_never_more_than_a_chunk() -> None:
    lead = LeadTime(0.5)
    lead.observe(3.0)
    assert lead.lead_s == 0.5


def test_words_need_not_expect_to_wait_for_what_makes_way_for_them() -> None:
    lead = LeadTime(0.5)
    lead.observe(0.3, deferred_s=0.15)
    assert lead.expected_s == pytest.approx(0.15)
    assert lead.lead_s == pytest.approx(1.25 * 0.3 + 0.1)
