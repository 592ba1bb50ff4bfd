"""`WorkerHost`: the engine in a process of its own, watched by a thread, started again when it dies.

Of one event loop; what the watching thread hears comes as calls on it. What streams remember lies in memory that
outlives the worker, so that another one goes on with all of them. Knows nothing of playback or viewers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.arena import Arena
from lingen_live.engine.client import EngineChanged, Returning, WorkerDied, WorkerProgress, WorkerRestarted
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory, OnProgress, default_engine
from lingen_live.engine.life import WorkerGoneError, WorkerLife
from lingen_live.engine.messages import (
    Abandon,
    Answer,
    Attach,
    Close,
    Done,
    Job,
    Opened,
    Query,
    Ready,
    TickRequest,
    ToWorker,
)
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.queries import Queries, engine_error
from lingen_live.engine.question import Question
from lingen_live.engine.roster import Roster
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.watcher import WorkerWatcher
from lingen_live.errors import EngineError
from lingen_live.profile.prometheus import Metric


class WorkerHost:
    """An `EngineHost` whose engine runs in a worker process.

    Args:
        options: how to build the engine.
        factory: picklable by name; called in the worker.
        first_retry_s: pause before the first restart; doubles until a chunk is made.
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
        self._watcher = WorkerWatcher(options, factory, self, first_retry_s=first_retry_s, hang_s=hang_s)
        self._roster = Roster(self, self._send_jobs)
        self._listeners: list[OnProgress] = []
        self._started: asyncio.Future[EngineInfo] | None = None
        self._has_ended = asyncio.Event()
        self._life: WorkerLife | None = None
        self._is_attached = False
        self._n_failed_attaches = 0
        self._arena: Arena | None = None
        self._info: EngineInfo | None = None
        self._queries = Queries()
        self._is_closed = False

    # The EngineHost interface.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Start the worker and wait until its engine is warm.

        Raises:
            LingenError: the engine cannot be built; the worker is gone.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.create_future()
        self._watcher.start(loop)
        return await self.started(on_progress)

    returning: Sequence[Returning] = ()

    def open(self, *, prompt: str, seed: int, is_background: bool = False, name: str | None = None) -> HostedStream:
        """One more stream, also before the engine is warm; its moments outlive the worker, and end with this."""
        stream = self._roster.add(prompt, seed, is_background=is_background)
        if self._is_attached:
            self._say(stream.opening)
        return stream

    def forget(self, name: str) -> None:
        """Nothing is kept."""

    @property
    def capacity(self) -> int | None:
        """How many streams it makes as fast as they play, by what was measured; None while nothing was."""
        return self._roster.capacity(self._info) if self._info else None

    def metrics(self) -> list[Metric]:
        """Nothing: its streams tell all that there is."""
        return []

    async def close(self) -> None:
        """End worker and thread and free all memory; takes about a second at worst."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._watcher.is_running:
            self._watcher.wake()
            await self._has_ended.wait()
        self._watcher.close()
        if self._started is not None and not self._started.done():
            self._started.set_exception(EngineError("The engine was closed before it was warm."))
            self._started.exception()  # if nobody waits for it, that is no mistake
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

    def hurry(self, stream: HostedStream) -> None:
        """The stream has an order now."""
        self._roster.hurry(stream)

    def abandon(self, stream: HostedStream) -> None:
        """What is being made for the stream alone is not wanted any more."""
        if self._roster.makes_only(stream):
            self._say(Abandon())

    async def ask(self, stream: HostedStream, what: Question) -> bytes | Scenario:
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
        self._watcher.expect_chunks(are_expected=True)
        self._say(TickRequest(jobs))

    def _say(self, message: ToWorker) -> None:
        # If it is gone, the watching thread is about to say so, and `hear_death` settles what was asked.
        if self._life is not None:
            with suppress(WorkerGoneError):
                self._life.send(message)

    # What the watching thread tells.

    def hear_progress(self, stage: str, fraction: float) -> None:
        """How far building has come."""
        if self._started is not None and not self._started.done():
            for listener in list(self._listeners):
                listener(stage, fraction)
        else:
            self._roster.tell(WorkerProgress(stage, fraction))

    def hear_built(self, life: WorkerLife, ready: Ready, name: str, n_rows: int) -> None:
        """Hand the memory over, with all streams that lie in it."""
        if self._arena is None or self._arena.n_bytes != ready.pool_bytes:
            self._renew_arena(ready.pool_bytes)
        self._life, self._info = life, ready.info
        self._roster.rate(n_rows, ready.costs_s)
        streams = tuple(stream.opening for stream in self._roster.streams.values())
        with suppress(WorkerGoneError):
            life.send(Attach(name, n_rows, ready.pool_bytes, streams), self._arena.fd if self._arena else None)

    def hear_attached(self, info: EngineInfo, streams: Sequence[Opened]) -> None:
        """The engine runs: for the first time, or again."""
        self._is_attached = True
        self._n_failed_attaches = 0
        is_first = self._started is not None and not self._started.done()
        if self._started is not None and is_first:
            self._started.set_result(info)
        known = {opened.number: opened for opened in streams}
        for stream in list(self._roster.streams.values()):
            if stream.number not in known:  # opened while the memory was handed over
                self._say(stream.opening)
            elif not is_first:
                stream.tell(WorkerRestarted(info, known[stream.number].is_resumed))
        for opened in streams:
            self.hear_opened(opened)

    def hear_opened(self, opened: Opened) -> None:
        """A stream is open, or refused."""
        if stream := self._roster.streams.get(opened.number):
            stream.hear_opened(opened)
            self._roster.pump()
        elif opened.refusal is None:  # it was closed meanwhile
            self._say(Close(opened.number))

    def hear_chunks(self, chunks: Sequence[tuple[Done, NDArray[np.uint8]]]) -> None:
        """Pass chunks on, and have the next ones made."""
        self._watcher.expect_chunks(are_expected=False)
        self._roster.settle(chunks)

    def hear_abandoned(self) -> None:
        """Have what was abandoned made anew."""
        self._watcher.expect_chunks(are_expected=False)
        self._roster.put_back()

    def hear_answer(self, answer: Answer) -> None:
        """Pass an answer on."""
        self._queries.hear(answer)

    def hear_changed(self, info: EngineInfo) -> None:
        """Pass news about the engine on."""
        self._info = info
        self._roster.tell(EngineChanged(info))

    def hear_death(self, reason: str, retry_in_s: float) -> None:
        """Settle all that was asked of the worker that is gone."""
        if self._life is not None and not self._is_attached:
            self._n_failed_attaches += 1
            if self._n_failed_attaches > 1:  # perhaps it is a past that no engine can live with
                self._roster.forget_pasts()
        self._life, self._is_attached = None, False
        self._watcher.expect_chunks(are_expected=False)
        self._roster.lose(reason)
        self._queries.fail()
        self._roster.tell(WorkerDied(reason, retry_in_s))

    def hear_failed_start(self, code: str, message: str) -> None:
        """There will be no engine."""
        if self._started is not None and not self._started.done():
            self._started.set_exception(engine_error(code, message))

    def hear_end(self) -> None:
        """The thread is about to end."""
        self._has_ended.set()

    def _renew_arena(self, n_bytes: int) -> None:
        if self._arena:
            self._arena.close()
        self._arena = Arena(n_bytes) if n_bytes else None
        self._roster.forget_pasts()
