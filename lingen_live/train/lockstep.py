"""Streams of one model side by side, a batch a chunk: each as the engine would make it, all sooner than in turn.

For measuring: nobody steers, nothing is paced. Knows bundles and prompts, not pictures' meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lingen_live.checkpoint import Bundle
from lingen_live.engine.camera import CameraMan, hold
from lingen_live.engine.prompt_state import compose, unsaid
from lingen_live.engine.sampler import chunk_noise, denoise_steps, sigma_schedule, with_contrast
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState
from lingen_live.text import TextEncoder


class Lockstep:
    """One stream a prompt, all at the same chunk; stream i has seed i."""

    def __init__(self, bundle: Bundle, text_encoder: TextEncoder, prompts: Sequence[str]) -> None:
        self._bundle, self._n = bundle, len(prompts)
        self._sigmas = sigma_schedule(bundle.config.sampler)
        weight = bundle.model.latent_in.weight
        self._device, self._dtype = weight.device, weight.dtype
        self._text = self._read(text_encoder, prompts)
        self._state = StreamState.allocate(bundle.config.model, self._n, device=self._device, dtype=self._dtype)
        self._chunk_index = 0

    @torch.inference_mode()
    def tick(self, *, is_shown: bool) -> list[NDArray[np.uint8]] | None:
        """Make the next chunk of every stream.

        Args:
            is_shown: whether it is decoded.

        Returns:
            (F, H, W, 3) uint8 a stream, or None if it is not shown.
        """
        config, codec = self._bundle.config, self._bundle.codec
        noise = torch.cat([chunk_noise(config.model, seed, self._chunk_index) for seed in range(self._n)])
        noise = noise * (config.sampler.noise_scale if self._chunk_index else 1.0)
        noise = noise.to(self._device)
        denoiser = hold(self._bundle.model, self._travel, noise)
        steps = denoise_steps(denoiser, noise, self._sigmas, self._text, self._state)
        *_, latents = steps
        before = self._state.latents[0][:, -1]
        following = self._bundle.model.commit(latents, self._text, self._state)
        self._state = following.scaled(config.sampler.state_keep)
        self._chunk_index += 1
        if not is_shown:
            return None
        latents, before = (with_contrast(part, config.sampler.contrast) for part in (latents, before))
        rows = zip(latents.to(self._dtype).split(1), before.split(1), strict=True)
        return [codec.decode_pictures(latent, past)[0].contiguous().cpu().numpy() for latent, past in rows]

    @torch.inference_mode()
    def _read(self, text_encoder: TextEncoder, prompts: Sequence[str]) -> TextContext:
        model, sizes = self._bundle.model, self._bundle.model.text.fields.sizes
        words = text_encoder.encode_batch(list(prompts))
        tokens, pooled = (
            torch.stack(part).to(self._device, self._dtype)
            for part in ([w.tokens for w in words], [w.pooled for w in words])
        )
        mask = torch.stack([w.mask for w in words]).to(self._device)
        said = model.text.read(tokens, mask, pooled).float().cpu()
        readings = torch.stack([compose(unsaid(sizes), row, sizes) for row in said])
        camera = CameraMan(self._bundle.config, self._bundle.codec)
        self._travel = [camera.travel(row) for row in readings]
        readings = readings.to(self._device)
        return model.read_text(tokens, mask, pooled, readings, self._bundle.config.emphasis)
