"""Models of the paper's scale with random weights: nobody has published trained ones. Good for speed, not for pictures.

Whatever is made here says so, in its checkpoint and in its name: so do every table, `lingen_live info`, the page, and
all that goes with the frames of a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from lingen_live.checkpoint import save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, CodecConfig, ModelConfig, SamplerConfig, VideoConfig
from lingen_live.model.lingen import LinGen
from lingen_live.paper.configs import FPS, FRAMES_PER_LATENT, served_config

RANDOM = "random weights"
_STD = 0.02

Module = TypeVar("Module", bound=nn.Module)


def random_module(make: Callable[[], Module], device: str | torch.device, dtype: torch.dtype, seed: int = 0) -> Module:
    """Make a network where it will run, in its dtype, for inference; no layer is silent.

    Args:
        make: constructs it.
        device: of its parameters: a network of 4 billion never passes through the memory of the CPU.
        dtype: of its parameters.
        seed: of the weights.
    """
    with _defaults(device, dtype):
        torch.manual_seed(seed)
        module = make().eval().requires_grad_(False)
        for parameter in module.parameters():
            if not parameter.any():
                parameter.normal_(std=_STD)
    return module


def serving_config(name: str, side_px: int, model: ModelConfig | None = None) -> BundleConfig:
    """A whole bundle around a denoiser: 16 fps, 4 steps, and a codec of this project.

    Args:
        name: one of `configs.WIDTHS`, or of `model`.
        side_px: height and width.
        model: the denoiser; None for `served_config`, which reads the text encoder that comes along.
    """
    model = served_config(name, side_px) if model is None else model
    return BundleConfig(
        name=f"{name} ({RANDOM})",
        video=VideoConfig(fps=FPS, height_px=side_px, width_px=side_px),
        codec=stand_in_codec(model.latent_channels),
        model=model,
        sampler=SamplerConfig(n_steps=4, sigma_shift=1.0, state_keep=1.0, noise_scale=1.0, contrast=1.0),
        fields=(),
    )


def stand_in_codec(latent_channels: int) -> CodecConfig:
    """A decoder of this project for 16 x 16 pixels and 4 frames, where no published one is at hand."""
    return CodecConfig(
        frames_per_latent=FRAMES_PER_LATENT,
        latent_channels=latent_channels,
        encoder_mean_px=1,
        encoder_patch_px=4,
        encoder_widths=(64, 128, 256),
        decoder_patch_px=4,
        decoder_widths=(64, 128, 256),
        n_blocks=2,
        parallax_width=64,
    )


def write_random_checkpoint(name: str, side_px: int, directory: Path) -> BundleConfig:
    """Write a checkpoint that `lingen_live live` and `info` take, to try their speed; it says what it is.

    Args:
        name: one of `configs.WIDTHS`.
        side_px: height and width, a multiple of 128.
        directory: made if missing.

    Raises:
        ConfigError: the name is unknown, or the side cannot be cut into windows.
    """
    config = serving_config(name, side_px)
    model = random_module(lambda: LinGen(config.model), "cpu", torch.bfloat16)
    codec = random_module(lambda: VideoCodec(config.codec), "cpu", torch.bfloat16)
    save_bundle(directory, config, model, codec, weights="random")
    return config


@contextmanager
def _defaults(device: str | torch.device, dtype: torch.dtype) -> Iterator[None]:
    """New parameters go to the device in the dtype; random numbers drawn outside stay what they were."""
    before = torch.get_default_dtype()
    gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
    torch.set_default_dtype(dtype)
    try:
        with torch.random.fork_rng(devices=gpus), torch.device(device), torch.no_grad():
            yield
    finally:
        torch.set_default_dtype(before)
