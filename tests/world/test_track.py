"""Tracks: attributes ease monotonically, the camera moves without a jerk, any moment can be had alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lingen_live.world.attributes import BIOMES, TIMES, Attributes
from lingen_live.world.palette import SUBJECT_COLOURS
from lingen_live.world.track import (
    EASE_S,
    Change,
    Scenes,
    Track,
    camera_velocity,
    concatenate,
    evaluate,
)

START = Attributes("meadow", "day", "clear", "balloon", "red", "right", "fast")
NEXT = Attributes("sea", "night", "rain", "sailboat", "blue", "left", "slow")
LAST = replace(NEXT, biome="city", pan="still")
TRACK = Track(7, START, (Change(2.0, 1.0, NEXT), Change(5.0, 2.0, LAST)))
WEIGHTS = ("biome", "time", "weather", "subject")


def moments(start: float, end: float, n: int) -> Tensor:
    return torch.linspace(start, end, n, dtype=torch.float64)


def test_a_scene_is_what_was_asked_for_before_between_and_after_changes() -> None:
    scenes = evaluate(TRACK, torch.tensor([0.0, 2.0, 3.0, 5.0, 7.0, 60.0]))
    biomes = [BIOMES[index] for index in scenes.biome.argmax(1).tolist()]
    assert biomes == ["meadow", "meadow", "sea", "sea", "city", "city"]
    for name in WEIGHTS:
        assert getattr(scenes, name).amax(1).tolist() == [1.0] * 6
    assert scenes.colour[0].tolist() == pytest.approx(SUBJECT_COLOURS[0])
    assert scenes.colour[-1].tolist() == pytest.approx(SUBJECT_COLOURS[4])
    assert scenes.seed.tolist() == [7] * 6


def test_attributes_ease_monotonically_and_stay_weights() -> None:
    scenes = evaluate(TRACK, moments(1.9, 3.1, 200))
    for name in WEIGHTS:
        weights = getattr(scenes, name)
        torch.testing.assert_close(weights.sum(1), torch.ones(200))
        assert weights.min() >= 0
        old, new = getattr(evaluate(TRACK, torch.tensor([0.0, 4.0])), name).argmax(1).tolist()
        assert (weights[:, old].diff() <= 0).all()
        assert (weights[:, new].diff() >= 0).all()
    day = scenes.time[:, TIMES.index("day")]
    assert day[100].item() == pytest.approx(0.5, abs=0.01)  # halfway through the second
    assert day.diff().abs().max() < 1.6 * 1.2 / 199  # no faster than a smoothstep


def test_the_camera_is_the_integral_of_its_eased_velocity() -> None:
    t = moments(0, 9, 90_001)
    step = (t[1] - t[0]).item()
    v0, v1, v2 = (camera_velocity(a) for a in (START, NEXT, LAST))
    ease = [((t - c.at_s) / c.ease_s).clamp(0, 1) for c in TRACK.changes]
    ease = [u * u * (3 - 2 * u) for u in ease]
    velocity = v0 + (v1 - v0) * ease[0] + (v2 - v1) * ease[1]
    integral = torch.cumulative_trapezoid(velocity, dx=step)
    camera = evaluate(TRACK, t).camera
    torch.testing.assert_close(camera[1:].double(), integral, rtol=0, atol=1e-6)
    assert camera[0] == 0


def test_position_and_velocity_of_the_camera_are_continuous() -> None:
    t = moments(0, 9, 1801)  # 5 ms
    camera = evaluate(TRACK, t).camera.double()
    velocity = camera.diff() / 0.005
    assert camera.diff().abs().max() < 0.26 * 0.005 * 1.01
    assert velocity.diff().abs().max() < 1.5 * 0.36 * 0.005 + 5e-4  # steepest ease, and float32 rounding
    assert velocity[-1] == 0


def test_velocity_has_the_sign_of_the_pan() -> None:
    for pan, sign in (("left", -1), ("still", 0), ("right", 1)):
        slow, fast = (camera_velocity(replace(START, pan=pan, speed=speed)) for speed in ("slow", "fast"))
        assert (slow > 0) - (slow < 0) == sign
        assert abs(fast) == pytest.approx(2.6 * abs(slow))


def test_a_moment_alone_equals_the_same_moment_among_others_in_any_order() -> None:
    t = moments(0, 9, 37)
    order = torch.randperm(37, generator=torch.Generator().manual_seed(2))
    together, shuffled = evaluate(TRACK, t), evaluate(TRACK, t[order]).select(torch.argsort(order))
    alone = concatenate([evaluate(TRACK, t[k : k + 1]) for k in range(37)])
    for name in Scenes.__slots__:
        assert torch.equal(getattr(together, name), getattr(shuffled, name)), name
        assert torch.equal(getattr(together, name), getattr(alone, name)), name


def test_an_hour_later_the_camera_still_moves_evenly() -> None:
    t = 3600 + torch.arange(64, dtype=torch.float64) / 16
    scenes = evaluate(Track(1, START), t)
    assert (scenes.camera.double() - 0.26 * t).abs().max() < 3.1e-5  # half a step of float32 at 936
    assert (scenes.time_s.double() - t).abs().max() < 1.3e-4


def test_scenes_can_be_selected_joined_and_empty() -> None:
    scenes = evaluate(TRACK, moments(0, 9, 5))
    picked = scenes.select(torch.tensor([3, 1]))
    assert len(picked) == 2
    assert torch.equal(picked.camera, scenes.camera[[3, 1]])
    assert torch.equal(concatenate([picked, scenes.select(slice(0, 1))]).biome, scenes.biome[[3, 1, 0]])
    assert len(evaluate(TRACK, torch.zeros(0))) == 0
    assert scenes.to("cpu").time_s.device.type == "cpu"


@pytest.mark.parametrize("ease_s", [0.0, -1.0, float("nan")])
def test_a_change_that_takes_no_time_is_refused(ease_s: float) -> None:
    with pytest.raises(ValueError, match=f"ease_s is {ease_s}; a change takes more than 0 seconds"):
        Change(1.0, ease_s, NEXT)


def test_overlapping_changes_are_refused_with_both_times() -> None:
    with pytest.raises(ValueError, match=r"begins at 1.5 s, the one before it ends at 2.0 s"):
        Track(0, START, (Change(1.0, EASE_S, NEXT), Change(1.5, EASE_S, START)))
    Track(0, START, (Change(0.1, 0.2, NEXT), Change(0.3, EASE_S, START)))  # 0.1 + 0.2 is a little over 0.3
