"""Several streams of one worker: each as if alone, all or none stepping, and all of each back after a SIGKILL."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from fake_text import FakeText
from tiny_engine import TINY_LIMITS, make_tiny

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine import batch as batch_module
from lingen_live.engine import generate
from lingen_live.engine.batch import BatchedStream, StreamBatch
from lingen_live.engine.client import ChunkReady, EngineEvent, WorkerDied, WorkerRestarted
from lingen_live.engine.control import EngineControl, Fork, Order, Seek, Steer, Switch
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import words_of
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.interface import AbandonedError
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.replay import replay
from lingen_live.engine.tick import Errand, run_ticks
from lingen_live.engine.timeline import Timeline
from lingen_live.engine.view import BranchView
from lingen_live.engine.worker_host import WorkerHost
from lingen_live.errors import LingenError

MakeEngine = Callable[..., Engine]
E = TypeVar("E", bound=EngineEvent)


class Watch:
    """A stream of a host and its events."""

    def __init__(self, stream: HostedStream) -> None:
        self.stream = stream
        self._events = stream.events()
        self._n_told = 0

    async def next(self, kind: type[E]) -> E:
        """The next event of `kind`; others before it are dropped."""
        async with asyncio.timeout(60):
            async for event in self._events:
                if isinstance(event, kind):
                    return event
        raise AssertionError("the events ended")

    async def chunk(self, *controls: EngineControl) -> ChunkReady:
        """The next chunk, made under `controls`."""
        for control in controls:
            await self.stream.control(control)
        await self.stream.request()
        return await self.next(ChunkReady)


@pytest.fixture
async def host(tiny_bundle: Path) -> AsyncIterator[WorkerHost]:
    options = EngineOptions(checkpoint=str(tiny_bundle), n_sessions=3)
    host = WorkerHost(options, make_tiny, first_retry_s=0.05)
    await host.start(lambda stage, fraction: None)
    yield host
    await host.close()


async def opened(host: WorkerHost, prompt: str, seed: int) -> Watch:
    watch = Watch(host.open(prompt=prompt, seed=seed))
    await watch.stream.start(lambda stage, fraction: None)
    return watch


def kill(host: WorkerHost) -> None:
    assert host._life is not None
    os.kill(host._life.pid, signal.SIGKILL)


async def live(watch: Watch, words: str) -> ChunkReady:
    """A life with three branches, of which one is gone back on."""
    await watch.chunk()
    await watch.chunk(Steer(1, words, 3))
    await watch.chunk()
    await watch.chunk(Fork(2, 1, "aside"), Steer(3, "night"))
    await watch.chunk(Fork(4, None, "further"))
    await watch.chunk(Steer(5, "fog", 4))
    await watch.chunk(Switch(6, 1))
    return await watch.chunk(Seek(7, 2))


async def test_all_streams_with_all_branches_come_back_from_a_sigkill(host: WorkerHost, tiny_bundle: Path) -> None:
    watches = [await opened(host, prompt, seed) for seed, prompt in enumerate(("a meadow", "dunes", "a sea of ice"))]
    before = [await live(watch, words) for watch, words in zip(watches, ("snow", "a city", "rain"), strict=True)]
    await watches[0].stream.request()  # one is being made, or about to be
    kill(host)
    for watch, last in zip(watches, before, strict=True):
        await watch.next(WorkerDied)
        assert (await watch.next(WorkerRestarted)).is_resumed
        chunk = await watch.chunk()
        assert chunk.chunk_index == last.chunk_index + 1
        assert chunk.epoch == last.epoch
        assert list(map(origin, chunk.timeline.branches)) == list(map(origin, last.timeline.branches))
        assert set(last.timeline.moments) <= set(chunk.timeline.moments)
    for watch, last in zip(watches, before, strict=True):
        for branch in last.timeline.branches:
            await watch.chunk(Switch(branch.id, branch.id))
            await watch.chunk()
            scenario = await watch.stream.scenario()
            assert len(scenario.record) == scenario.n_chunks > branch.tip_index
            twin = make_twin(tiny_bundle)
            assert sum(1 for _ in replay(twin, scenario, verify=True)) == scenario.n_chunks


async def test_twice_killed_nothing_is_lost_either(host: WorkerHost, tiny_bundle: Path) -> None:
    watch = await opened(host, "a meadow", 4)
    last = await live(watch, "snow")
    for index in range(1, 3):
        kill(host)
        assert (await watch.next(WorkerRestarted)).is_resumed
        chunk = await watch.chunk()
        assert chunk.chunk_index == last.chunk_index + index
    scenario = await watch.stream.scenario()
    assert sum(1 for _ in replay(make_twin(tiny_bundle), scenario, verify=True)) == scenario.n_chunks


async def test_streams_take_turns_and_none_knows_of_another(host: WorkerHost) -> None:
    watches = [await opened(host, prompt, seed) for seed, prompt in enumerate(("a meadow", "dunes", "a sea of ice"))]
    for _ in range(3):
        chunks = await asyncio.gather(*(watch.chunk() for watch in watches))
    assert [chunk.prompt for chunk in chunks] == ["a meadow", "dunes", "a sea of ice"]
    assert [chunk.chunk_index for chunk in chunks] == [2, 2, 2]
    await watches[1].stream.control(Steer(1, "night"))
    chunks = await asyncio.gather(*(watch.chunk() for watch in watches))
    assert [chunk.applied_ids for chunk in chunks] == [(), (1,), ()]


async def test_there_is_room_for_as_many_as_were_said_and_again_when_one_is_gone(host: WorkerHost) -> None:
    watches = [await opened(host, "a meadow", seed) for seed in range(3)]
    with pytest.raises(LingenError, match="3 streams are open; at most 3 may be"):
        await opened(host, "a meadow", 3)
    for seed in range(4):
        await watches.pop(0).stream.close()
        watches.append(await opened(host, "a meadow", seed))
        assert (await watches[-1].chunk()).chunk_index == 0
    assert len(host._roster) == 4  # the refused one was not closed


def origin(branch: BranchView) -> tuple[object, ...]:
    return branch.id, branch.name, branch.parent_id, branch.forked_at


def make_twin(bundle: Path) -> Engine:
    config = load_bundle(bundle)
    return Engine(config, FakeText(config.config.model.text_tokens), seed=0, prompt="a meadow")


# All or none, at every stage.


def fail(*args: object) -> None:
    raise RuntimeError("told to fail")


def abandon(*args: object) -> None:
    raise AbandonedError


def at_the_nth(n: int, then: Callable[..., object], real: Callable[..., object]) -> Callable[..., object]:
    """`real`, but at its nth call `then`."""
    calls = iter(range(n))

    def call(*args: object, **options: object) -> object:
        return real(*args, **options) if next(calls, None) is not None else then()

    return call


Sabotage = Callable[[pytest.MonkeyPatch, Bundle, StreamBatch], None]

STAGES: dict[str, Sabotage] = {
    "text": lambda patch, bundle, batch: patch.setattr(bundle.model, "read_text", fail),
    "noise": lambda patch, bundle, batch: patch.setattr(generate, "chunk_noise", fail),
    "first step": lambda patch, bundle, batch: patch.setattr(bundle.model, "denoise", fail),
    "second step": lambda patch, bundle, batch: patch.setattr(
        bundle.model, "denoise", at_the_nth(1, fail, bundle.model.denoise)
    ),
    "out of memory": lambda patch, bundle, batch: patch.setattr(
        bundle.model, "denoise", at_the_nth(1, lambda: torch.empty(2**60), bundle.model.denoise)
    ),
    "commit": lambda patch, bundle, batch: patch.setattr(bundle.model, "commit", fail),
    "decode": lambda patch, bundle, batch: patch.setattr(bundle.codec, "decode_pictures", fail),
    "digest": lambda patch, bundle, batch: patch.setattr(generate, "digest_of", fail),
    "thumbnail of the last": lambda patch, bundle, batch: patch.setattr(
        batch_module, "thumbnail_of", at_the_nth(2, fail, batch_module.thumbnail_of)
    ),
    "slot of the last": lambda patch, bundle, batch: patch.setattr(
        batch.pool, "_take", at_the_nth(2, fail, batch.pool._take)
    ),
    "last step of all": lambda patch, bundle, batch: patch.setattr(Timeline, "put", at_the_nth(5, fail, Timeline.put)),
}


@pytest.fixture
def batch(bundle: Bundle) -> StreamBatch:
    engine = Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="a meadow")
    return StreamBatch(engine, 3, TINY_LIMITS)


@pytest.fixture
def streams(batch: StreamBatch) -> list[BatchedStream]:
    """Three, of different ages, with branches and plans."""
    streams = [batch.open(seed=seed, prompt=prompt) for seed, prompt in enumerate(("a meadow", "dunes", "night"))]
    batch.tick(streams)
    batch.tick(streams[1:])
    streams[1].fork(1)
    streams[2].plan("steer", words_of("fog"), 2)
    batch.tick(streams[1:])
    batch.settle()
    return streams


def picture(stream: BatchedStream) -> tuple[object, list[bytes]]:
    """All that a stream is: what is known of it, and every bit of what it remembers."""
    branches = stream.timeline.branches
    states = [one.moment.state.to_bytes() for branch in branches for one in branch.snapshots]
    return stream.kept(), [*states, *(branch.head.state.to_bytes() for branch in branches)]


def errands(streams: list[BatchedStream]) -> list[Errand]:
    told: list[list[EngineControl]] = [[Steer(1, "a sea of ice", 2)], [Seek(2, 0), Steer(3, "rain")], []]
    return [
        Errand(stream, tuple(Order(control, (control.id,)) for control in controls))
        for stream, controls in zip(streams, told, strict=True)
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_at_any_stage_leaves_every_bit_of_every_stream(
    bundle: Bundle, batch: StreamBatch, streams: list[BatchedStream], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    before, n_taken = [picture(stream) for stream in streams], batch.pool.n_taken
    with monkeypatch.context() as patch:
        STAGES[stage](patch, bundle, batch)
        with pytest.raises(RuntimeError):
            run_ticks(batch, errands(streams))
    batch.settle()
    assert [picture(stream) for stream in streams] == before
    assert batch.pool.n_taken == n_taken
    ticks = run_ticks(batch, errands(streams))  # and all of it is taken by the next
    assert [tick.applied_ids for tick in ticks] == [(1,), (2, 3), ()]


@pytest.mark.parametrize("n_steps", [0, 1])
def test_an_abandoned_batch_leaves_every_bit_of_every_stream(
    batch: StreamBatch, streams: list[BatchedStream], n_steps: int
) -> None:
    before = [picture(stream) for stream in streams]
    answers = iter([False] * n_steps)
    with pytest.raises(AbandonedError):
        run_ticks(batch, errands(streams), lambda: next(answers, True))
    assert [picture(stream) for stream in streams] == before
