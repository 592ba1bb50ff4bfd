"""The model computes the same with every implementation of the kernels, whether orders are copies or addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import lingen_kernels
from lingen_live.config import BundleConfig
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = lingen_kernels.implementation()
    yield
    lingen_kernels.use(before)


@torch.no_grad()
def two_chunks(model: LinGen) -> list[Tensor]:
    """The velocity of a second chunk and the state after it: every carried tensor is read and written."""
    config = model.config
    generator = torch.Generator().manual_seed(1)
    grid = (config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
    chunks = torch.randn(2, 1, *grid, generator=generator)
    tokens = torch.randn(1, config.text_tokens, config.text_width, generator=generator)
    text = model.read_text(tokens, torch.ones(1, config.text_tokens, dtype=torch.bool), tokens[:, 0])
    state = model.commit(chunks[0], text, StreamState.allocate(config, 1))
    velocity = model.denoise(chunks[1], torch.full((1,), 0.5), text, state)
    following = model.commit(chunks[1], text, state)
    return [velocity, following.ssm, following.conv, following.review, following.tesa]


@pytest.mark.parametrize("name", ["reference", "triton"])
def test_it_computes_the_same(name: str, tiny_config: BundleConfig) -> None:
    if name not in lingen_kernels.implementations():
        pytest.skip(lingen_kernels.missing()[name])
    if name == "triton" and torch.cuda.is_available():
        pytest.skip("the model of this test lives on the CPU")
    torch.manual_seed(0)
    model = LinGen(tiny_config.model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.2)
    lingen_kernels.use("torch")
    expected = two_chunks(model)
    assert expected[0].abs().mean() > 0.1
    lingen_kernels.use(name)
    for actual, wanted in zip(two_chunks(model), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-4)
