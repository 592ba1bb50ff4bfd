"""Streams of renders: continuous, deterministic, and on their way to what they are told."""

from __future__ import annotations

import numpy as np
import pytest

from lingen_live.config import BundleConfig
from lingen_live.train.rendered import RenderedStream
from lingen_live.world.attributes import Attributes

DAY = Attributes("meadow", "day", "clear", "none", "red", "left", "fast")
NIGHT = Attributes("meadow", "night", "clear", "none", "red", "left", "fast")
SCENES = {"day": DAY, "night": NIGHT}


def test_a_seed_gives_the_same_stream_and_another_seed_another(tiny_config: BundleConfig) -> None:
    stream = RenderedStream(tiny_config, SCENES)
    films = []
    for seed in (3, 3, 4):
        stream.cut("day")
        stream.reseed(seed)
        films.append(np.concatenate([stream.tick().frames for _ in range(2)]))
    assert films[0].shape == (16, 32, 32, 3)
    assert films[0].dtype == np.uint8
    assert np.array_equal(films[0], films[1])
    assert not np.array_equal(films[0], films[2])


def test_a_steered_stream_eases_over_the_blend_and_stays_there(tiny_config: BundleConfig) -> None:
    stream = RenderedStream(tiny_config, SCENES)
    stream.cut("day")
    stream.reseed(1)
    day = stream.tick().frames.mean()
    stream.steer("night", 2)
    light = [stream.tick().frames.mean((1, 2, 3)) for _ in range(4)]
    assert light[0][0] == pytest.approx(day, abs=6)
    assert day - 5 > light[0][-1] > light[1][-1] + 5
    assert light[3].mean() == pytest.approx(light[2].mean(), abs=3)
    assert (np.diff(light[0]) < 1).all()


def test_nothing_can_be_asked_before_a_scene_has_begun(tiny_config: BundleConfig) -> None:
    with pytest.raises(ValueError, match="call cut first"):
        RenderedStream(tiny_config, SCENES).tick()
