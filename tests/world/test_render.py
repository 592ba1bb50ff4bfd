"""The renderer: a pure function of a scene, in range, the same alone and in company, true to its words."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from lingen_live.world.attributes import BIOMES, COLOURS, SUBJECTS, TIMES, WEATHERS, Attributes
from lingen_live.world.palette import SUBJECT_COLOURS
from lingen_live.world.render import render
from lingen_live.world.track import Change, Scenes, Track, concatenate, evaluate

SIZE = 48
PLAIN = Attributes("meadow", "day", "clear", "none", "red", "still", "slow")


def scene(seed: int = 11, at_s: float = 20.0, **words: str) -> Scenes:
    """One frame of a constant scene; the words replace those of `PLAIN`."""
    return evaluate(Track(seed, dataclasses.replace(PLAIN, **words)), torch.tensor([at_s]))


def picture(size: int = SIZE, at_s: float = 20.0, **words: str) -> Tensor:
    return render(scene(11, at_s, **words), size, size)[0]


def changed_share(a: Tensor, b: Tensor, by: float = 0.1) -> float:
    """Share of the pixels that differ by more than `by` in a channel."""
    return ((a - b).abs().amax(0) > by).float().mean().item()


@pytest.fixture(scope="module")
def mixture() -> Scenes:
    """Frames of many kinds: every biome, weather and subject, and changes half done."""
    parts = [
        scene(
            seed=index,
            at_s=3.7 * index,
            biome=BIOMES[index % 5],
            time=TIMES[index % 4],
            weather=WEATHERS[(index * 2) % 5],
            subject=SUBJECTS[(index * 3 + 1) % 5],
            colour=COLOURS[index % 8],
            pan="right",
        )
        for index in range(20)
    ]
    after = Attributes("sea", "night", "snowfall", "saucer", "green", "left", "fast")
    changing = Track(3, PLAIN, (Change(5.0, 1.0, after),))
    return concatenate([*parts, evaluate(changing, torch.linspace(4.9, 6.1, 4))])


def test_values_are_in_range(mixture: Scenes) -> None:
    frames = render(mixture, SIZE, SIZE)
    assert frames.shape == (24, 3, SIZE, SIZE)
    assert frames.dtype == torch.float32
    assert frames.min() >= 0
    assert frames.max() <= 1
    assert (frames.flatten(1).std(1) > 0.02).all()  # nan would fail here too


def test_a_frame_alone_equals_the_same_frame_in_a_batch(mixture: Scenes) -> None:
    together = render(mixture, SIZE, SIZE)  # more than one inner batch, several biomes
    for index in range(len(mixture)):
        alone = render(mixture.select(slice(index, index + 1)), SIZE, SIZE)[0]
        torch.testing.assert_close(alone, together[index], rtol=0, atol=2e-5)


def test_rendering_is_a_pure_function(mixture: Scenes) -> None:
    random_state = torch.get_rng_state()
    before = mixture.select(slice(None)).to("cpu")
    copies = {name: getattr(before, name).clone() for name in Scenes.__slots__}
    first, second = (render(mixture, SIZE, SIZE) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(torch.equal(getattr(mixture, name), copy) for name, copy in copies.items())


def test_seed_and_time_matter() -> None:
    base = picture()
    assert changed_share(base, render(scene(seed=12), SIZE, SIZE)[0]) > 0.05
    assert not torch.equal(base, render(scene(at_s=21.0), SIZE, SIZE)[0])  # clouds drift


def test_no_frames_make_no_pictures(mixture: Scenes) -> None:
    assert render(mixture.select(slice(0, 0)), 16, 24).shape == (0, 3, 16, 24)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 13), (16, 80), (80, 16), (45, 80)])
def test_any_size_can_be_rendered(mixture: Scenes, height: int, width: int) -> None:
    frames = render(mixture, height, width)
    assert frames.shape == (24, 3, height, width)
    assert frames.min() >= 0
    assert frames.max() <= 1


def test_a_small_picture_is_the_large_one_made_smaller(mixture: Scenes) -> None:
    large = torch.nn.functional.avg_pool2d(render(mixture, 96, 128), 2)
    small = render(mixture, 48, 64)
    assert (large - small).abs().flatten(1).mean(1).max() < 0.03


@pytest.mark.parametrize("biome", BIOMES)
def test_times_of_day_have_their_brightness(biome: str) -> None:
    dawn, day, dusk, night = (picture(biome=biome, time=time).mean().item() for time in TIMES)
    assert day > dawn + 0.05
    assert dawn > dusk + 0.05
    assert dusk > night + 0.1


def test_every_biome_looks_different() -> None:
    pictures = [picture(biome=biome) for biome in BIOMES]
    for index, one in enumerate(pictures):
        assert all(changed_share(one, other) > 0.1 for other in pictures[index + 1 :])


@pytest.mark.parametrize("time", TIMES)
def test_every_weather_can_be_seen(time: str) -> None:
    pictures = [picture(time=time, weather=weather) for weather in WEATHERS]
    for index, one in enumerate(pictures):
        assert all((one - other).abs().mean() > 0.01 for other in pictures[index + 1 :])


@pytest.mark.parametrize("time", TIMES)
def test_rain_and_snow_fall(time: str) -> None:
    for weather in WEATHERS:
        now, later = (picture(64, at_s, time=time, weather=weather) for at_s in (20.0, 20.2))
        assert (changed_share(now, later, by=0.05) > 0.05) == (weather in ("rain", "snowfall"))


@pytest.mark.parametrize("biome", BIOMES)
def test_every_subject_can_be_seen(biome: str) -> None:
    without = picture(biome=biome)
    pictures = [picture(biome=biome, subject=subject) for subject in SUBJECTS[1:]]
    for index, one in enumerate(pictures):
        assert 0.02 < changed_share(one, without) < 0.3  # something, but not everywhere
        assert all(changed_share(one, other) > 0.04 for other in pictures[index + 1 :])


@pytest.mark.parametrize("subject", SUBJECTS[1:])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_subject_has_its_colour(subject: str, colour: str) -> None:
    frame, without = picture(64, subject=subject, colour=colour), picture(64)
    touched = (frame - without).abs().amax(0) > 0.06
    nearest = torch.cdist(frame[:, touched].T, torch.tensor(SUBJECT_COLOURS)).argmin(1)
    counts = torch.bincount(nearest, minlength=len(COLOURS))
    assert COLOURS[int(counts.argmax())] == colour
    assert counts.max() > 0.4 * counts.sum()


@pytest.mark.parametrize(("pan", "towards"), [("right", -1), ("left", 1)])
def test_the_picture_moves_against_the_camera(pan: str, towards: int) -> None:
    shift_px, size = 6, 64
    first = scene(pan=pan, speed="fast", at_s=30.0)
    second = scene(pan=pan, speed="fast", at_s=30.0 + shift_px / size / 0.26)
    travelled = (second.camera - first.camera).item()
    assert travelled == pytest.approx(-towards * shift_px / size, abs=1e-5)
    ground = [render(s, size, size)[0, :, int(0.9 * size) :] for s in (first, second)]
    moved = torch.roll(ground[0], towards * shift_px, dims=-1)
    kept = slice(0, -shift_px) if towards < 0 else slice(shift_px, None)  # what has not left the picture
    torch.testing.assert_close(moved[..., kept], ground[1][..., kept], rtol=0, atol=1e-3)
    assert (ground[0] - ground[1]).abs().max() > 0.01


def test_far_things_move_less_than_near_ones() -> None:
    def motion(rows: slice) -> float:
        now, later = (picture(128, at_s, pan="right") for at_s in (10.0, 10.4))
        return (now - later)[:, rows].abs().mean().item()

    assert motion(slice(8, 40)) < motion(slice(90, 128))


def test_a_change_of_biome_is_a_cross_dissolve() -> None:
    pure = [scene(biome=biome, time="night") for biome in ("meadow", "city")]  # no light above 1 to clip
    mixed = dataclasses.replace(pure[0], biome=0.25 * pure[0].biome + 0.75 * pure[1].biome)
    meadow, city, both = render(concatenate([*pure, mixed]), SIZE, SIZE)
    torch.testing.assert_close(both, 0.25 * meadow + 0.75 * city, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["subject", "weather"])
def test_things_fade_with_their_weight(name: str) -> None:
    a = scene()
    b = {"subject": scene(subject="balloon"), "weather": scene(weather="fog")}[name]
    amounts = torch.linspace(0, 1, 5)
    steps = [dataclasses.replace(a, **{name: torch.lerp(getattr(a, name), getattr(b, name), w)}) for w in amounts]
    frames = render(concatenate(steps), SIZE, SIZE)
    away = (frames - frames[0]).abs().flatten(1).mean(1)
    assert (away.diff() > 0).all()
    assert away.diff().max() < 0.5 * away[-1]


@pytest.mark.parametrize("biome", BIOMES)
@pytest.mark.parametrize("weather", ["clear", "rain", "fog"])
def test_an_hour_into_a_landscape_nothing_jitters(biome: str, weather: str) -> None:
    """The smallest step that float32 can make in camera and time is far below what can be seen."""
    at = scene(biome=biome, weather=weather, subject="birds", pan="right", speed="fast", at_s=3600.0)
    infinity = torch.tensor(float("inf"))
    beside = dataclasses.replace(at, camera=at.camera.nextafter(infinity), time_s=at.time_s.nextafter(infinity))
    one, other = render(concatenate([at, beside]), 128, 128)
    assert (one - other).abs().mean() < 5e-4  # an eighth of a level of 255
    assert changed_share(one, other, by=8 / 255) < 1e-3


@pytest.mark.gpu
def test_a_gpu_paints_the_same_pictures(mixture: Scenes) -> None:
    on_cpu, on_gpu = render(mixture, SIZE, SIZE), render(mixture.to("cuda"), SIZE, SIZE)
    assert on_gpu.device.type == "cuda"
    difference = (on_gpu.cpu() - on_cpu).abs()
    assert difference.mean() < 1e-5
    assert (difference.amax(1) > 1 / 255).float().mean() < 1e-3  # a hard edge may fall on the next column
