"""Words that are said in special ways: blended, told anew, said again after turning back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lingen_live.engine.engine import Engine
from lingen_live.engine.events import words_of
from lingen_live.errors import LingenError, PromptError

MakeEngine = Callable[..., Engine]


def test_a_blend_is_between_its_prompts(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.blend([("night", 3), ("a sea of ice", 1)])
    assert engine.prompt == "75 % night + 25 % a sea of ice"
    night, ice = (engine.text_encoder.encode(one).pooled for one in ("night", "a sea of ice"))
    np.testing.assert_allclose(engine.transition.target.words.pooled, 0.75 * night + 0.25 * ice, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "words"),
    [([], "0 prompts"), ([("a", 1.0)] * 5, "5 prompts"), ([("a", 0.0)], "weight of 0"), ([("a", float("nan"))], "nan")],
)
def test_blends_that_cannot_be(make_engine: MakeEngine, parts: list[tuple[str, float]], words: str) -> None:
    engine = make_engine()
    before = engine.moment
    with pytest.raises(PromptError, match=words):
        engine.blend(parts)
    assert engine.moment is before


def test_a_reanchor_is_at_the_words_and_remembers_under_them(make_engine: MakeEngine) -> None:
    engine, steered = make_engine(), make_engine()
    for one in (engine, steered):
        for _ in range(4):
            one.tick()
    engine.reanchor("night", 3)
    steered.steer("night")
    assert engine.state.to_bytes() != steered.state.to_bytes()
    chunk = engine.tick()
    assert (chunk.prompt, chunk.blend, chunk.chunk_index) == ("night", 1.0, 4)
    assert chunk.digest != steered.tick().digest


def test_a_reanchor_under_the_same_words_changes_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(4):
        engine.tick()
    before = engine.state.to_bytes()
    engine.reanchor("a meadow", 3)
    assert engine.state.to_bytes() == before


@pytest.mark.parametrize("n_chunks", [0, 3, 6])
def test_a_reanchor_beyond_the_scene_is_refused(make_engine: MakeEngine, n_chunks: int) -> None:
    engine = make_engine()
    engine.tick()
    engine.cut("night")
    for _ in range(3):
        engine.tick()
    before = engine.timeline.current
    with pytest.raises(LingenError, match=f"{n_chunks} chunks cannot be told anew: the scene has 2"):
        engine.reanchor("a sea of ice", n_chunks)
    assert engine.timeline.current is before


def test_turning_back_says_again_what_was_typed(make_engine: MakeEngine) -> None:
    engine, straight = make_engine(), make_engine()
    for _ in range(2):
        engine.tick()
        straight.tick()
    engine.tick()
    engine.steer("a sea of ice", 2)
    engine.tick()
    epoch = engine.timeline.epoch
    assert engine.turn_back(2, epoch)
    assert engine.timeline.epoch == epoch + 1
    engine.steer("night")
    straight.steer("a sea of ice", 2)
    straight.steer("night")
    assert [engine.tick().digest for _ in range(2)] == [straight.tick().digest for _ in range(2)]
    assert engine.scenario() == straight.scenario()


def test_turning_back_voids_what_was_replayed_and_plans_again_what_was_planned(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("a sea of ice")  # at chunk 1
    for _ in range(3):
        engine.tick()
    engine.seek(0)
    engine.plan("steer", words_of("night"), 2)
    for _ in range(3):
        engine.tick()
    assert [event.chunk_index for event in engine.timeline.current.events] == [1, 2]
    assert not engine.timeline.current.plan
    assert engine.turn_back(1, engine.timeline.epoch)
    assert engine.timeline.current.events == ()
    assert [one.event.chunk_index for one in engine.timeline.current.plan] == [2]
    engine.tick()
    engine.tick()
    assert engine.prompt == "night"


def test_turning_back_is_for_what_is_there(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    before = engine.timeline.current
    epoch = engine.timeline.epoch
    assert not engine.turn_back(0, epoch + 1)
    assert not engine.turn_back(1, epoch)
    assert not engine.turn_back(5, epoch)
    assert engine.timeline.current is before
