"""A stream of a cluster and what is heard of it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TypeVar

from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.host import ClusterHost
from lingen_live.engine.client import ChunkReady, EngineEvent

E = TypeVar("E", bound=EngineEvent)


def ignore_progress(stage: str, fraction: float) -> None:
    pass


class Watch:
    """Hears one stream."""

    def __init__(self, client: ClusterClient) -> None:
        self.client = client
        self._events = client.events()

    @classmethod
    async def open(cls, host: ClusterHost, prompt: str = "a day", seed: int = 7, name: str | None = None) -> Watch:
        watch = cls(host.open(prompt=prompt, seed=seed, name=name))
        await watch.client.start(ignore_progress)
        return watch

    @property
    def place(self) -> str | None:
        """The name of its device."""
        return self.client.device.name if self.client.device else None

    async def next(self, kind: type[E]) -> E:
        """The next event of `kind`; others before it are dropped."""
        async with asyncio.timeout(30):
            async for event in self._events:
                if isinstance(event, kind):
                    return event
        raise AssertionError("the events ended")

    async def chunk(self) -> ChunkReady:
        await self.client.request()
        return await self.next(ChunkReady)

    async def chunks(self, n: int) -> list[tuple[int, str]]:
        """Index and digest of the frames of the next chunks."""
        return [told(await self.chunk()) for _ in range(n)]


def told(chunk: ChunkReady) -> tuple[int, str]:
    """Index, and digest of the frames."""
    return chunk.chunk_index, hashlib.sha256(chunk.frames.tobytes()).hexdigest()[:16]
