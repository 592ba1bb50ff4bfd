"""Noise that any chunk can make alone, and a walk from it to data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lingen_live.config import BundleConfig, SamplerConfig
from lingen_live.engine import sampler
from lingen_live.engine.engine import Engine
from lingen_live.engine.sampler import chunk_noise, denoise_steps, sigma_schedule, with_contrast
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState

MakeEngine = Callable[..., Engine]


class StraightTo:
    """The denoiser that knows the answer: velocity = noise - data, the same at every level."""

    def __init__(self, noise: Tensor, data: Tensor) -> None:
        self.velocity = noise - data
        self.levels: list[float] = []
        self.states: list[StreamState] = []

    def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        assert sigma.shape == (latents.shape[0],)
        self.levels.append(sigma[0].item())
        self.states.append(state)
        return self.velocity

    def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
        raise AssertionError("a walk commits nothing")


def no_text() -> TextContext:
    return TextContext(*(torch.zeros(1) for _ in range(4)))


def test_noise_depends_on_seed_and_index_alone(tiny_config: BundleConfig) -> None:
    config = tiny_config.model
    torch.manual_seed(1)
    late = chunk_noise(config, 7, 5)
    torch.manual_seed(2)
    for index in range(5):
        chunk_noise(config, 7, index)
    assert torch.equal(chunk_noise(config, 7, 5), late)
    assert late.shape == (1, 2, 8, 4, 4)
    assert late.dtype == torch.float32


def test_noise_of_other_chunks_and_seeds_is_other_noise(tiny_config: BundleConfig) -> None:
    config = tiny_config.model
    keys = [(0, 0), (0, 1), (1, 0), (2**32 - 1, 0), (0, 2**40), (7, 5), (5, 7)]
    drawn = torch.stack([chunk_noise(config, *key).flatten() for key in keys])
    assert torch.corrcoef(drawn).triu(1).abs().max() < 0.3  # 256 numbers each: chance gives about 0.06


def test_noise_is_standard_normal(tiny_config: BundleConfig) -> None:
    drawn = torch.cat([chunk_noise(tiny_config.model, 3, index) for index in range(100)])
    assert drawn.mean().abs() < 0.03
    assert (drawn.std() - 1).abs() < 0.03


@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("n_steps", [1, 4, 7])
def test_the_schedule_goes_down_from_one_to_zero(n_steps: int, shift: float) -> None:
    sigmas = sigma_schedule(SamplerConfig(n_steps, shift, 1.0, 1.0, 1.0))
    assert len(sigmas) == n_steps + 1
    assert (sigmas[0], sigmas[-1]) == (1.0, 0.0)
    assert sigmas == sorted(set(sigmas), reverse=True)


def test_the_shift_bends_the_schedule() -> None:
    assert sigma_schedule(SamplerConfig(4, 1.0, 1.0, 1.0, 1.0)) == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert sigma_schedule(SamplerConfig(2, 3.0, 1.0, 1.0, 1.0)) == [1.0, 0.75, 0.0]


def test_the_walk_ends_at_the_data(tiny_config: BundleConfig) -> None:
    config = tiny_config.model
    noise, data = chunk_noise(config, 0, 0).double(), chunk_noise(config, 0, 1).double()
    denoiser, state = StraightTo(noise, data), StreamState.allocate(config, 1)
    sigmas = sigma_schedule(SamplerConfig(4, 3.0, 1.0, 1.0, 1.0))
    steps = list(denoise_steps(denoiser, noise, sigmas, no_text(), state))
    assert denoiser.levels == pytest.approx(sigmas[:-1])
    assert all(seen is state for seen in denoiser.states)
    for latents, sigma in zip(steps, sigmas[1:], strict=True):
        torch.testing.assert_close(latents, (1 - sigma) * data + sigma * noise)
    torch.testing.assert_close(steps[-1], data)


def test_a_bent_walk_is_followed_to_second_order_by_the_whole_correction(
    tiny_config: BundleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the steps leave a quarter of the error: here d latents / d sigma = latents, whose path is exponential."""

    class Growing:
        def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
            return latents

        def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
            raise NotImplementedError

    noise = torch.ones_like(chunk_noise(tiny_config.model, 0, 0)).double()
    state = StreamState.allocate(tiny_config.model, 1)
    *_, half = denoise_steps(Growing(), noise, [1.0, 0.5, 0.0], no_text(), state)
    torch.testing.assert_close(half, noise * (0.5 - 0.5 * (0.5 - 0.5 * 0.5 * 0.5)))  # the second step half corrected
    monkeypatch.setattr(sampler, "BEND", 1.0)
    errors = []
    for n_steps in (16, 32, 64):
        sigmas = sigma_schedule(SamplerConfig(n_steps, 1.0, 1.0, 1.0, 1.0))
        *_, latents = denoise_steps(Growing(), noise, sigmas, no_text(), state)
        errors.append(float((latents - math.exp(-1)).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)


def test_the_walk_waits_to_be_asked(tiny_config: BundleConfig) -> None:
    noise = chunk_noise(tiny_config.model, 0, 0)
    denoiser = StraightTo(noise, noise * 0)
    state = StreamState.allocate(tiny_config.model, 1)
    steps = denoise_steps(denoiser, noise, [1.0, 0.5, 0.0], no_text(), state)
    assert denoiser.levels == []
    next(steps)
    assert denoiser.levels == [1.0]


def test_velocities_of_half_precision_move_latents_of_single(tiny_config: BundleConfig) -> None:
    noise = chunk_noise(tiny_config.model, 0, 0)
    denoiser = StraightTo(noise, noise * 0)
    denoiser.velocity = denoiser.velocity.bfloat16()
    state = StreamState.allocate(tiny_config.model, 1)
    (latents,) = denoise_steps(denoiser, noise, [1.0, 0.0], no_text(), state)
    assert latents.dtype == torch.float32
    assert latents.abs().max() < 0.02


def test_contrast_moves_latents_on_from_the_mean_of_their_row() -> None:
    latents = torch.tensor([[1.0, 3.0], [5.0, 5.0], [0.0, 0.0]])
    torch.testing.assert_close(with_contrast(latents, 1.5), torch.tensor([[0.5, 3.5], [5.0, 5.0], [0.0, 0.0]]))
    assert with_contrast(latents, 1.0) is latents


def test_what_is_shown_has_more_contrast_than_what_is_remembered(make_engine: MakeEngine) -> None:
    engine = make_engine()
    contrast, codec = engine.bundle.config.sampler.contrast, engine.bundle.codec
    assert contrast != 1
    before = None
    for _ in range(2):
        frames = engine.tick().frames
        latents = with_contrast(engine.state.latents[0], contrast)
        with torch.inference_mode():
            shown = codec.decode_pictures(latents, before)[0].numpy()
        assert np.abs(frames.astype(int) - shown).max() <= 1
        before = latents[:, -1]
