"""`InProcessClient`: the engine on one thread of this process. For tests and small tools.

Knows threads. Does not know processes, playback or viewers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from lingen_live.engine.client import (
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerRestarted,
    ready,
    refused,
)
from lingen_live.engine.control import EngineControl, Mailbox, Order
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory, EngineLike, OnProgress, default_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.tick import run_tick
from lingen_live.errors import EngineError


class InProcessClient:
    """An `EngineClient` whose engine runs on a thread of its own.

    A tick that raises is reported as `WorkerDied`; the same engine is asked again by the next request.
    """

    def __init__(self, options: EngineOptions, factory: EngineFactory = default_engine) -> None:
        self._options = options
        self._factory = factory
        self._mailbox = Mailbox()
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
        if self._engine is None:
            raise EngineError("A chunk was asked for before the engine was started.")
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick(self._engine, self._mailbox.drain()))

    async def control(self, control: EngineControl) -> None:
        """Have `control` taken before the next chunk that is asked for."""
        self._mailbox.post(control)

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

    async def _tick(self, engine: EngineLike, orders: tuple[Order, ...]) -> None:
        loop = asyncio.get_running_loop()
        info = engine.info
        try:
            tick = await loop.run_in_executor(self._executor, run_tick, engine, orders)
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
