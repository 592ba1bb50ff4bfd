"""Random inputs of one pass, to compare what two denoisers compute and how long they take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from lingen_live.engine.sampler import Denoiser
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState


@dataclass(frozen=True, slots=True)
class Trial:
    """Latents, a noise level, a prompt, and a state that a pass has left."""

    latents: Tensor
    sigma: Tensor
    text: TextContext
    state: StreamState

    @classmethod
    @torch.inference_mode()
    def draw(cls, model: LinGen) -> Self:
        """The same inputs every time, on the device and in the dtype of the model; a batch of 1."""
        config, weight = model.config, model.latent_in.weight
        random = torch.Generator().manual_seed(0)
        grid = (config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
        past, latents = torch.randn(2, 1, *grid, generator=random).to(weight.device).unbind(0)
        words = torch.randn(1, config.text_tokens, config.text_width, generator=random).to(weight)
        mask = torch.arange(config.text_tokens, device=weight.device)[None] < config.text_tokens // 2
        text = model.read_text(words, mask, functional.normalize(words[:, 0], dim=-1))
        empty = StreamState.allocate(config, 1, device=weight.device, dtype=weight.dtype)
        sigma = torch.full((1,), 0.5, device=weight.device)
        return cls(latents, sigma, text, model.commit(past, text, empty))

    @torch.inference_mode()
    def run(self, denoiser: Denoiser) -> list[Tensor]:
        """All that a denoiser computes: the velocity and the tensors of the next state."""
        velocity = denoiser.denoise(self.latents, self.sigma, self.text, self.state)
        following = denoiser.commit(self.latents, self.text, self.state)
        return [velocity, following.ssm, following.conv, following.review, following.tesa, following.latents]

    @torch.inference_mode()
    def time_s(self, denoiser: Denoiser) -> float:
        """Seconds of one denoising pass."""
        start_s = time.perf_counter()
        denoiser.denoise(self.latents, self.sigma, self.text, self.state)
        return time.perf_counter() - start_s


def difference(got: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference in any tensor, relative to its largest value; infinite if it is not a number."""
    pairs = zip(got, expected, strict=True)
    errors = [((g.double() - e.double()).abs().max() / e.double().abs().max()).item() for g, e in pairs]
    return max(math.inf if math.isnan(error) else error for error in errors)
