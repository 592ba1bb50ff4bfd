"""The mailbox and one turn of a hosted engine."""

from __future__ import annotations

import fake_engine
import pytest

from lingen_live.engine.control import Cut, EngineControl, Mailbox, Order, Reseed, Reset, Steer, starts_fresh
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.tick import Errand, Refusal, Tick, run_ticks


def orders(*controls: EngineControl) -> tuple[Order, ...]:
    mailbox = Mailbox()
    for control in controls:
        mailbox.post(control)
    return mailbox.drain()


def run_tick(engine: fake_engine.FakeEngine, told: tuple[Order, ...]) -> Tick:
    (tick,) = run_ticks(fake_engine.FakeHost(EngineOptions()), [Errand(engine, told)])
    return tick


def test_order_of_arrival() -> None:
    assert orders(Reset(1), Steer(2, "a"), Reseed(3, 5)) == (
        Order(Reset(1), (1,)),
        Order(Steer(2, "a"), (2,)),
        Order(Reseed(3, 5), (3,)),
    )


def test_the_latest_of_a_kind_stands_where_it_arrived_with_all_ids() -> None:
    assert orders(Steer(1, "a"), Cut(2, "b"), Steer(3, "c"), Steer(4, "d")) == (
        Order(Cut(2, "b"), (2,)),
        Order(Steer(4, "d"), (1, 3, 4)),
    )


def test_draining_empties() -> None:
    mailbox = Mailbox()
    mailbox.post(Reset(1))
    assert len(mailbox) == 1
    mailbox.drain()
    assert (len(mailbox), mailbox.drain()) == (0, ())


def test_only_a_steer_keeps_the_past() -> None:
    assert [starts_fresh(control) for control in (Steer(1, "a"), Cut(1, "a"), Reseed(1, 1), Reset(1))] == [
        False,
        True,
        True,
        True,
    ]


def test_a_tick_applies_orders_oldest_first_and_then_makes_a_chunk() -> None:
    engine = fake_engine.FakeEngine(EngineOptions(prompt="a"))
    tick = run_tick(engine, orders(Cut(1, "b"), Reseed(2, 9), Steer(3, "c", 4)))
    assert engine.log == ["cut b", "reseed 9", "steer c 4"]
    assert (tick.chunk.prompt, tick.chunk.seed) == ("c", 9)
    assert (tick.applied_ids, tick.refusals, tick.is_fresh) == ((1, 2, 3), (), True)


def test_a_refusal_names_every_request_it_answers_and_stops_nothing() -> None:
    engine = fake_engine.FakeEngine(EngineOptions(prompt="a"))
    tick = run_tick(engine, orders(Steer(1, "b"), Steer(2, fake_engine.REFUSE), Reset(3)))
    assert tick.refusals == (Refusal((1, 2), "bad_prompt", "This engine refuses that."),)
    assert (tick.applied_ids, tick.chunk.prompt) == ((3,), "a")


def test_a_refused_cut_makes_nothing_fresh() -> None:
    engine = fake_engine.FakeEngine(EngineOptions(prompt="a"))
    assert not run_tick(engine, orders(Steer(1, fake_engine.REFUSE))).is_fresh


def test_a_bug_in_the_engine_is_not_hidden() -> None:
    engine = fake_engine.FakeEngine(EngineOptions(prompt=fake_engine.RAISE))
    with pytest.raises(RuntimeError, match="told to raise"):
        run_tick(engine, ())
