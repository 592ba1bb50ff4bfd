"""An `EngineClient` whose events a test writes down itself, and a host of such clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import fake_engine
import numpy as np

from lingen_live.engine.client import ChunkReady, EngineEvent, Returning
from lingen_live.engine.control import EngineControl, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.view import NO_TIMELINE, TimelineView
from lingen_live.errors import LingenError
from lingen_live.profile.prometheus import Metric
from lingen_live.profile.spans import ChunkProfile


class ScriptedClient:
    """Makes nothing by itself: see `say` and `make`."""

    def __init__(self, fps: float = 200.0) -> None:
        self.info: EngineInfo = fake_engine.FakeEngine(EngineOptions(fps=min(fps, 120.0))).info
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.opening = ("", 0)
        self.is_closed = False
        self.n_requests = 0
        self.requested = asyncio.Event()
        self.controls: list[EngineControl] = []
        self.turns: list[Turn | None] = []
        self.refusal: LingenError | None = None
        self.on_progress: OnProgress | None = None
        self._queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue()

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        self.on_progress = on_progress
        await self.may_start.wait()
        return self.info

    async def request(self, ready_s: float = 0.0, n_steps: int | None = None) -> None:
        self.n_requests += 1
        self.requested.set()

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        self.controls.append(control)
        self.turns.append(turn)

    async def save(self, chunk_index: int | None = None) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        return b"a session"

    async def scenario(self) -> Scenario:
        if self.refusal is not None:
            raise self.refusal
        return fake_engine.FakeEngine(EngineOptions(prompt="a day", seed=7)).scenario()

    async def events(self) -> AsyncIterator[EngineEvent]:
        while (event := await self._queue.get()) is not None:
            yield event

    async def close(self) -> None:
        self.is_closed = True
        self._queue.put_nowait(None)

    def say(self, event: EngineEvent) -> None:
        self._queue.put_nowait(event)

    async def make(
        self,
        index: int,
        *,
        prompt: str = "a day",
        applied_ids: tuple[int, ...] = (),
        is_fresh: bool = False,
        is_turned: bool = False,
        timeline: TimelineView = NO_TIMELINE,
    ) -> None:
        """Wait for a request and answer it with chunk `index`."""
        async with asyncio.timeout(10):
            await self.requested.wait()
        self.requested.clear()
        frames = np.full((8, 64, 64, 3), fake_engine.colour_of(prompt)[0], np.uint8)
        profile = ChunkProfile(index, ())
        self.say(
            ChunkReady(
                frames,
                index,
                prompt,
                1.0,
                7,
                profile,
                applied_ids,
                is_fresh,
                is_turned=is_turned,
                thumbnail=frames[-1, ::8, ::8],
                timeline=timeline,
            )
        )


class ScriptedHost:
    """Opens scripted clients; its capacity is what a test says."""

    def __init__(self) -> None:
        self.info: EngineInfo = fake_engine.FakeEngine(EngineOptions()).info
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.capacity: int | None = None
        self.clients: list[ScriptedClient] = []
        self.returning: Sequence[Returning] = ()
        self.forgotten: list[str] = []
        self.on_progress: OnProgress | None = None
        self.is_closed = False

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        self.on_progress = on_progress
        await self.may_start.wait()
        return self.info

    def open(self, *, prompt: str, seed: int, is_background: bool = False, name: str | None = None) -> ScriptedClient:
        client = ScriptedClient()
        client.may_start = self.may_start
        client.opening = (prompt, seed)
        self.clients.append(client)
        return client

    def metrics(self) -> list[Metric]:
        return [Metric("scripted", "gauge", "Of a test.", [({}, 1)])]

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    async def close(self) -> None:
        self.is_closed = True
