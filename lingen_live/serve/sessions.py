"""`Session`: one stream, the engine that makes it, those who watch and those who steer.

Frames go to every viewer's track, events to every socket's outbox; neither can slow the session down. Knows
the engine only as an `EngineClient`. Does not know HTTP, sockets or peer connections.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol, assert_never

from lingen_live.engine.client import (
    ChunkReady,
    ControlRefused,
    EngineChanged,
    EngineClient,
    EngineEvent,
    WorkerDied,
    WorkerProgress,
    WorkerRestarted,
)
from lingen_live.engine.control import EngineControl, SaysWords, Turn, starts_fresh
from lingen_live.engine.info import EngineInfo
from lingen_live.errors import LingenError
from lingen_live.profile.lives import LifeBook
from lingen_live.serve import protocol
from lingen_live.serve.archive import Archive
from lingen_live.serve.intake import Intake
from lingen_live.serve.orders import to_engine
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.playout import ChunkInfo, Image, Playout, Step
from lingen_live.serve.protocol import Event, SessionControl
from lingen_live.serve.receipts import Receipts
from lingen_live.serve.ticks import to_pts

UNWATCHED_GRACE_S = 10.0

logger = logging.getLogger(__name__)


class FrameSink(Protocol):
    """Where images go; must not block."""

    def publish(self, image: Image, media_time_s: float) -> None:
        """Take `image`, to be shown at `media_time_s`."""


class Session:
    """One stream.

    Args:
        client: a fresh stream of an engine; the session starts it, and its owner closes it.
        id: that it is known by.
        prompt: the words that the engine begins with.
        seed: the seed that the engine begins with.
        transition_chunks: over how many chunks a steer blends, if it does not say.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: EngineClient,
        *,
        id: str,
        prompt: str,
        seed: int,
        transition_chunks: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = id
        self._client = client
        self._prompt = prompt
        self._seed = seed
        self._transition_chunks = transition_chunks
        self._clock = clock
        self._info: EngineInfo | None = None
        self._playout: Playout | None = None
        self.chunk_index = -1
        self._progress: tuple[str, float] | None = ("starting", 0.0)
        self._is_restarting = False
        self._is_paused = False
        self._sinks: Counter[FrameSink] = Counter()  # viewers of each
        self._n_persons = 0
        self._outboxes: set[Outbox] = set()
        self._watched_s = clock()
        self._receipts = Receipts(clock=clock)
        self.archive = Archive(client)
        self.book = LifeBook()
        self._intake = Intake(self.archive, self.book, clock)

    # What others may ask.

    @property
    def is_warm(self) -> bool:
        """Whether the engine runs, so that viewers can be served."""
        return self._info is not None

    @property
    def info(self) -> EngineInfo | None:
        """Facts about the engine, once it is warm."""
        return self._info

    @property
    def status(self) -> protocol.Status:
        """As in the protocol's state."""
        if self._info is None:
            return "warming"
        if self._is_restarting:
            return "restarting"
        return "paused" if self._is_paused else "running"

    @property
    def progress(self) -> tuple[str, float] | None:
        """Stage and fraction of it while the engine is being built."""
        return self._progress

    @property
    def n_late_frames(self) -> int:
        """Frame slots that were filled with a repeat because a chunk was late."""
        return self._playout.n_late_frames if self._playout else 0

    @property
    def media_time_s(self) -> float:
        """Of the frame slot that it is; 0 before the first frame."""
        return self._playout.media_time_s(self._clock()) if self._playout else 0.0

    # Those who watch, and those who steer.

    def add_viewer(self, sink: FrameSink, *, is_person: bool = True) -> None:
        """Send every image to `sink` from now on, beginning with the one on the screens; once for all its viewers."""
        self._sinks[sink] += 1
        self._n_persons += is_person
        if self._playout and self._playout.last_image is not None:
            sink.publish(self._playout.last_image, self.media_time_s)
        self.broadcast(self.state())

    def remove_viewer(self, sink: FrameSink, *, is_person: bool = True) -> None:
        """One viewer of `sink` less; nothing more is sent to it after the last, and nothing happens then."""
        if sink in self._sinks:
            self._note_watched()
            self._sinks[sink] -= 1
            self._n_persons -= is_person
            self._sinks += Counter()  # drops what has no viewers
            self.broadcast(self.state())

    def add_socket(self, outbox: Outbox) -> None:
        """Post every event into `outbox` from now on, beginning with the state."""
        self._outboxes.add(outbox)
        outbox.post(self.state())
        if self.chunk_index >= 0:
            outbox.post(self.archive.event())

    def remove_socket(self, outbox: Outbox) -> None:
        """Post nothing more into `outbox`; idempotent."""
        self._note_watched()
        self._outboxes.discard(outbox)
        self._receipts.forget(outbox)

    async def control(self, control: SessionControl, outbox: Outbox) -> None:
        """Take `control`, whose sender reads `outbox`.

        Raises:
            ProtocolError: the sender has too many controls waiting.
        """
        self._receipts.check(outbox, control.id)
        outbox.post(protocol.ReceivedEvent(control.id))
        if isinstance(control, protocol.PauseControl | protocol.ResumeControl):
            self._hold(control, outbox)
            return
        number = self._receipts.open(outbox, control.id)
        try:
            order = to_engine(control, number, self._transition_chunks, self.archive.uploads.take)
        except LingenError as error:
            self._receipts.answer(number, partial(protocol.ErrorEvent, error.code, error.message))
            return
        await self._client.control(order, self._turn(order))

    def _turn(self, order: EngineControl) -> Turn | None:
        """From where an order counts, if from before the chunk that comes next."""
        if (playout := self._playout) is None:
            return None
        if starts_fresh(order):
            playout.hurry()
        turn = playout.turning_point() if isinstance(order, SaysWords) else None
        if turn is not None:
            playout.turn(self._clock())
        return turn

    def state(self) -> protocol.StateEvent:
        """How the session is now."""
        info = self._info
        stage_and_fraction = self._progress
        return protocol.StateEvent(
            version=protocol.VERSION,
            status=self.status,
            progress=(
                {"stage": stage_and_fraction[0], "fraction": round(stage_and_fraction[1], 3)}
                if stage_and_fraction
                else None
            ),
            prompt=self._prompt,
            seed=self._seed,
            fps=info.fps if info else None,
            width_px=info.width_px if info else None,
            height_px=info.height_px if info else None,
            frames_per_chunk=info.frames_per_chunk if info else None,
            chunk_index=self.chunk_index,
            n_viewers=self._n_persons,
            transition_chunks=self._transition_chunks,
            weights=info.weights if info else None,
            model=info.to_json() if info else None,
            session=self.id,
        )

    # The life of the stream.

    async def run(self, on_progress: Callable[[str, float], None], on_ready: Callable[[EngineInfo], None]) -> None:
        """Start the engine, then play until cancelled or until the client is closed.

        Args:
            on_progress: told the stage of building and the fraction of it that is done.
            on_ready: told once, when the engine is warm.

        Raises:
            LingenError: the engine cannot be built.
        """

        def hear(stage: str, fraction: float) -> None:
            self._hear_progress(stage, fraction)
            on_progress(stage, fraction)

        self._info = await self._client.start(hear)
        self._progress = None
        self._playout = Playout(self._info.fps, self._info.frames_per_chunk)
        self.broadcast(self.state())
        on_ready(self._info)
        tasks = {
            asyncio.create_task(self._play(self._playout)),
            asyncio.create_task(self._listen(self._playout)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, playout: Playout) -> None:
        async for event in self._client.events():
            await self._hear(event, playout)

    async def _play(self, playout: Playout) -> None:
        while True:
            now_s = self._clock()
            is_held = self._is_paused or self._is_unwatched(now_s)
            step = playout.step(now_s, is_held)
            if step.image is not None:
                for sink in self._sinks:
                    sink.publish(step.image, step.media_time_s)
            if step.started:
                self._announce(step, step.started, playout.measured_fps(now_s))
            if playout.needs_chunk(is_held):
                ready_s = playout.ready_s
                playout.note_request(now_s)
                await self._client.request(ready_s)
            await asyncio.sleep(step.wait_s)

    def _announce(self, step: Step, chunk: ChunkInfo, fps: float) -> None:
        """Tell everybody that `chunk` begins to play, and those who asked that it obeys them."""
        assert self._info is not None
        pts = to_pts(step.media_time_s)
        if chunk.life is not None:
            self.book.play(chunk.life, pts, self._clock())
        has_changed = (chunk.prompt, chunk.seed) != (self._prompt, self._seed)
        self._prompt, self._seed, self.chunk_index = chunk.prompt, chunk.seed, chunk.chunk_index
        for number in chunk.applied_ids:
            self._receipts.answer(number, lambda id: protocol.AppliedEvent(id, chunk.chunk_index, pts))
        profile = chunk.profile.to_json()
        self.broadcast(
            protocol.ChunkEvent(
                chunk_index=chunk.chunk_index,
                pts=pts,
                prompt=chunk.prompt,
                blend=round(chunk.blend, 4),
                profile={"total_ms": profile["total_ms"], "spans_ms": profile["spans_ms"]},
                buffer_ms=round(1000 * step.buffer_s, 1),
                fps=round(fps, 2),
                understanding=chunk.understanding.to_json(),
                weights=self._info.weights,
                device=chunk.profile.device,
            )
        )
        self.broadcast(self.archive.show(chunk.timeline, pts))
        if has_changed:
            self.broadcast(self.state())

    async def _hear(self, event: EngineEvent, playout: Playout) -> None:
        match event:
            case ChunkReady():
                asked_s = self._receipts.asked_s(event.applied_ids)
                playout.push(*await self._intake.take(event, playout.requested_s, asked_s), self._clock())
            case ControlRefused():
                for number in event.ids:
                    self._receipts.answer(number, lambda id: protocol.ErrorEvent(event.code, event.message, id))
            case WorkerDied():
                logger.warning("%s It is started again in %.1f s.", event.reason, event.retry_in_s)
                self._is_restarting = True
                self._progress = (event.reason, 0.0)
                self.broadcast(self.state())
            case WorkerProgress():
                self._hear_progress(event.stage, event.fraction)
            case EngineChanged():
                self._info = event.info
                self.broadcast(self.state())
            case WorkerRestarted():
                self._info = event.info
                self._is_restarting = False
                self._progress = None
                playout.forget_request()
                if not event.is_resumed:
                    self.archive.thumbnails.clear()
                self.broadcast(self.state())
            case _:
                assert_never(event)

    def _hear_progress(self, stage: str, fraction: float) -> None:
        self._progress = (stage, fraction)
        self.broadcast(self.state())

    def _hold(self, control: protocol.PauseControl | protocol.ResumeControl, outbox: Outbox) -> None:
        self._is_paused = isinstance(control, protocol.PauseControl)
        outbox.post(protocol.AppliedEvent(control.id, self.chunk_index, to_pts(self.media_time_s)))
        self.broadcast(self.state())

    def broadcast(self, event: Event) -> None:
        """Tell everybody who has a control socket."""
        for outbox in self._outboxes:
            outbox.post(event)

    def _note_watched(self) -> None:
        if self._sinks or self._outboxes:
            self._watched_s = self._clock()

    def _is_unwatched(self, now_s: float) -> bool:
        """Whether nobody has been there for a while: then nothing is made, as if paused."""
        if self._sinks or self._outboxes:
            self._watched_s = now_s
        return now_s - self._watched_s > UNWATCHED_GRACE_S
