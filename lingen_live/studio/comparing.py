"""Variants of one moment on an engine that others watch streams of: one after the other, by streams in the background.

Each goes on from the same session file, so that what is alike in them is alike bit for bit. Knows streams of a host and
reels. Does not know pages, nor who waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from lingen_live.engine.client import ChunkReady, ControlRefused, EngineClient, EngineEvent, EngineHost, WorkerRestarted
from lingen_live.engine.control import Fork, LoadSession
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.record import DIGEST_BYTES
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError, LingenError, ScenarioError
from lingen_live.serve.thumbnails import to_jpeg
from lingen_live.studio.background import OnChunk, be_nice, render_beside
from lingen_live.studio.reel import Reel
from lingen_live.studio.strip import Strip
from lingen_live.studio.variants import Comparison, Opening, Result, Variant

T = TypeVar("T")

_LOAD_ID, _FORK_ID, _WORDS_ID = 1, 2, 3
_CLOSED = "The engine was closed before all variants were made."


async def make_beside(host: EngineHost, work: Scenario | Comparison, reel: Reel, on_chunk: OnChunk) -> int:
    """Make a film or a comparison; errors as of `render_beside` and `compare_beside`."""
    if isinstance(work, Comparison):
        return await compare_beside(host, work, reel, on_chunk)
    return await render_beside(host, work, reel, on_chunk)


async def compare_beside(host: EngineHost, comparison: Comparison, reel: Reel, on_chunk: OnChunk) -> int:
    """Make variants, and a film of them side by side; returns how many frames it has. May be cancelled at any time.

    Beside the film lie a session file of each variant, as it is at its end, and its scenario.

    Args:
        host: warm, or about to be.
        comparison: gets a result for each variant when that is made.
        reel: where it goes; there is nothing yet.
        on_chunk: told after every chunk, of whatever variant.

    Raises:
        LingenError: the engine cannot make it, or lost it; the message says why, and of which variant.
        OSError: it cannot be written there.
    """
    executor = ThreadPoolExecutor(1, "lingen-film", be_nice)
    job = _Job(host, comparison, reel, on_chunk, executor)
    try:
        return await job.run()
    finally:
        # What is half written is let go of by whoever asked for it, and not while it is being written.
        await asyncio.get_running_loop().run_in_executor(executor, lambda: None)
        executor.shutdown(wait=False)


@dataclass
class _Job:
    host: EngineHost
    comparison: Comparison
    reel: Reel
    on_chunk: OnChunk
    executor: ThreadPoolExecutor
    n_made: int = 0
    strip: Strip = field(init=False)

    async def run(self) -> int:
        reel, comparison = self.reel, self.comparison
        self.strip = await self._elsewhere(lambda: Strip(reel.folder))
        data, first = await self._base()
        fps = 0.0
        for variant in comparison.variants:
            try:
                fps = (await self._make(variant, data, first)).fps
            except LingenError as error:
                raise EngineError(f"Variant {variant.name}: {error.message}") from error
        n_frames = await self._elsewhere(lambda: self.strip.finish(reel.film, fps))
        await self._elsewhere(lambda: self.strip.keep(reel.film))
        return n_frames

    async def _base(self) -> tuple[bytes, int]:
        """The session that all variants go on from, and the first chunk that is compared."""
        origin = self.comparison.origin
        assert origin is not None
        if not isinstance(origin, Opening):
            return origin.data, origin.chunk_index
        n_chunks = origin.n_chunks - self.comparison.n_lead
        async with _opened(self.host, origin.prompt, origin.seed) as (client, _, events):
            async for chunk in _chunks(client, events, n_chunks):
                await self._count(chunk)
            return await client.save(), origin.n_chunks

    async def _make(self, variant: Variant, data: bytes, first: int) -> EngineInfo:
        """Make a variant, and write it down."""
        comparison = self.comparison
        async with _opened(self.host, "a variant", 0) as (client, info, events):
            await client.control(LoadSession(_LOAD_ID, data))
            async for chunk in _chunks(client, events, comparison.n_lead):
                await self._count(chunk)
            await client.control(Fork(_FORK_ID, None, f"variant {variant.name}"))
            if words := variant.control(_WORDS_ID):
                await client.control(words)
            costs_s: list[float] = []
            async for chunk in _chunks(client, events, comparison.n_shown, variant.n_steps):
                if chunk.chunk_index != first + len(costs_s):
                    raise EngineError(f"The engine made chunk {chunk.chunk_index}, not {first + len(costs_s)}.")
                costs_s.append(chunk.profile.total_s)
                await self._show(chunk, variant)
            digest, has_scenario = await self._write(client, variant, first)
        n_steps = variant.n_steps or info.n_steps
        comparison.results.append(Result(variant.name, n_steps, statistics.median(costs_s), digest, has_scenario))
        return info

    async def _write(self, client: EngineClient, variant: Variant, first: int) -> tuple[str, bool]:
        """Keep where a variant ended, and how it came there; the digest of what was compared of it."""
        session = await client.save()
        await self._elsewhere(lambda: self.strip.note(f"{variant.name}.lgs", session))
        try:
            scenario = (await client.scenario()).showing(first, self.comparison.n_shown)
        except ScenarioError:  # so much was said before that its beginning is forgotten
            return "", False
        text = (json.dumps(scenario.to_json(), ensure_ascii=False) + "\n").encode()
        await self._elsewhere(lambda: self.strip.note(f"{variant.name}.scenario.json", text))
        return hashlib.sha256(scenario.record.digests[first * DIGEST_BYTES :]).hexdigest(), True

    async def _show(self, chunk: ChunkReady, variant: Variant) -> None:
        await self._elsewhere(lambda: self.strip.add(variant.name, chunk.frames))
        await self._count(chunk)

    async def _count(self, chunk: ChunkReady) -> None:
        self.n_made += 1
        thumbnail = chunk.thumbnail
        picture = None if thumbnail is None else await self._elsewhere(lambda: to_jpeg(thumbnail))
        self.on_chunk(self.n_made, picture)

    async def _elsewhere(self, work: Callable[[], T]) -> T:
        """Do what takes time on the thread for it."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


@asynccontextmanager
async def _opened(
    host: EngineHost, prompt: str, seed: int
) -> AsyncIterator[tuple[EngineClient, EngineInfo, AsyncIterator[EngineEvent]]]:
    """A stream in the background, and its events."""
    client = host.open(prompt=prompt, seed=seed, is_background=True)
    try:
        info = await client.start(lambda stage, fraction: None)
        async with aclosing(client.events()) as events:  # type: ignore[type-var]
            yield client, info, events
    finally:
        await client.close()


async def _chunks(
    client: EngineClient, events: AsyncIterator[EngineEvent], n_chunks: int, n_steps: int | None = None
) -> AsyncIterator[ChunkReady]:
    """So many chunks, of which the next is made while one is written.

    Raises:
        EngineError: the engine refused something, or was started anew and does not know what was said.
    """
    n_made = 0
    while n_made < n_chunks:
        if n_made == 0:
            await client.request(n_steps=n_steps)
        match event := await anext(events, None):
            case ChunkReady():
                n_made += 1
                if n_made < n_chunks:
                    await client.request(n_steps=n_steps)
                yield event
            case ControlRefused():
                raise EngineError(event.message)
            case WorkerRestarted(is_resumed=False):
                raise EngineError("The engine had to be started anew and has lost it; compare again.")
            case None:
                raise EngineError(_CLOSED)
            case _:
                pass
