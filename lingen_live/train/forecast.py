"""Train the denoiser's forecast alone: chunk after chunk of clips in which nothing is asked to change.

Which way a picture goes is learned in batches of very many scenes or not at all, and a forecast costs so little that it
can have them. Part of what it is shown is noised, as a stream's own chunks are not quite clean.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lingen_live.model.forecast import Forecast
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.latents import ShardReader
from lingen_live.train.loop import Trainer
from lingen_live.train.precision import autocast

NAME = "forecast.safetensors"


def train_forecast(recipe: Recipe, folder: Path, device: str) -> None:
    """Train or resume; leaves `forecast.safetensors` (EMA weights) in the folder."""
    torch.manual_seed(0)
    forecast, section = Forecast(recipe.bundle.model).to(device), recipe.forecast
    before, after = steady_pairs(ShardReader(folder / "clips", recipe))

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(before), (section.batch,), generator=generator)
        shown, truth = (part[rows].float().to(device) for part in (before, after))
        amount = torch.rand(len(rows), generator=generator) * section.latent_noise
        with autocast(device):
            made = forecast(torch.lerp(shown, torch.randn_like(shown), amount.to(device).view(-1, 1, 1, 1, 1))).float()
        error = (made - truth).square().mean()
        standing = (shown[:, -1:] - truth).square().mean()
        return error, {"error": error.item(), "standing_still": standing.item()}

    trainer = Trainer(forecast, loss, section, folder / "forecast")

    def export() -> None:
        trained = Forecast(recipe.bundle.model)
        trained.load_state_dict(trainer.ema)
        save_weights(trained, folder / NAME)

    trainer.run(export)


def steady_pairs(reader: ShardReader) -> tuple[Tensor, Tensor]:
    """Successive chunks under one and the same blend of prompts, each (N, T, C, h, w) float16."""
    before, after = [], []
    for shard in reader.shards.values():
        weights = shard["weights"]
        chunks = shard["latents"].unflatten(1, (weights.shape[1], -1))
        is_steady = (weights[:, 1:] == weights[:, :-1]).all(-1)
        before.append(chunks[:, :-1][is_steady])
        after.append(chunks[:, 1:][is_steady])
    return torch.cat(before), torch.cat(after)
