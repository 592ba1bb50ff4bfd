"""One stream: text -> noise -> denoise (reads the state) -> commit (returns the next) -> decode, a chunk a tick.

A tick that fails changes nothing: the new state is stored last. Does not know processes, sockets or wall-clock time.

    engine = Engine(load_bundle(), TextEncoder(max_tokens=32), seed=7, prompt="a quiet sea at dawn")
    frames = engine.tick().frames  # uint8, 0-255, RGB, (F, H, W, 3)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.checkpoint import Bundle
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.prompt_state import PromptState, compose, phrases, unsaid
from lingen_live.engine.sampler import Denoiser, chunk_noise, denoise_steps, sigma_schedule
from lingen_live.engine.transition import Transition
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.upgrade import Upgrade
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState
from lingen_live.profile.spans import ChunkProfile, SpanRecorder
from lingen_live.prompt import validate_prompt
from lingen_live.text import TextEmbedding, TextEncoder

_WARM_UP_CHUNKS = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a tick makes.

    Attributes:
        frames: uint8, 0-255, RGB, (F, H, W, 3).
        chunk_index: position since the last reset, from 0.
        prompt: the words the stream is at or on its way to.
        blend: weight of `prompt` in this chunk, in (0, 1].
        seed: of the noise.
        profile: where the time went.
        understanding: what was made of the prompts.
    """

    frames: NDArray[np.uint8]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    understanding: Understanding


class Engine:
    """Generates one endless stream that can be steered between chunks."""

    def __init__(
        self,
        bundle: Bundle,
        text_encoder: TextEncoder,
        *,
        seed: int,
        prompt: str,
        fps: float | None = None,
        upgrade: Upgrade | None = None,
    ) -> None:
        """Start an empty stream.

        Args:
            bundle: weights on their device, in their dtype.
            text_encoder: must give as many tokens as the model's configuration says.
            seed: 0 to 2^32 - 1.
            prompt: what the first chunk shows.
            fps: playback rate to announce; None for the bundle's own.
            upgrade: asked before each chunk for a faster denoiser that computes the same; None for none.

        Raises:
            PromptError: the words cannot be a prompt.
        """
        self.bundle, self.text_encoder = bundle, text_encoder
        self.denoiser: Denoiser = bundle.model
        self._upgrade = upgrade
        self.sigmas = sigma_schedule(bundle.config.sampler)
        weight = bundle.model.latent_in.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.seed = seed
        self.prompt = validate_prompt(prompt)
        self._field_sizes = bundle.model.text.fields.sizes
        self.understanding, asked = self._understand(self.prompt, unsaid(self._field_sizes))
        self.transition = Transition(asked, asked)
        self.chunk_index = 0
        self.state = self._empty_state()
        self.info = self._describe(fps)
        self._text: tuple[PromptState, TextContext] | None = None

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        """Blend towards a prompt over the next `n_chunks` chunks; what it does not speak of stays.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        prompt = validate_prompt(prompt)
        before = self.transition
        reached = blend_reached(before)
        self.understanding, asked = self._understand(prompt, before.target.reading)
        self.transition = Transition(reached, asked, n_chunks)
        self.prompt = prompt

    def cut(self, prompt: str) -> None:
        """Forget the past: the next chunk begins a new scene.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        prompt = validate_prompt(prompt)
        self.understanding, asked = self._understand(prompt, unsaid(self._field_sizes))
        self.prompt, self.transition = prompt, Transition(asked, asked)
        self.state = self._empty_state()

    def reset(self) -> None:
        """Begin again from chunk 0 with the current prompt."""
        self.transition = Transition(self.transition.target, self.transition.target)
        self.chunk_index = 0
        self.state = self._empty_state()

    def reseed(self, seed: int) -> None:
        """Begin again from chunk 0 with other noise."""
        self.seed = seed
        self.reset()

    @torch.inference_mode()
    def tick(self) -> Chunk:
        """Make the next chunk and step the stream forward."""
        self.seek_upgrade()
        recorder = SpanRecorder()
        frames, following = self._generate(recorder)
        chunk = Chunk(
            frames,
            self.chunk_index,
            self.prompt,
            self.transition.weight,
            self.seed,
            recorder.finish(self.chunk_index),
            self.understanding,
        )
        self.state = following
        self.transition = self.transition.advanced()
        self.chunk_index += 1
        return chunk

    @torch.inference_mode()
    def seek_upgrade(self) -> bool:
        """Take a faster denoiser if one is offered by now.

        Between chunks only: no chunk is made by two. May take as long as a few denoising passes.

        Returns:
            Whether there may still be an offer.
        """
        if self._upgrade is None:
            return False
        try:
            offer = next(self._upgrade)
        except StopIteration:
            self._upgrade = None
            return False
        if offer is not None:
            self.denoiser = offer
            self.info = replace(self.info, path="compiled")
        return True

    @torch.inference_mode()
    def warm_up(self, on_progress: Callable[[str, float], None]) -> None:
        """Generate a few chunks and throw them away: allocations and kernel choices happen now, not on air."""
        on_progress("warming up", 0.0)
        self.seek_upgrade()
        for done in range(_WARM_UP_CHUNKS):
            on_progress("warming up", done / _WARM_UP_CHUNKS)
            self._generate(SpanRecorder())
        on_progress("warming up", 1.0)

    def _generate(self, recorder: SpanRecorder) -> tuple[NDArray[np.uint8], StreamState]:
        """Frames and next state of the chunk at hand; changes nothing."""
        bundle = self.bundle
        with recorder.span("text"):
            text = self._read_text(self.transition.prompt())
        with recorder.span("noise"):
            noise = chunk_noise(bundle.config.model, self.seed, self.chunk_index).to(self.device)
        steps = denoise_steps(self.denoiser, noise, self.sigmas, text, self.state)
        latents = noise
        for _ in range(len(self.sigmas) - 1):
            with recorder.span("denoise"):
                latents = next(steps)
                self._synchronise()
        with recorder.span("commit"):
            following = self.denoiser.commit(latents, text, self.state).scaled(bundle.config.sampler.state_keep)
            self._synchronise()
        with recorder.span("decode"):
            before = self.state.latents[0][:, -1]
            frames = bundle.codec.decode_pictures(latents.to(self.dtype), before)[0].contiguous().cpu().numpy()
        return frames, following

    def _read_text(self, asked: PromptState) -> TextContext:
        """Keys and values of the prompt for all layers; kept while the prompt stays."""
        if self._text is None or self._text[0] is not asked:
            reading = asked.reading.to(self.device).unsqueeze(0)
            self._text = (asked, self.bundle.model.read_text(*self._on_device(asked.words), reading))
        return self._text[1]

    @torch.inference_mode()
    def _understand(self, prompt: str, before: Tensor) -> tuple[Understanding, PromptState]:
        """What a prompt says, and what it asks for on top of the reading before it."""
        words = self.text_encoder.encode(prompt)
        said = self.bundle.model.text.read(*self._on_device(words))[0].float().cpu()
        reading = compose(before, said, self._field_sizes)
        fields = self.bundle.config.fields
        heard = phrases(said, fields)
        similarity = float(words.pooled @ self.text_encoder.encode(", ".join(heard)).pooled) if heard else 0.0
        return Understanding(phrases(reading, fields), heard, max(0.0, similarity)), PromptState(words, reading)

    def _on_device(self, words: TextEmbedding) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and pooled as the model takes them, a batch of one."""
        tokens, pooled = (t.to(self.device, self.dtype).unsqueeze(0) for t in (words.tokens, words.pooled))
        return tokens, words.mask.to(self.device).unsqueeze(0), pooled

    def _empty_state(self) -> StreamState:
        return StreamState.allocate(self.bundle.config.model, 1, device=self.device, dtype=self.dtype)

    def _synchronise(self) -> None:
        """Let a GPU finish, so that a span holds the work it names."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _describe(self, fps: float | None) -> EngineInfo:
        config = self.bundle.config
        n_parameters = sum(p.numel() for net in (self.bundle.model, self.bundle.codec) for p in net.parameters())
        return EngineInfo(
            name=config.name,
            checkpoint_digest=self.bundle.digest,
            n_parameters=n_parameters,
            state_bytes=self.state.n_bytes,
            device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            fps=config.video.fps if fps is None else fps,
            width_px=config.video.width_px,
            height_px=config.video.height_px,
            frames_per_chunk=config.frames_per_chunk,
            n_steps=config.sampler.n_steps,
            compute_threads=torch.get_num_threads(),
            path="eager",
        )


def blend_reached(transition: Transition) -> PromptState:
    """What conditioned the last chunk, from where a new transition departs."""
    if transition.n_done == 0:
        return transition.start
    return Transition(transition.start, transition.target, transition.n_chunks, transition.n_done - 1).prompt()
