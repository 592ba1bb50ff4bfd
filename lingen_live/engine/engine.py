"""One stream: words in, a chunk a tick out, and a timeline to go back and branch on.

All of a stream is in its timeline, and what a tick or a verb changes takes effect there at once and last: one that
fails changes nothing. Does not know processes, sockets or wall-clock time.

    engine = Engine(load_bundle(), TextEncoder(max_tokens=32), seed=7, prompt="a quiet sea at dawn")
    frames = engine.tick().frames  # uint8, 0-255, RGB, (F, H, W, 3)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from lingen_live.checkpoint import Bundle
from lingen_live.engine.branch import Branch
from lingen_live.engine.events import DEFAULT_STRETCH, Event, Start, blend_of, words_of
from lingen_live.engine.generate import make_chunk
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.sampler import Denoiser, sigma_schedule
from lingen_live.engine.snapshot import Moment, Snapshot, thumbnail_of
from lingen_live.engine.timeline import Timeline, TimelineLimits
from lingen_live.engine.transition import Transition
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.upgrade import Upgrade
from lingen_live.engine.words import Reading, WordReader
from lingen_live.model.state import StreamState
from lingen_live.profile.spans import ChunkProfile, SpanRecorder
from lingen_live.text import TextEncoder

_WARM_UP_CHUNKS = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a tick makes.

    Attributes:
        frames: uint8, 0-255, RGB, (F, H, W, 3).
        chunk_index: position on the branch, from 0.
        prompt: the words the stream is at or on its way to.
        blend: weight of `prompt` in this chunk, in (0, 1].
        seed: of the noise.
        profile: where the time went.
        understanding: what was made of the prompts.
        digest: of the latents.
    """

    frames: NDArray[np.uint8]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    understanding: Understanding
    digest: bytes


class Engine:
    """Generates one endless stream that can be steered, turned back and branched between chunks."""

    def __init__(
        self,
        bundle: Bundle,
        text_encoder: TextEncoder,
        *,
        seed: int,
        prompt: str,
        fps: float | None = None,
        upgrade: Upgrade | None = None,
        limits: TimelineLimits | None = None,
    ) -> None:
        """Start an empty stream.

        Args:
            bundle: weights on their device, in their dtype.
            text_encoder: must give as many tokens as the model's configuration says.
            seed: 0 to 2^32 - 1.
            prompt: what the first chunk shows.
            fps: playback rate to announce; None for the bundle's own.
            upgrade: asked before each chunk for a faster denoiser that computes the same; None for none.
            limits: how much of the past is kept; None for as much as `TimelineLimits` says.

        Raises:
            PromptError: the words cannot be a prompt.
            ConfigError: the limits are too tight for this model.
        """
        self.bundle, self.text_encoder = bundle, text_encoder
        self.denoiser: Denoiser = bundle.model
        self._upgrade = upgrade
        self.sigmas = sigma_schedule(bundle.config.sampler)
        weight = bundle.model.latent_in.weight
        self.device, self.dtype = weight.device, weight.dtype
        self._words = WordReader(bundle, text_encoder)
        start = Start(seed, (words_of(prompt),))
        self.timeline = Timeline(TimelineLimits() if limits is None else limits, start, self._begin(start))
        self.info = self._describe(fps)

    # Where the stream is.

    @property
    def moment(self) -> Moment:
        """All that decides what comes next."""
        return self.timeline.current.head

    @property
    def state(self) -> StreamState:
        """What the stream remembers."""
        return self.moment.state

    @property
    def transition(self) -> Transition:
        """The way to the last words."""
        return self.moment.transition

    @property
    def prompt(self) -> str:
        """The last words."""
        return self.moment.prompt

    @property
    def seed(self) -> int:
        """Of the noise."""
        return self.moment.seed

    @property
    def chunk_index(self) -> int:
        """Of the chunk that comes next."""
        return self.moment.chunk_index

    @property
    def understanding(self) -> Understanding:
        """What is made of the prompts."""
        return self.moment.reading.understanding

    # What can be asked of it.

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        """Blend towards a prompt over the next `n_chunks` chunks; what it does not speak of stays.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "steer", words_of(prompt), n_chunks))

    def blend(self, parts: Sequence[tuple[str, float]], n_chunks: int = 1) -> None:
        """Steer towards several prompts at once, each with a weight.

        Raises:
            PromptError: the words or weights cannot be a blend; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "steer", blend_of(parts), n_chunks))

    def cut(self, prompt: str) -> None:
        """Forget the past: the next chunk begins a new scene.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "cut", words_of(prompt)), is_stale=True)

    def reanchor(self, prompt: str, n_chunks: int = DEFAULT_STRETCH) -> None:
        """Go to a prompt at once, with the last chunks remembered as if they had been made under it.

        Args:
            prompt: what it does not speak of stays.
            n_chunks: how many, 1 to `MAX_STRETCH`, of the present scene.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
            TimelineError: so many chunks are not at hand; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "reanchor", words_of(prompt), n_chunks))

    def reset(self) -> None:
        """Begin this branch again from chunk 0 with all that is asked for now; its past is gone."""
        self.reseed(self.seed)

    def reseed(self, seed: int) -> None:
        """Begin this branch again from chunk 0 with other noise."""
        start = Start(seed, tuple(one.words for one in self.moment.reading.asked))
        self.timeline.restart(start, self._begin(start))

    def seek(self, chunk_index: int) -> None:
        """Go back (or forward again) to the moment before a chunk; what was said after it is replayed.

        Raises:
            TimelineError: that moment is not kept; the stream goes on as it was.
        """
        self.timeline.seek(chunk_index)

    def fork(self, chunk_index: int | None = None, name: str | None = None) -> int:
        """Go on from a moment of this branch, by default from here, on a branch of its own; returns its id.

        Raises:
            TimelineError: the moment is not kept, or there are too many branches; the stream goes on as it was.
        """
        return self.timeline.fork(chunk_index, name)

    def switch(self, branch_id: int) -> None:
        """Go on with another branch, where it was left.

        Raises:
            TimelineError: there is no such branch; the stream goes on as it was.
        """
        self.timeline.switch(branch_id)

    def delete(self, branch_id: int) -> None:
        """Forget a branch that the stream is not on.

        Raises:
            TimelineError: there is no such branch, or the stream is on it.
        """
        self.timeline.delete(branch_id)

    @torch.inference_mode()
    def tick(self) -> Chunk:
        """Make the next chunk and step the stream forward."""
        self.seek_upgrade()
        recorder = SpanRecorder()
        branch = self.timeline.current
        for event in branch.due:
            branch = branch.taken(self._apply(branch, event))
        moment = branch.head
        made = make_chunk(self.bundle, self.denoiser, self.sigmas, self._words, moment, recorder)
        with recorder.span("snapshot"):
            snapshot = Snapshot(moment.advanced(made.following), thumbnail_of(made.frames))
            branch = branch.pushed(snapshot, made.digest, self.info.path)
        chunk = Chunk(
            made.frames,
            moment.chunk_index,
            moment.prompt,
            moment.transition.weight,
            moment.seed,
            recorder.finish(moment.chunk_index),
            moment.reading.understanding,
            made.digest,
        )
        self.timeline.put(branch)
        return chunk

    def tidy(self) -> bool:
        """Do one small piece of work that can wait, such as packing an old snapshot; whether there may be more."""
        return self.timeline.pack_one()

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
            make_chunk(self.bundle, self.denoiser, self.sigmas, self._words, self.moment, SpanRecorder())
        on_progress("warming up", 1.0)

    @torch.inference_mode()
    def _tell(self, event: Event, *, is_stale: bool = False) -> None:
        """Take new words now."""
        branch = self.timeline.current
        self.timeline.put(branch.told(event, self._apply(branch, event)), is_stale=is_stale)

    def _apply(self, branch: Branch, event: Event) -> Moment:
        """The head of a branch after words are said."""
        head = branch.head
        match event.verb:
            case "steer":
                reading = self._words.read(event.words, head.reading)
                return head.turned(reading, Transition(head.transition.reached, reading.state, event.n_chunks))
            case "cut":
                reading = self._words.read(event.words)
                return head.turned(reading, Transition(reading.state, reading.state), self._empty_state())
            case "reanchor":
                stretch = branch.stretch(event.n_chunks)
                reading = self._words.read(event.words, head.reading)
                state = self._told_anew(stretch, reading)
                return head.turned(reading, Transition(reading.state, reading.state), state)

    def _told_anew(self, stretch: Sequence[Snapshot], reading: Reading) -> StreamState:
        """What the stream would remember of its last chunks had they been made under other words."""
        state = stretch[0].moment.state
        text = self._words.context(reading.state)
        for after in stretch[1:]:
            latents = after.moment.state.latents[0]
            state = self.denoiser.commit(latents, text, state).scaled(self.bundle.config.sampler.state_keep)
        return state

    def _begin(self, start: Start) -> Moment:
        """The moment before chunk 0."""
        reading = self._words.read_all(start.asked)
        return Moment(self._empty_state(), 0, start.seed, reading, Transition(reading.state, reading.state))

    def _empty_state(self) -> StreamState:
        return StreamState.allocate(self.bundle.config.model, 1, device=self.device, dtype=self.dtype)

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
