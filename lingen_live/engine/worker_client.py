"""`WorkerClient`: the engine in a process of its own, watched by a thread, started again when it dies.

Two threads, no locks: the event loop owns the mailbox and the request in flight; the watching thread owns
the process, the shared memory and the options to start it with. They talk by `call_soon_threadsafe` one way
and by the worker's pipe and a wake-up pipe the other way. Knows nothing of playback or viewers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import multiprocessing
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.client import (
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerProgress,
    WorkerRestarted,
    refused,
)
from lingen_live.engine.control import EngineControl, Mailbox, Order, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory, OnProgress, default_engine
from lingen_live.engine.life import WorkerGoneError, WorkerLife
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.queries import Queries, engine_error
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.shared import SharedChunk
from lingen_live.engine.worker import (
    Abandon,
    Answer,
    Attach,
    Attached,
    Backup,
    Changed,
    Failed,
    Progress,
    Query,
    Ready,
    TickAbandoned,
    TickDone,
    TickRequest,
)
from lingen_live.errors import EngineError
from lingen_live.prompt import MAX_PROMPT_CHARS

MAX_RETRY_S = 10.0
HANG_CHECK_S = 5.0

logger = logging.getLogger(__name__)


class WorkerClient:
    """An `EngineClient` whose engine runs in a worker process.

    Args:
        options: how to build the engine; a restarted one goes on from its last backup, or without one with the latest
            prompt and seed.
        factory: picklable by name; called in the worker.
        first_retry_s: pause before the first restart; doubles up to `MAX_RETRY_S` until a chunk is made.
        hang_s: a chunk that takes longer than this counts as a death.
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
        self._mailbox = Mailbox()
        self._queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue()
        self._on_progress: OnProgress | None = None
        self._started: asyncio.Future[EngineInfo] | None = None
        self._watched = asyncio.Event()
        self._ready_life: WorkerLife | None = None
        self._in_flight: tuple[Order, ...] | None = None
        self._turn: Turn | None = None
        self._queries = Queries()
        self._is_wanted = False
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

    # The EngineClient interface, on the event loop.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Start the worker and wait until its engine is warm.

        Raises:
            LingenError: the engine cannot be built; the worker is gone.
        """
        self._loop = asyncio.get_running_loop()
        self._on_progress = on_progress
        self._started = self._loop.create_future()
        self._thread.start()
        return await self._started

    async def request(self) -> None:
        """Ask for one more chunk; a no-op while one is being made, kept in mind while the worker restarts."""
        self._is_wanted = True
        self._dispatch()

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        """Have `control` taken before the next chunk that is asked for, or instead of the one that is being made."""
        self._mailbox.post(control)
        self._turn = turn or self._turn
        if turn is not None and self._in_flight is not None and self._ready_life is not None:
            with suppress(WorkerGoneError):
                self._ready_life.send(Abandon())

    async def save(self) -> bytes:
        """The stream as a session file; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be saved now.
        """
        saved = await self._ask("session")
        assert isinstance(saved, bytes)
        return saved

    async def scenario(self) -> Scenario:
        """The stream's branch, to be played again; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be told.
        """
        told = await self._ask("scenario")
        assert isinstance(told, Scenario)
        return told

    async def events(self) -> AsyncIterator[EngineEvent]:
        """All events, in order, until the client is closed."""
        while (event := await self._queue.get()) is not None:
            yield event

    async def close(self) -> None:
        """End worker and thread and free the shared memory; takes about a second at worst."""
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
        self._queries.fail()
        self._queue.put_nowait(None)

    async def _ask(self, what: Literal["session", "scenario"]) -> bytes | Scenario:
        if (life := self._ready_life) is None:
            raise EngineError("The engine is being started; ask again in a moment.")

        def send(number: int) -> None:
            # If it is gone, the watching thread is about to say so, and `_hear_death` answers.
            with suppress(WorkerGoneError):
                life.send(Query(number, what))

        return await self._queries.ask(send)

    # What the watching thread tells the event loop.

    def _dispatch(self) -> None:
        if not self._is_wanted or self._ready_life is None or self._in_flight is not None:
            return
        self._in_flight = self._mailbox.drain()
        self._deadline_s = time.monotonic() + self._hang_s
        # If it is gone, the watching thread is about to say so, and `_hear_death` settles what was in flight.
        with suppress(WorkerGoneError):
            self._ready_life.send(TickRequest(self._in_flight, self._turn))
        self._turn = None

    def _hear_progress(self, stage: str, fraction: float) -> None:
        if self._started is not None and not self._started.done() and self._on_progress is not None:
            self._on_progress(stage, fraction)
        else:
            self._queue.put_nowait(WorkerProgress(stage, fraction))

    def _hear_ready(self, life: WorkerLife, info: EngineInfo) -> None:
        self._ready_life = life
        if self._started is not None and not self._started.done():
            self._started.set_result(info)
        else:
            self._queue.put_nowait(WorkerRestarted(info))
        self._dispatch()

    def _hear_chunk(self, done: TickDone, frames: NDArray[np.uint8]) -> None:
        self._in_flight = None
        self._deadline_s = None
        self._is_wanted = False
        for refusal in done.refusals:
            self._queue.put_nowait(refused(refusal))
        self._queue.put_nowait(dataclasses.replace(done.chunk, frames=frames))

    def _hear_abandoned(self) -> None:
        self._mailbox.put_back(self._in_flight or ())
        self._in_flight = None
        self._deadline_s = None
        self._dispatch()

    def _hear_death(self, reason: str, retry_in_s: float) -> None:
        self._ready_life = None
        self._deadline_s = None
        # Not tried again: should one of them be what kills the engine, it would die for ever.
        if ids := tuple(id for order in self._in_flight or () for id in order.ids):
            message = f"{reason} The request was not applied; send it again."
            self._queue.put_nowait(ControlRefused(ids, EngineError.code, message))
        self._in_flight = None
        self._turn = None
        self._queries.fail()
        self._queue.put_nowait(WorkerDied(reason, retry_in_s))

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
            if not self._has_made_chunk:  # perhaps it is the backup that it cannot live with
                self._options = dataclasses.replace(self._options, session=None)
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
        except Exception as error:  # the boundary of the thread: whatever it is, the client must hear of it
            logger.exception("The engine process cannot be looked after")
            return Failed(EngineError.code, f"The engine process failed: {error}", "")
        finally:
            if life:
                life.end(asks_first=self._shared is not None)  # while it builds, it does not listen
            if self._shared:
                self._shared.close()
                self._shared = None

    def _attend(self, life: WorkerLife) -> Failed | None:
        """Pass on what `life` says until its last words, or until the client is being closed (None).

        Raises:
            WorkerGoneError: it ended without last words.
            TimeoutError: a chunk is overdue.
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
                    self._shared = SharedChunk.create(info.frames_per_chunk * info.height_px * info.width_px * 3)
                    life.send(Attach(self._shared.name))
                case Attached():
                    self._make_ready(life, info)
                case TickDone():
                    self._take_chunk(message)
                case TickAbandoned():
                    self._tell(self._hear_abandoned)
                case Answer():
                    self._tell(self._queries.hear, message)
                case Backup():
                    self._options = dataclasses.replace(self._options, session=message.data)
                case Changed():
                    self._tell(self._queue.put_nowait, EngineChanged(message.info))
                case Failed():
                    if message.details:
                        logger.error("The engine process failed:\n%s", message.details)
                    return message
                case _:
                    assert_never(message)

    def _make_ready(self, life: WorkerLife, info: EngineInfo | None) -> None:
        if self._shared is None or info is None:
            raise EngineError("The engine took memory before it was ready.")
        # Chosen by a race on the first start; a stream goes on only in the arithmetic that it began in.
        self._options = dataclasses.replace(self._options, dtype=info.dtype)
        self._shared.hide()
        self._has_been_ready = True
        self._tell(self._hear_ready, life, info)

    def _take_chunk(self, done: TickDone) -> None:
        if self._shared is None:
            raise EngineError("The engine sent a chunk before it was ready.")
        self._has_made_chunk = True
        chunk = done.chunk
        # A blend has a name that says no prompt again; its words are in the backup.
        prompt = chunk.prompt if len(chunk.prompt) <= MAX_PROMPT_CHARS else self._options.prompt
        self._options = dataclasses.replace(self._options, prompt=prompt, seed=chunk.seed)
        self._tell(self._hear_chunk, done, self._shared.read(done.shape))

    def _tell(self, heard: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon_threadsafe(heard, *args)
