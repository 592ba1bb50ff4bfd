"""Clips of random latents under a change of prompts, for what trains a denoiser."""

from __future__ import annotations

import torch
from fake_text import FakeText

from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import one_chunk_each
from lingen_live.train.latents import ClipBatch

PROMPTS = ("a meadow at dawn", "make it snow over the whole wide quiet land")


def made_batch(recipe: Recipe, n_clips: int = 2, seed: int = 0) -> ClipBatch:
    """Random latents; the first prompt gives way to the second over two chunks."""
    model, n_chunks = recipe.bundle.model, recipe.denoiser.chunks
    generator = torch.Generator().manual_seed(seed)
    shape = (model.chunk_latent_frames, model.latent_channels, model.latent_height, model.latent_width)
    prompts = [FakeText(model.text_tokens).encode(prompt) for prompt in PROMPTS]
    weights = torch.tensor([[1.0, 0.0], [0.7, 0.3], [0.0, 1.0]])[:n_chunks]
    return ClipBatch(
        latents=torch.randn(n_clips, n_chunks, *shape, generator=generator),
        tokens=torch.stack([p.tokens for p in prompts]).expand(n_clips, -1, -1, -1),
        mask=torch.stack([p.mask for p in prompts]).expand(n_clips, -1, -1),
        pooled=torch.stack([p.pooled for p in prompts]).expand(n_clips, -1, -1),
        weights=weights.expand(n_clips, -1, -1),
    )


def made_alone(recipe: Recipe) -> ClipBatch:
    """Three clips of one chunk."""
    return one_chunk_each(made_batch(recipe, n_clips=3, seed=1), torch.Generator().manual_seed(0))
