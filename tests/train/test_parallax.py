"""Training the parallax head alone: the truth is found where it can be seen, and only the head changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.parallax import collect_views, parallax_truth, train_parallax
from lingen_live.world.attributes import Attributes
from lingen_live.world.track import Scenes, Track, evaluate

CITY = Attributes(biome="city", time="day", weather="rain", subject="none", colour="red", pan="left", speed="fast")


def moments(attributes: Attributes, n: int = 6) -> Scenes:
    """The same scene in n landscapes."""
    parts = [evaluate(Track(seed, attributes), torch.tensor([3.0], dtype=torch.float64)) for seed in range(n)]
    return Scenes(*(torch.cat([getattr(part, name) for part in parts]) for name in Scenes.__slots__))


def test_windows_stripes_and_the_sky_move_as_the_world_says() -> None:
    """Windows move at a parallax of 0.4, the dashes of the road at 1, the sun not at all. Rain is not looked at."""
    truth, weight = parallax_truth(moments(CITY), 128, 128, (64, 64))
    assert truth.shape == weight.shape == (6, 64, 64)
    sure = weight > 0.8

    def median(first: int, last: int) -> float:
        return truth[:, first:last][sure[:, first:last]].median().item()

    assert abs(median(45, 50) - 0.4) < 0.1
    assert abs(median(58, 61) - 1.0) < 0.1
    assert median(0, 8) < 0.01
    dry, _ = parallax_truth(moments(replace(CITY, weather="clear")), 128, 128, (64, 64))
    torch.testing.assert_close(dry, truth)


def test_views_are_latents_beside_what_moves_in_them(tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    views = collect_views(tiny_recipe, tiny_codec, 17, "cpu")  # more than are rendered at a time
    assert views.pictures.shape == (17, 7, 4, 4)
    assert views.truth.shape == views.weight.shape == (17, 32, 32)
    assert views.truth.min() >= 0
    assert 0.2 < views.truth.max() <= 1


def test_only_the_parallax_head_changes(tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    path = tmp_path / "codec.safetensors"
    save_weights(tiny_codec, path)
    first = load_file(path)
    train_parallax(tiny_recipe, tiny_codec, tmp_path, "cpu")
    second = load_file(path)
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed
    assert all(name.startswith("parallax.") for name in changed)

    save_weights(tiny_codec, path)  # as if it had been tuned since
    train_parallax(tiny_recipe, tiny_codec, tmp_path, "cpu")  # finished: asked again, it must not undo that
    assert all(torch.equal(first[name], value) for name, value in load_file(path).items())
