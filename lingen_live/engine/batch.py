"""Several streams on one set of weights: opened in slots of one pool, and a chunk each made in one forward pass.

All or none of the streams in a batch step forward. Knows streams and their pool. Does not know who chose them.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Callable, Iterable, Sequence

import torch

from lingen_live.engine.branch import Branch
from lingen_live.engine.carry import Carried
from lingen_live.engine.engine import Chunk, Engine, chunk_of
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.memory import check_room, resident_bytes
from lingen_live.engine.pool import Layout, Slot, Staging, StatePool
from lingen_live.engine.record import tell_way
from lingen_live.engine.resume import keep_timeline, resume
from lingen_live.engine.session_file import load_session, save_session
from lingen_live.engine.snapshot import thumbnail_of
from lingen_live.engine.stream import Stream
from lingen_live.engine.timeline import Mark, TimelineLimits
from lingen_live.engine.view import TimelineView
from lingen_live.errors import EngineError, LingenError
from lingen_live.profile.spans import SpanRecorder

_N_SPARE_SLOTS = 12
"""Of a stream: new moments while a tick runs, which may have to go back to all the old ones."""

logger = logging.getLogger(__name__)


class BatchedStream(Stream):
    """A stream that lies in a pool and is made to step by a `StreamBatch`.

    Attributes:
        is_resumed: whether it goes on from another process.
    """

    is_resumed = False

    def view(self) -> TimelineView:
        """The timeline, for people."""
        return self.timeline.view()

    def mark(self) -> Mark:
        """All of the stream as it is now, for `restore`."""
        return self.timeline.mark()

    def restore(self, mark: Mark) -> None:
        """Have all of the stream as it was."""
        self.timeline.restore(mark)

    def kept(self) -> KeptTimeline:
        """What another process needs beside the pool to go on with it."""
        return keep_timeline(self.timeline)

    def save_session(self, chunk_index: int | None = None) -> bytes:
        """The current branch as a session file; as `session_file.save_session`."""
        return save_session(self, chunk_index)

    def load_session(self, data: bytes) -> int:
        """Go on with a session file on a branch of its own; errors as of `session_file.load_session`."""
        return load_session(self, data)


class StreamBatch:
    """Opens streams and makes their chunks; the engine's own stream is not among them.

    Batches of more than one take the eager path, for compiled blocks take one.

    Args:
        engine: whose weights and words are used.
        max_batch: the most streams of one pass.
        limits: how much of its past a stream keeps; None for the usual.
    """

    def __init__(self, engine: Engine, max_batch: int = 1, limits: TimelineLimits | None = None) -> None:
        self._engine = engine
        self._limits = limits or TimelineLimits.for_state(engine.state.n_bytes)
        self._max_batch = max_batch
        self._tried_s: list[float] = []
        self._staging = Staging(engine.state, max_batch) if max_batch > 1 else None
        self._pool: StatePool | None = None
        self._reserved: dict[int, Slot] = {}

    @property
    def info(self) -> EngineInfo:
        """Facts about the engine."""
        return self._engine.info

    @property
    def costs_s(self) -> tuple[float, ...]:
        """Seconds that a pass of 1, 2, ... streams took when they were tried; none if none was."""
        alone_s = self._engine.warm_chunk_s
        return () if alone_s is None else (alone_s, *self._tried_s)

    @torch.inference_mode()
    def try_sizes(self) -> None:
        """Make a chunk in a batch of every size, twice, and note how long the second took."""
        engine = self._engine
        for size in range(2, self._max_batch + 1):
            for _ in range(2):
                recorder, moments = SpanRecorder(), [engine.moment] * size
                engine.maker.make(engine.bundle.model, moments, recorder)
            self._tried_s.append(recorder.finish(0).total_s)

    @property
    def pool(self) -> StatePool:
        """Where the streams lie; one of its own for a few of them if none was given."""
        if self._pool is None:
            self.attach(mmap.mmap(-1, self.pool_bytes(8)))
        assert self._pool is not None
        return self._pool

    def pool_bytes(self, n_streams: int) -> int:
        """Memory for that many streams with all that they keep.

        Raises:
            EngineError: the machine does not have so much.
        """
        n_moments = self._limits.memory_bytes // self._engine.state.n_bytes
        n_slots = n_moments + self._limits.max_branches + _N_SPARE_SLOTS
        n_bytes = n_slots * Layout.of(self._engine.moment).slot_bytes
        check_room(n_streams, n_bytes, self._engine.device)
        return n_streams * n_bytes

    def attach(self, memory: mmap.mmap, kept: Iterable[KeptTimeline] = ()) -> None:
        """Have streams lie in this memory.

        Args:
            memory: of `pool_bytes`.
            kept: of streams from another process that lie there already and will be opened.
        """
        self._pool = StatePool(self._engine.moment, memory)
        self._reserved = self._pool.reserve(slot for one in kept for slot in one.slots)

    def open(
        self, *, seed: int, prompt: str, kept: KeptTimeline | None = None, carried: Carried | None = None
    ) -> BatchedStream:
        """A stream; as it was in another process if `kept` can be gone on with, or as it was when it was carried here.

        Raises:
            LingenError: the words cannot be a prompt, there is no slot for it, or `carried` is of another model.
        """
        engine = self._engine
        stream = BatchedStream(
            engine.bundle, engine.words, seed=seed, prompt=prompt, limits=self._limits, keep=self.pool.keep
        )
        if kept is None:
            if carried is not None:
                self._take_over(stream, carried)
            return stream
        slots = {index: self._reserved.pop(index) for index in kept.slots if index in self._reserved}
        try:
            resume(stream, kept, self.pool, slots)
        except (LingenError, LookupError) as error:
            logger.warning("A stream begins anew: %s", error)
        else:
            stream.is_resumed = True
        return stream

    def _take_over(self, stream: BatchedStream, carried: Carried) -> None:
        theirs, mine = (carried.digest, carried.dtype), (self._engine.bundle.digest, self.info.dtype)
        if theirs != mine:
            here, there = (f"{digest[:12]} in {dtype}" for digest, dtype in (mine, theirs))
            raise EngineError(f"The stream was made with weights {there}; this engine has {here}.")
        resume(
            stream, carried.kept, self.pool, {index: self.pool.put_in(data) for index, data in carried.slots.items()}
        )
        stream.is_resumed = True

    def carry(self, kept: KeptTimeline) -> Carried:
        """What another engine needs to go on with a stream."""
        slots = {index: self.pool.copy_out(index) for index in kept.slots}
        return Carried(kept, slots, self._engine.bundle.digest, self.info.dtype)

    @torch.inference_mode()
    def tick(
        self, streams: Sequence[Stream], is_unwanted: Callable[[], bool] = lambda: False, n_steps: int | None = None
    ) -> list[Chunk]:
        """Make the next chunk of every stream.

        Args:
            streams: different ones, one or more.
            is_unwanted: asked between steps.
            n_steps: denoising steps, 1 to `MAX_STEPS`; None for the model's own.

        Raises:
            AbandonedError: `is_unwanted` said so; nothing was changed, as after every error.
        """
        if not 1 <= len(streams) <= self._max_batch:
            raise ValueError(f"got {len(streams)} streams, a batch takes 1 to {self._max_batch}")
        engine, recorder = self._engine, SpanRecorder()
        engine.seek_upgrade()
        is_alone = len(streams) == 1
        denoiser, path = (engine.denoiser, engine.info.path) if is_alone else (engine.bundle.model, "eager")
        branches = [stream.arrived() for stream in streams]
        moments = [branch.head for branch in branches]
        gather = self._staging.gather if self._staging else None
        made = engine.maker.make(denoiser, moments, recorder, is_unwanted, gather, n_steps)
        with recorder.span("snapshot"):
            thumbnails = [thumbnail_of(one.frames) for one in made]
            stepped = [
                stream.stepped(branch, one, thumbnail, tell_way(path, n_steps))
                for stream, branch, one, thumbnail in zip(streams, branches, made, thumbnails, strict=True)
            ]
        profile = recorder.finish(moments[0].chunk_index, resident_bytes())
        chunks = [
            chunk_of(moment, one, profile, stream.timeline.epoch, thumbnail)
            for stream, moment, one, thumbnail in zip(streams, moments, made, thumbnails, strict=True)
        ]
        _put_all(streams, stepped)
        return chunks

    def settle(self) -> None:
        """Whoever might go on with the streams elsewhere knows how they are: what was given up may be overwritten."""
        if self._pool is not None:
            self._pool.settle()


def _put_all(streams: Sequence[Stream], branches: Sequence[Branch]) -> None:
    """Have every stream step forward, or none."""
    marks = [stream.timeline.mark() for stream in streams]
    try:
        for stream, branch in zip(streams, branches, strict=True):
            stream.timeline.put(branch)
    except BaseException:
        for stream, mark in zip(streams, marks, strict=True):
            stream.timeline.restore(mark)
        raise
