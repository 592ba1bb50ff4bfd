"""The frames that are ready to play, and the rule that keeps them few. Pure: time is given.

Holds what plays now and at most one chunk more. Knows pacing and chunks; treats images as opaque. Does not
know viewers, sockets or engines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.client import ChunkReady
from lingen_live.engine.control import Turn
from lingen_live.engine.understanding import NOTHING, Understanding
from lingen_live.engine.view import NO_TIMELINE, TimelineView
from lingen_live.profile.lives import ChunkLife
from lingen_live.profile.spans import ChunkProfile
from lingen_live.serve.pacer import Action, LeadTime, Pacer

FPS_WINDOW_S = 2.0
MAX_HURRIED_CHUNKS = 2
"""Waiting chunks beyond which none is hurried: verbs that are refused make nothing stale, however many come."""


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image that stayed where it was made: the `index`th of the chunk that is kept there under `key`."""

    key: str
    index: int


Image = NDArray[np.uint8] | KeptImage
"""Yuv420p, (3 H / 2, W); or where it is."""


@dataclass(frozen=True, slots=True)
class ChunkInfo:
    """All about a chunk except its frames; see `ChunkReady`.

    `applied_ids` are the controls it is the first to obey; `life` is what is measured of it from here on.
    """

    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    applied_ids: tuple[int, ...]
    is_fresh: bool
    understanding: Understanding = NOTHING
    epoch: int = 0
    is_turned: bool = False
    timeline: TimelineView = NO_TIMELINE
    life: ChunkLife | None = None
    deferred_s: float = 0.0

    @classmethod
    def of(cls, chunk: ChunkReady, life: ChunkLife | None = None) -> ChunkInfo:
        """A chunk without its frames."""
        return cls(
            chunk.chunk_index,
            chunk.prompt,
            chunk.blend,
            chunk.seed,
            chunk.profile,
            chunk.applied_ids,
            chunk.is_fresh,
            chunk.understanding,
            chunk.epoch,
            chunk.is_turned,
            chunk.timeline,
            life,
            chunk.deferred_s,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now.

    Attributes:
        image: to be sent to every viewer; None when nothing is to be sent.
        media_time_s: of `image`.
        started: the chunk whose first frame `image` is.
        buffer_s: media time ready to play, `image` included.
        wait_s: from now to the next step.
    """

    image: Image | None
    media_time_s: float
    started: ChunkInfo | None
    buffer_s: float
    wait_s: float


class Playout:
    """A queue of frames behind a pacer.

    Args:
        fps: frames a second of playback.
        frames_per_chunk: F.
    """

    def __init__(self, fps: float, frames_per_chunk: int) -> None:
        self._fps = fps
        self._chunk_s = frames_per_chunk / fps
        self._pacer = Pacer(fps)
        self._lead = LeadTime(frames_per_chunk / fps)
        self._queue: deque[tuple[Image, ChunkInfo | None]] = deque()
        self._last_image: Image | None = None
        self._new_frame_times_s: deque[float] = deque(maxlen=round(FPS_WINDOW_S * fps) + 1)
        self._playing: ChunkInfo | None = None
        self._newest: ChunkInfo | None = None
        self._requested_s: float | None = None
        self._is_hurried = False
        self._is_elsewhere = False
        self.n_late_frames = 0

    @property
    def last_image(self) -> Image | None:
        """What is on the screens."""
        return self._last_image

    @property
    def buffer_s(self) -> float:
        """Media time in the queue."""
        return len(self._queue) / self._fps

    @property
    def requested_s(self) -> float | None:
        """When the chunk was asked for that is being made; None when none is."""
        return self._requested_s

    @property
    def ready_s(self) -> float:
        """Media time that is left to play before the next chunk is missed; none when it makes the rest stale."""
        return 0.0 if self._is_hurried else self.buffer_s

    def media_time_s(self, now_s: float) -> float:
        """Media time of the slot at `now_s`; 0 before the first frame."""
        return self._pacer.media_time_s(now_s)

    def push(self, chunk: ChunkInfo, images: Sequence[Image], now_s: float) -> None:
        """Put a finished chunk in line.

        A fresh one replaces all that waits, one that was turned back to replaces what was made from there on; it
        inherits the receipts of what it replaces.
        """
        if self._requested_s is not None:
            self._lead.observe(now_s - self._requested_s, chunk.deferred_s)
            self._requested_s = None
        if chunk.is_fresh or chunk.is_turned:
            stale = self._drop(None if chunk.is_fresh else chunk.chunk_index)
            chunk = replace(chunk, applied_ids=(*(id for ids in stale for id in ids), *chunk.applied_ids))
        self._newest = chunk
        self._is_elsewhere = self._is_elsewhere or chunk.is_fresh
        for i, image in enumerate(images):
            self._queue.append((image, chunk if i == 0 else None))

    def _drop(self, chunk_index: int | None) -> list[tuple[int, ...]]:
        """Forget frames from a chunk on, or all; the receipts of the chunks that never began to play."""
        kept: list[tuple[Image, ChunkInfo | None]] = []
        if chunk_index is not None and (self._playing is None or self._playing.chunk_index < chunk_index):
            for image, info in self._queue:
                if info is not None and info.chunk_index >= chunk_index:
                    break
                kept.append((image, info))
        stale = [info.applied_ids for _, info in list(self._queue)[len(kept) :] if info]
        self._queue = deque(kept)
        return stale

    def turning_point(self) -> Turn | None:
        """The first chunk, of those that wait or are being made, that can be made anew before it has to play."""
        for n_before, (_, info) in enumerate(self._queue):
            if info is not None and n_before / self._fps >= self._lead.expected_s:
                return Turn(info.chunk_index, info.epoch)
        if self._requested_s is not None and self._newest is not None and self.buffer_s >= self._lead.expected_s:
            return Turn(self._newest.chunk_index + 1, self._newest.epoch)
        return None

    def turn(self, now_s: float) -> None:
        """A chunk is made anew: what is being made is begun again now, or else one must be asked for at once."""
        if self._requested_s is None:
            self.hurry()
        else:
            self._requested_s = now_s

    def hurry(self) -> None:
        """The next chunk makes the queued ones stale: it must be asked for at once."""
        self._is_hurried = True

    def needs_chunk(self, is_paused: bool = False) -> bool:
        """Whether it is time to ask for a chunk; never while one is being made, in a pause only if it is hurried."""
        if self._requested_s is not None:
            return False
        if self._is_hurried and self.buffer_s <= MAX_HURRIED_CHUNKS * self._chunk_s:
            return True
        return not is_paused and self.buffer_s <= self._lead.lead_s

    def note_request(self, now_s: float) -> None:
        """A chunk was asked for."""
        self._requested_s = now_s
        self._is_hurried = False

    def forget_request(self) -> None:
        """The chunk that was asked for will not come."""
        self._requested_s = None

    def step(self, now_s: float, is_paused: bool) -> Step:
        """Play what is due at `now_s`; in a pause only the first frame of another place, so that it is seen at once."""
        decision = self._pacer.decide(now_s, len(self._queue), is_paused and not self._is_elsewhere)
        buffer_s = self.buffer_s
        started: ChunkInfo | None = None
        image: Image | None = None
        match decision.action:
            case Action.SEND:
                image, started = self._queue.popleft()
                self._playing = started or self._playing
                self._is_elsewhere = False
                self._last_image = image
                self._new_frame_times_s.append(now_s)
            case Action.REPEAT:
                image = self._last_image
                self.n_late_frames += decision.is_late
            case Action.WAIT:
                pass
        return Step(image, decision.media_time_s, started, buffer_s, decision.wait_s)

    def measured_fps(self, now_s: float) -> float:
        """New frames a second over the last `FPS_WINDOW_S`; over less after a start."""
        recent = [time_s for time_s in self._new_frame_times_s if now_s - time_s <= FPS_WINDOW_S]
        if len(recent) < 2 or now_s <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (now_s - recent[0])
