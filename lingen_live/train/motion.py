"""How fast the camera really pans, against how fast it was asked to, and whether chunks join without a seam.

The nearest ground moves on the screen as fast as the camera, the other way (parallax 1 in `world.terrain`), so
its shift between frames is the camera's velocity. Asked are lands with something on their ground that is sharp enough
for a model to draw, fir trees and the dashes of a road, in dry weather: rain and snow fall in front. Measures
pictures alone: renders, whose true velocity is `world.track.camera_velocity`, are measured by the same estimator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lingen_live.codec.travel import shift_correlation
from lingen_live.train.quality import LUMA
from lingen_live.train.rendered import Stream
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import Caption, describe, sample_scene
from lingen_live.world.track import camera_velocity

PAN_CASES = (("left", "fast"), ("left", "slow"), ("still", "slow"), ("right", "slow"), ("right", "fast"))
SEED = 2027
_SECONDS = 3.0  # a rollout; the second half is measured, so that the pan has begun
_FASTEST, _STEP = 0.40, 0.01  # screen heights a second; the fast pan is 0.26
_GROUND_TOP = {"snow": 0.70, "city": 0.86}
"""Of the lands asked: below this share of the height all moves as fast as the camera."""
_DRY_WEATHERS = ("clear", "cloudy")
_STILL_BELOW = 0.05
"""Half the slow pan, screen heights a second: slower than this counts as still."""


def to_luma(frames: NDArray[np.uint8]) -> Tensor:
    """(F, H, W, 3) uint8 to luma (F, H, W) in [0, 1], weights of ITU-R BT.601."""
    return torch.from_numpy(frames).float() @ torch.tensor(LUMA) / 255


def ground_shift(luma: Tensor, fps: float, top: float) -> float:
    """How fast the ground of a few frames moves to the right.

    The shift at which the ground's strip correlates best with itself a moment later, searched over even steps
    and refined by a parabola through the best and its neighbours. The mean of every row is taken off first:
    shading does not move.

    Args:
        luma: (F, H, W) in [0, 1], successive frames, F >= 2.
        fps: frames a second.
        top: share of the height below which there is nothing but ground.

    Returns:
        Screen heights a second in [-0.4, 0.4], positive to the right; NaN where the ground has no texture.
    """
    n_frames, height_px = luma.shape[:2]
    lag = max(1, n_frames // 2)
    strip = luma[:, int(top * height_px) :]
    strip = functional.avg_pool1d(strip, 3, stride=1, padding=1, count_include_pad=False)
    strip = strip - strip.mean(2, keepdim=True)
    if strip.std() < 1e-3:
        return math.nan
    speeds = torch.arange(-_FASTEST, _FASTEST + _STEP / 2, _STEP)
    shifts_px = (speeds * height_px * lag / fps).tolist()
    before, after = strip[:-lag].flatten(0, 1).unsqueeze(0), strip[lag:].flatten(0, 1).unsqueeze(0)
    scores = torch.cat([shift_correlation(before, after, shift) for shift in shifts_px])
    best = int(scores.argmax())
    speed = float(speeds[best])
    if 0 < best < len(scores) - 1:
        below, peak, above = scores[best - 1 : best + 2].tolist()
        bend = below - 2 * peak + above
        speed += _STEP * (below - above) / (2 * bend) if bend < 0 else 0.0
    return speed


@dataclass(frozen=True, slots=True)
class Rollout:
    """The measured part of a stream that was asked to pan.

    Attributes:
        caption: says the pan, and how fast.
        frames: (n F, H, W, 3) uint8, whole successive chunks.
    """

    caption: Caption
    frames: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PanResult:
    """Streams that were asked for the same pan; speeds in screen heights a second, positive to the right.

    Attributes:
        pan: left, still or right.
        speed: slow or fast; of no meaning where still.
        asked: the true camera velocity.
        measured: median over chunks; NaN where none could be measured.
        error: mean absolute difference of asked and measured; NaN where none could be measured.
        wrong_direction: chunks that move another way than asked, in [0, 1]; slower than half the slow pan is still.
        n_chunks: chunks with enough texture to be measured.
        n_blank: chunks without.
    """

    pan: str
    speed: str
    asked: float
    measured: float
    error: float
    wrong_direction: float
    n_chunks: int
    n_blank: int


@dataclass(frozen=True, slots=True)
class Flicker:
    """Mean absolute frame difference at seams over that elsewhere; 1.0 is no seam, NaN where nothing moves."""

    chunk_edges: float
    latent_edges: float


def pan_captions(n_per_case: int, seed: int = SEED) -> list[Caption]:
    """Held-out words for every case of `PAN_CASES`, over lands whose motion can be measured."""
    rng = Random(seed)
    captions = []
    for _ in range(n_per_case):
        for pan, speed in PAN_CASES:
            biome, weather = rng.choice(tuple(_GROUND_TOP)), rng.choice(_DRY_WEATHERS)
            scene = replace(sample_scene(rng), biome=biome, weather=weather, pan=pan, speed=speed)
            captions.append(describe(scene, rng, min_mentions=len(VALUES), split="held_out"))
    return captions


def record_pans(
    stream: Stream, captions: Sequence[Caption], chunk_s: float, on_done: Callable[[], object]
) -> list[Rollout]:
    """Let a fresh stream of its own noise run for every caption and keep the second half."""
    n_chunks = max(4, round(_SECONDS / chunk_s))
    out = []
    for index, caption in enumerate(captions):
        stream.cut(caption.text)
        stream.reseed(index)
        chunks = [stream.tick().frames for _ in range(n_chunks)]
        out.append(Rollout(caption, np.concatenate(chunks[n_chunks // 2 :])))
        on_done()
    return out


def score_pans(rollouts: Sequence[Rollout], frames_per_chunk: int, fps: float) -> list[PanResult]:
    """Measure every chunk of every rollout, by what was asked."""
    by_case: dict[tuple[str, str], list[float]] = {case: [] for case in PAN_CASES}
    for rollout in rollouts:
        target, luma = rollout.caption.target, to_luma(rollout.frames)
        for chunk in luma.split(frames_per_chunk):
            by_case[target.pan, target.speed].append(-ground_shift(chunk, fps, _GROUND_TOP[target.biome]))
    return [_pan_result(pan, speed, speeds) for (pan, speed), speeds in by_case.items()]


def _pan_result(pan: str, speed: str, speeds: Sequence[float]) -> PanResult:
    asked = camera_velocity(Attributes("meadow", "day", "clear", "none", "red", pan, speed))
    seen = [value for value in speeds if not math.isnan(value)]
    n = len(seen)
    wrong = sum(_direction(value) != _direction(asked) for value in seen)
    return PanResult(
        pan=pan,
        speed=speed,
        asked=asked,
        measured=median(seen) if n else math.nan,
        error=sum(abs(value - asked) for value in seen) / n if n else math.nan,
        wrong_direction=wrong / n if n else math.nan,
        n_chunks=n,
        n_blank=len(speeds) - n,
    )


def _direction(velocity: float) -> int:
    return 0 if abs(velocity) < _STILL_BELOW else int(math.copysign(1, velocity))


def flicker(rollouts: Sequence[Rollout], frames_per_chunk: int, frames_per_latent: int) -> Flicker:
    """How much more the picture changes where two chunks, or two latent frames of a chunk, meet than elsewhere.

    Elsewhere is inside of a latent frame; all are means over all rollouts.
    """
    sums: dict[str, list[float]] = {"chunk": [], "latent": [], "within": []}
    for rollout in rollouts:
        for index, (before, after) in enumerate(pairwise(rollout.frames), start=1):
            kind = "within" if index % frames_per_latent else "latent"
            kind = kind if index % frames_per_chunk else "chunk"
            sums[kind].append(float(np.abs(after.astype(np.int16) - before).mean()))
    means = {kind: sum(values) / len(values) if values else math.nan for kind, values in sums.items()}
    within = means["within"] or math.nan
    return Flicker(means["chunk"] / within, means["latent"] / within)
