"""What the next chunk would be if all went on as it does: the last one moved along by a few convolutions.

A camera that pans moves a picture by a fraction of a latent position, and at this compression a shifted picture has
latents of its own. To learn that takes batches of very many scenes, which a denoiser with a past cannot have; so it is
learned alone (`lingen_live/train/forecast.py`), made once a chunk at the commit, and carried as part of the state. This
forecast is this project's, not LinGen's. Knows neither prompts nor noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig

_N_BLOCKS = 4


class Forecast(nn.Module):
    """A chunk to the next; at first the last latent frame stands still."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.n_frames = config.forecast_width, config.chunk_latent_frames
        channels = self.n_frames * config.latent_channels
        self.entry = nn.Conv2d(channels, width, 3, padding=1)
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.travel = nn.Linear(self.n_frames, _N_BLOCKS * 2 * width)
        self.exit = nn.Conv2d(width, channels, 1)
        for parameter in (*self.travel.parameters(), *self.exit.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, chunk: Tensor) -> Tensor:
        """(B, T, C, h, w), clean, to the same of half a second later; the last channel is how far a camera travels."""
        x = self.entry(chunk.flatten(1, 2))
        modulation = self.travel(chunk[:, :, -1].mean((2, 3))).unflatten(-1, (_N_BLOCKS, 2, -1, 1, 1))
        for index, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            scale, shift = modulation[:, index].unbind(1)
            x = x + second(functional.silu(torch.addcmul(shift, first(functional.silu(x)), 1 + scale)))
        change = self.exit(functional.silu(x)).unflatten(1, (self.n_frames, -1))
        return chunk[:, -1:] + change
