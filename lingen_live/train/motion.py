"""How fast the camera really pans in pictures, against how fast it was asked to: measured on the ground.

The nearest ground moves with the camera, so its shift between frames is the camera's velocity; the sea's waves
move at 0.8 of it and drift by themselves (`world.terrain`), which is taken into account. Measures pictures
alone: renders, whose true velocity is `world.track.camera_velocity`, are judged by the same estimator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lingen_live.train.rendered import Stream
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption, describe, sample_scene
from lingen_live.world.track import camera_velocity

PAN_CASES = (("left", "fast"), ("left", "slow"), ("still", "slow"), ("right", "slow"), ("right", "fast"))
SEED = 2027
_N_CHUNKS = 6  # 3 s a rollout; the first half lets the pan begin
_GROUND_TOP = 0.86
_LUMA = (0.299, 0.587, 0.114)
_FASTEST, _STEP = 0.40, 0.01  # screen heights a second
_SEA_PARALLAX, _SEA_DRIFT = 0.8, 0.35 / 5
_STILL_BELOW = 0.05
"""Half the slow pan, screen heights a second: slower than this counts as still."""


def to_luma(frames: NDArray[np.uint8]) -> Tensor:
    """(F, H, W, 3) uint8 to luma (F, H, W) in [0, 1], weights of ITU-R BT.601."""
    return torch.from_numpy(frames).float() @ torch.tensor(_LUMA) / 255


def ground_shift(luma: Tensor, fps: float) -> float:
    """How fast the ground of a few frames moves to the right.

    The shift at which the ground's strip correlates best with itself a moment later, searched over even steps
    and refined by a parabola through the best and its neighbours. The mean of every row is taken off first:
    shading does not move.

    Args:
        luma: (F, H, W) in [0, 1], successive frames, F >= 2.
        fps: frames a second.

    Returns:
        Screen heights a second in [-0.4, 0.4], positive to the right; NaN where the ground has no texture.
    """
    n_frames, height_px, width_px = luma.shape
    lag = max(1, n_frames // 2)
    strip = luma[:, int(_GROUND_TOP * height_px) :]
    strip = functional.avg_pool1d(strip, 3, stride=1, padding=1, count_include_pad=False)
    strip = strip - strip.mean(2, keepdim=True)
    if strip.std() < 1e-3:
        return math.nan
    speeds = torch.arange(-_FASTEST, _FASTEST + _STEP / 2, _STEP)
    shifts_px = (speeds * height_px * lag / fps).tolist()
    scores = torch.tensor([_correlation(strip[:-lag], strip[lag:], shift) for shift in shifts_px])
    best = int(scores.argmax())
    speed = float(speeds[best])
    if 0 < best < len(scores) - 1:
        below, peak, above = scores[best - 1 : best + 2].tolist()
        bend = below - 2 * peak + above
        speed += _STEP * (below - above) / (2 * bend) if bend < 0 else 0.0
    return speed


def _correlation(before: Tensor, after: Tensor, shift_px: float) -> float:
    """Of `after` moved back by a shift with `before`, both (N, R, W), where they overlap; in [-1, 1]."""
    width_px = before.shape[2]
    x = torch.arange(width_px) + shift_px
    inside = (x >= 0) & (x <= width_px - 1)
    x, floor = x[inside], x[inside].floor().clamp(0, width_px - 2).long()
    moved = torch.lerp(after[..., floor], after[..., floor + 1], x - floor)
    kept = before[..., inside]
    return float((moved * kept).sum() / (moved.square().sum() * kept.square().sum()).sqrt().clamp(min=1e-12))
