"""A published video autoencoder as the decoder of a stream: Wan's (arXiv 2503.20314), through diffusers.

It folds 8 x 8 pixels and 4 frames into 16 channels and is causal: what its convolutions remember is carried from
chunk to chunk, at fixed addresses. LinGen's latents are its latents in patches of 2 x 2. Weights come from a folder
of the user's, as safetensors. Knows latents and pictures. Does not know chunks, noise or prompts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.errors import CheckpointError

PATCH = 2
_PRIMING = 2
"""Latent frames after which every part of the decoder has a past, and each latent frame makes as many frames."""


class WanDecoder:
    """Decodes a stream chunk by chunk. It begins after two grey latent frames, as a video in its middle would.

    Args:
        vae: an `AutoencoderKLWan` on its device, in its dtype.
        height: of the latents it will see, in patches.
        width: of the latents it will see, in patches.
    """

    is_capturable = True

    def __init__(self, vae: nn.Module, height: int, width: int) -> None:
        self._vae = cast(Any, vae)
        self._vae.eval().requires_grad_(False)
        weight = next(vae.parameters())
        channels = self._vae.config.z_dim
        self.n_channels = channels * PATCH**2
        self._shape = (1, channels, 1, PATCH * height, PATCH * width)
        mean, std = (torch.tensor(self._vae.config[f"latents_{name}"]).to(weight) for name in ("mean", "std"))
        self._mean, self._std = mean.view(1, -1, 1, 1, 1), std.view(1, -1, 1, 1, 1)
        with torch.no_grad():
            self._begun = self._prime(weight.new_zeros(self._shape))
        self._past = [None if one is None else one.clone() for one in self._begun]

    @torch.no_grad()
    def __call__(self, latents: Tensor, before: Tensor) -> Tensor:
        """The next chunk of the stream: (1, T, C, h, w), normalised, to uint8 (1, F, H, W, 3).

        Args:
            latents: of the chunk.
            before: not looked at; the decoder carries its own past.

        Raises:
            ValueError: the latents have another number of channels.
        """
        if latents.shape[2] != self.n_channels:
            raise ValueError(f"got latents of {latents.shape[2]} channels, the autoencoder takes {self.n_channels}")
        unfolded = functional.pixel_shuffle(latents.flatten(0, 1), PATCH).unflatten(0, latents.shape[:2])
        wide = unfolded.transpose(1, 2) * self._std + self._mean  # 1, C, T, H / 8, W / 8
        past: list[Any] = list(self._past)
        frames = [self._step(one, past, is_first=False) for one in self._vae.post_quant_conv(wide).split(1, dim=2)]
        _copy(past, self._past)
        pictures = torch.cat(frames, dim=2).clamp(-1, 1)
        return pictures.add(1).mul(127.5).round_().to(torch.uint8).permute(0, 2, 3, 4, 1)

    def reset(self) -> None:
        """Forget the stream."""
        _copy(self._begun, self._past)

    def _prime(self, grey: Tensor) -> list[Tensor | None]:
        """What the convolutions remember after a few latent frames of zeros; None of those that remember nothing."""
        self._vae.clear_cache()
        past = self._vae._feat_map
        for index in range(_PRIMING):
            self._step(self._vae.post_quant_conv(grey * self._std + self._mean), past, is_first=index == 0)
        self._vae.clear_cache()
        return past

    def _step(self, latent: Tensor, past: list[Any], *, is_first: bool) -> Tensor:
        """One latent frame (1, C, 1, ...) to its frames; `past` is replaced item by item."""
        return self._vae.decoder(latent, feat_cache=past, feat_idx=[0], first_chunk=is_first)


def _copy(source: list[Any], target: list[Tensor | None]) -> None:
    """Overwrite what is remembered, in its place."""
    for new, kept in zip(source, target, strict=True):
        if kept is not None:
            kept.copy_(new)


def load_wan_decoder(
    folder: Path, height: int, width: int, device: str | torch.device, dtype: torch.dtype
) -> WanDecoder:
    """Load the `vae` folder of a published Wan model, in the layout of diffusers.

    Args:
        folder: holds config.json and safetensors.
        height: as in `WanDecoder`.
        width: as in `WanDecoder`.
        device: where it runs.
        dtype: of its arithmetic.

    Raises:
        CheckpointError: diffusers is not installed, or the folder holds no such autoencoder.
    """
    try:
        from diffusers import AutoencoderKLWan
    except ImportError as error:
        raise CheckpointError(
            f"A published autoencoder needs the package diffusers: pip install 'lingen-live[paper]' ({error})."
        ) from error
    try:
        vae = AutoencoderKLWan.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False, torch_dtype=dtype
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder} holds no autoencoder of this kind: {error}") from error
    return WanDecoder(vae.to(device), height, width)
