"""`InProcessHost`: the engine on one thread of this process. For tests, small tools, and devices of a cluster.

Knows threads. Does not know processes, playback or viewers.
"""

from __future__ import annotations

import asyncio
import mmap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from lingen_live.engine.carry import Carried, heads_of
from lingen_live.engine.client import EngineChanged, Returning, WorkerDied, WorkerRestarted
from lingen_live.engine.crew import Crew
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import AbandonedError, EngineFactory, EngineLike, OnProgress, default_engine
from lingen_live.engine.messages import Job
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.question import Question
from lingen_live.engine.roster import Roster
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError
from lingen_live.profile.prometheus import Metric


class InProcessHost:
    """An `EngineHost` whose engine runs on a thread of its own.

    A tick that raises is reported as `WorkerDied`; the same engine goes on with the same streams.
    """

    def __init__(self, options: EngineOptions, factory: EngineFactory = default_engine) -> None:
        self._options = options
        self._factory = factory
        self._roster = Roster(self, self._send_jobs)
        self._is_unwanted = threading.Event()
        self._executor = ThreadPoolExecutor(1, "lingen-engine")
        self._engine: EngineLike[Any] | None = None
        self._crew: Crew | None = None
        self._is_started = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    # The EngineHost interface.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Build the engine on its thread.

        Raises:
            LingenError: it cannot be built.
        """
        loop = asyncio.get_running_loop()

        def tell(stage: str, fraction: float) -> None:
            loop.call_soon_threadsafe(on_progress, stage, fraction)

        engine = await loop.run_in_executor(self._executor, self._factory, self._options, tell)
        if n_bytes := engine.pool_bytes(self._options.n_streams):
            engine.attach(mmap.mmap(-1, n_bytes), ())
        self._engine, self._crew = engine, Crew(engine, self._options.n_streams)
        self._roster.rate(self._options.batch_limit, engine.costs_s)
        self._is_started.set()
        for stream in self._roster.streams.values():
            self._spawn(self._open(stream))
        return engine.info

    returning: Sequence[Returning] = ()

    def open(
        self,
        *,
        prompt: str,
        seed: int,
        is_background: bool = False,
        name: str | None = None,
        carried: Carried | None = None,
    ) -> HostedStream:
        """One more stream, also before the engine is built; it goes on from `carried` if that is given."""
        stream = self._roster.add(prompt, seed, is_background=is_background, carried=carried)
        if self._crew is not None:
            self._spawn(self._open(stream))
        return stream

    def forget(self, name: str) -> None:
        """Nothing is kept."""

    @property
    def capacity(self) -> int | None:
        """How many streams it makes as fast as they play, by what was measured; None while nothing was."""
        return self._roster.capacity(self._engine.info) if self._engine else None

    def metrics(self) -> list[Metric]:
        """Nothing: its streams tell all that there is."""
        return []

    @property
    def costs_s(self) -> tuple[float, ...]:
        """Seconds of a pass of 1, 2, ... streams, as far as they were tried."""
        return self._ready()[0].costs_s

    def carry(self, stream: HostedStream, *, heads_only: bool) -> Carried | None:
        """What another engine needs to go on with a stream.

        No thread is waited for: what a stream keeps is not written to before its next chunk is done.

        Args:
            stream: none of its chunks is being made.
            heads_only: where its branches are, without the moments on the way.

        Returns:
            None for a stream that has made nothing, or of an engine that keeps nothing: the words say all.
        """
        if stream.kept is None:
            return stream.carried
        return self._ready()[0].carry(heads_of(stream.kept) if heads_only else stream.kept)

    async def close(self) -> None:
        """Wait for what is being made, then let the thread go; idempotent."""
        self._is_closed = True
        self._roster.end()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._executor.shutdown(wait=True)

    # What its streams ask of it.

    async def started(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until the engine is built."""
        await self._is_started.wait()
        return self._ready()[0].info

    def want(self, stream: HostedStream, ready_s: float) -> None:
        """Make the next chunk of a stream that has `ready_s` left to play."""
        self._roster.want(stream, ready_s)

    def hurry(self, stream: HostedStream) -> None:
        """The stream has an order now."""
        self._roster.hurry(stream)

    def abandon(self, stream: HostedStream) -> None:
        """What is being made for the stream alone is not wanted any more."""
        if self._roster.makes_only(stream):
            self._is_unwanted.set()

    async def ask(self, stream: HostedStream, what: Question) -> bytes | Scenario:
        """A question between two chunks.

        Raises:
            LingenError: there is no answer.
        """
        return await self._on_thread(partial(self._ready()[1].ask, stream.number, what))

    def release(self, stream: HostedStream) -> None:
        """The stream is closed."""
        self._roster.remove(stream)
        if self._crew is not None and not self._is_closed:
            self._spawn(self._close(stream))

    def _ready(self) -> tuple[EngineLike[Any], Crew]:
        if self._engine is None or self._crew is None:
            raise EngineError("The engine was asked before it was started.")
        return self._engine, self._crew

    # What runs on the thread.

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _on_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _open(self, stream: HostedStream) -> None:
        stream.hear_opened(await self._on_thread(partial(self._ready()[1].open, stream.opening)))
        self._roster.pump()

    async def _close(self, stream: HostedStream) -> None:
        engine, crew = self._ready()
        await self._on_thread(partial(crew.close, stream.number))
        await self._on_thread(engine.settle)

    def _send_jobs(self, jobs: tuple[Job, ...]) -> None:
        self._is_unwanted.clear()
        self._spawn(self._tick(jobs))

    async def _tick(self, jobs: tuple[Job, ...]) -> None:
        engine, crew = self._ready()
        info = engine.info
        try:
            ticks = await self._on_thread(partial(crew.run, jobs, self._is_unwanted.is_set))
            done = [(crew.report(job.number, tick), tick.chunk.frames) for job, tick in zip(jobs, ticks, strict=True)]
        except AbandonedError:
            self._roster.put_back()
        except Exception as error:  # the boundary of the task: those who wait must hear of it
            self._hear_failure(engine, error)
        else:
            await self._on_thread(engine.settle)
            self._roster.settle(done)
            if engine.info != info:
                self._roster.tell(EngineChanged(engine.info))

    def _hear_failure(self, engine: EngineLike[Any], error: Exception) -> None:
        reason = f"The engine stopped on {type(error).__name__}: {error}"
        self._roster.lose(str(error))
        self._roster.tell(WorkerDied(reason, 0.0))
        self._roster.rate(self._options.batch_limit, engine.costs_s)
        for stream in self._roster.streams.values():
            stream.is_open = True
            stream.tell(WorkerRestarted(engine.info, is_resumed=True))
