"""Words for later chunks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lingen_live.engine.engine import Engine
from lingen_live.engine.events import words_of
from lingen_live.errors import TimelineError

MakeEngine = Callable[..., Engine]


def test_a_plan_comes_true_with_its_chunk(make_engine: MakeEngine) -> None:
    engine, straight = make_engine(), make_engine()
    first = engine.plan("steer", words_of("night"), 2, 2)
    second = engine.plan("cut", words_of("a sea of ice"), 1)
    third = engine.plan("cut", words_of("a red desert"), 1)
    engine.move_plan(second, 3)
    engine.cancel_plan(third)
    assert [one.id for one in engine.timeline.current.plan] == [first, second]
    for index in range(5):
        if index == 2:
            straight.steer("night", 2)
        if index == 3:
            straight.cut("a sea of ice")
        assert engine.tick().digest == straight.tick().digest
    assert not engine.timeline.current.plan


def test_plans_that_cannot_be(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    plan_id = engine.plan("steer", words_of("night"), 4)
    mistakes: list[tuple[Callable[[], object], str]] = [
        (lambda: engine.plan("steer", words_of("night"), 0), "Chunk 0 was made already; the next is 1"),
        (lambda: engine.move_plan(plan_id, 0), "Chunk 0 was made already"),
        (lambda: engine.move_plan(9, 2), f"no plan 9; there are {plan_id}"),
        (lambda: engine.cancel_plan(9), "no plan 9"),
    ]
    for wrong, words in mistakes:
        with pytest.raises(TimelineError, match=words):
            wrong()
    for _ in range(63):
        engine.plan("steer", words_of("night"), 4)
    with pytest.raises(TimelineError, match="64 prompts are planned; at most 64 may be"):
        engine.plan("steer", words_of("night"), 4)
