"""Motion: the estimator finds the renderer's true velocity, and seams are where they were put."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lingen_live.config import BundleConfig
from lingen_live.train.motion import (
    PAN_CASES,
    Rollout,
    flicker,
    ground_shift,
    pan_captions,
    record_pans,
    score_pans,
    to_luma,
)
from lingen_live.train.rendered import RenderedStream
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption
from lingen_live.world.render import render
from lingen_live.world.track import Track, camera_velocity, evaluate

TOLERANCE = 0.02
"""Screen heights a second: a fifth of the slow pan."""


@pytest.mark.parametrize("height_px", [48, 96])
@pytest.mark.parametrize("biome", ["snow", "city"])
@pytest.mark.parametrize("case", PAN_CASES)
def test_the_ground_tells_the_true_velocity_of_a_render(case: tuple[str, str], biome: str, height_px: int) -> None:
    scene = Attributes(biome, "day", "clear", "none", "red", *case)
    for seed in range(3):
        times_s = 7.0 + torch.arange(8, dtype=torch.float64) / 16
        frames = render(evaluate(Track(seed, scene), times_s), height_px, height_px * 4 // 3)
        luma = to_luma((frames.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy())
        assert -ground_shift(luma, 16.0, {"snow": 0.7, "city": 0.86}[biome]) == pytest.approx(
            camera_velocity(scene), abs=TOLERANCE
        )


def test_where_the_ground_has_no_texture_nothing_is_measured() -> None:
    assert math.isnan(ground_shift(torch.full((8, 32, 32), 0.4), 16.0, 0.86))


def test_captions_ask_for_every_pan_over_firm_and_dry_land() -> None:
    captions = pan_captions(2)
    assert captions == pan_captions(2)
    assert [(c.target.pan, c.target.speed) for c in captions] == [*PAN_CASES, *PAN_CASES]
    for caption in captions:
        assert caption.target.biome in ("snow", "city")
        assert caption.target.weather in ("clear", "cloudy")
        assert caption.mentions == set(caption.target.visible())


def test_renders_pan_as_asked_without_a_seam(tiny_config: BundleConfig) -> None:
    captions = pan_captions(2)
    stream = RenderedStream(tiny_config, {caption.text: caption.target for caption in captions})
    done: list[None] = []
    rollouts = record_pans(stream, captions, 0.5, lambda: done.append(None))
    assert len(done) == len(rollouts) == 10
    assert all(rollout.frames.shape == (24, 32, 32, 3) for rollout in rollouts)
    for result in score_pans(rollouts, 8, 16.0):
        assert (result.n_chunks, result.n_blank) == (6, 0)
        assert result.measured == pytest.approx(result.asked, abs=TOLERANCE)
    seams = flicker(rollouts, 8, 4)
    assert seams.chunk_edges == pytest.approx(1.0, abs=0.05)
    assert seams.latent_edges == pytest.approx(1.0, abs=0.05)


def test_a_pan_to_the_other_side_is_the_wrong_direction(tiny_config: BundleConfig) -> None:
    captions = pan_captions(1)
    mirrored = {"left": "right", "right": "left", "still": "still"}
    scenes = {c.text: replace(c.target, pan=mirrored[c.target.pan]) for c in captions}
    rollouts = record_pans(RenderedStream(tiny_config, scenes), captions, 0.5, lambda: None)
    results = {(r.pan, r.speed): r for r in score_pans(rollouts, 8, 16.0)}
    assert results["still", "slow"].wrong_direction == 0.0
    assert results["left", "fast"].wrong_direction == 1.0
    assert results["left", "fast"].error == pytest.approx(0.52, abs=TOLERANCE)


def test_a_jump_is_found_at_the_seam_where_it_is() -> None:
    levels = np.cumsum([0, *([2, 2, 2, 4, 2, 2, 2, 6] * 2)][:16])
    frames = np.broadcast_to(levels[:, None, None, None], (16, 4, 4, 3)).astype(np.uint8)
    caption = Caption("words", frozenset(), Attributes("meadow", "day", "clear", "none", "red", "still", "slow"))
    seams = flicker([Rollout(caption, frames)], 8, 4)
    assert (seams.chunk_edges, seams.latent_edges) == (3.0, 2.0)
    still = flicker([Rollout(caption, np.zeros((16, 4, 4, 3), np.uint8))], 8, 4)
    assert math.isnan(still.chunk_edges)
