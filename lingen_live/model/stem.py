"""A convolutional stem: the last chunk, what is forecast from it, and the noisy one, side by side.

LinGen embeds latent positions one by one. Where a picture is going, a few small convolutions see far sooner than
attention and scans learn to (docs/lab-notes.md). This stem is this project's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig

_N_BLOCKS = 2


class ConvStem(nn.Module):
    """Residual 3 x 3 convolutions over the latent frames of three chunks, as channels; adds nothing at first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.n_frames = config.stem_width, config.chunk_latent_frames
        self.entry = nn.Conv2d(3 * self.n_frames * config.latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.modulation = nn.Linear(config.width, _N_BLOCKS * 2 * width)
        self.exit = nn.Conv2d(width, self.n_frames * config.width, 1)
        for parameter in (*self.modulation.parameters(), *self.exit.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, latents: Tensor, before: Tensor, forecast: Tensor, condition: Tensor) -> Tensor:
        """What to add to the tokens.

        Args:
            latents: (B, T, C, h, w) noisy.
            before: (B, T, C, h, w) the chunk before, clean; zeros if there is none.
            forecast: (B, T, C, h, w) of this chunk; zeros if there is none.
            condition: (B, D) noise level and prompt.

        Returns:
            (B, T h w, D), frame by frame.
        """
        x = self.entry(torch.cat((before, latents, forecast), dim=1).flatten(1, 2))
        modulation = self.modulation(condition).unflatten(-1, (_N_BLOCKS, 2, -1, 1, 1))
        for index, block in enumerate(self.blocks):
            scale, shift = modulation[:, index].unbind(1)
            x = x + block(functional.silu(torch.addcmul(shift, x, 1 + scale)))
        x = self.exit(functional.silu(x)).unflatten(1, (self.n_frames, -1))  # B, T, D, h, w
        return x.permute(0, 1, 3, 4, 2).flatten(1, 3)
