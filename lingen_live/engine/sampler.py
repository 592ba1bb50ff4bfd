"""One chunk from noise: steps that read the state, and the schedule of noise levels they walk down.

Knows latents and a model. Does not know sessions, words or pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lingen_live.config import ModelConfig, SamplerConfig
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState

BEND = 0.5
"""Share of the second-order correction that is taken; 0 is Euler, 1 Adams and Bashforth."""


class Denoiser(Protocol):
    """A model as a stream uses it: `LinGen` itself, or anything that computes the same."""

    def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        """The velocity at noisy latents; see `LinGen.denoise`."""

    def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
        """The state after a clean chunk; see `LinGen.commit`."""


def sigma_schedule(config: SamplerConfig) -> list[float]:
    """n_steps + 1 noise levels from 1 down to 0: even steps, bent by s -> shift s / (1 + (shift - 1) s)."""
    even = (1 - step / config.n_steps for step in range(config.n_steps + 1))
    return [config.sigma_shift * s / (1 + (config.sigma_shift - 1) * s) for s in even]


def chunk_noise(config: ModelConfig, seed: int, chunk_index: int) -> Tensor:
    """Standard normal noise (1, T, C, h, w) float32, a pure function of (seed, chunk_index).

    Philox (Salmon et al. 2011) counts instead of remembering: any chunk's noise can be made alone, alike on
    every machine.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, chunk_index], dtype=np.uint64)))
    shape = (1, config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
    return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))


def with_contrast(latents: Tensor, contrast: float) -> Tensor:
    """Latents (..., w) to be shown, further from the mean of their row by a factor; zeros, which are no past, stay."""
    return latents if contrast == 1 else torch.lerp(latents.mean(-1, keepdim=True), latents, contrast)


def bent(velocity: Tensor, before: Tensor | None, step: float, taken: float) -> Tensor:
    """The velocity that a step takes, from that at its beginning and, unless it is the first, at the last one's.

    Args:
        velocity: where the step begins.
        before: where the one before began.
        step: its length in noise levels, below 0.
        taken: that of the one before.
    """
    return velocity if before is None else velocity + BEND * (velocity - before) * (step / (2 * taken))


def denoise_steps(
    denoiser: Denoiser, noise: Tensor, sigmas: list[float], text: TextContext, state: StreamState
) -> Iterator[Tensor]:
    """Walk from noise to data, a step an item, so that a caller can time or abandon the walk.

    Between Euler's steps and Adams and Bashforth's of second order, where the velocity of the step before tells how it
    bends, which costs nothing. Few Euler steps cut the corner and end between the data: duller pictures. With the whole
    correction few steps end beyond it: chunks that agree badly with the one before (docs/lab-notes.md).

    Args:
        denoiser: velocity = noise - data.
        noise: (B, T, C, h, w) at sigma 1.
        sigmas: from `sigma_schedule`.
        text: prompts.
        state: only read.

    Yields:
        (B, T, C, h, w) latents after each step; the last are clean.
    """
    latents, before, taken = noise, None, 0.0
    for sigma, following in itertools.pairwise(sigmas):
        level = torch.full((latents.shape[0],), sigma, device=latents.device)
        velocity = denoiser.denoise(latents, level, text, state).to(latents.dtype)
        step = following - sigma
        latents = latents + step * bent(velocity, before, step, taken)
        before, taken = velocity, step
        yield latents
