"""A stream and what generates it: words in, a chunk a tick out.

What a tick changes takes effect at once and last: one that fails changes nothing. Does not know processes, sockets or
wall-clock time.

    engine = Engine(load_bundle(), TextEncoder(max_tokens=32, width=500), seed=7, prompt="a quiet sea at dawn")
    frames = engine.tick().frames  # uint8, 0-255, RGB, (F, H, W, 3)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from lingen_live.checkpoint import Bundle
from lingen_live.engine.camera import CameraMan
from lingen_live.engine.endings import Endings
from lingen_live.engine.generate import ChunkMaker, Made
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.memory import resident_bytes
from lingen_live.engine.record import tell_way
from lingen_live.engine.sampler import Denoiser, sigma_schedule
from lingen_live.engine.session_file import load_session, save_session
from lingen_live.engine.snapshot import Moment, thumbnail_of
from lingen_live.engine.stream import Stream
from lingen_live.engine.timeline import Mark, TimelineLimits
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.upgrade import Upgrade
from lingen_live.engine.view import TimelineView
from lingen_live.engine.words import WordReader
from lingen_live.errors import EngineError
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
        epoch: of the timeline when it was made.
        thumbnail: of its last frame, uint8, RGB, (h, w, 3).
    """

    frames: NDArray[np.uint8]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    understanding: Understanding
    digest: bytes
    epoch: int
    thumbnail: NDArray[np.uint8]


def chunk_of(moment: Moment, made: Made, profile: ChunkProfile, epoch: int, thumbnail: NDArray[np.uint8]) -> Chunk:
    """What was made after a moment, with all that is said about it."""
    return Chunk(
        made.frames,
        moment.chunk_index,
        moment.prompt,
        moment.transition.weight,
        moment.seed,
        profile,
        moment.reading.understanding,
        made.digest,
        epoch,
        thumbnail,
    )


class Engine(Stream):
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
            limits: how much of the past is kept; None for the usual.

        Raises:
            PromptError: the words cannot be a prompt.
            ConfigError: the limits are too tight for this model.
        """
        super().__init__(bundle, WordReader(bundle, text_encoder), seed=seed, prompt=prompt, limits=limits)
        self.text_encoder = text_encoder
        self._denoisers: dict[str, Denoiser] = {"eager": bundle.model}
        self._upgrade = upgrade
        self.maker = ChunkMaker(
            bundle,
            sigma_schedule(bundle.config.sampler),
            self.words,
            Endings(bundle.codec),
            CameraMan(bundle.config, bundle.codec),
        )
        self.warm_chunk_s: float | None = None  # how long the last chunk of the warm-up took
        self.info = self._describe(fps)

    @torch.inference_mode()
    def tick(self, is_unwanted: Callable[[], bool] = lambda: False, n_steps: int | None = None) -> Chunk:
        """Make the next chunk and step the stream forward.

        Args:
            is_unwanted: asked between steps.
            n_steps: denoising steps, 1 to `MAX_STEPS`; None for the model's own.

        Raises:
            AbandonedError: `is_unwanted` said so; nothing was changed.
        """
        self.seek_upgrade()
        recorder = SpanRecorder()
        branch = self.arrived()
        moment = branch.head
        made = self.maker.make(self.denoiser, [moment], recorder, is_unwanted, n_steps=n_steps)[0]
        with recorder.span("snapshot"):
            thumbnail = thumbnail_of(made.frames)
            branch = self.stepped(branch, made, thumbnail, tell_way(self.info.path, n_steps))
        profile = recorder.finish(moment.chunk_index, resident_bytes())
        chunk = chunk_of(moment, made, profile, self.timeline.epoch, thumbnail)
        self.timeline.put(branch)
        return chunk

    def view(self) -> TimelineView:
        """The timeline, for people."""
        return self.timeline.view()

    def mark(self) -> Mark:
        """All of the stream as it is now, for `restore`."""
        return self.timeline.mark()

    def restore(self, mark: Mark) -> None:
        """Have all of the stream as it was."""
        self.timeline.restore(mark)

    def save_session(self, chunk_index: int | None = None) -> bytes:
        """The current branch as a session file; as `session_file.save_session`."""
        return save_session(self, chunk_index)

    def load_session(self, data: bytes) -> int:
        """Go on with a session file on a branch of its own; errors as of `session_file.load_session`."""
        return load_session(self, data)

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
            self._denoisers["compiled"] = offer
            self.use_path("compiled")
        return True

    def use_path(self, path: str) -> None:
        """Have the next chunks made by one of the paths that there are.

        Raises:
            EngineError: there is no such path here.
        """
        if path not in self._denoisers:
            raise EngineError(f"There is no {path} path here; there is {', '.join(self._denoisers)}.")
        self.denoiser = self._denoisers[path]
        self.info = replace(self.info, path=path)

    @torch.inference_mode()
    def warm_up(self, on_progress: Callable[[str, float], None]) -> None:
        """Generate a few chunks and throw them away: allocations and kernel choices happen now, not on air."""
        on_progress("warming up", 0.0)
        self.seek_upgrade()
        for done in range(_WARM_UP_CHUNKS):
            on_progress("warming up", done / _WARM_UP_CHUNKS)
            recorder = SpanRecorder()
            self.maker.make(self.denoiser, [self.moment], recorder)
            self.warm_chunk_s = recorder.finish(done).total_s
        on_progress("warming up", 1.0)

    def _describe(self, fps: float | None) -> EngineInfo:
        config = self.bundle.config
        n_parameters = sum(p.numel() for net in (self.bundle.model, self.bundle.codec) for p in net.parameters())
        return EngineInfo(
            name=config.name,
            checkpoint_digest=self.bundle.digest,
            weights=self.bundle.weights,
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
