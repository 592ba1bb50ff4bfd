"""`InProcessClient`: the engine on one thread of this process. For tests and small tools.

Knows threads. Does not know processes, playback or viewers.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from lingen_live.engine.client import (
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerRestarted,
    ready,
    refused,
)
from lingen_live.engine.control import EngineControl, Mailbox, Order, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import AbandonedError, EngineFactory, EngineLike, OnProgress, default_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import run_tick
from lingen_live.errors import EngineError

T = TypeVar("T")


class InProcessClient:
    """An `EngineClient` whose engine runs on a thread of its own.

    A tick that raises is reported as `WorkerDied`; the same engine is asked again by the next request.
    """

    def __init__(self, options: EngineOptions, factory: EngineFactory = default_engine) -> None:
        self._options = options
        self._factory = factory
        self._mailbox = Mailbox()
        self._turn: Turn | None = None
        self._is_unwanted = threading.Event()
        self._queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue()
        self._executor = ThreadPoolExecutor(1, "lingen-engine")
        self._engine: EngineLike | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Build the engine on its thread.

        Raises:
            LingenError: it cannot be built.
        """
        loop = asyncio.get_running_loop()

        def tell(stage: str, fraction: float) -> None:
            loop.call_soon_threadsafe(on_progress, stage, fraction)

        self._engine = await loop.run_in_executor(self._executor, self._factory, self._options, tell)
        return self._engine.info

    async def request(self) -> None:
        """Ask for one more chunk; a no-op while one is being made."""
        engine = self._started()
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick(engine, *self._drain()))

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        """Have `control` taken before the next chunk that is asked for, or instead of the one that is being made."""
        self._mailbox.post(control)
        self._turn = turn or self._turn
        if turn is not None:
            self._is_unwanted.set()

    async def save(self) -> bytes:
        """The stream as a session file; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be saved now.
        """
        return await self._between_chunks(self._started().save_session)

    async def scenario(self) -> Scenario:
        """The stream's branch, to be played again; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be told.
        """
        return await self._between_chunks(self._started().scenario)

    async def events(self) -> AsyncIterator[EngineEvent]:
        """All events, in order, until the client is closed."""
        while (event := await self._queue.get()) is not None:
            yield event

    async def close(self) -> None:
        """Wait for the chunk being made, then let the thread go."""
        if self._ticking is not None:
            await self._ticking
        self._executor.shutdown(wait=True)
        self._queue.put_nowait(None)

    def _started(self) -> EngineLike:
        if self._engine is None:
            raise EngineError("A chunk was asked for before the engine was started.")
        return self._engine

    async def _between_chunks(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, ask)

    def _drain(self) -> tuple[tuple[Order, ...], Turn | None]:
        turn, self._turn = self._turn, None
        self._is_unwanted.clear()
        return self._mailbox.drain(), turn

    async def _tick(self, engine: EngineLike, orders: tuple[Order, ...], turn: Turn | None) -> None:
        info = engine.info
        try:
            tick = None
            while tick is None:
                try:
                    tick = await self._between_chunks(partial(run_tick, engine, orders, turn, self._is_unwanted.is_set))
                except AbandonedError:
                    self._mailbox.put_back(orders)
                    orders, turn = self._drain()
        except Exception as error:  # the boundary of the task: the consumer of the events must hear of it
            if ids := tuple(id for order in orders for id in order.ids):
                self._queue.put_nowait(ControlRefused(ids, EngineError.code, str(error)))
            self._queue.put_nowait(WorkerDied(f"The engine stopped on {type(error).__name__}: {error}", 0.0))
            self._queue.put_nowait(WorkerRestarted(engine.info))
            return
        for refusal in tick.refusals:
            self._queue.put_nowait(refused(refusal))
        self._queue.put_nowait(ready(tick))
        if engine.info != info:
            self._queue.put_nowait(EngineChanged(engine.info))
