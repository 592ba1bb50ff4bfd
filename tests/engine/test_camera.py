"""A camera that is asked for travels as it was asked, whatever the denoiser makes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random
from typing import cast

import pytest
import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, CameraConfig, PromptField
from lingen_live.engine.camera import CameraMan, HeldCamera, hold
from lingen_live.engine.engine import Engine
from lingen_live.engine.sampler import Denoiser, denoise_steps, sigma_schedule
from lingen_live.errors import ConfigError
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState
from lingen_live.train.config import load_recipe
from lingen_live.world.attributes import VALUES, Attributes, sample_attributes
from lingen_live.world.track import camera_velocity

MakeEngine = Callable[..., Engine]
TEXT, STATE = cast(TextContext, None), cast(StreamState, None)
LEFT, STILL, RIGHT = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
SLOW, FAST, UNSAID = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@pytest.fixture
def camera_config(tiny_config: BundleConfig) -> BundleConfig:
    """With a camera that is held."""
    fields = (
        PromptField("pan", ("left", "still", "right"), ("pan left", "still camera", "pan right"), 0.0),
        PromptField("speed", ("slow", "fast"), ("slowly", "fast"), 0.0),
    )
    model = dataclasses.replace(tiny_config.model, text_fields=(3, 2))
    camera = CameraConfig("pan", (1.0, 0.0, -1.0), "speed", (0.1, 0.26))
    return dataclasses.replace(tiny_config, model=model, fields=fields, camera=camera)


@pytest.fixture
def camera_man(camera_config: BundleConfig) -> CameraMan:
    """Whose travel has a unit of 0.01 picture heights a frame."""
    codec = VideoCodec(camera_config.codec)
    codec.latent_std[-1] = 0.01
    return CameraMan(camera_config, codec)


class Wrong:
    """A denoiser that goes for latents of 3 everywhere."""

    def denoise(self, latents: Tensor, sigma: Tensor, *_: object) -> Tensor:
        return (latents - 3) / sigma.view(-1, 1, 1, 1, 1)


def made(denoiser: object, noise: Tensor, config: BundleConfig) -> Tensor:
    *_, latents = denoise_steps(cast(Denoiser, denoiser), noise, sigma_schedule(config.sampler), TEXT, STATE)
    return latents


@pytest.mark.parametrize(
    ("pan", "speed", "heights"),
    [
        (LEFT, SLOW, 0.1),
        (RIGHT, FAST, -0.26),
        (STILL, FAST, 0.0),
        (LEFT, UNSAID, 0.18),
        ((0.5, 0.0, 0.5, 0.0), FAST, 0.0),
        ((0.75, 0.25, 0.0, 0.0), FAST, 0.195),
        ((0.8, 0.0, 0.0, 0.2), FAST, 0.26),
    ],
)
def test_the_travel_is_what_was_said(
    camera_man: CameraMan, pan: tuple[float, ...], speed: tuple[float, ...], heights: float
) -> None:
    travel = camera_man.travel(torch.tensor(pan + speed))
    assert travel == pytest.approx(heights / 16 / 0.01, abs=1e-6)


def test_of_what_was_not_said_there_is_no_travel(camera_man: CameraMan, tiny_config: BundleConfig) -> None:
    assert camera_man.travel(torch.tensor((0.2, 0.2, 0.0, 0.6, *FAST))) is None
    without = CameraMan(tiny_config, VideoCodec(tiny_config.codec))
    assert without.travel(torch.zeros(7)) is None


def test_a_camera_that_is_asked_for_is_held_and_the_rest_is_left_alone(camera_config: BundleConfig) -> None:
    noise = torch.randn(3, 2, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    latents = made(hold(cast(Denoiser, Wrong()), [0.62, None, -1.6], noise), noise, camera_config)
    torch.testing.assert_close(latents[:, :, :-1], torch.full((3, 2, 7, 4, 4), 3.0), atol=1e-5, rtol=0)
    for row, travel in enumerate((0.62, 3.0, -1.6)):
        torch.testing.assert_close(latents[row, :, -1], torch.full((2, 4, 4), travel), atol=1e-5, rtol=0)


def test_the_denoiser_sees_the_travel_that_leads_there() -> None:
    seen = []

    class Watching(Wrong):
        def denoise(self, latents: Tensor, sigma: Tensor, *_: object) -> Tensor:
            seen.append(latents)
            return super().denoise(latents, sigma)

    noise = torch.randn(1, 2, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    held = HeldCamera(cast(Denoiser, Watching()), torch.tensor([0.5]), noise)
    held.denoise(torch.zeros_like(noise), torch.tensor([0.25]), TEXT, STATE)
    torch.testing.assert_close(seen[0][:, :, -1], 0.25 * noise[:, :, -1] + 0.75 * 0.5)
    assert not seen[0][:, :, :-1].any()


def test_where_all_choose_for_themselves_nothing_is_held() -> None:
    denoiser = cast(Denoiser, Wrong())
    assert hold(denoiser, [None, None], torch.zeros(2, 2, 8, 4, 4)) is denoiser


def test_numbers_for_a_field_that_is_not_there_are_refused(camera_config: BundleConfig) -> None:
    with pytest.raises(ConfigError, match="2 numbers for field 'pan' of 3"):
        dataclasses.replace(camera_config, camera=CameraConfig("pan", (1.0, -1.0), "speed", (0.1, 0.26)))
    with pytest.raises(ConfigError, match="3 numbers for field 'tilt' of 0"):
        dataclasses.replace(camera_config, camera=CameraConfig("tilt", (1.0, 0.0, -1.0), "speed", (0.1, 0.26)))


def test_the_bundled_camera_travels_as_the_world_does() -> None:
    config = load_recipe(None).bundle
    codec = VideoCodec(config.codec)
    man, still = CameraMan(config, codec), sample_attributes(Random(0))
    for pan in VALUES["pan"]:
        for speed in VALUES["speed"]:
            scene: Attributes = dataclasses.replace(still, pan=pan, speed=speed)
            parts = [torch.zeros(len(field.values) + 1) for field in config.fields]
            for part, index in zip(parts, scene.indices(), strict=True):
                part[index] = 1
            # A camera that goes left moves the picture to the right.
            assert man.travel(torch.cat(parts)) == pytest.approx(-camera_velocity(scene) / config.video.fps, abs=1e-9)


def test_an_engine_asks_for_the_travel_a_chunk_ahead_and_remembers_it(make_engine: MakeEngine) -> None:
    readings: list[Tensor] = []

    class Asked(CameraMan):
        def travel(self, reading: Tensor) -> float:
            readings.append(reading)
            return 0.7

    engine = make_engine()
    engine.maker = dataclasses.replace(engine.maker, camera=Asked(engine.bundle.config, engine.bundle.codec))
    engine.tick()
    torch.testing.assert_close(engine.state.latents[0][:, :, -1], torch.full((1, 2, 4, 4), 0.7), atol=1e-5, rtol=0)
    start = readings[0]
    engine.steer("night", n_chunks=3)
    target = engine.transition.target.reading
    for _ in range(3):
        engine.tick()
    for reading, weight in zip(readings[1:], (2 / 3, 1.0, 1.0), strict=True):
        torch.testing.assert_close(reading, torch.lerp(start, target, weight))
