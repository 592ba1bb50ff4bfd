"""What a codec keeps: SSIM of equal and of noisy pictures, PSNR of a known error, and means by weather."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.train.quality import Quality, codec_quality, dry_quality, ssim
from lingen_live.world.attributes import VALUES


class Off(VideoCodec):
    """A codec that is wrong by a tenth everywhere."""

    def __init__(self, config: BundleConfig) -> None:
        super().__init__(config.codec)

    def encode(self, frames: Tensor, travel: Tensor | None = None) -> Tensor:
        return frames

    def decode(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        return latents + 0.1


def test_ssim_is_one_of_equal_pictures_and_falls_with_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(3, 3, 24, 31, generator=generator)
    noise = torch.randn(picture.shape, generator=generator)
    values = [ssim(picture, picture + level * noise) for level in (0.0, 0.05, 0.2, 0.8)]
    torch.testing.assert_close(values[0], torch.ones(3))
    for better, worse in pairwise(values):
        assert (worse < better - 0.01).all()
    assert (ssim(picture, 1 - picture) < 0).all()


def test_ssim_of_two_greys_is_the_luminance_term() -> None:
    dark, light = torch.full((1, 3, 16, 16), 0.25), torch.full((1, 3, 16, 16), 0.75)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(dark, light).item() == pytest.approx(expected, abs=1e-3)


def test_quality_is_told_by_weather(tiny_config: BundleConfig) -> None:
    done: list[int] = []
    by_weather = codec_quality(tiny_config, Off(tiny_config), done.append, n_chunks=30)
    assert set(by_weather) == set(VALUES["weather"])
    assert [q.psnr_db for q in by_weather.values()] == pytest.approx([20.0] * 5, abs=1e-3)
    assert all(0.4 < q.ssim < 1 for q in by_weather.values())
    assert sum(done) == 30


def test_the_dry_mean_leaves_rain_and_snowfall_out() -> None:
    by_weather = {
        "clear": Quality(40.0, 0.9),
        "fog": Quality(30.0, 0.7),
        "rain": Quality(1.0, 0.0),
        "snowfall": Quality(1.0, 0.0),
    }
    assert dry_quality(by_weather).psnr_db == 35.0
    assert dry_quality(by_weather).ssim == pytest.approx(0.8)
