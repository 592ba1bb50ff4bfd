"""Errors weighed by how large they have to be: faint scenes count as much as vivid ones.

A small network learns the expected squared error of every latent position from the noise level, what was asked and
whether there is a past, and the denoiser's errors are divided by it: Kendall and Gal 2017 (arXiv 1703.04977), over
noise levels Karras et al. 2024 (arXiv 2312.02696). The minimum stays where it was. It is of use in training only and no
part of the trained model.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig
from lingen_live.model.embed import SigmaEmbedding

_START = -1.2
_LOWEST, _HIGHEST = -3.5, 2.0


class Expected(NamedTuple):
    """Logarithms of expected squared errors.

    Attributes:
        picture: (R, T, h, w), means over the picture's channels.
        travel: (R,), of the camera's travel.
    """

    picture: Tensor
    travel: Tensor


class Uncertainty(nn.Module):
    """The errors that a denoiser is to be expected to make."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.shape = (config.chunk_latent_frames, config.latent_height, config.latent_width)
        self.sigma = SigmaEmbedding(width)
        self.reading = nn.Linear(sum(size + 1 for size in config.text_fields), width)
        self.past = nn.Embedding(2, width)
        self.hidden = nn.Linear(width, width)
        self.exit = nn.Linear(width, config.chunk_latent_frames * config.latent_height * config.latent_width + 1)
        nn.init.zeros_(self.exit.weight)
        nn.init.constant_(self.exit.bias, _START)

    def forward(self, sigma: Tensor, reading: Tensor, has_past: Tensor) -> Expected:
        """Noise levels (R,), readings (R, fields) and whether there is a past (R,) bool to what is to be expected."""
        x = self.sigma(sigma) + self.reading(reading.float()) + self.past(has_past.long())
        x = self.exit(functional.silu(self.hidden(functional.silu(x)))).float().clamp(_LOWEST, _HIGHEST)
        return Expected(x[:, :-1].unflatten(1, self.shape), x[:, -1])


def relative_error(difference: Tensor, expected: Expected, travel_weight: float) -> tuple[Tensor, Tensor]:
    """Mean square of (R, T, C, h, w) over what is to be expected; and the loss by which the latter is learned.

    The travel, the last channel, counts as much as `travel_weight` other channels. Either has gradients for one side
    only: the first for the difference, the second for the expectation.
    """
    squares = difference.square()
    picture, travel = squares[:, :, :-1].mean(2), squares[:, :, -1].mean((1, 2, 3))
    share = travel_weight / (travel_weight + squares.shape[2] - 1)
    of_picture = (picture * torch.exp(-expected.picture.detach())).mean()
    of_travel = (travel * torch.exp(-expected.travel.detach())).mean()
    likelihoods = [
        (error.detach() * torch.exp(-level) + level).mean()
        for error, level in ((picture, expected.picture), (travel, expected.travel))
    ]
    return torch.lerp(of_picture, of_travel, share), likelihoods[0] + likelihoods[1]
