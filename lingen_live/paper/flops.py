"""Floating-point operations of one denoising step of a clip, counted on the models themselves.

Both models run on PyTorch's meta device, which computes shapes only, under its counter of matrix products,
convolutions and attention (a multiply and an add are two). Elementwise work and the prompt, which is read once a clip,
are not counted. LinGen's clip is its chunks one after the other. Its commit passes are not in a step: a clip needs
one more step's worth of them, however many steps it takes. Knows nothing of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lingen_live.config import ModelConfig
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.paper.dit import DiT


@dataclass(frozen=True, slots=True)
class Count:
    """A model on a clip; flops of one step of the whole clip."""

    n_parameters: int
    n_tokens: int
    flops: int


def count_lingen(config: ModelConfig, n_latent_frames: int) -> Count:
    """One denoising step of every chunk of a clip; a last chunk that is not full costs like a full one."""
    with torch.device("meta"):
        model = LinGen(config).requires_grad_(False)
        state = StreamState.allocate(config, 1, device="meta")
        latents = torch.zeros(1, config.chunk_latent_frames, *_latent_shape(config))
        text = TextContext(*_text(config, config.n_layers), torch.zeros(1, config.width))
        flops = _counted(lambda: model.denoise(latents, torch.zeros(1), text, state))
    n_chunks = -(-n_latent_frames // config.chunk_latent_frames)
    return Count(_n_parameters(model), n_chunks * config.n_tokens, n_chunks * flops)


def count_dit(config: ModelConfig, n_layers: int, n_latent_frames: int) -> Count:
    """One denoising step of a whole clip by a DiT with this many layers, of the same width."""
    with torch.device("meta"):
        model = DiT(config, n_layers, n_latent_frames).requires_grad_(False)
        latents = torch.zeros(1, n_latent_frames, *_latent_shape(config))
        keys, values, mask = _text(config, 1)
        flops = _counted(lambda: model(latents, torch.zeros(1), (keys[0], values[0], mask)))
    n_tokens = n_latent_frames * config.latent_height * config.latent_width
    return Count(_n_parameters(model), n_tokens, flops)


def _latent_shape(config: ModelConfig) -> tuple[int, int, int]:
    return config.latent_channels, config.latent_height, config.latent_width


def _text(config: ModelConfig, n_layers: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values (layers, 1, heads, text_slots + S, headdim) and mask of a prompt of full length."""
    n_text = config.text_slots + config.text_tokens
    shape = (n_layers, 1, config.width // config.attn_headdim, n_text, config.attn_headdim)
    return torch.zeros(shape), torch.zeros(shape), torch.ones(1, 1, 1, n_text, dtype=torch.bool)


def _counted(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def _n_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
