"""Steering: which changes are asked, when they count as reached, and that ground truth scores in full."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from lingen_live.config import BundleConfig
from lingen_live.train import steering
from lingen_live.train.evaluate import Score
from lingen_live.train.probe import JUDGED, AttributeProbe
from lingen_live.train.rendered import RenderedChunk, RenderedStream
from lingen_live.train.steering import (
    Change,
    Steered,
    sample_changes,
    scenes_of,
    score_steering,
    steer_stream,
    time_to_reach_s,
)
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import Caption, is_held_out

CHUNK_S = 0.5
SCENE = Attributes("sea", "dusk", "rain", "sailboat", "red", "left", "slow")


def test_changes_are_named_by_the_words_and_the_same_every_time() -> None:
    asked = sample_changes(60)
    assert asked == sample_changes(60)
    assert asked[:7] == sample_changes(7)
    for change in asked:
        before, after = change.first.target, change.order.target
        assert change.changed <= change.order.mentions
        assert change.first.mentions == set(before.visible())
        assert before.speed == after.speed
        assert {n for n in JUDGED if getattr(before, n) != getattr(after, n)} == change.changed
    assert [is_held_out(change.first.target) for change in asked] == [False, True] * 30
    n_double = sum(len(change.changed) == 2 for change in asked)
    assert {len(change.changed) for change in asked} == {1, 2}
    assert 10 <= n_double <= 30


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bbbb", 0.5),
        ("aabb", 1.5),
        ("abab", math.inf),  # it never held
        ("abaabb", 2.5),  # the first time it did not hold
        ("aaab", math.inf),  # nobody saw whether it would
    ],
)
def test_a_change_is_reached_when_it_holds_in_the_next_chunk(words: str, expected: float) -> None:
    assert time_to_reach_s([{"biome": w} for w in words], {"biome": "b"}, CHUNK_S) == expected


def steered(changed: dict[str, str], seen: list[dict[str, str]], before: dict[str, str] | None = None) -> Steered:
    """A change of SCENE, and what was seen after it in place of its target."""
    words = {name: getattr(SCENE, name) for name in VALUES}
    target = Attributes(**{**words, **changed})
    change = Change(
        Caption("first", frozenset(VALUES), SCENE),
        Caption("order", frozenset(changed), target),
        frozenset(changed),
    )
    right = {name: getattr(target, name) for name in JUDGED}
    was = {name: words[name] for name in JUDGED} | (before or {})
    return Steered(change, was, [right | wrong for wrong in seen], [])


def test_what_was_asked_and_what_was_left_are_counted_apart() -> None:
    both = {"biome": "city", "time": "day"}
    soon: list[dict[str, str]] = [{}] * 8
    late = [{"time": "dusk"}] * 4 + [{}] * 4
    lost = [{"biome": "sea", "weather": "fog", "subject": "birds"}] * 8
    result = score_steering(
        [steered(both, soon), steered(both, late), steered({"biome": "city"}, lost, {"subject": "birds"})], CHUNK_S
    )
    assert result.within == Score(1, 3)
    assert result.reached == Score(2, 3)
    assert result.median_s == pytest.approx((0.5 + 2.5) / 2)
    assert result.by_attribute["time"] == Score(1, 2)  # seen at 2.5 s in the second
    assert result.by_attribute["biome"] == Score(2, 3)
    # Four are untouched in the first two; in the last four too, as the subject was wrong before, less the weather.
    assert result.kept == Score(4 + 4 + 3, 4 + 4 + 4)


def test_a_colour_whose_subject_is_sent_away_need_not_stay() -> None:
    result = score_steering([steered({"subject": "none"}, [{"colour": "blue"}] * 8)], CHUNK_S)
    assert result.kept == Score(4, 4)
    assert score_steering([], CHUNK_S).median_s != 0.0


class Labelled(RenderedStream):
    """Renders whose first pixels tell the scene that they stand for."""

    scene: Attributes

    def __init__(self, config: BundleConfig, asked: list[Change], *, is_deaf: bool = False) -> None:
        super().__init__(config, scenes_of(asked))
        self._by_text, self._is_deaf = scenes_of(asked), is_deaf
        self.n_ticks: list[int] = []

    def cut(self, prompt: str) -> None:
        super().cut(prompt)
        self.scene = self._by_text[prompt]
        self.n_ticks.append(0)

    def steer(self, prompt: str, n_chunks: int) -> None:
        super().steer(prompt, n_chunks)
        assert n_chunks == 2
        if not self._is_deaf:
            self.scene = self._by_text[prompt]

    def tick(self) -> RenderedChunk:
        frames = super().tick().frames.copy()
        frames[:, 0, : len(VALUES), 0] = self.scene.indices()
        self.n_ticks[-1] += 1
        return RenderedChunk(frames)


@pytest.fixture
def _read_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(probe: AttributeProbe, frames: object) -> list[dict[str, str]]:
        pixels = (np.asarray(frames)[0, -1, 0, 0, : len(VALUES)] * 255).round().astype(int)
        return [{name: VALUES[name][i] for name, i in zip(VALUES, pixels, strict=True) if name in JUDGED}]

    monkeypatch.setattr(steering, "judge", judge)


@pytest.mark.usefixtures("_read_labels")
def test_a_stream_that_obeys_at_once_scores_in_full_and_a_deaf_one_not_at_all(tiny_config: BundleConfig) -> None:
    asked = sample_changes(3)
    done: list[None] = []
    on_done: Callable[[], object] = lambda: done.append(None)  # noqa: E731
    stream = Labelled(tiny_config, asked)
    obeyed = steer_stream(stream, AttributeProbe(), asked, CHUNK_S, on_done)
    result = score_steering(obeyed, CHUNK_S)
    assert result.within == result.reached == Score(3, 3)
    assert result.median_s == CHUNK_S
    assert result.kept.share == 1.0
    assert result.kept.n_judged >= 3
    assert stream.n_ticks == [4 + 8] * 3
    assert len(done) == 3
    assert all([p.shape for p in one.pictures] == [(32, 32, 3)] * 3 for one in obeyed)

    deaf = score_steering(
        steer_stream(Labelled(tiny_config, asked, is_deaf=True), AttributeProbe(), asked, CHUNK_S, on_done), CHUNK_S
    )
    assert deaf.within == deaf.reached == Score(0, 3)
    assert math.isnan(deaf.median_s)
    assert deaf.kept.share == 1.0
