"""Training the autoencoder: its data, its losses, its statistics, and what it leaves behind."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.train import codec as codec_training
from lingen_live.train.codec import (
    measure_statistics,
    picture_loss,
    psnr_db,
    random_groups,
    reconstruction_loss,
    save_weights,
    sharpening_loss,
    train_codec,
    train_decoder,
    travel_of,
)
from lingen_live.train.config import Recipe
from lingen_live.world.attributes import Attributes
from lingen_live.world.track import Track, evaluate


@pytest.fixture(autouse=True)
def _few_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_training, "_STATISTICS_GROUPS", 32)


def test_groups_hold_consecutive_frames_on_the_channels(tiny_recipe: Recipe) -> None:
    groups = random_groups(tiny_recipe, Random(1), 8, "cpu")
    assert groups.frames.shape == (8, 12, 32, 32)
    assert groups.frames.min() >= 0
    assert groups.frames.max() <= 1
    frames = groups.frames.unflatten(1, (4, 3))
    within = frames.diff(dim=1).abs().mean()
    between = frames[1:, 0].sub(frames[:-1, 0]).abs().mean()
    assert 0 < within < 0.3 * between  # a moving picture, and then another one
    again = random_groups(tiny_recipe, Random(1), 8, "cpu")
    assert torch.equal(groups.frames, again.frames)
    assert torch.equal(groups.travel, again.travel)


def test_the_ground_travels_against_the_camera() -> None:
    right = Attributes(
        biome="city", time="day", weather="clear", subject="none", colour="red", pan="right", speed="fast"
    )
    scenes = evaluate(Track(3, right), torch.arange(8, dtype=torch.float64) / 16)
    torch.testing.assert_close(travel_of(scenes, 4), torch.full((2,), -0.26 / 16), rtol=1e-3, atol=0)


def test_the_groups_of_a_run_follow_each_other(tiny_recipe: Recipe) -> None:
    runs = random_groups(tiny_recipe, Random(1), 2, "cpu", 3).frames.unflatten(1, (4, 3)).unflatten(0, (2, 3))
    seams = runs[:, 1:, 0].sub(runs[:, :-1, -1]).abs().mean()
    assert seams < 3 * runs.diff(dim=2).abs().mean()


def test_the_picture_loss_counts_blurred_edges_twice(tiny_recipe: Recipe) -> None:
    section = dataclasses.replace(tiny_recipe.codec, edge_weight=0.5, motion_weight=0.0)
    flat = torch.full((1, 12, 8, 8), 0.1)
    assert picture_loss(flat, section).item() == pytest.approx(0.1)
    edge = flat.clone()
    edge[..., 4:] = -0.1  # the same size of error, and one jump of 0.2 in seven differences
    assert picture_loss(edge, section).item() == pytest.approx(0.1 + 0.5 * 0.2 / 7)


def test_the_picture_loss_counts_jumps_also_between_the_groups_of_a_run(tiny_recipe: Recipe) -> None:
    section = dataclasses.replace(tiny_recipe.codec, edge_weight=0.0, motion_weight=2.0)
    groups = torch.full((4, 6, 8, 8), 0.1)  # two runs of two groups of two frames
    groups[1::2] = -0.1  # each run jumps by 0.2 where its groups meet: one of three differences in time
    assert picture_loss(groups, section, 2).item() == pytest.approx(0.1 + 2 * 0.2 / 3)
    assert picture_loss(groups, section, 1).item() == pytest.approx(0.1)  # runs of one have nothing to meet


def test_psnr_is_in_decibels_of_a_peak_of_one() -> None:
    assert psnr_db(torch.full((2, 3), 0.1)) == pytest.approx(20.0)


def test_noise_in_the_bottleneck_is_part_of_the_loss(tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    groups = random_groups(tiny_recipe, Random(1), 4, "cpu")
    torch.manual_seed(1)
    first, _ = reconstruction_loss(tiny_codec, groups, tiny_recipe.codec)
    second, _ = reconstruction_loss(tiny_codec, groups, tiny_recipe.codec)
    assert first != second


def test_statistics_make_latents_of_unit_variance(tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    measure_statistics(tiny_recipe, tiny_codec, "cpu")
    groups = random_groups(tiny_recipe, Random(12345), 32, "cpu")  # the very scenes that were measured
    with torch.no_grad():
        latents = tiny_codec.encode(groups.frames.unflatten(1, (4, 3)), groups.travel.unsqueeze(1))
    assert tiny_codec.latent_mean[-1] == 0
    torch.testing.assert_close(latents.mean((0, 1, 3, 4))[:-1], torch.zeros(7), rtol=0, atol=1e-4)
    torch.testing.assert_close(latents.std((0, 1, 3, 4)), torch.ones(8), rtol=0, atol=1e-3)


def test_weights_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(torch.nn.Linear(2, 2).bfloat16(), path)
    assert {value.dtype for value in load_file(path).values()} == {torch.float32}
    before = path.read_bytes()

    def half(tensors: object, partial: Path) -> None:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(codec_training, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        save_weights(torch.nn.Linear(2, 2), path)
    assert path.read_bytes() == before


def with_pull(recipe: Recipe, latent_pull: float) -> Recipe:
    return dataclasses.replace(recipe, decoder=dataclasses.replace(recipe.decoder, latent_pull=latent_pull))


def test_the_decoder_learns_while_the_encoder_stays(tmp_path: Path, tiny_recipe: Recipe) -> None:
    tiny_recipe = with_pull(tiny_recipe, 0.0)
    train_codec(tiny_recipe, tmp_path, "cpu")
    path = tmp_path / "codec.safetensors"
    first = load_file(path)
    assert first["latent_std"].min() > 0
    assert not torch.equal(first["latent_std"], torch.ones(8))  # measured

    train_decoder(tiny_recipe, tmp_path, "cpu")
    second = load_file(path)
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed
    assert all(name.startswith(("decoder.", "parallax.")) for name in changed)

    train_codec(tiny_recipe, tmp_path, "cpu")  # finished: asked again, it must not undo the decoder
    third = load_file(path)
    assert all(torch.equal(second[name], third[name]) for name in second)


def test_the_encoder_learns_too_where_moved_latents_have_a_price(tmp_path: Path, tiny_recipe: Recipe) -> None:
    tiny_recipe = with_pull(tiny_recipe, 0.05)
    train_codec(tiny_recipe, tmp_path, "cpu")
    first = load_file(tmp_path / "codec.safetensors")
    train_decoder(tiny_recipe, tmp_path, "cpu")
    second = load_file(tmp_path / "codec.safetensors")
    for part in ("encoder.", "decoder.", "parallax."):
        assert any(not torch.equal(first[name], second[name]) for name in first if name.startswith(part))
    for name in ("latent_mean", "latent_std"):
        assert torch.equal(first[name], second[name])


def test_moved_latents_cost_their_square_in_units_of_their_variance(
    tiny_recipe: Recipe, tiny_codec: VideoCodec
) -> None:
    groups = random_groups(tiny_recipe, Random(1), 2, "cpu", 3)
    before = copy.deepcopy(tiny_codec.encoder)
    final = tiny_codec.encoder[-1]
    assert isinstance(final, torch.nn.Conv2d)
    assert final.bias is not None
    with torch.no_grad():
        final.bias += 0.5 * tiny_codec.latent_std[:-1]
    losses = []
    for latent_pull in (0.5, 1.5):
        torch.manual_seed(0)
        section = with_pull(tiny_recipe, latent_pull).decoder
        value, numbers = sharpening_loss(tiny_codec, before, groups, section)
        assert numbers["moved"] == pytest.approx(0.25, rel=1e-4)
        losses.append(value.item())
    assert losses[1] - losses[0] == pytest.approx(0.25, rel=1e-3)
