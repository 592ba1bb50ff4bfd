"""Embeddings: noise level, position, and text as keys and values for every layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig

_FREQUENCIES = 64


class SigmaEmbedding(nn.Module):
    """sigma (B,) in [0, 1] to (B, D): sines of sigma at frequencies 1 to 1000, then two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: Tensor) -> Tensor:
        """Embed the noise level; computed in float32 at least."""
        frequencies = torch.exp(
            torch.linspace(0, math.log(1000), _FREQUENCIES, device=sigma.device, dtype=sigma.dtype)
        )
        angles = sigma[:, None] * frequencies
        dtype = cast(nn.Linear, self.layers[0]).weight.dtype
        return self.layers(torch.cat((angles.sin(), angles.cos()), dim=-1).to(dtype))


class PositionEmbedding(nn.Module):
    """Learned and factorised over time, height and width: one table an axis, summed to (1, L, D)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.randn(config.chunk_latent_frames, 1, 1, config.width) * 0.02)
        self.row = nn.Parameter(torch.randn(config.latent_height, 1, config.width) * 0.02)
        self.column = nn.Parameter(torch.randn(config.latent_width, config.width) * 0.02)

    def forward(self) -> Tensor:
        """The table of a whole chunk."""
        return (self.time + self.row + self.column).flatten(0, 2).unsqueeze(0)


@dataclass(frozen=True, slots=True)
class TextContext:
    """A batch of prompts, ready for every layer: computed once a tick, not once a step.

    Attributes:
        keys, values: (n_layers, B, heads, 1 + S, headdim); the first token is learned and always there.
        mask: (B, 1, 1, 1 + S) bool, True where there is a token.
        pooled: (B, D), added to the noise embedding.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor
    pooled: Tensor

    def repeat(self, n: int) -> TextContext:
        """The batch n times over."""
        return TextContext(
            self.keys.repeat(1, n, 1, 1, 1),
            self.values.repeat(1, n, 1, 1, 1),
            self.mask.repeat(n, 1, 1, 1),
            self.pooled.repeat(n, 1),
        )


class TextProjection(nn.Module):
    """Token states of the frozen text encoder to cross-attention keys and values of all layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_layers, self.headdim = config.n_layers, config.attn_headdim
        self.token = nn.Linear(config.text_width, config.width)
        self.pooled = nn.Linear(config.text_width, config.width)
        self.absent = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.to_kv = nn.Linear(config.width, 2 * config.n_layers * config.width, bias=False)

    def forward(self, tokens: Tensor, mask: Tensor, pooled: Tensor) -> TextContext:
        """Project prompts.

        Args:
            tokens: (B, S, text_width).
            mask: (B, S) bool.
            pooled: (B, text_width), unit length, or zero for the null prompt.
        """
        batch = tokens.shape[0]
        hidden = torch.cat((self.absent.expand(batch, -1, -1), self.token(tokens)), dim=1)
        hidden = functional.layer_norm(hidden, hidden.shape[-1:])
        kv = self.to_kv(hidden).unflatten(-1, (self.n_layers, 2, -1, self.headdim))
        keys, values = kv.permute(2, 3, 0, 4, 1, 5).unbind(1)  # each: layers, B, heads, 1 + S, headdim
        present = functional.pad(mask, (1, 0), value=True)[:, None, None, :]
        # Unit vectors of 384 numbers are too faint beside the noise embedding.
        return TextContext(keys, values, present, self.pooled(pooled * pooled.shape[-1] ** 0.5))
