"""Training the flow head alone: the truth is found where it can be seen, and only the head changes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.flow import PARALLAXES, collect_pairs, flow_truth, random_runs, train_flow


def panning(parallax: float, ground: float) -> Tensor:
    """(1, 12, 64, 64): four frames of a smooth texture; `ground` heights a frame is the speed of the nearest layer."""
    x = torch.arange(64.0) - parallax * ground * 64 * (torch.arange(4.0)[:, None] - 1.5)
    wave = 0.5 + 0.2 * torch.sin(x * 0.35) + 0.2 * torch.sin(x * 0.21 + 1)
    return wave[:, None, None].expand(4, 3, 64, 64).reshape(1, 12, 64, 64)


@pytest.mark.parametrize("parallax", PARALLAXES)
@pytest.mark.parametrize("ground", [0.02, -0.02])
def test_the_parallax_that_fits_is_found(parallax: float, ground: float) -> None:
    flow, weight = flow_truth(panning(parallax, ground), torch.tensor([ground]), 16)
    assert flow.shape == weight.shape == (1, 16, 16)
    torch.testing.assert_close(flow[:, 4:-4, 4:-4], torch.full((1, 8, 8), parallax * ground * 16))
    assert weight[:, 4:-4, 4:-4].min() > 0.3


def test_where_nothing_has_an_edge_the_truth_weighs_nothing() -> None:
    _, weight = flow_truth(torch.full((1, 12, 64, 64), 0.4), torch.tensor([0.02]), 16)
    assert weight.max() < 1e-3


def test_runs_are_latents_beside_what_they_were_made_of(tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    latents, groups, velocity = random_runs(tiny_recipe, tiny_codec, Random(1), 3, "cpu")
    assert latents.shape == (3, 5, 8, 4, 4)
    assert groups.shape == (3, 5, 12, 64, 64)
    assert velocity.shape == (12,)
    assert {round(16 * abs(speed), 4) for speed in velocity.tolist()} <= {0.0, 0.1, 0.26}
    frames = groups.unflatten(2, (4, 3)).flatten(1, 2)
    assert (
        0 < frames.diff(dim=1).abs().mean() < 0.3 * frames[0].sub(frames[1]).abs().mean()
    )  # successive, of two scenes


def test_pairs_are_successive_latent_frames(tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    pairs = collect_pairs(tiny_recipe, tiny_codec, 9, "cpu")  # more than are rendered at a time
    assert pairs.latents.shape == (36, 2, 8, 4, 4)
    assert pairs.truth.shape == pairs.weight.shape == (36, 16, 16)
    runs = pairs.latents.unflatten(0, (9, 4))
    assert torch.equal(runs[:, 1:, 0], runs[:, :-1, 1])
    assert pairs.truth.any()


def test_only_the_flow_head_changes(tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    path = tmp_path / "codec.safetensors"
    save_weights(tiny_codec, path)
    first = load_file(path)
    train_flow(tiny_recipe, tiny_codec, tmp_path, "cpu")
    second = load_file(path)
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed
    assert all(name.startswith("flow.") for name in changed)

    save_weights(tiny_codec, path)  # as if it had been tuned since
    train_flow(tiny_recipe, tiny_codec, tmp_path, "cpu")  # finished: asked again, it must not undo that
    assert all(torch.equal(first[name], value) for name, value in load_file(path).items())
