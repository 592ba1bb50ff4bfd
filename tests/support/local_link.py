"""Engines of devices in this very process, as links: all of a cluster but the processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lingen_live.cluster.actor import EngineActor
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.media import Met
from lingen_live.cluster.messages import Facts, News, ToDevice
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.messages import Answer, Failed, Opened
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.question import Question
from lingen_live.serve.coded import Codec
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.mp4 import Sample

T = TypeVar("T")


class LocalLink:
    """A link to an actor here; `end` is its death."""

    def __init__(self, actor: EngineActor) -> None:
        self.actor = actor
        self.told: list[ToDevice] = []
        self._over = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def start(self) -> Facts | Failed:
        return await self._alive(self.actor.start())

    async def open(self, number: int, prompt: str, seed: int, carried: Any) -> Opened:
        return await self._alive(self.actor.open(number, prompt, seed, carried))

    async def tell(self, messages: Sequence[ToDevice]) -> None:
        self.told += messages
        await self._alive(self.actor.tell(messages))

    async def hear(self) -> News:
        return await self._alive(self.actor.hear())

    async def ask(self, number: int, what: Question) -> Answer:
        return await self._alive(self.actor.ask(number, what))

    async def meet(self, number: int, viewer_id: str, offer_sdp: str) -> Met:
        return await self._alive(self.actor.meet(number, viewer_id, offer_sdp))

    async def last(self, number: int, codec: Codec, seconds: float) -> list[Sample]:
        return await self._alive(self.actor.last(number, codec, seconds))

    async def carry(self, number: int) -> Any:
        return await self._alive(self.actor.carry(number))

    def end(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._closing = asyncio.get_running_loop().create_task(self.actor.close())

    async def closed(self) -> None:
        """When nothing of it is left."""
        if self._closing is not None:
            await self._closing

    async def _alive(self, work: Awaitable[T]) -> T:
        """What comes of `work`, unless the link ends before."""
        doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
            if self._over.is_set():
                raise LinkGoneError(f"The engine of {self.actor._name} is gone.")
            return doing.result()
        finally:
            doing.cancel()
            ending.cancel()


class LocalCluster:
    """Links by the name of the device; `wrong` makes single devices misbehave."""

    def __init__(
        self,
        options: EngineOptions,
        factory: EngineFactory,
        snapshot_chunks: int = 4,
        media: MediaOptions | None = None,
    ) -> None:
        self.options, self.factory, self.snapshot_chunks, self.media = options, factory, snapshot_chunks, media
        self.links: dict[str, list[LocalLink]] = {}
        self.wrong: dict[str, EngineOptions] = {}

    def connect(self, name: str, dtype: str | None) -> LocalLink:
        options = replace(self.wrong.get(name, self.options), dtype=dtype or self.options.dtype)
        actor = EngineActor(name, options, self.factory, self.snapshot_chunks, self.media)
        link = LocalLink(actor)
        self.links.setdefault(name, []).append(link)
        return link

    async def close(self) -> None:
        for links in self.links.values():
            for link in links:
                link.end()
                await link.closed()
