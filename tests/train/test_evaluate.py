"""Scoring: which captions are asked, what counts as right, and what a judge's own score is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_text import FakeText
from torch import Tensor

from lingen_live.checkpoint import load_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.engine.engine import Engine
from lingen_live.train import evaluate
from lingen_live.train.evaluate import (
    Sample,
    Score,
    held_out_captions,
    sample_captions,
    score_renders,
    score_samples,
    to_unit,
)
from lingen_live.train.probe import JUDGED, AttributeProbe
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import Caption, is_held_out

SCENE = Attributes("sea", "dusk", "rain", "sailboat", "red", "left", "slow")
NO_FRAMES = np.zeros((1, 2, 2, 3), np.uint8)


def sample(mentions: set[str], seen: dict[str, str], target: Attributes = SCENE) -> Sample:
    """A sample whose probe saw the target except where `seen` says otherwise."""
    words = {name: getattr(target, name) for name in JUDGED} | seen
    return Sample(Caption("words", frozenset(mentions), target), NO_FRAMES, words)


def test_captions_are_the_same_every_time_and_half_of_combinations_never_seen() -> None:
    captions = held_out_captions(40)
    assert captions == held_out_captions(40)
    assert captions[:10] == held_out_captions(10)
    assert [is_held_out(caption.target) for caption in captions] == [False, True] * 20
    assert len({caption.text for caption in captions}) == 40


def test_only_what_the_words_fix_is_judged() -> None:
    samples = [
        sample({"biome", "time"}, {}),
        sample({"biome", "weather"}, {"biome": "city", "time": "night"}),  # the time was free
        sample({"subject", "colour", "speed"}, {"colour": "blue"}),  # nobody judges speed
    ]
    scores = score_samples(samples)
    assert scores == {
        "biome": Score(1, 2),
        "time": Score(1, 1),
        "weather": Score(1, 1),
        "subject": Score(1, 1),
        "colour": Score(0, 1),
        "pan": Score(0, 0),
    }
    assert scores["biome"].share == 0.5
    assert math.isnan(scores["pan"].share)


def test_the_colour_of_no_subject_is_not_judged() -> None:
    empty = replace(SCENE, subject="none")
    scores = score_samples([sample({"subject", "colour"}, {"colour": "green"}, empty)])
    assert scores["subject"] == Score(1, 1)
    assert scores["colour"] == Score(0, 0)


def test_pixels_become_numbers_between_0_and_1() -> None:
    frames = np.zeros((2, 3, 4, 3), np.uint8)
    frames[1, 2, 3, 0] = 255
    unit = to_unit(frames)
    assert unit.shape == (2, 3, 3, 4)
    assert unit.sum() == unit[1, 0, 2, 3] == 1.0


@pytest.fixture
def engine(tiny_bundle: Path, tiny_config: BundleConfig) -> Engine:
    text = FakeText(tiny_config.model.text_tokens)
    return Engine(load_bundle(tiny_bundle), text, seed=5, prompt="anything at all")


def test_every_caption_gets_a_fresh_stream_of_its_own_noise(engine: Engine) -> None:
    captions = held_out_captions(3)
    done: list[None] = []
    samples = sample_captions(engine, AttributeProbe(), captions, 2, lambda: done.append(None))
    assert [s.caption for s in samples] == captions
    assert len(done) == 3
    assert all(s.frames.shape == (8, 32, 32, 3) for s in samples)
    assert all(s.seen[name] in VALUES[name] for s in samples for name in JUDGED)

    engine.cut(captions[2].text)
    engine.reseed(2)
    chunks = [engine.tick() for _ in range(2)]
    assert np.array_equal(chunks[-1].frames, samples[2].frames)  # what came before left no trace
    assert chunks[-1].blend == 1.0


def test_a_perfect_judge_scores_all_and_a_blind_one_does_not(
    tiny_config: BundleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "_CEILING_CHUNKS", 12)
    monkeypatch.setattr(evaluate, "_BATCH", 5)
    shown: list[Attributes] = []
    render_chunks = evaluate.chunk_of

    def chunk_of(bundle: BundleConfig, scenes: list[Attributes], *rest: object) -> tuple[Tensor, Tensor]:
        shown[:] = scenes
        return render_chunks(bundle, scenes, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluate, "chunk_of", chunk_of)
    monkeypatch.setattr(evaluate, "judge", lambda probe, frames: [{n: getattr(s, n) for n in JUDGED} for s in shown])
    scores = score_renders(tiny_config, AttributeProbe(), None)
    assert all(score.share == 1.0 for score in scores.values())
    assert scores["biome"].n_judged == 12
    assert 0 < scores["colour"].n_judged < 12  # some show no subject

    monkeypatch.setattr(evaluate, "judge", lambda probe, frames: [dict.fromkeys(JUDGED, "?") for _ in shown])
    assert {score.n_right for score in score_renders(tiny_config, AttributeProbe(), None).values()} == {0}


def test_a_codec_stands_between_the_render_and_the_judge(
    tiny_config: BundleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "_CEILING_CHUNKS", 4)
    seen: list[Tensor] = []

    def judge(probe: AttributeProbe, frames: Tensor) -> list[dict[str, str]]:
        seen.append(frames)
        return [dict.fromkeys(JUDGED, "?") for _ in frames]

    monkeypatch.setattr(evaluate, "judge", judge)
    score_renders(tiny_config, AttributeProbe(), None)
    score_renders(tiny_config, AttributeProbe(), Off(tiny_config))
    torch.testing.assert_close(seen[1], seen[0] + 0.1)


class Off(VideoCodec):
    """A codec that is wrong by a tenth everywhere."""

    def __init__(self, config: BundleConfig) -> None:
        super().__init__(config.codec)

    def encode(self, frames: Tensor, travel: Tensor | None = None) -> Tensor:
        return frames

    def decode(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        return latents + 0.1
