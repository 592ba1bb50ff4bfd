"""A convolutional stem: where things are going, read off the last chunk and the noisy one side by side.

LinGen embeds latent positions one by one. A camera that pans moves a picture by a fraction of a position a latent
frame, and at this compression a shifted picture has latents of its own; a few small convolutions over the last chunk
predict the next far sooner than attention and scans learn to (docs/lab-notes.md). This stem is this project's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig

_N_BLOCKS = 2


class ConvStem(nn.Module):
    """Residual 3 x 3 convolutions over all latent frames of two chunks, stacked as channels; adds nothing at first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.n_frames = config.stem_width, config.chunk_latent_frames
        self.entry = nn.Conv2d(2 * self.n_frames * config.latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.modulation = nn.Linear(config.width, _N_BLOCKS * 2 * width)
        self.exit = nn.Conv2d(width, self.n_frames * config.width, 1)
        for parameter in (*self.modulation.parameters(), *self.exit.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, latents: Tensor, before: Tensor, condition: Tensor) -> Tensor:
        """What to add to the tokens.

        Args:
            latents: (B, T, C, h, w) noisy.
            before: (B, T, C, h, w) the chunk before, clean; zeros if there is none.
            condition: (B, D) noise level and prompt.

        Returns:
            (B, T h w, D), frame by frame.
        """
        x = self.entry(torch.cat((before, latents), dim=1).flatten(1, 2))
        modulation = self.modulation(condition).unflatten(-1, (_N_BLOCKS, 2, -1, 1, 1))
        for index, block in enumerate(self.blocks):
            scale, shift = modulation[:, index].unbind(1)
            x = x + block(functional.silu(torch.addcmul(shift, x, 1 + scale)))
        x = self.exit(functional.silu(x)).unflatten(1, (self.n_frames, -1))  # B, T, D, h, w
        return x.permute(0, 1, 3, 4, 2).flatten(1, 3)
