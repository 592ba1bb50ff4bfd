"""The streaming opponent equals a DiT that attends to the clip under a mask; its window slides, its memory is fixed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lingen_live.paper.configs import toy_config
from lingen_live.paper.dit import DiT
from lingen_live.paper.dit_stream import WindowedDiT
from lingen_live.paper.random_weights import random_module

CONFIG = toy_config()
N_CHUNKS, N_TOKENS = 4, CONFIG.n_tokens
SIGMA = torch.zeros(1, dtype=torch.float64)


def make(n_chunks: int) -> DiT:
    def lively() -> DiT:
        model = DiT(CONFIG, 2, n_chunks * CONFIG.chunk_latent_frames)
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
        return model

    return random_module(lively, "cpu", torch.float64)


def clip(n_chunks: int) -> Tensor:
    shape = (1, n_chunks * CONFIG.chunk_latent_frames, CONFIG.latent_channels, 4, 4)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def text() -> tuple[Tensor, Tensor, Tensor]:
    keys = torch.randn(2, 1, 2, 7, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return keys[0], keys[1], torch.ones(1, 1, 1, 7, dtype=torch.bool)


def streamed(model: DiT, chunks: list[Tensor], n_window_chunks: int) -> list[Tensor]:
    stream = WindowedDiT(model, CONFIG, n_window_chunks)
    before = stream.n_state_bytes
    velocities = []
    for chunk in chunks:
        velocities.append(stream.denoise(chunk, SIGMA, text()))
        stream.commit(chunk, text())
    assert stream.n_state_bytes == before == 2 * 2 * 32 * (n_window_chunks + 1) * N_TOKENS * 8
    return velocities


def test_streaming_equals_the_clip_under_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    model, whole = make(N_CHUNKS), clip(N_CHUNKS)
    actual = streamed(model, list(whole.split(CONFIG.chunk_latent_frames, dim=1)), N_CHUNKS - 1)
    chunk_of = torch.arange(N_CHUNKS * N_TOKENS) // N_TOKENS
    attend = functional.scaled_dot_product_attention

    def masked(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
        return attend(query, key, value, chunk_of[:, None] >= chunk_of if attn_mask is None else attn_mask)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", masked)
    with torch.no_grad():
        expected = model(whole, SIGMA, text()).split(CONFIG.chunk_latent_frames, dim=1)
    for ours, theirs in zip(actual, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-10
    assert (expected[0] - expected[1]).abs().max() > 1e-3


def test_what_left_the_window_is_forgotten() -> None:
    """A window of 1 chunk in 2 layers: the first chunk reaches the third, through the second, and no further."""
    model = make(2)
    chunks = list(clip(4).split(CONFIG.chunk_latent_frames, dim=1))
    changed = [chunks[0] + 1, *chunks[1:]]
    moved = [(a - b).abs().max() for a, b in zip(streamed(model, chunks, 1), streamed(model, changed, 1), strict=True)]
    assert all(distance > 1e-6 for distance in moved[:3])
    assert moved[3] == 0


def test_denoising_leaves_the_window_alone_and_a_full_window_is_looked_at() -> None:
    model, chunk = make(3), clip(1)
    stream = WindowedDiT(model, CONFIG, 2)
    first = stream.denoise(chunk, SIGMA, text())
    assert torch.equal(stream.denoise(chunk, SIGMA, text()), first)
    stream.fill()
    assert not torch.equal(stream.denoise(chunk, SIGMA, text()), first)


def test_a_table_of_positions_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="positions for 4 latent frames; a window of 2 chunks and a chunk hold 6"):
        WindowedDiT(make(2), CONFIG, 2)
