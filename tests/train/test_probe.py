"""The attribute probe: what it is shown, what it is told, and how its answers become words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.jobs import load_probe
from lingen_live.train.probe import (
    JUDGED,
    MIN_FRAMES,
    AttributeProbe,
    chunk_of,
    horizontal_motion,
    judge,
    labels,
    train_probe,
)
from lingen_live.world.attributes import COLOURS, PANS, TIMES, VALUES, Attributes

SCENE = Attributes("meadow", "night", "rain", "birds", "blue", "left", "fast")


def test_the_probe_gives_logits_for_chunks_of_any_size() -> None:
    probe = AttributeProbe()
    for shape in ((3, 8, 3, 32, 48), (1, MIN_FRAMES, 3, 128, 128)):
        logits = probe(torch.rand(shape))
        assert {name: tuple(v.shape) for name, v in logits.items()} == {
            name: (shape[0], len(VALUES[name])) for name in JUDGED
        }


def test_labels_leave_out_what_cannot_be_seen() -> None:
    table = labels([SCENE, replace(SCENE, subject="none", pan="still")])
    assert table["time"].tolist() == [TIMES.index("night")] * 2
    assert table["colour"].tolist() == [COLOURS.index("blue"), -1]
    assert table["pan"].tolist() == [PANS.index("left"), PANS.index("still")]


def test_chunks_show_their_scenes_at_moments_of_their_own(tiny_recipe: Recipe) -> None:
    scenes = [SCENE, replace(SCENE, time="day"), SCENE]
    frames, travel = chunk_of(tiny_recipe.bundle, scenes, Random(1), "cpu")
    assert travel.shape == (3, 2)
    assert (travel > 0).all()  # a camera that goes left sees the ground go right
    assert frames.shape == (3, 8, 3, 32, 32)
    assert frames[1].mean() > frames[0].mean() + 0.1
    assert not torch.equal(frames[0], frames[2])
    assert (frames.diff(dim=1).abs().flatten(2).amax(2) > 0).all()  # every frame follows on another


def shifted(pixels_a_frame: float) -> Tensor:
    """(1, 8, 32, 64): a smooth texture that moves to the right."""
    x = torch.arange(64) - pixels_a_frame * torch.arange(8)[:, None]
    y = torch.arange(32)[:, None]
    return (0.5 + 0.2 * torch.sin(x[:, None] * 0.4 + y * 0.2) + 0.2 * torch.sin(x[:, None] * 0.23)).unsqueeze(0)


@pytest.mark.parametrize("speed", [-0.5, 0.0, 0.5])
def test_horizontal_motion_is_in_pixels_a_frame(speed: float) -> None:
    motion = horizontal_motion(shifted(speed))
    assert motion.shape == (1, 1, 32, 64)
    assert motion[..., 8:-8, 8:-8].median().item() == pytest.approx(speed, abs=0.05)


def test_nothing_moves_where_there_is_no_edge() -> None:
    flicker = torch.rand(1, 8, 1, 1).expand(1, 8, 16, 16)
    assert horizontal_motion(flicker)[..., 6:-6, 6:-6].abs().max() < 1e-5


def test_answers_are_the_likeliest_words(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = AttributeProbe()
    logits = {name: torch.zeros(2, len(VALUES[name])) for name in JUDGED}
    for name in JUDGED:
        logits[name][0, 1] = 1
        logits[name][1, -1] = 1
    monkeypatch.setattr(probe, "forward", lambda frames: logits)
    first, second = judge(probe, torch.zeros(2, 8, 3, 4, 4))
    assert first == {name: VALUES[name][1] for name in JUDGED}
    assert second == {name: VALUES[name][-1] for name in JUDGED}


def test_a_probe_learns_a_handful_of_chunks_by_heart(tiny_recipe: Recipe) -> None:
    torch.manual_seed(0)
    rng = Random(2)
    scenes = [replace(SCENE, time=time, pan=pan) for time in TIMES for pan in PANS]
    frames, _ = chunk_of(tiny_recipe.bundle, scenes, rng, "cpu")
    probe, truth = AttributeProbe(), labels(scenes)
    optimiser = torch.optim.AdamW(probe.parameters(), 2e-3)
    for _ in range(40):
        optimiser.zero_grad()
        logits = probe(frames)
        torch.stack([torch.nn.functional.cross_entropy(logits[n], truth[n]) for n in JUDGED]).sum().backward()
        optimiser.step()
    answers = judge(probe.eval(), frames)
    for name in ("time", "pan"):
        right = sum(answer[name] == getattr(scene, name) for answer, scene in zip(answers, scenes, strict=True))
        assert right >= 11


def test_training_leaves_a_probe_that_can_be_loaded(
    tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec
) -> None:
    train_probe(tiny_recipe, tiny_codec, tmp_path, "cpu")
    probe = load_probe(tmp_path / "probe.safetensors")
    assert not probe.training
    assert set(judge(probe, torch.rand(1, 8, 3, 32, 32))[0]) == set(JUDGED)


def test_training_goes_on_from_given_weights(tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    torch.manual_seed(5)
    begun = AttributeProbe()
    save_weights(begun, tmp_path / "begun.safetensors")
    train_probe(tiny_recipe, tiny_codec, tmp_path, "cpu", tmp_path / "begun.safetensors")
    trained = load_probe(tmp_path / "probe.safetensors").state_dict()
    moved = [(trained[name] - value).abs().max().item() for name, value in begun.state_dict().items()]
    assert 0 < max(moved) < 0.05  # a few steps from where it began


def test_one_chunk_in_four_is_seen_through_the_codec(
    tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    decode = tiny_codec.decode

    def counted(latents: Tensor) -> Tensor:
        seen.append(len(latents))
        return decode(latents)

    monkeypatch.setattr(tiny_codec, "decode", counted)
    recipe = replace(tiny_recipe, probe=replace(tiny_recipe.probe, batch=9, n_steps=2))
    train_probe(recipe, tiny_codec, tmp_path, "cpu")
    assert seen == [2, 2]
