"""`WorkerHost`: the engine in a process of its own, watched by a thread, started again when it dies.

Two threads, no locks: the event loop owns the streams and what is in flight; the watching thread owns the process, the
memory for frames and the options to start it with. They talk by `call_soon_threadsafe` one way and by the worker's pipe
and a wake-up pipe the other way. What streams remember lies in memory that outlives the worker. Knows nothing of playback
or viewers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.arena import Arena
from lingen_live.engine.client import EngineChanged, WorkerDied, WorkerProgress, WorkerRestarted
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory, OnProgress, default_engine
from lingen_live.engine.life import WorkerGoneError, WorkerLife
from lingen_live.engine.messages import (
    Abandon,
    Answer,
    Attach,
    Attached,
    Changed,
    Close,
    Done,
    Failed,
    Job,
    Opened,
    Progress,
    Query,
    Ready,
    TickAbandoned,
    TickDone,
    TickRequest,
    ToWorker,
)
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.queries import Queries, engine_error
from lingen_live.engine.roster import Roster
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.shared import SharedChunk
from lingen_live.errors import EngineError

MAX_RETRY_S = 10.0
HANG_CHECK_S = 5.0

logger = logging.getLogger(__name__)


class WorkerHost:
    """An `EngineHost` whose engine runs in a worker process.

    Args:
        options: how to build the engine.
        factory: picklable by name; called in the worker.
        first_retry_s: pause before the first restart; doubles up to `MAX_RETRY_S` until a chunk is made.
        hang_s: chunks that take longer than this count as a death.
    """

    def __init__(
        self,
        options: EngineOptions,
        factory: EngineFactory = default_engine,
        *,
        first_retry_s: float = 0.5,
        hang_s: float = 120.0,
    ) -> None:
        self._factory = factory
        self._first_retry_s = first_retry_s
        self._hang_s = hang_s
        # Of the event loop:
        self._roster = Roster(self, self._send_jobs)
        self._listeners: list[OnProgress] = []
        self._started: asyncio.Future[EngineInfo] | None = None
        self._watched = asyncio.Event()
        self._built_life: WorkerLife | None = None
        self._is_attached = False
        self._n_failed_attaches = 0
        self._arena: Arena | None = None
        self._info: EngineInfo | None = None
        self._queries = Queries()
        self._is_closed = False
        # Of the watching thread:
        self._options = options
        self._has_been_ready = False
        self._has_made_chunk = False
        self._shared: SharedChunk | None = None
        # Of both:
        self._deadline_s: float | None = None  # written by the loop, read by the thread
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._watch, name="lingen-worker-watch", daemon=True)

    # The EngineHost interface, on the event loop.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Start the worker and wait until its engine is warm.

        Raises:
            LingenError: the engine cannot be built; the worker is gone.
        """
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.create_future()
        self._thread.start()
        return await self.started(on_progress)

    def open(self, *, prompt: str, seed: int) -> HostedStream:
        """One more stream, also before the engine is warm."""
        stream = self._roster.add(prompt, seed)
        if self._is_attached:
            self._say(stream.opening)
        return stream

    @property
    def capacity(self) -> int | None:
        """How many streams it makes as fast as they play, by what was measured; None while nothing was."""
        return self._roster.capacity(self._info) if self._info else None

    async def close(self) -> None:
        """End worker and thread and free all memory; takes about a second at worst."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._thread.is_alive():
            self._wake_writer.send(None)
            await self._watched.wait()
            self._thread.join()
        self._wake_writer.close()
        self._wake_reader.close()
        if self._started is not None and not self._started.done():
            self._started.set_exception(EngineError("The engine was closed before it was warm."))
            self._started.exception()  # whoever waits is told; if nobody does, that is no mistake
        self._queries.fail()
        self._roster.end()
        if self._arena:
            self._arena.close()

    # What its streams ask of it.

    async def started(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until the engine is warm; errors as of `start`."""
        if self._started is None:
            raise EngineError("A stream was started before its engine.")
        self._listeners.append(on_progress)
        try:
            return await asyncio.shield(self._started)
        finally:
            self._listeners.remove(on_progress)

    def want(self, stream: HostedStream, ready_s: float) -> None:
        """Make the next chunk of a stream that has `ready_s` left to play."""
        self._roster.want(stream, ready_s)

    def abandon(self, stream: HostedStream) -> None:
        """What is being made for the stream alone is not wanted any more."""
        if self._roster.makes_only(stream):
            self._say(Abandon())

    async def ask(self, stream: HostedStream, what: Literal["session", "scenario"]) -> bytes | Scenario:
        """A question between two chunks.

        Raises:
            LingenError: there is no answer.
        """
        if not (self._is_attached and stream.is_open):
            raise EngineError("The engine is being started; ask again in a moment.")
        return await self._queries.ask(lambda question: self._say(Query(question, stream.number, what)))

    def release(self, stream: HostedStream) -> None:
        """The stream is closed."""
        self._roster.remove(stream)
        if self._is_attached:
            self._say(Close(stream.number))

    def _send_jobs(self, jobs: tuple[Job, ...]) -> None:
        self._deadline_s = time.monotonic() + self._hang_s
        self._say(TickRequest(jobs))

    def _say(self, message: ToWorker) -> None:
        # If it is gone, the watching thread is about to say so, and `_hear_death` settles what was asked.
        if self._built_life is not None:
            with suppress(WorkerGoneError):
                self._built_life.send(message)

    # What the watching thread tells the event loop.

    def _hear_progress(self, stage: str, fraction: float) -> None:
        if self._started is not None and not self._started.done():
            for listener in list(self._listeners):
                listener(stage, fraction)
        else:
            self._roster.tell(WorkerProgress(stage, fraction))

    def _hear_built(self, life: WorkerLife, ready: Ready, name: str, n_rows: int) -> None:
        """Hand the memory over, with all streams that lie in it."""
        if self._arena is None or self._arena.n_bytes != ready.pool_bytes:
            self._renew_arena(ready.pool_bytes)
        self._built_life, self._info = life, ready.info
        self._roster.rate(n_rows, ready.costs_s)
        streams = tuple(stream.opening for stream in self._roster.streams.values())
        with suppress(WorkerGoneError):
            life.send(Attach(name, n_rows, ready.pool_bytes, streams), self._arena.fd if self._arena else None)

    def _renew_arena(self, n_bytes: int) -> None:
        if self._arena:
            self._arena.close()
        self._arena = Arena(n_bytes) if n_bytes else None
        for stream in self._roster.streams.values():
            stream.kept = None

    def _hear_attached(self, info: EngineInfo, streams: Sequence[Opened]) -> None:
        self._is_attached = True
        self._n_failed_attaches = 0
        resumed = {opened.number for opened in streams if opened.is_resumed}
        is_first = self._started is not None and not self._started.done()
        if self._started is not None and is_first:
            self._started.set_result(info)
        known = {opened.number for opened in streams}
        for stream in list(self._roster.streams.values()):
            if stream.number not in known:  # opened while the memory was handed over
                self._say(stream.opening)
            elif not is_first:
                stream.tell(WorkerRestarted(info, stream.number in resumed))
        for opened in streams:
            self._hear_opened(opened)

    def _hear_opened(self, opened: Opened) -> None:
        if stream := self._roster.streams.get(opened.number):
            stream.hear_opened(opened)
            self._roster.pump()
        elif opened.refusal is None:  # it was closed meanwhile
            self._say(Close(opened.number))

    def _hear_chunks(self, chunks: Sequence[tuple[Done, NDArray[np.uint8]]]) -> None:
        self._deadline_s = None
        self._roster.settle(chunks)

    def _hear_abandoned(self) -> None:
        self._deadline_s = None
        self._roster.put_back()

    def _hear_changed(self, info: EngineInfo) -> None:
        self._info = info
        self._roster.tell(EngineChanged(info))

    def _hear_death(self, reason: str, retry_in_s: float) -> None:
        if self._built_life is not None and not self._is_attached:
            self._n_failed_attaches += 1
            if self._n_failed_attaches > 1:  # perhaps it is a past that no engine can live with
                for stream in self._roster.streams.values():
                    stream.kept = None
        self._built_life, self._is_attached = None, False
        self._deadline_s = None
        self._roster.lose(reason)
        self._queries.fail()
        self._roster.tell(WorkerDied(reason, retry_in_s))

    def _hear_failed_start(self, code: str, message: str) -> None:
        if self._started is not None and not self._started.done():
            self._started.set_exception(engine_error(code, message))

    # The watching thread.

    def _watch(self) -> None:
        retry_s = self._first_retry_s / 2
        while (last_words := self._live()) is not None:
            if not self._has_been_ready:
                self._tell(self._hear_failed_start, last_words.code, last_words.message)
                break
            retry_s = self._first_retry_s if self._has_made_chunk else min(2 * retry_s, MAX_RETRY_S)
            self._has_made_chunk = False
            self._tell(self._hear_death, last_words.message, retry_s)
            if self._wake_reader.poll(retry_s):
                break
        self._tell(self._watched.set)

    def _live(self) -> Failed | None:
        """One life of the worker: the reason for its death, or None when the client is being closed."""
        life: WorkerLife | None = None
        try:
            life = WorkerLife(self._options, self._factory)
            return self._attend(life)
        except WorkerGoneError:
            return Failed(EngineError.code, life.end() if life else "", "")
        except TimeoutError:
            if life:
                life.end(asks_first=False)
            return Failed(EngineError.code, f"The engine made no chunk within {self._hang_s:g} s.", "")
        except Exception as error:  # the boundary of the thread: whatever it is, the streams must hear of it
            logger.exception("The engine process cannot be looked after")
            return Failed(EngineError.code, f"The engine process failed: {error}", "")
        finally:
            if life:
                life.end(asks_first=self._shared is not None)  # while it builds, it does not listen
            if self._shared:
                self._shared.close()
                self._shared = None

    def _attend(self, life: WorkerLife) -> Failed | None:
        """Pass on what `life` says until its last words, or until the host is being closed (None).

        Raises:
            WorkerGoneError: it ended without last words.
            TimeoutError: chunks are overdue.
        """
        info: EngineInfo | None = None
        while True:
            try:
                message = life.receive(self._wake_reader, min(HANG_CHECK_S, self._hang_s / 2))
            except TimeoutError:
                if (deadline_s := self._deadline_s) is not None and time.monotonic() > deadline_s:
                    raise
                continue
            match message:
                case None:
                    return None
                case Progress():
                    self._tell(self._hear_progress, message.stage, message.fraction)
                case Ready():
                    info = message.info
                    self._share(life, message)
                case Attached():
                    self._make_ready(info, message)
                case Opened():
                    self._tell(self._hear_opened, message)
                case TickDone():
                    self._take_chunks(message)
                case TickAbandoned():
                    self._tell(self._hear_abandoned)
                case Answer():
                    self._tell(self._queries.hear, message)
                case Changed():
                    self._tell(self._hear_changed, message.info)
                case Failed():
                    if message.details:
                        logger.error("The engine process failed:\n%s", message.details)
                    return message
                case _:
                    assert_never(message)

    def _share(self, life: WorkerLife, ready: Ready) -> None:
        info, n_rows = ready.info, self._options.batch_limit
        self._shared = SharedChunk.create(info.frames_per_chunk * info.height_px * info.width_px * 3, n_rows)
        self._tell(self._hear_built, life, ready, self._shared.name, n_rows)

    def _make_ready(self, info: EngineInfo | None, attached: Attached) -> None:
        if self._shared is None or info is None:
            raise EngineError("The engine took memory before it was ready.")
        # Chosen by a race on the first start; a stream goes on only in the arithmetic that it began in.
        self._options = dataclasses.replace(self._options, dtype=info.dtype)
        self._shared.hide()
        self._has_been_ready = True
        self._tell(self._hear_attached, info, attached.streams)

    def _take_chunks(self, done: TickDone) -> None:
        if self._shared is None:
            raise EngineError("The engine sent a chunk before it was ready.")
        self._has_made_chunk = True
        frames = [self._shared.read(one.shape, row) for row, one in enumerate(done.chunks)]
        self._tell(self._hear_chunks, list(zip(done.chunks, frames, strict=True)))

    def _tell(self, heard: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon_threadsafe(heard, *args)
