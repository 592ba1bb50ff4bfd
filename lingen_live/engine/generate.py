"""One chunk: text -> noise -> denoise (reads the state) -> commit (returns the next) -> decode. Changes nothing.

Knows a bundle and a moment. Does not know branches, controls or when a chunk is wanted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.checkpoint import Bundle
from lingen_live.engine.interface import AbandonedError
from lingen_live.engine.record import DIGEST_BYTES
from lingen_live.engine.sampler import Denoiser, chunk_noise, denoise_steps
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


def make_chunk(
    bundle: Bundle,
    denoiser: Denoiser,
    sigmas: list[float],
    words: WordReader,
    moment: Moment,
    recorder: SpanRecorder,
    is_unwanted: Callable[[], bool] = lambda: False,
) -> Made:
    """Make the chunk that comes after a moment; see `make_chunks`."""
    return make_chunks(bundle, denoiser, sigmas, words, [moment], recorder, is_unwanted)[0]


def make_chunks(
    bundle: Bundle,
    denoiser: Denoiser,
    sigmas: list[float],
    words: WordReader,
    moments: Sequence[Moment],
    recorder: SpanRecorder,
    is_unwanted: Callable[[], bool] = lambda: False,
    gather: Callable[[list[StreamState]], StreamState] | None = None,
) -> list[Made]:
    """Make the chunks that come after the moments of several streams, in one batch.

    Args:
        bundle: weights on their device.
        denoiser: its model, or what computes the same.
        sigmas: from `sigma_schedule`.
        words: reads for the same bundle.
        moments: one or more, of any prompts, seeds and chunk indices; only read.
        recorder: gets a span for every stage.
        is_unwanted: asked between steps.
        gather: puts states into one batch; None for memory of their own.

    Raises:
        AbandonedError: `is_unwanted` said so.
    """
    device, dtype = bundle.model.latent_in.weight.device, bundle.model.latent_in.weight.dtype
    states = [one.state for one in moments]
    state = states[0] if len(states) == 1 else (gather or StreamState.stack)(states)
    with recorder.span("text"):
        contexts = [words.context(one.transition.prompt()) for one in moments]
        text = contexts[0] if len(contexts) == 1 else TextContext.stack(contexts)
    with recorder.span("noise"):
        noises = [chunk_noise(bundle.config.model, one.seed, one.chunk_index) for one in moments]
        latents = noise = torch.cat(noises).to(device)
    steps = denoise_steps(denoiser, noise, sigmas, text, state)
    for _ in range(len(sigmas) - 1):
        if is_unwanted():
            raise AbandonedError
        with recorder.span("denoise"):
            latents = next(steps)
            _synchronise(device)
    with recorder.span("commit"):
        following = denoiser.commit(latents, text, state).scaled(bundle.config.sampler.state_keep)
        _synchronise(device)
    with recorder.span("decode"):
        before = state.latents[0][:, -1]
        frames = bundle.codec.decode_pictures(latents.to(dtype), before).contiguous().cpu().numpy()
    rows = [following] if len(moments) == 1 else following.unstack()
    return [Made(frames[row], rows[row], digest_of(latents[row : row + 1])) for row in range(len(moments))]


def digest_of(latents: Tensor) -> bytes:
    """A digest of every bit of the latents of a chunk."""
    raw = latents.detach().contiguous().cpu().view(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(raw.tobytes(), digest_size=DIGEST_BYTES).digest()


def _synchronise(device: torch.device) -> None:
    """Let a GPU finish, so that a span holds the work it names."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
