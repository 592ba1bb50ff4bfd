"""`EngineHost` and `EngineClient`: an engine and one stream of it, as the server sees them; the events of a stream.

Generation is by demand: one `request()` makes one chunk. Nobody asks, nothing runs; that is all there is to
back-pressure and to pausing. Knows nothing of processes, sockets or playback.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.control import EngineControl, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Refusal, Tick
from lingen_live.engine.understanding import NOTHING, Understanding
from lingen_live.engine.view import NO_TIMELINE, TimelineView
from lingen_live.profile.prometheus import Metric
from lingen_live.profile.spans import ChunkProfile


@dataclass(frozen=True, slots=True)
class KeptFrames:
    """Frames that stay where they were made, to be shown from there: how many, and what to call them by."""

    key: str
    n_frames: int


@dataclass(frozen=True, slots=True)
class ChunkReady:
    """A finished chunk; the frames belong to the receiver.

    Attributes:
        frames: uint8 RGB, (F, H, W, 3); none, (0, H, W, 3), if they are `kept`.
        chunk_index: position in the stream since it was last reset.
        prompt: the words being steered to.
        blend: weight of `prompt` in this chunk, 0 to 1.
        seed: of the noise.
        profile: where the time went.
        applied_ids: controls that took effect with this chunk.
        is_fresh: the chunk does not follow from what is queued before it, which is stale.
        understanding: what was made of the prompts.
        epoch: of the timeline when it was made.
        is_turned: the chunk takes the place of a queued one of its index, which is stale with all that follow it.
        thumbnail: of its last frame, uint8 RGB, (h, w, 3).
        timeline: as it is after the chunk.
        deferred_s: how long it waited, because it could, for what is made in the background; with words it would not.
        kept: the frames, if they did not come along.
    """

    frames: NDArray[np.uint8]
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
    thumbnail: NDArray[np.uint8] | None = None
    timeline: TimelineView = NO_TIMELINE
    deferred_s: float = 0.0
    kept: KeptFrames | None = None


@dataclass(frozen=True, slots=True)
class ControlRefused:
    """Controls that could not be applied; the stream goes on without them."""

    ids: tuple[int, ...]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The engine stopped; it is built again after `retry_in_s`."""

    reason: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """The engine is being built again."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class WorkerRestarted:
    """The engine runs again.

    Attributes:
        info: facts about it.
        is_resumed: the stream goes on as if nothing had happened; else it begins anew with the prompt and seed it had.
    """

    info: EngineInfo
    is_resumed: bool = False


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """The engine says something new about itself, as when it took the compiled path."""

    info: EngineInfo


EngineEvent = ChunkReady | ControlRefused | EngineChanged | WorkerDied | WorkerProgress | WorkerRestarted


@dataclass(frozen=True, slots=True)
class Returning:
    """A stream of a host before this one, which waits to be opened again under its name.

    Attributes:
        name: it was opened with.
        prompt: words that it was steered to.
        seed: of the noise.
    """

    name: str
    prompt: str
    seed: int


class EngineHost(Protocol):
    """A running engine and the streams that it makes. All methods belong to one event loop and never block it."""

    @property
    def returning(self) -> Sequence[Returning]:
        """Streams that go on if they are opened under their names; none where nothing outlives the host."""

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Build and warm up the engine.

        Raises:
            LingenError: it cannot be built.
        """

    def open(self, *, prompt: str, seed: int, is_background: bool = False, name: str | None = None) -> EngineClient:
        """One more stream, also before the engine is warm; there is room for as many as the options say.

        Args:
            prompt: words that it begins with.
            seed: of the noise.
            is_background: nobody watches it made; it takes only the time that no other stream needs.
            name: to keep it under, where something outlives the host; None to keep nothing of it.
        """

    def forget(self, name: str) -> None:
        """A stream has ended for good: nothing need be kept of it. One that is only closed may come back."""

    @property
    def capacity(self) -> int | None:
        """How many streams it makes as fast as they play, by what was measured; None while nothing was."""

    def metrics(self) -> list[Metric]:
        """What it counts beside what its streams tell; nothing, if it is one engine."""

    async def close(self) -> None:
        """Stop the engine, close all streams, and let go of all that they held; idempotent."""


class EngineClient(Protocol):
    """One stream of a running engine. All methods belong to one event loop and never block it."""

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until the engine is warm and the stream is open.

        Args:
            on_progress: told how far the engine is.

        Raises:
            LingenError: the engine cannot be built, or has no room for the stream.
        """

    async def request(self, ready_s: float = 0.0, n_steps: int | None = None) -> None:
        """Ask for one more chunk; a no-op while one is being made.

        Args:
            ready_s: media time that is left to play: of several streams, the one with the least goes first.
            n_steps: denoising steps of it, 1 to `MAX_STEPS`; None for the model's own.
        """

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        """Have `control` taken before the next chunk; the latest of a kind wins, no id is lost.

        Args:
            control: what is asked for.
            turn: from where words may count that was made, or is being made, but not shown. What is being made is
                then abandoned, and made anew at once.
        """

    async def save(self, chunk_index: int | None = None) -> bytes:
        """The stream as a session file; waits for the chunk that is being made.

        Args:
            chunk_index: as it was at a kept moment of its branch, the one before that chunk; None for as it is.

        Raises:
            LingenError: it cannot be saved now, or the moment is not kept.
        """

    async def scenario(self) -> Scenario:
        """The stream's branch, to be played again; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be told.
        """

    def events(self) -> AsyncIterator[EngineEvent]:
        """All events, in order, until the client is closed; one consumer."""

    async def close(self) -> None:
        """Close the stream and let go of all that it held; idempotent."""


def refused(refusal: Refusal) -> ControlRefused:
    """The event that tells of `refusal`."""
    return ControlRefused(refusal.ids, refusal.code, refusal.message)


def ready(tick: Tick) -> ChunkReady:
    """The event that carries the chunk of `tick`."""
    chunk = tick.chunk
    return ChunkReady(
        chunk.frames,
        chunk.chunk_index,
        chunk.prompt,
        chunk.blend,
        chunk.seed,
        chunk.profile,
        tick.applied_ids,
        tick.is_fresh,
        chunk.understanding,
        chunk.epoch,
        tick.is_turned,
        chunk.thumbnail,
        tick.timeline,
    )
