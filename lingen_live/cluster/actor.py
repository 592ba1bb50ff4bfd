"""`EngineActor`: the engine of one device and its streams, as a process of a cluster runs them.

Told what to do in lists of messages, and asked what happened; how it is called is not its business. With every few
chunks of a stream, and with every one that obeys somebody, goes a snapshot, so that the stream outlives this process.
Knows hosts of engines. Does not know Ray, nor other devices.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import assert_never

from lingen_live.cluster.media import Luggage, Met, ToStage, Worked
from lingen_live.cluster.messages import DeviceStatus, Facts, Heard, Leave, News, Say, ToDevice, Want
from lingen_live.cluster.stage import Stage
from lingen_live.engine.carry import Carried
from lingen_live.engine.client import ChunkReady, EngineEvent
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.interface import EngineFactory, default_engine
from lingen_live.engine.messages import Answer, Failed, Opened, Progress
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.question import Question
from lingen_live.engine.tick import Refusal
from lingen_live.errors import EngineError, LingenError
from lingen_live.serve.coded import Codec
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.mp4 import Sample

HEAR_S = 1.0
"""After so long the gateway is answered that nothing happened: it knows then that this process lives."""


class EngineActor:
    """One engine.

    Args:
        name: of the device.
        options: how to build the engine.
        factory: picklable by name.
        snapshot_chunks: a stream's snapshot is not older than so many chunks, 1 or more.
        media: how video leaves this machine; None if frames go to the gateway, and leave from there.
    """

    def __init__(
        self,
        name: str,
        options: EngineOptions,
        factory: EngineFactory = default_engine,
        snapshot_chunks: int = 4,
        media: MediaOptions | None = None,
    ) -> None:
        self._name = name
        self._options = options
        self._snapshot_chunks = snapshot_chunks
        self._host = InProcessHost(options, factory)
        self._info: EngineInfo | None = None
        self._streams: dict[int, HostedStream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._age_chunks: dict[int, int] = {}
        self._media = media
        self._stages: dict[int, Stage] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._said: list[Heard | Progress] = []
        self._has_news = asyncio.Event()
        self._is_leaving = False
        self._n_chunks = 0

    async def start(self) -> Facts | Failed:
        """Build the engine; why not, if it cannot be built."""
        try:
            self._info = await self._host.start(lambda stage, fraction: self._say(Progress(stage, fraction)))
        except LingenError as error:
            return Failed(error.code, f"{error.message} (on {platform.node()})", "")
        except Exception as error:  # the boundary of the process: the reason must reach the gateway
            sentence = f"The engine stopped on {type(error).__name__}: {error} (on {platform.node()})"
            return Failed(EngineError.code, sentence, traceback.format_exc())
        finally:
            self._has_news.set()  # whoever listens meanwhile need not wait
        return Facts(self._info, self._options.n_sessions, platform.node(), os.getpid())

    async def open(self, number: int, prompt: str, seed: int, carried: Carried | Luggage | None) -> Opened:
        """Open a stream under a number of the gateway's; `carried` is where it goes on from.

        One that is open under that number gives way: it was on its way here when its last device died.
        """
        if number in self._streams:
            await self._close(number)
        stage = self._stage(number)
        if isinstance(carried, Luggage):
            if stage is not None:
                stage.adopt(carried.images)
            carried = carried.stream
        stream = self._host.open(prompt=prompt, seed=seed, carried=carried)
        try:
            await stream.start(lambda stage, fraction: None)
        except LingenError as error:
            await stream.close()
            return Opened(number, False, Refusal((), error.code, error.message))
        self._streams[number] = stream
        self._age_chunks[number] = self._snapshot_chunks  # the first chunk has a snapshot
        self._tasks[number] = asyncio.create_task(self._pass_on(number, stream))
        return Opened(number, stream.is_resumed)

    async def tell(self, messages: Sequence[ToDevice]) -> None:
        """Do what the messages say, in their order; streams that are not there are passed over."""
        for message in messages:
            if isinstance(message, ToStage):
                if (stage := self._stages.get(message.number)) is not None:
                    stage.take(message)
                continue
            if isinstance(message, Leave):
                self._clear(message.number)  # there may be one without a stream, which was to come
            if (stream := self._streams.get(message.number)) is None:
                continue
            match message:
                case Want():
                    await stream.request(message.ready_s)
                case Say():
                    await stream.control(message.control, message.turn)
                case Leave():
                    await self._close(message.number)
                case _:
                    assert_never(message)

    async def hear(self) -> News:
        """What happened since the last call; waits `HEAR_S` for it at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_news.wait(), HEAR_S)
        said, self._said = tuple(self._said), []
        self._has_news.clear()
        return News(said, self._host.capacity, self._is_leaving, time.monotonic())

    async def ask(self, number: int, what: Question) -> Answer:
        """The answer to a question about a stream, between two of its chunks, or why there is none."""
        try:
            if number not in self._streams:
                raise EngineError("This stream is not open any more.")
            return Answer(0, await self._host.ask(self._streams[number], what), None)
        except LingenError as error:
            return Answer(0, None, Refusal((), error.code, error.message))

    async def meet(self, number: int, viewer_id: str, offer_sdp: str) -> Met:
        """Let a viewer of a stream in that is open here, or on its way here.

        Raises:
            ValueError: video leaves from the gateway.
        """
        if (stage := self._stage(number)) is None:
            raise ValueError("Video leaves from the gateway; nobody watches here.")
        return await stage.meet(viewer_id, offer_sdp)

    async def last(self, number: int, codec: Codec, seconds: float) -> list[Sample]:
        """The last seconds of a stream's video; see `Outlet`."""
        stage = self._stages.get(number)
        return await stage.last(codec, seconds) if stage else []

    async def carry(self, number: int) -> Carried | Luggage | None:
        """All of a stream, of which no chunk is being made; None if its words say all."""
        # On a thread: sixty moments are sixty megabytes to copy.
        stream = self._streams[number]
        carried = await asyncio.to_thread(lambda: self._host.carry(stream, heads_only=False))
        stage = self._stages.get(number)
        return carried if stage is None else Luggage(carried, stage.images)

    async def drain(self) -> None:
        """Ask the gateway to take all streams elsewhere, and to end this engine."""
        self._is_leaving = True
        self._has_news.set()

    async def status(self) -> DeviceStatus:
        """How it is, for people."""
        state = "starting" if self._info is None else "draining" if self._is_leaving else "ready"
        return DeviceStatus(
            self._name,
            platform.node(),
            os.getpid(),
            state,
            self._info,
            len(self._streams),
            self._options.n_sessions,
            self._host.capacity,
            self._n_chunks,
        )

    async def close(self) -> None:
        """End all streams and the engine's thread."""
        for number in list(self._stages):
            self._clear(number)
        for number in list(self._streams):
            await self._close(number)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._host.close()

    async def _close(self, number: int) -> None:
        if (stream := self._streams.pop(number, None)) is None:
            return  # it left while all were being closed
        task = self._tasks.pop(number)
        del self._age_chunks[number]
        await stream.close()
        await task

    async def _pass_on(self, number: int, stream: HostedStream) -> None:
        async for event in stream.events():
            told = event
            if isinstance(event, ChunkReady) and (stage := self._stages.get(number)) is not None:
                told = await stage.keep(event)
                stage.tell_counts()
            self._say(Heard(number, told, self._snapshot(number, stream, event)))

    def _snapshot(self, number: int, stream: HostedStream, event: EngineEvent) -> Carried | None:
        """How the stream is after a chunk, if that is to be kept.

        With the very chunk: whoever reads that words were applied holds what they were applied to. The gateway asks for
        the next chunk only then, so that nothing changes while this is copied.
        """
        if not isinstance(event, ChunkReady) or number not in self._age_chunks:
            return None
        self._n_chunks += 1
        self._age_chunks[number] += 1
        if self._age_chunks[number] < self._snapshot_chunks and not event.applied_ids:
            return None
        self._age_chunks[number] = 0
        return self._host.carry(stream, heads_only=True)

    def _stage(self, number: int) -> Stage | None:
        """Of a stream that is open, or is to come; None if video leaves from the gateway."""
        if self._media is None or self._info is None:
            return None
        if (found := self._stages.get(number)) is None:
            found = Stage(self._info.fps, self._media, lambda event: self._say(Heard(number, event)))
            self._stages[number] = found
        return found

    def _clear(self, number: int) -> None:
        """Close the stage of a stream; nobody waits for viewers who hang up."""
        if (stage := self._stages.pop(number, None)) is not None:
            task = asyncio.create_task(stage.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _say(self, what: Heard | Progress) -> None:
        self._said.append(what)
        if not (isinstance(what, Heard) and isinstance(what.event, Worked)):  # which can wait for other news
            self._has_news.set()
