"""The engine on a thread: the same contract as in a process, without the restarts."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import fake_engine
import pytest

from lingen_live.engine.client import (
    ChunkReady,
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerRestarted,
)
from lingen_live.engine.control import Cut, Steer
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import LingenError

OPTIONS = EngineOptions(prompt="a day", seed=7)


@pytest.fixture
async def client() -> AsyncIterator[HostedStream]:
    host = InProcessHost(OPTIONS, fake_engine.make_fake)
    await host.start(lambda stage, fraction: None)
    stream = host.open(prompt="a day", seed=7)
    await stream.start(lambda stage, fraction: None)
    yield stream
    await host.close()


async def take(events: AsyncIterator[EngineEvent], n_events: int) -> list[EngineEvent]:
    return [await anext(events) for _ in range(n_events)]


async def test_chunks_come_when_asked_for(client: HostedStream) -> None:
    events = client.events()
    await client.request()
    await client.request()  # while one is being made: no second
    await client.control(Steer(1, "a night"))
    (first,) = await take(events, 1)
    await client.request()
    (second,) = await take(events, 1)
    assert isinstance(first, ChunkReady)
    assert isinstance(second, ChunkReady)
    assert (first.chunk_index, first.prompt) == (0, "a day")
    assert (second.chunk_index, second.prompt, second.applied_ids) == (1, "a night", (1,))


async def test_news_about_the_engine_are_told(client: HostedStream) -> None:
    events = client.events()
    await client.control(Steer(1, fake_engine.GET_FASTER))
    await client.request()
    chunk, changed = await take(events, 2)
    assert isinstance(chunk, ChunkReady)
    assert isinstance(changed, EngineChanged)
    assert changed.info.path == "compiled"


async def test_a_tick_that_raises_is_told(client: HostedStream) -> None:
    events = client.events()
    await client.control(Cut(4, fake_engine.RAISE))
    await client.request()
    refused, died, restarted = await take(events, 3)
    assert isinstance(refused, ControlRefused)
    assert refused.ids == (4,)
    assert isinstance(died, WorkerDied)
    assert "told to raise" in died.reason
    assert isinstance(restarted, WorkerRestarted)
    await client.request()
    (chunk,) = await take(events, 1)
    assert isinstance(chunk, ChunkReady)


async def test_an_engine_that_cannot_be_built() -> None:
    host = InProcessHost(EngineOptions(checkpoint="missing"), fake_engine.make_fake)
    with pytest.raises(LingenError, match="no checkpoint at"):
        await host.start(lambda stage, fraction: None)
    await host.close()


async def test_a_question_before_the_start_is_a_mistake() -> None:
    host = InProcessHost(OPTIONS, fake_engine.make_fake)
    with pytest.raises(LingenError, match="before it was started"):
        await host.open(prompt="a day", seed=7).save()
    await host.close()


async def test_close_ends_the_events_and_the_thread() -> None:
    host = InProcessHost(OPTIONS, fake_engine.make_fake)
    await host.start(lambda stage, fraction: None)
    stream = host.open(prompt="a day", seed=7)
    await host.close()
    assert [event async for event in stream.events()] == []
    assert [thread.name for thread in threading.enumerate() if "lingen" in thread.name] == []
