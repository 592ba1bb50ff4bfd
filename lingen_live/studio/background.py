"""From a scenario to a film on an engine that others watch streams of: by a stream in the background.

The film is cut into the same parts as `render` cuts it, so that it is the same byte for byte. Knows streams of a host
and reels. Does not know pages, nor who waits for the film.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.client import (
    ChunkReady,
    ControlRefused,
    EngineClient,
    EngineHost,
    WorkerDied,
    WorkerRestarted,
)
from lingen_live.engine.control import PlayScenario
from lingen_live.engine.movie import MovieWriter
from lingen_live.engine.record import Record
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError
from lingen_live.serve.thumbnails import to_jpeg
from lingen_live.studio.reel import PART_CHUNKS, Reel
from lingen_live.studio.storyboard import Grid

OnChunk = Callable[[int, bytes | None], object]
"""Told how many chunks there are, and a small picture of the last frame, JPEG."""

_NICENESS = 10
_PLAY_ID = 1


async def render_beside(host: EngineHost, scenario: Scenario, reel: Reel, on_chunk: OnChunk) -> int:
    """Make the film of a scenario; returns how many frames it has. May be cancelled at any time.

    Args:
        host: warm, or about to be.
        scenario: what is said when; what it was made with, and which of its chunks it shows, do not count.
        reel: where it goes; there is nothing yet.
        on_chunk: told after every chunk.

    Raises:
        LingenError: the engine cannot make it, or lost it; the message says why.
        OSError: it cannot be written there.
    """
    asked = scenario.start.asked[0]
    client = host.open(prompt=asked[0].prompt, seed=scenario.start.seed, is_background=True)
    try:
        info = await client.start(lambda stage, fraction: None)
        here = replace(scenario, made_with=Grid.of(info).made_with, record=Record(), shows=None)
        cutter, executor = _Cutter(reel, info.fps, here.n_chunks), ThreadPoolExecutor(1, "lingen-film", be_nice)
        try:
            return await _shoot(client, here, cutter, executor, on_chunk)
        finally:
            await asyncio.get_running_loop().run_in_executor(executor, cutter.close)
            executor.shutdown(wait=False)
    finally:
        await client.close()


async def _shoot(
    client: EngineClient, scenario: Scenario, cutter: _Cutter, executor: ThreadPoolExecutor, on_chunk: OnChunk
) -> int:
    loop, n_made = asyncio.get_running_loop(), 0
    await loop.run_in_executor(executor, cutter.open, scenario)
    await client.control(PlayScenario(_PLAY_ID, scenario))
    await client.request(n_steps=scenario.n_steps)
    async with aclosing(client.events()) as events:  # type: ignore[type-var]
        async for event in events:
            match event:
                case ChunkReady() if event.chunk_index != n_made:
                    raise EngineError(f"The engine made chunk {event.chunk_index}, not {n_made}.")
                case ChunkReady():
                    n_made += 1
                    if n_made < scenario.n_chunks:
                        await client.request(n_steps=scenario.n_steps)  # is made while this one is written
                    picture = await loop.run_in_executor(executor, cutter.add, event.frames, event.thumbnail)
                    on_chunk(n_made, picture)
                    if n_made == scenario.n_chunks:
                        told = replace(await client.scenario(), n_steps=scenario.n_steps)
                        return await loop.run_in_executor(executor, cutter.finish, told)
                case ControlRefused():
                    raise EngineError(event.message)
                case WorkerRestarted(is_resumed=False):
                    raise EngineError("The engine had to be started anew and has lost the film; render it again.")
                case WorkerDied() | _:
                    pass  # it goes on when there is another
    raise EngineError("The engine was closed before the film was whole.")


class _Cutter:
    """Writes the parts of a film, on one thread."""

    def __init__(self, reel: Reel, fps: float, n_chunks: int) -> None:
        self._reel = reel
        self._fps = fps
        self._n_chunks = n_chunks
        self._n_made = 0
        self._writer: MovieWriter | None = None

    def open(self, scenario: Scenario) -> None:
        """Begin."""
        self._reel.open(scenario)

    def add(self, frames: NDArray[np.uint8], thumbnail: NDArray[np.uint8] | None) -> bytes | None:
        """Write the frames of a chunk; returns the small picture as JPEG."""
        first = self._n_made - self._n_made % PART_CHUNKS
        part = self._reel.part(first, min(first + PART_CHUNKS, self._n_chunks))
        self._writer = self._writer or MovieWriter(part, self._fps)
        self._writer.add(frames)
        self._n_made += 1
        if self._n_made % PART_CHUNKS == 0 or self._n_made == self._n_chunks:
            self._writer.finish()
            self._reel.add(part)
            self._writer = None
        return None if thumbnail is None else to_jpeg(thumbnail)

    def finish(self, told: Scenario) -> int:
        """Put the film together; returns how many frames it has."""
        return self._reel.finish(told)

    def close(self) -> None:
        """Let go of what is half written."""
        if self._writer is not None:
            self._writer.close()


def be_nice() -> None:
    """Encoding takes what is left of the processor: on Linux, a thread has a niceness of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
