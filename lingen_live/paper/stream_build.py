"""Options of `bench stream` to a stream that can be run: networks on their device, kernels chosen, graphs captured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import lingen_kernels
from lingen_live.checkpoint import load_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, Weights
from lingen_live.engine.sampler import sigma_schedule
from lingen_live.errors import ConfigError
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.paper.configs import TOY, WIDTHS, paper_config, toy_config
from lingen_live.paper.float8 import use_float8, why_no_float8
from lingen_live.paper.hardware import choose_kernels, device_name
from lingen_live.paper.prompt_encoder import load_prompt_encoder
from lingen_live.paper.random_weights import random_module, serving_config
from lingen_live.paper.static_tick import CodecDecoder, Decoder, StaticTick
from lingen_live.paper.stream_bench import StreamRun
from lingen_live.paper.video_vae import load_wan_decoder


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What to measure.

    Attributes:
        name: one of `WIDTHS`, or `TOY`; not used with a checkpoint.
        side_px: height and width; not used with a checkpoint or the toy.
        device: a torch device name.
        dtype: name of the dtype of both networks.
        is_float8: whether the linear layers of the blocks are 8-bit.
        checkpoint: a bundle; None for random weights.
        vae: folder of a published autoencoder; None for the bundle's codec.
        text_encoder: folder of a published encoder; None for random token states.
        prompt: what it is told.
        has_graphs: whether stages are CUDA graphs, where there is a GPU.
    """

    name: str = "lingen-4b"
    side_px: int = 512
    device: str = "cuda"
    dtype: str = "bfloat16"
    is_float8: bool = False
    checkpoint: Path | None = None
    vae: Path | None = None
    text_encoder: Path | None = None
    prompt: str = "a red balloon over dunes at dusk"
    has_graphs: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class BuiltStream:
    """A stream that can be run, its prompt, and what is to be said of it."""

    run: StreamRun
    tick: StaticTick
    config: BundleConfig
    speak: Callable[[], TextContext]
    facts: dict[str, Any]


@torch.no_grad()
def build_stream(options: StreamOptions) -> BuiltStream:
    """Load or make the networks, choose kernels, capture graphs.

    Raises:
        LingenError: a part cannot be loaded, or the device lacks what was asked for.
    """
    dtype = getattr(torch, options.dtype)
    is_cuda = torch.device(options.device).type == "cuda"
    choose_kernels(options.device)
    config, model, codec, weights = _networks(options, dtype)
    speak = _speaker(options, model, config, dtype)
    float8_error = _round_to_float8(model, config, speak(), options) if options.is_float8 else None
    decoder = _decoder(options, config, codec, dtype)
    sigmas = sigma_schedule(config.sampler)
    tick = StaticTick(model, config.model, decoder, sigmas, speak(), options.device, dtype)
    has_graphs = is_cuda and options.has_graphs
    if has_graphs:
        tick.capture()
    facts = {
        "device": device_name(options.device),
        "dtype": options.dtype,
        "kernels": lingen_kernels.implementation(),
        "path": _path_name(has_graphs, decoder),
        "decoder": "a published autoencoder" if options.vae else "this project's, " + weights,
        "side_px": config.video.height_px,
        "n_steps": config.sampler.n_steps,
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "is_float8": options.is_float8,
        "float8_error": float8_error,
    }
    return BuiltStream(StreamRun(tick, config, options.device, weights), tick, config, speak, facts)


def _path_name(has_graphs: bool, decoder: Decoder) -> str:
    if not has_graphs:
        return "eager"
    return "CUDA graphs" if decoder.is_capturable else "CUDA graphs but for decoding"


def _networks(options: StreamOptions, dtype: torch.dtype) -> tuple[BundleConfig, LinGen, VideoCodec, Weights]:
    if options.checkpoint is not None:
        bundle = load_bundle(options.checkpoint, device=options.device, dtype=dtype)
        return bundle.config, bundle.model, bundle.codec, bundle.weights
    if options.name == TOY:
        config = serving_config(TOY, 64, toy_config())
    elif options.name in WIDTHS:
        config = serving_config(options.name, options.side_px, paper_config(options.name, options.side_px))
    else:
        raise ConfigError(f"There is no size named {options.name!r}; known are {', '.join((*WIDTHS, TOY))}.")
    model = random_module(lambda: LinGen(config.model), options.device, dtype)
    codec = random_module(lambda: VideoCodec(config.codec), options.device, dtype)
    return config, model, codec.to_channels_last(), "random"


def _decoder(options: StreamOptions, config: BundleConfig, codec: VideoCodec, dtype: torch.dtype) -> Decoder:
    if options.vae is None:
        return CodecDecoder(codec)
    height, width = config.model.latent_height, config.model.latent_width
    return load_wan_decoder(options.vae, height, width, options.device, dtype)


def _speaker(
    options: StreamOptions, model: LinGen, config: BundleConfig, dtype: torch.dtype
) -> Callable[[], TextContext]:
    """What reads the prompt anew each time."""
    n_tokens, width = config.model.text_tokens, config.model.text_width
    if options.text_encoder is None:
        generator = torch.Generator().manual_seed(0)
        tokens = torch.randn(1, n_tokens, width, generator=generator).to(options.device, dtype)
        mask = torch.ones(1, n_tokens, dtype=torch.bool, device=options.device)
        return lambda: model.read_text(tokens, mask, tokens.mean(1))
    encode = load_prompt_encoder(options.text_encoder, max_tokens=n_tokens, device=options.device, dtype=dtype)
    if encode.width != width:
        raise ConfigError(f"The text encoder makes states of width {encode.width}, the model takes {width}.")

    def speak() -> TextContext:
        said = encode(options.prompt)
        return model.read_text(said.tokens[None], said.mask[None], said.pooled[None])

    return speak


def _round_to_float8(model: LinGen, config: BundleConfig, text: TextContext, options: StreamOptions) -> float:
    """Replace the linear layers of the blocks; returns how far the velocity moved, relative to its size."""
    if (reason := why_no_float8(options.device)) is not None:
        raise ConfigError(f"8-bit linear layers cannot run on {options.device}: {reason}.")
    state = StreamState.allocate(config.model, 1, device=options.device, dtype=model.latent_in.weight.dtype)
    grid = (config.model.chunk_latent_frames, config.model.latent_channels)
    generator = torch.Generator().manual_seed(1)
    shape = (1, *grid, config.model.latent_height, config.model.latent_width)
    latents = torch.randn(shape, generator=generator).to(options.device)

    def velocity() -> Tensor:
        return model.denoise(latents, torch.full((1,), 0.5, device=options.device), text, state).float()

    before = velocity()
    use_float8(model.blocks)
    return ((velocity() - before).norm() / before.norm()).item()
