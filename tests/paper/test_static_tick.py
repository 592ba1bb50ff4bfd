"""A tick at fixed addresses makes the chunks that the engine's functions make, and nothing moves in memory."""

from __future__ import annotations

import copy
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import SamplerConfig
from lingen_live.engine.sampler import chunk_noise, denoise_steps, sigma_schedule
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.paper.configs import TOY, toy_config
from lingen_live.paper.random_weights import random_module, serving_config
from lingen_live.paper.static_tick import STAGES, CodecDecoder, StaticTick

CONFIG = serving_config(TOY, 64, toy_config())
SIGMAS = sigma_schedule(SamplerConfig(n_steps=2, sigma_shift=1.0, state_keep=1.0, noise_scale=1.0, contrast=1.0))


@pytest.fixture(scope="module")
def networks() -> tuple[LinGen, VideoCodec]:
    model = random_module(lambda: LinGen(CONFIG.model), "cpu", torch.float32)
    return model, random_module(lambda: VideoCodec(CONFIG.codec), "cpu", torch.float32)


def words(model: LinGen, seed: int) -> TextContext:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(1, CONFIG.model.text_tokens, CONFIG.model.text_width, generator=generator)
    with torch.no_grad():
        return model.read_text(tokens, torch.ones(1, CONFIG.model.text_tokens, dtype=torch.bool), tokens[:, 0])


def make_tick(networks: tuple[LinGen, VideoCodec]) -> StaticTick:
    model, codec = networks
    return StaticTick(model, CONFIG.model, CodecDecoder(codec), SIGMAS, words(model, 0), "cpu", torch.float32)


def addresses(tick: StaticTick) -> list[int]:
    tensors = [tick.noise, tick.latents, tick.frames, *(getattr(tick.state, f.name) for f in fields(StreamState))]
    return [t.data_ptr() for t in (*tensors, tick.text.keys, tick.text.values, tick.text.mask, tick.text.pooled)]


def stream(tick: StaticTick, texts: list[TextContext]) -> list[Tensor]:
    frames = []
    for index, text in enumerate(texts):
        tick.say(text)
        tick.noise.copy_(chunk_noise(CONFIG.model, 3, index))
        for stage in STAGES:
            tick.run(stage)
        frames.append(tick.frames.clone())
    return frames


@torch.no_grad()
def test_it_makes_what_the_engine_makes(networks: tuple[LinGen, VideoCodec]) -> None:
    """Four chunks, the prompt changes: pictures and state, bit for bit."""
    model, codec = networks
    texts = [words(model, seed) for seed in (0, 0, 1, 2)]
    tick = make_tick(networks)
    made = stream(tick, texts)
    state = StreamState.allocate(CONFIG.model, 1)
    for index, text in enumerate(texts):
        *_, latents = denoise_steps(model, chunk_noise(CONFIG.model, 3, index), SIGMAS, text, state)
        expected = codec.decode_pictures(latents, state.latents[0][:, -1])
        state = model.commit(latents, text, state)
        assert torch.equal(made[index], expected)
    assert made[0].float().std() > 0
    for f in fields(StreamState):
        assert torch.equal(getattr(tick.state, f.name), getattr(state, f.name)), f.name


def test_nothing_moves_in_memory(networks: tuple[LinGen, VideoCodec]) -> None:
    tick = make_tick(networks)
    before = addresses(tick)
    stream(tick, [words(networks[0], seed) for seed in (0, 1)])
    tick.forget()
    assert addresses(tick) == before


def test_a_forgotten_stream_begins_again(networks: tuple[LinGen, VideoCodec]) -> None:
    tick = make_tick(networks)
    texts = [words(networks[0], 0)] * 2
    first = stream(tick, texts)
    assert not torch.equal(stream(tick, texts)[0], first[0])
    tick.forget()
    for again, before in zip(stream(tick, texts), first, strict=True):
        assert torch.equal(again, before)


@pytest.mark.gpu
def test_graphs_make_the_same(networks: tuple[LinGen, VideoCodec]) -> None:
    model, codec = networks
    texts = [TextContext(*(getattr(words(model, s), f.name).cuda() for f in fields(TextContext))) for s in (0, 1)]
    model, decoder = copy.deepcopy(model).cuda(), CodecDecoder(copy.deepcopy(codec).cuda())
    ticks = [StaticTick(model, CONFIG.model, decoder, SIGMAS, texts[0], "cuda", torch.float32) for _ in range(2)]
    ticks[1].capture()
    for plain, replayed in zip(stream(ticks[0], texts), stream(ticks[1], texts), strict=True):
        assert (plain.int() - replayed.int()).abs().max() <= 1
