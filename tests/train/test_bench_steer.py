"""The ways to say something, compared: from the same moment, with the same noise, and counted right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_text import FakeText
from numpy.typing import NDArray

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.engine import Engine
from lingen_live.train import bench_steer
from lingen_live.train.bench_steer import (
    BLEND,
    SILENCE,
    WAYS,
    as_steer_table,
    changes_and_scenes,
    jump,
    likeness,
    run_bench_steer,
    try_change,
)
from lingen_live.train.probe import JUDGED, AttributeProbe
from lingen_live.train.steering import sample_changes
from lingen_live.world.attributes import Attributes

CHUNK_S = 0.5


@pytest.fixture
def engine(tiny_bundle: Path) -> Engine:
    bundle = load_bundle(tiny_bundle)
    return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")


@pytest.fixture
def oracle(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """The probe sees what the last words stand for, unless they are told to be misread."""
    by_text: dict[str, Attributes] = {}
    for change, scene in changes_and_scenes(3):
        by_text |= {change.first.text: change.first.target, change.order.text: change.order.target}
        by_text[scene] = change.order.target
    misread: dict[str, str] = {}

    def seen_in(probe: AttributeProbe, frames: NDArray[np.uint8]) -> dict[str, str]:
        words = by_text[misread.get(engine.prompt, engine.prompt)]
        return {name: getattr(words, name) for name in JUDGED}

    monkeypatch.setattr(bench_steer, "seen_in", seen_in)
    return misread.__setitem__


def test_the_changes_are_those_of_the_evaluation() -> None:
    told = changes_and_scenes(12)
    assert [change for change, _ in told] == sample_changes(12)
    assert told == changes_and_scenes(12)
    assert len({scene for _, scene in told}) == 12


@pytest.mark.usefixtures("oracle")
def test_every_way_begins_at_the_same_moment(engine: Engine) -> None:
    ((change, scene),) = changes_and_scenes(1)
    runs = try_change(engine, AttributeProbe(), change, scene, 5, CHUNK_S)
    assert list(runs) == list(WAYS)
    assert runs[SILENCE].alike == pytest.approx((1.0,) * 8)
    assert all(len(run.alike) == 8 and run.alike[-1] < 0.999999 for way, run in runs.items() if way != SILENCE)
    alone = Engine(engine.bundle, engine.text_encoder, seed=5, prompt=change.first.text)
    frames = [alone.tick().frames for _ in range(5)]
    assert runs[SILENCE].jump == jump(frames[3][-1], frames[4][0])
    assert engine.chunk_index == 12
    again = try_change(engine, AttributeProbe(), change, scene, 5, CHUNK_S)
    assert all((runs[way].jump, runs[way].alike) == (again[way].jump, again[way].alike) for way in WAYS)


def test_what_shows_is_counted_by_the_way_it_was_said(engine: Engine, oracle: Callable[[str, str], None]) -> None:
    (_, (second, scene), _) = changes_and_scenes(3)
    oracle(scene, second.first.text)  # of the second change, the whole scene is not understood
    done: list[int] = []
    result = run_bench_steer(engine, AttributeProbe(), 3, done.append)
    ways = result["ways"]
    assert (done, result["n_changes"]) == ([3, 3, 3], 3)
    assert ways[SILENCE]["within"] == {"right": 0, "judged": 3}
    assert ways[SILENCE]["median_s"] is None
    assert ways[SILENCE]["like_silence_first"] == pytest.approx(1.0)
    for way in set(WAYS) - {SILENCE, "cut, all of the scene"}:
        assert (ways[way]["within"], ways[way]["median_s"]) == ({"right": 3, "judged": 3}, CHUNK_S)
        assert (ways[way]["only_this_way"], ways[way]["only_by_blending"]) == (0, 0)
    assert ways["cut, all of the scene"]["within"] == {"right": 2, "judged": 3}
    assert (ways["cut, all of the scene"]["only_this_way"], ways["cut, all of the scene"]["only_by_blending"]) == (0, 1)
    assert json.loads(json.dumps(result)) == result
    table = as_steer_table(result)
    assert f"| {BLEND} | 100 % (3/3) | 100 % (3/3) | 0.5 s | 0, 0 |" in table
    assert "| nothing is said | 0 % (0/3) | 0 % (0/3) | not measured |" in table


def test_likeness_and_jump() -> None:
    one = np.array([1.0, 2.0, 4.0], np.float32)
    assert likeness(one, 3 * one + 1) == pytest.approx(1.0)
    assert likeness(one, -one) == pytest.approx(-1.0)
    dark, bright = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 250, np.uint8)
    assert jump(bright, dark) == jump(dark, bright) == 250.0
