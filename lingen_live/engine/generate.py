"""One chunk: text -> noise -> denoise (reads the state) -> commit (returns the next) -> decode. Changes nothing.

Knows a bundle and a moment. Does not know branches, controls or when a chunk is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.checkpoint import Bundle
from lingen_live.engine.camera import CameraMan, hold
from lingen_live.engine.endings import Endings, digest_of
from lingen_live.engine.interface import AbandonedError
from lingen_live.engine.sampler import Denoiser, chunk_noise, denoise_steps, sigma_schedule, with_contrast
from lingen_live.engine.snapshot import Moment
from lingen_live.engine.words import WordReader
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState
from lingen_live.profile.spans import SpanRecorder


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A chunk, and what the stream remembers after it.

    Attributes:
        frames: uint8, 0-255, RGB, (F, H, W, 3).
        following: the next state.
        digest: of the latents.
    """

    frames: NDArray[np.uint8]
    following: StreamState
    digest: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ChunkMaker:
    """What chunks are made with.

    Attributes:
        bundle: weights on their device.
        sigmas: from `sigma_schedule`.
        words: reads for the same bundle.
        endings: of its codec.
        camera: reads for the same bundle.
    """

    bundle: Bundle
    sigmas: list[float]
    words: WordReader
    endings: Endings
    camera: CameraMan

    def make(
        self,
        denoiser: Denoiser,
        moments: Sequence[Moment],
        recorder: SpanRecorder,
        is_unwanted: Callable[[], bool] = lambda: False,
        gather: Callable[[list[StreamState]], StreamState] | None = None,
        n_steps: int | None = None,
    ) -> list[Made]:
        """Make the chunks that come after the moments of several streams, in one batch.

        Args:
            denoiser: the bundle's model, or what computes the same.
            moments: one or more, of any prompts, seeds and chunk indices; only read.
            recorder: gets a span for every stage.
            is_unwanted: asked between steps.
            gather: puts states into one batch; None for memory of their own.
            n_steps: denoising steps; None for the model's own.

        Raises:
            AbandonedError: `is_unwanted` said so.
        """
        device, dtype = self.bundle.model.latent_in.weight.device, self.bundle.model.latent_in.weight.dtype
        states = [one.state for one in moments]
        state = states[0] if len(states) == 1 else (gather or StreamState.stack)(states)
        with recorder.span("text"):
            contexts = [self.words.context(one.transition.prompt()) for one in moments]
            text = contexts[0] if len(contexts) == 1 else TextContext.stack(contexts)
        with recorder.span("noise"):
            noises = [self._noise(one) for one in moments]
            latents = noise = torch.cat(noises).to(device)
        sampler = self.bundle.config.sampler
        sigmas = self.sigmas if n_steps is None else sigma_schedule(replace(sampler, n_steps=n_steps))
        travel = [self.camera.travel(one.transition.soon().reading) for one in moments]
        steps = denoise_steps(hold(denoiser, travel, noise), noise, sigmas, text, state)
        for _ in range(len(sigmas) - 1):
            _check(is_unwanted)
            with recorder.span("denoise"):
                latents = next(steps)
                _synchronise(device)
        _check(is_unwanted)
        with recorder.span("commit"):
            following = denoiser.commit(latents, text, state).scaled(sampler.state_keep)
            _synchronise(device)
        _check(is_unwanted)
        with recorder.span("decode"):
            frames = self._decode(latents.to(dtype), state.latents[0].to(dtype))
        rows = [following] if len(moments) == 1 else following.unstack()
        return [Made(frames[row], rows[row], digest_of(latents[row : row + 1])) for row in range(len(moments))]

    def _noise(self, moment: Moment) -> Tensor:
        """What the chunk after a moment begins from."""
        noise = chunk_noise(self.bundle.config.model, moment.seed, moment.chunk_index)
        scale = self.bundle.config.sampler.noise_scale
        return noise * scale if scale != 1 and moment.state.has_past else noise

    def _decode(self, latents: Tensor, before: Tensor) -> NDArray[np.uint8]:
        """Chunks (B, T, C, h, w) that follow others, as pictures (B, F, H, W, 3)."""
        contrast = self.bundle.config.sampler.contrast
        latents, before = with_contrast(latents, contrast), with_contrast(before, contrast)
        if len(latents) > 1:
            pictures = self.bundle.codec.decode_pictures(latents, before[:, -1])
        else:
            pictures, ending = self.bundle.codec.decode_onward(latents, self.endings.of(before))
            self.endings.keep(latents, ending)
        return pictures.contiguous().cpu().numpy()


def _check(is_unwanted: Callable[[], bool]) -> None:
    if is_unwanted():
        raise AbandonedError


def _synchronise(device: torch.device) -> None:
    """Let a GPU finish, so that a span holds the work it names."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
