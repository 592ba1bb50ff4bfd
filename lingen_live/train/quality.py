"""What the codec keeps of a picture: PSNR and SSIM of reconstructions, by weather. Knows no prompts, no model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn import functional

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.train.probe import chunk_of
from lingen_live.world.captions import sample_scene

PRECIPITATION = ("rain", "snowfall")
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
N_CHUNKS = 200
_BATCH = 20
_TAPS, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True)
class Quality:
    """Of reconstructions: PSNR in dB, mean over chunks, and SSIM in [-1, 1], mean over frames."""

    psnr_db: float
    ssim: float


def luma(frames: Tensor) -> Tensor:
    """(..., 3, H, W) in [0, 1] to (..., H, W), weights of ITU-R BT.601."""
    return torch.einsum("...chw,c->...hw", frames, torch.tensor(LUMA, device=frames.device))


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004, equation 13), 11 taps of a Gaussian of sigma 1.5, on luma.

    Args:
        first: (N, 3, H, W) in [0, 1]; H and W at least 11.
        second: the same.

    Returns:
        (N,) in [-1, 1]: the mean over all windows that lie inside the picture.
    """
    x, y = luma(first).unsqueeze(1), luma(second).unsqueeze(1)
    n = len(x)
    blurred = _blur(torch.cat((x, y, x * x, y * y, x * y)))
    mean_x, mean_y, square_x, square_y, product = blurred.split(n)
    variance_x, variance_y = square_x - mean_x.square(), square_y - mean_y.square()
    covariance = product - mean_x * mean_y
    alike = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    total = (mean_x.square() + mean_y.square() + _C1) * (variance_x + variance_y + _C2)
    return (alike / total).flatten(1).mean(1)


def _blur(pictures: Tensor) -> Tensor:
    """Gaussian of (N, 1, H, W), without the border."""
    offsets = torch.arange(_TAPS, device=pictures.device) - _TAPS // 2
    taps = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    taps = taps / taps.sum()
    return functional.conv2d(functional.conv2d(pictures, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))


@torch.no_grad()
def codec_quality(
    bundle: BundleConfig,
    codec: VideoCodec,
    on_done: Callable[[int], object],
    n_chunks: int = N_CHUNKS,
    seed: int = 98,
) -> dict[str, Quality]:
    """PSNR and SSIM of reconstructions by weather, every second scene of a combination never trained on.

    Args:
        bundle: size and rate of the frames.
        codec: in float32 on the CPU.
        on_done: called with how many more chunks are done.
        n_chunks: rendered chunks in all.
        seed: of the scenes.
    """
    rng = Random(seed)
    by_weather: dict[str, list[Quality]] = {}
    scenes = [sample_scene(rng, split="held_out" if i % 2 else "train") for i in range(n_chunks)]
    for first in range(0, n_chunks, _BATCH):
        batch = scenes[first : first + _BATCH]
        frames, travel = chunk_of(bundle, batch, rng, "cpu")
        coded = codec.decode(codec.encode(frames, travel))
        errors = (coded - frames).square().flatten(1).mean(1).tolist()
        for scene, error, now, before in zip(batch, errors, coded, frames, strict=True):
            chunk = Quality(-10 * math.log10(max(error, 1e-10)), float(ssim(now, before).mean()))
            by_weather.setdefault(scene.weather, []).append(chunk)
        on_done(len(batch))
    return {weather: mean_quality(chunks) for weather, chunks in sorted(by_weather.items())}


def dry_quality(by_weather: Mapping[str, Quality]) -> Quality:
    """The mean over the weathers without rain or snowfall, each weather counting the same; NaN without any."""
    return mean_quality([value for weather, value in by_weather.items() if weather not in PRECIPITATION])


def mean_quality(parts: list[Quality]) -> Quality:
    """The mean of both numbers; NaN of nothing."""
    if not parts:
        return Quality(math.nan, math.nan)
    return Quality(sum(p.psnr_db for p in parts) / len(parts), sum(p.ssim for p in parts) / len(parts))
