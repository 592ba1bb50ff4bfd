"""The camera's travel as it was asked for: said to the sampler in numbers, not left to it.

The last channel of the latents is how far the camera travels. A model that generates it goes on as before for seconds
after the words have changed (docs/lab-notes.md); the words say it exactly. So it is held: in every step the noised
travel is set to what leads to the one that is asked, and its velocity to the true one. Pictures remain the model's.
Knows readings, not words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.engine.sampler import Denoiser
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState

_SAID = 0.5


@dataclass(frozen=True, slots=True)
class HeldCamera:
    """A denoiser of chunks whose travel is known.

    Attributes:
        denoiser: makes all else.
        travel: (B,) normalised, as it is in the latents; NaN where the denoiser is to choose.
        noise: (B, T, C, h, w), what the chunks begin from.
    """

    denoiser: Denoiser
    travel: Tensor
    noise: Tensor

    def denoise(self, latents: Tensor, sigma: Tensor, text: TextContext, state: StreamState) -> Tensor:
        """The velocity; that of the travel is exact."""
        travel, noise = self.travel.view(-1, 1, 1, 1), self.noise[:, :, -1]
        is_free = travel.isnan()
        held = torch.lerp(travel.expand_as(noise), noise, sigma.view(-1, 1, 1, 1))
        last = torch.where(is_free, latents[:, :, -1], held)
        velocity = self.denoiser.denoise(_with_last(latents, last), sigma, text, state)
        return _with_last(velocity, torch.where(is_free, velocity[:, :, -1], noise - travel))

    def commit(self, latents: Tensor, text: TextContext, state: StreamState) -> StreamState:
        """As the denoiser does."""
        return self.denoiser.commit(latents, text, state)


def _with_last(latents: Tensor, last: Tensor) -> Tensor:
    return torch.cat((latents[:, :, :-1], last.unsqueeze(2).to(latents.dtype)), dim=2)


def hold(denoiser: Denoiser, travel: Sequence[float | None], noise: Tensor) -> Denoiser:
    """The denoiser itself if all cameras are its own to choose, else one that holds them.

    Args:
        denoiser: of a batch of B.
        travel: of every row, normalised; None for any.
        noise: (B, T, C, h, w), what the chunks begin from.
    """
    if all(one is None for one in travel):
        return denoiser
    held = torch.tensor([float("nan") if one is None else one for one in travel], device=noise.device)
    return HeldCamera(denoiser, held.to(noise.dtype), noise)


class CameraMan:
    """Reads what the camera is asked to do."""

    def __init__(self, config: BundleConfig, codec: VideoCodec) -> None:
        """Know the fields and the unit of a bundle's travel."""
        self._camera = config.camera
        self._sizes = [len(field.values) + 1 for field in config.fields]
        self._names = [field.name for field in config.fields]
        self._unit = config.video.fps * float(codec.latent_std[-1])

    def travel(self, reading: Tensor) -> float | None:
        """How far a camera that was asked for travels, normalised; None if nothing was said of it.

        Args:
            reading: (R,) as in `PromptState`; between two prompts, what lies between them.
        """
        if self._camera is None:
            return None
        direction, speed = self._part(reading, self._camera.direction), self._part(reading, self._camera.speed)
        said = 1 - float(direction[-1])
        if said < _SAID:
            return None
        way = float(direction[:-1] @ direction.new_tensor(self._camera.signs)) / said
        paces = direction.new_tensor(self._camera.paces)
        share = speed[:-1] / speed[:-1].sum() if float(speed[-1]) < _SAID else torch.full_like(paces, 1 / len(paces))
        return way * float(share @ paces) / self._unit

    def _part(self, reading: Tensor, name: str) -> Tensor:
        return reading.split(self._sizes)[self._names.index(name)]
