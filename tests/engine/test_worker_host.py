"""The engine in a process of its own: order, back-pressure, deaths, and nothing left behind."""

from __future__ import annotations

import asyncio
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from multiprocessing.shared_memory import SharedMemory
from typing import TypeVar

import fake_engine
import numpy as np
import pytest

from lingen_live.engine.client import (
    ChunkReady,
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerRestarted,
)
from lingen_live.engine.control import Cut, Reseed, Reset, Seek, Steer, Turn
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.life import WorkerLife
from lingen_live.engine.messages import Abandon
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.worker_host import WorkerHost
from lingen_live.errors import LingenError

OPTIONS = EngineOptions(prompt="a day", seed=7)
E = TypeVar("E", bound=EngineEvent)


def ignore_progress(stage: str, fraction: float) -> None:
    pass


class Host:
    """A started host with one open stream, and its events."""

    def __init__(self, host: WorkerHost) -> None:
        self.host = host
        self.client = host.open(prompt="a day", seed=7)
        self._events = self.client.events()

    @classmethod
    async def start(cls, factory: EngineFactory, options: EngineOptions = OPTIONS, hang_s: float = 120.0) -> Host:
        host = WorkerHost(options, factory, first_retry_s=0.05, hang_s=hang_s)
        await host.start(ignore_progress)
        it = cls(host)
        await it.client.start(ignore_progress)
        return it

    async def next(self, kind: type[E]) -> E:
        """The next event of `kind`; others before it are dropped."""
        async with asyncio.timeout(20):
            async for event in self._events:
                if isinstance(event, kind):
                    return event
        raise AssertionError("the events ended")

    async def chunk(self) -> ChunkReady:
        await self.client.request()
        return await self.next(ChunkReady)

    @property
    def has_news(self) -> bool:
        return not self.client._queue.empty()

    @property
    def life(self) -> WorkerLife:
        assert self.host._life is not None
        return self.host._life

    @property
    def pid(self) -> int:
        return self.life.pid


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    it = await Host.start(fake_engine.make_fake, hang_s=1.0)
    yield it
    await it.host.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_start_reports_progress_and_facts() -> None:
    stages: list[tuple[str, float]] = []
    client = WorkerHost(OPTIONS, fake_engine.make_fake)
    info = await client.start(lambda stage, fraction: stages.append((stage, fraction)))
    await client.close()
    assert stages == [("loading", 0.5), ("warming up", 1.0)]
    assert (info.name, info.frames_per_chunk, info.fps) == ("fake", 8, 16.0)


async def test_a_chunk_comes_through_whole(host: Host) -> None:
    chunk = await host.chunk()
    assert chunk.frames.shape == (8, 64, 64, 3)
    assert chunk.frames.dtype == np.uint8
    assert (chunk.frames == fake_engine.colour_of("a day")[0]).all()
    assert (chunk.chunk_index, chunk.prompt, chunk.seed, chunk.blend) == (0, "a day", 7, 1.0)
    assert chunk.profile.spans[0].name == "denoise"
    assert not chunk.is_fresh


async def test_frames_survive_the_next_chunk(host: Host) -> None:
    first = await host.chunk()
    await host.client.control(Steer(1, "a night"))
    await host.chunk()
    assert (first.frames == fake_engine.colour_of("a day")[0]).all()


async def test_nothing_is_made_that_nobody_asked_for(host: Host) -> None:
    for _ in range(5):
        await host.client.request()  # one is in flight: the others change nothing
    assert (await host.next(ChunkReady)).chunk_index == 0
    await asyncio.sleep(0.3)
    assert not host.has_news
    assert (await host.chunk()).chunk_index == 1


async def test_latest_of_a_kind_wins_and_no_id_is_lost(host: Host) -> None:
    for control in (Steer(1, "first"), Cut(2, "cut"), Steer(3, "last", 4), Reseed(4, 9), Reset(5)):
        await host.client.control(control)
    chunk = await host.chunk()
    assert sorted(chunk.applied_ids) == [1, 2, 3, 4, 5]
    assert (chunk.prompt, chunk.seed, chunk.is_fresh) == ("last", 9, True)
    assert (await host.chunk()).applied_ids == ()


async def test_a_control_takes_effect_with_the_next_request_not_the_one_in_flight() -> None:
    host = await Host.start(fake_engine.make_slow_fake)
    client = host.client
    await client.request()
    await client.control(Steer(1, "a night"))
    first = await host.next(ChunkReady)
    second = await host.chunk()
    await host.host.close()
    assert (first.prompt, first.applied_ids) == ("a day", ())
    assert (second.prompt, second.applied_ids) == ("a night", (1,))


async def test_a_refused_control_leaves_the_stream_alone(host: Host) -> None:
    await host.client.control(Reseed(1, 5))
    await host.client.control(Steer(2, fake_engine.REFUSE))
    await host.client.request()
    refused = await host.next(ControlRefused)
    chunk = await host.next(ChunkReady)
    assert (refused.ids, refused.code) == ((2,), "bad_prompt")
    assert (chunk.prompt, chunk.seed, chunk.applied_ids) == ("a day", 5, (1,))


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (fake_engine.RAISE, "RuntimeError: told to raise"),
        (fake_engine.KILL, "signal 9"),
        (fake_engine.HANG, "1 s"),
    ],
)
async def test_a_death_is_told_and_followed_by_a_restart(host: Host, prompt: str, reason: str) -> None:
    await host.client.control(Steer(1, "a night"))
    await host.chunk()
    old_pid = host.pid
    await host.client.control(Cut(2, prompt))
    await host.client.request()
    refused = await host.next(ControlRefused)
    died = await host.next(WorkerDied)
    await host.client.control(Reseed(3, 11))
    await host.next(WorkerRestarted)
    chunk = await host.next(ChunkReady)  # the request outlives the worker
    assert refused.ids == (2,)
    assert refused.code == "engine_failed"
    assert reason in died.reason
    assert died.retry_in_s == 0.05
    assert (chunk.prompt, chunk.seed, chunk.chunk_index) == ("a night", 11, 0)
    assert host.pid != old_pid
    assert not is_alive(old_pid)


async def test_news_about_the_engine_come_after_the_chunk_that_made_them(host: Host) -> None:
    await host.chunk()
    await host.client.control(Steer(1, fake_engine.GET_FASTER))
    await host.chunk()
    assert (await host.next(EngineChanged)).info.path == "compiled"
    await host.chunk()
    await host.chunk()
    assert not host.has_news  # told once


async def test_a_worker_killed_while_idle_is_restarted(host: Host) -> None:
    await host.chunk()
    os.kill(host.pid, signal.SIGKILL)
    await host.next(WorkerDied)
    await host.next(WorkerRestarted)
    assert (await host.chunk()).chunk_index == 0


@pytest.mark.parametrize(
    ("checkpoint", "code", "words"),
    [("missing", "bad_checkpoint", "no checkpoint at"), ("broken", "engine_failed", "RuntimeError: a bug")],
)
async def test_an_engine_that_cannot_be_built(checkpoint: str, code: str, words: str) -> None:
    client = WorkerHost(EngineOptions(checkpoint=checkpoint), fake_engine.make_fake)
    with pytest.raises(LingenError, match=words) as caught:
        await client.start(ignore_progress)
    await client.close()
    assert caught.value.code == code
    assert multiprocessing.active_children() == []


async def test_close_leaves_nothing_behind() -> None:
    host = await Host.start(fake_engine.make_fake)
    await host.chunk()
    assert host.host._watcher.shared is not None
    pid, name = host.pid, host.host._watcher.shared.name
    with pytest.raises(FileNotFoundError):  # not even a kill of everything could leave it behind
        SharedMemory(name=name)
    await host.client.request()
    await host.host.close()
    await host.host.close()
    assert not is_alive(pid)
    assert multiprocessing.active_children() == []
    assert [thread.name for thread in threading.enumerate() if "lingen" in thread.name] == []


async def test_close_ends_the_events(host: Host) -> None:
    await host.host.close()
    assert [event async for event in host.client.events()] == []


async def test_close_while_starting() -> None:
    client = WorkerHost(OPTIONS, fake_engine.make_fake)
    starting = asyncio.create_task(client.start(ignore_progress))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(LingenError, match="closed before it was warm"):
        await starting
    assert multiprocessing.active_children() == []


async def test_close_of_a_hanging_worker() -> None:
    host = await Host.start(fake_engine.make_fake)
    pid = host.pid
    await host.client.control(Steer(1, fake_engine.HANG))
    await host.client.request()
    await host.host.close()
    assert not is_alive(pid)


async def test_surroundings_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    stages: list[str] = []
    factory: EngineFactory = fake_engine.report_environment
    client = WorkerHost(EngineOptions(n_threads=3), factory)
    await client.start(lambda stage, fraction: stages.append(stage))
    await client.close()
    assert stages[:3] == ["OMP_NUM_THREADS=3", "OMP_WAIT_POLICY=PASSIVE", "ctrl-c ignored=True"]
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "OMP_WAIT_POLICY" not in os.environ
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


async def test_a_chunk_that_is_not_wanted_is_abandoned_and_its_orders_are_taken_with_the_next() -> None:
    host = await Host.start(fake_engine.make_slow_fake)
    client = host.client
    await host.chunk()
    await client.control(Seek(1, 0))
    await client.request()
    await client.control(Steer(2, "a night"), Turn(0, 0))
    chunk = await host.next(ChunkReady)
    following = await host.chunk()
    await host.host.close()
    assert (chunk.chunk_index, chunk.prompt, chunk.applied_ids) == (0, "a night", (1, 2))
    assert (following.chunk_index, following.applied_ids) == (1, ())


async def test_words_count_from_what_was_not_shown(host: Host) -> None:
    for _ in range(3):
        last = await host.chunk()
    await host.client.control(Steer(1, "a night"), Turn(1, last.epoch))
    chunk = await host.chunk()
    assert (chunk.chunk_index, chunk.prompt, chunk.is_turned, chunk.is_fresh) == (1, "a night", True, False)
    assert chunk.epoch == last.epoch + 1
    await host.client.control(Steer(2, "a day"), Turn(0, last.epoch))  # of an epoch that is over
    chunk = await host.chunk()
    assert (chunk.chunk_index, chunk.is_turned) == (2, False)


async def test_an_abandon_that_comes_too_late_does_no_harm(host: Host) -> None:
    await host.chunk()
    host.life.send(Abandon())
    assert (await host.chunk()).chunk_index == 1


async def test_questions_are_answered_between_chunks(host: Host) -> None:
    await host.chunk()
    assert (await host.client.scenario()).n_chunks == 1
    with pytest.raises(LingenError, match="A fake has no session") as caught:
        await host.client.save()
    assert caught.value.code == "bad_session_file"


async def test_nobody_waits_for_an_answer_of_the_dead(host: Host) -> None:
    await host.client.control(Steer(1, fake_engine.HANG))
    await host.client.request()
    with pytest.raises(LingenError, match="ask again"):
        await host.client.scenario()
    with pytest.raises(LingenError, match="being started"):
        await host.client.scenario()


async def test_chunks_of_one_pass_are_not_mixed_up() -> None:
    options = dataclasses.replace(OPTIONS, n_sessions=3, max_batch=2)
    first = await Host.start(fake_engine.make_slow_fake, options)
    others = [first.host.open(prompt=prompt, seed=1) for prompt in ("a night", "grey")]
    for stream in others:
        await stream.start(ignore_progress)
    await first.client.request()
    for stream in others:  # both wait for the first, and are made together
        await stream.request()
    chunks = [await anext(stream.events()) for stream in others]
    await first.host.close()
    assert all(isinstance(chunk, ChunkReady) for chunk in chunks)
    colours = [int(chunk.frames[0, 0, 0, 0]) for chunk in chunks if isinstance(chunk, ChunkReady)]
    assert colours == [fake_engine.colour_of(prompt)[0] for prompt in ("a night", "grey")]
