"""The test that defines correctness: N chunks streamed one by one equal one offline pass."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from lingen_live.config import ModelConfig
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.offline import offline_velocity
from lingen_live.model.state import StreamState

N_CHUNKS = 5
CONFIG = ModelConfig(
    latent_channels=6,
    latent_height=8,
    latent_width=4,
    chunk_latent_frames=2,
    forecast_width=16,
    stem_width=16,
    width=32,
    n_layers=6,
    scan_orders=4,
    expand=2,
    headdim=16,
    d_state=8,
    d_conv=4,
    attn_headdim=16,
    tesa_window=4,
    tesa_past_frames=2,
    review_pool=2,
    review_slots=3,
    ffn_expand=2,
    text_width=12,
    text_tokens=5,
    text_slots=3,
    text_fields=(2, 3),
)


WITHOUT = {
    "review tokens": replace(CONFIG, review_slots=0),
    "rotation of the scan": replace(CONFIG, scan_orders=1),
    "TE-branch": replace(CONFIG, tesa_window=0),
    "MA-branch": replace(CONFIG, expand=0),
    "MATE": replace(CONFIG, expand=0, latent_width=8, tesa_window=8, tesa_past_frames=4),
}


def lively_model(dtype: torch.dtype, config: ModelConfig = CONFIG) -> LinGen:
    """A model whose zero-initialised parts are random too: otherwise the test would compare zeros."""
    torch.manual_seed(0)
    model = LinGen(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.2)
    return model.to(dtype).eval()


def prompts(model: LinGen, dtype: torch.dtype) -> list[TextContext]:
    """A different prompt for every chunk."""
    mask = torch.tensor([[True, True, True, False, False]])
    contexts = []
    for k in range(N_CHUNKS):
        generator = torch.Generator().manual_seed(k)
        tokens = torch.randn(1, 5, 12, generator=generator, dtype=dtype)
        contexts.append(model.read_text(tokens, mask, tokens[:, 0]))
    return contexts


def stream(model: LinGen, clip: Tensor, texts: list[TextContext]) -> Tensor:
    """Chunk by chunk, carrying only the state."""
    state = StreamState.allocate(model.config, 1, dtype=clip.dtype)
    velocities = []
    for chunk, text in zip(clip.unbind(1), texts, strict=True):
        velocities.append(model.denoise(chunk, torch.zeros(1, dtype=clip.dtype), text, state))
        state = model.commit(chunk, text, state)
    return torch.stack(velocities, dim=1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@torch.no_grad()
def test_streaming_equivalence(dtype: torch.dtype, tolerance: float) -> None:
    model = lively_model(dtype)
    clip = torch.randn(1, N_CHUNKS, 2, 6, 8, 4, generator=torch.Generator().manual_seed(9), dtype=dtype)
    texts = prompts(model, dtype)
    streamed, offline = stream(model, clip, texts), offline_velocity(model, clip, texts)
    assert offline.abs().mean() > 0.1
    assert (streamed - offline).abs().max() < tolerance


@pytest.mark.parametrize("part", WITHOUT)
@torch.no_grad()
def test_a_model_that_lacks_a_part_streams_as_well(part: str) -> None:
    model = lively_model(torch.float64, WITHOUT[part])
    shape = (1, N_CHUNKS, 2, 6, 8, model.config.latent_width)
    clip = torch.randn(shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    texts = prompts(model, torch.float64)
    streamed, offline = stream(model, clip, texts), offline_velocity(model, clip, texts)
    assert offline.abs().mean() > 0.1
    assert (streamed - offline).abs().max() < 1e-9


@torch.no_grad()
def test_every_part_of_the_state_matters() -> None:
    """Each carried tensor changes what the next chunk sees; none is decoration."""
    model = lively_model(torch.float64)
    texts = prompts(model, torch.float64)
    clip = torch.randn(1, 2, 2, 6, 8, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    state = model.commit(clip[:, 0], texts[0], StreamState.allocate(CONFIG, 1, dtype=torch.float64))
    empty = StreamState.allocate(CONFIG, 1, dtype=torch.float64)
    sigma = torch.zeros(1, dtype=torch.float64)
    whole = model.denoise(clip[:, 1], sigma, texts[1], state)
    parts = [field.name for field in fields(StreamState)]
    for name in parts:
        tensors = {part: getattr(empty if part == name else state, part) for part in parts}
        without = model.denoise(clip[:, 1], sigma, texts[1], StreamState(**tensors))
        assert (whole - without).abs().max() > 1e-6, name


@torch.no_grad()
def test_denoise_and_commit_leave_the_state_untouched() -> None:
    model = lively_model(torch.float32)
    texts = prompts(model, torch.float32)
    chunk = torch.randn(1, 2, 6, 8, 4)
    state = model.commit(chunk, texts[0], StreamState.allocate(CONFIG, 1))
    before = state.to_bytes()
    model.denoise(chunk, torch.full((1,), 0.5), texts[1], state)
    model.commit(chunk, texts[1], state)
    assert state.to_bytes() == before


@torch.no_grad()
def test_a_chunk_cannot_see_the_next_one() -> None:
    model = lively_model(torch.float64)
    texts = prompts(model, torch.float64)
    clip = torch.randn(1, N_CHUNKS, 2, 6, 8, 4, dtype=torch.float64)
    changed = clip.clone()
    changed[:, 3] += 1
    before, after = offline_velocity(model, clip, texts), offline_velocity(model, changed, texts)
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 4] - after[:, 4]).abs().max() > 1e-6


def test_latents_of_another_shape_are_refused_with_both_shapes() -> None:
    model = lively_model(torch.float32)
    text = prompts(model, torch.float32)[0]
    with pytest.raises(ValueError, match=r"\(3, 6, 8, 4\).*\(2, 6, 8, 4\)"):
        model.denoise(torch.zeros(1, 3, 6, 8, 4), torch.zeros(1), text, StreamState.allocate(CONFIG, 1))
