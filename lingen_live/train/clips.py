"""Random scenes and captioned clips of the vista world: what the networks learn from. Renders no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from lingen_live.world.attributes import sample_attributes
from lingen_live.world.captions import describe, instruct, sample_change, sample_scene
from lingen_live.world.track import EASE_S, Change, Scenes, Track, concatenate, evaluate

_LONGEST_START_S = 120.0
"""Clips begin anywhere in the first two minutes of a landscape: scrolling has no beginning."""

WORDINGS = 2
"""How often each prompt is worded anew; a clip costs far more to render than a sentence to embed."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A track and the prompts that go with it.

    Attributes:
        track: the scene over the clip's own time, which starts at `start_s`.
        start_s: seconds.
        prompts: the opening and what is asked at the change, each in `WORDINGS` wordings.
        weights: (chunks, prompts) float32; row k holds how much of each prompt conditions chunk k.
    """

    track: Track
    start_s: float
    prompts: tuple[tuple[str, ...], ...]
    weights: Tensor


def draw_clip(rng: Random, n_chunks: int, chunk_s: float, change_share: float, calm_share: float = 0.0) -> Clip:
    """A clip that may hold one prompt change, at a chunk boundary, at once or blended over two or three.

    Args:
        rng: source of every choice.
        n_chunks: at least 1.
        chunk_s: media time of a chunk, seconds.
        change_share: probability of a change.
        calm_share: of clips that have to be one of water or sand that the camera travels over, as any other may be.
    """
    clip = _draw_clip(rng, n_chunks, chunk_s, change_share)
    must_be_calm = calm_share > 0 and rng.random() < calm_share
    while must_be_calm and not _is_calm(clip):
        clip = _draw_clip(rng, n_chunks, chunk_s, change_share)
    return clip


def _is_calm(clip: Clip) -> bool:
    """Whether the camera travels over water or sand at one end: these have little that could be seen to move."""
    ends = (clip.track.start, *(change.target for change in clip.track.changes))
    return any(end.biome in ("sea", "desert") and end.pan != "still" for end in ends)


def _draw_clip(rng: Random, n_chunks: int, chunk_s: float, change_share: float) -> Clip:
    start_s = rng.random() * _LONGEST_START_S
    before = sample_scene(rng)
    seed = rng.randrange(1 << 20)
    opening = tuple(describe(before, rng).text for _ in range(WORDINGS))
    weights = torch.zeros(n_chunks, 2)
    weights[:, 0] = 1
    if rng.random() >= change_share:
        return Clip(Track(seed, before), start_s, (opening, opening), weights)
    after = sample_change(before, rng)
    at_chunk = rng.randrange(0 if rng.random() < 0.15 else min(1, n_chunks - 1), n_chunks)
    n_blend = rng.choice((1, 1, 1, 2, 3))
    for chunk in range(at_chunk, n_chunks):
        weight = min(1.0, (chunk - at_chunk + 1) / n_blend)
        weights[chunk] = torch.tensor((1 - weight, weight))
    ease_s = EASE_S + (n_blend - 1) * chunk_s
    change = Change(start_s + at_chunk * chunk_s, ease_s, after)
    asked = tuple(instruct(before, after, rng).text for _ in range(WORDINGS))
    return Clip(Track(seed, before, (change,)), start_s, (opening, asked), weights)


def frame_times(clip: Clip, n_frames: int, fps: float) -> Tensor:
    """(F,) seconds of the clip's frames."""
    return clip.start_s + torch.arange(n_frames, dtype=torch.float64) / fps


def draw_groups(rng: Random, n_groups: int, group: int, fps: float) -> Scenes:
    """`n_groups` runs of `group` consecutive frames, each of a scene of its own, some in mid-change."""
    parts = []
    for _ in range(n_groups):
        before = sample_attributes(rng)
        start_s = rng.random() * _LONGEST_START_S
        changes: tuple[Change, ...] = ()
        if rng.random() < 0.2:
            changes = (Change(start_s - rng.random() * EASE_S, EASE_S, sample_change(before, rng)),)
        times = start_s + torch.arange(group, dtype=torch.float64) / fps
        parts.append(evaluate(Track(rng.randrange(1 << 20), before, changes), times))
    return concatenate(parts)
