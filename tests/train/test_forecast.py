"""Training the forecast alone: what it is shown, and that it learns which way things go."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lingen_live.model.forecast import Forecast
from lingen_live.train.config import Recipe
from lingen_live.train.forecast import NAME, steady_pairs, train_forecast
from lingen_live.train.latents import ShardReader, save_shard


@pytest.fixture
def folder(tiny_recipe: Recipe, tmp_path: Path) -> Path:
    """A run with one shard: of four clips of three chunks, the first two change their prompt at the last chunk."""
    model = tiny_recipe.bundle.model
    grid = (model.latent_channels, model.latent_height, model.latent_width)
    weights = torch.zeros(4, 3, 2)
    weights[..., 0] = 1
    weights[:2, 2] = torch.tensor((0.5, 0.5))
    (tmp_path / "clips").mkdir()
    shard = {
        "latents": torch.randn(4, 6, *grid, generator=torch.Generator().manual_seed(1)).half(),
        "tokens": torch.zeros(4, 2, 1, model.text_tokens, model.text_width).half(),
        "mask": torch.ones(4, 2, 1, model.text_tokens, dtype=torch.bool),
        "pooled": torch.zeros(4, 2, 1, model.text_width).half(),
        "weights": weights,
    }
    save_shard(shard, tmp_path / "clips" / "clips-0000.safetensors")
    return tmp_path


def test_pairs_are_successive_chunks_between_which_nothing_was_asked(folder: Path, tiny_recipe: Recipe) -> None:
    reader = ShardReader(folder / "clips", tiny_recipe)
    before, after = steady_pairs(reader)
    (shard,) = reader.shards.values()
    chunks = shard["latents"].unflatten(1, (3, 2))
    assert len(before) == len(after) == 6  # one of each clip that changes, two of the others
    assert torch.equal(before[0], chunks[0, 0])
    assert torch.equal(after[0], chunks[0, 1])
    assert torch.equal(after[-1], chunks[3, 2])


def test_a_trained_forecast_is_left_and_is_found_finished(folder: Path, tiny_recipe: Recipe) -> None:
    train_forecast(tiny_recipe, folder, "cpu")
    held = load_file(folder / NAME)
    Forecast(tiny_recipe.bundle.model).load_state_dict(held)
    assert held["exit.weight"].any()
    train_forecast(tiny_recipe, folder, "cpu")
    assert all(torch.equal(value, held[name]) for name, value in load_file(folder / NAME).items())


def test_at_first_the_last_frame_stands_still_and_then_it_learns_to_move(tiny_recipe: Recipe) -> None:
    """Pictures that roll by one position a latent frame, to the side that the travel says."""
    torch.manual_seed(0)
    forecast = Forecast(tiny_recipe.bundle.model)
    pictures = torch.randn(64, 8, 4, 4)
    sides = torch.tensor([1, -1]).repeat(32)
    frames = torch.stack(
        [
            torch.stack([row.roll(int(k * side), -1) for row, side in zip(pictures, sides, strict=True)])
            for k in range(4)
        ],
        dim=1,
    )
    frames[:, :, -1] = sides[:, None, None, None]
    before, after = frames[:, :2], frames[:, 2:]
    torch.testing.assert_close(forecast(before), before[:, -1:].expand(-1, 2, -1, -1, -1))

    optimiser = torch.optim.AdamW(forecast.parameters(), 5e-3)
    first = (forecast(before) - after).square().mean().item()
    for _ in range(150):
        optimiser.zero_grad()
        error = (forecast(before) - after).square().mean()
        error.backward()
        optimiser.step()
    assert error.item() < 0.5 * first
