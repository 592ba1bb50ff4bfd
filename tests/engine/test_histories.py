"""Whatever is done to a stream, each branch equals a straight replay of its own events, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_text import FakeText
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lives import LIMITS, OPERATIONS, STAGES, assert_equal_to_replay, do, fail_at

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)
@given(operations=st.lists(OPERATIONS, min_size=6, max_size=20))
def test_every_branch_equals_a_straight_replay_of_its_own_events(
    tiny_bundle: Path, operations: list[tuple[object, ...]]
) -> None:
    bundle = load_bundle(tiny_bundle)
    text = FakeText(bundle.config.model.text_tokens)

    def make() -> Engine:
        return Engine(bundle, text, seed=7, prompt="a meadow", limits=LIMITS)

    engine = make()
    for name, *arguments in operations:
        do(engine, str(name), *arguments)
        assert engine.timeline.n_bytes <= LIMITS.memory_bytes
    for branch in engine.timeline.branches:
        assert_equal_to_replay(engine, branch, make())


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_at_any_stage_leaves_everything_as_it_was(make_engine: MakeEngine, stage: str) -> None:
    engine, twin = make_engine(), make_engine()
    for one in (engine, twin):
        one.tick()
        one.steer("a sea of ice", 3)
        one.tick()
    branch, content = engine.timeline.current, engine.state.to_bytes()
    fail_at(engine, stage)
    assert engine.timeline.current is branch
    assert engine.state.to_bytes() == content
    assert np.array_equal(engine.tick().frames, twin.tick().frames)
