"""Devices, placing, moving and coming back: all of the gateway, with engines in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import fake_engine
import pytest
from cluster_watch import Watch, ignore_progress
from local_link import LocalCluster
from tiny_engine import make_tiny

from lingen_live.cluster.host import ClusterHost
from lingen_live.cluster.keeping import Keeper
from lingen_live.engine.client import ChunkReady, ControlRefused, WorkerDied, WorkerRestarted
from lingen_live.engine.control import Plan, Steer
from lingen_live.engine.events import words_of
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import EngineError, LingenError

OPTIONS = EngineOptions(prompt="a day", seed=7, dtype="float32", n_sessions=2)


class Running:
    """A host over devices of this process."""

    def __init__(
        self, cluster: LocalCluster, names: tuple[str, ...], hang_s: float = 120.0, keeper: Keeper | None = None
    ) -> None:
        self.cluster = cluster
        self.host = ClusterHost(
            names, cluster.connect, dtype="float32", keeper=keeper, first_retry_s=0.02, hang_s=hang_s
        )

    def kill(self, name: str) -> None:
        self.cluster.links[name][-1].end()

    async def becomes(self, name: str, state: str) -> None:
        device = next(one for one in self.host.devices if one.name == name)
        async with asyncio.timeout(20):
            while device.state != state:  # noqa: ASYNC110 (as of another machine)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    *names: str,
    options: EngineOptions = OPTIONS,
    factory: EngineFactory = fake_engine.make_fake,
    snapshot_chunks: int = 4,
    hang_s: float = 120.0,
    keeper: Keeper | None = None,
) -> AsyncIterator[Running]:
    """All of `names` are ready."""
    it = Running(LocalCluster(options, factory, snapshot_chunks), names, hang_s, keeper)
    try:
        await it.host.start(ignore_progress)
        for name in names:
            await it.becomes(name, "ready")
        yield it
    finally:
        await it.host.close()
        await it.cluster.close()


@pytest.fixture
def tiny(tiny_bundle: Path) -> EngineOptions:
    return replace(OPTIONS, checkpoint=str(tiny_bundle), prompt="a meadow")


async def test_sessions_spread_wait_and_come_in_when_one_ends() -> None:
    async with running("a", "b") as it:
        watches = [await Watch.open(it.host) for _ in range(4)]
        assert [watch.place for watch in watches] == ["a", "b", "a", "b"]
        assert it.host.capacity == 4
        fifth = Watch(it.host.open(prompt="a night", seed=1))
        starting = asyncio.create_task(fifth.client.start(ignore_progress))
        await asyncio.sleep(0.05)
        assert not starting.done()
        await watches[1].client.close()
        await starting
        assert fifth.place == "b"
        assert (await fifth.chunk()).frames.max() == fake_engine.colour_of("night")[0]
        assert [(await watch.chunk()).chunk_index for watch in (watches[0], watches[2], watches[3])] == [0, 0, 0]


async def test_a_steer_is_applied_and_only_asked_for_chunks_are_made() -> None:
    async with running("a") as it:
        watch = await Watch.open(it.host)
        await watch.client.control(Steer(5, "a night"))
        for _ in range(3):
            await watch.client.request()
        chunk = await watch.next(ChunkReady)
        assert (chunk.applied_ids, chunk.prompt, chunk.chunk_index) == ((5,), "a night", 0)
        await asyncio.sleep(0.05)
        assert watch.client._queue.empty()
        assert (await watch.chunk()).applied_ids == ()


async def test_killed_it_comes_back_elsewhere_with_all_words_and_plans(tiny: EngineOptions) -> None:
    async with running("a", "b", options=tiny, factory=make_tiny, snapshot_chunks=3) as it:
        straight, watch = await Watch.open(it.host, "a meadow"), await Watch.open(it.host, "a meadow")
        for one in (straight, watch):
            await one.client.control(Plan(1, "cut", words_of("night"), 4))
            await one.client.control(Steer(2, "a red desert", 4))
            await one.chunk()  # a snapshot goes with it, for it obeys
            await one.chunks(2)
        assert (straight.place, watch.place) == ("a", "b")
        it.kill("b")
        assert "b is gone" in (await watch.next(WorkerDied)).reason
        assert (await watch.next(WorkerRestarted)).is_resumed
        assert watch.place == "a"
        again = await watch.chunk()
        assert (again.chunk_index, again.is_fresh) == (1, True)  # from the snapshot, at most 3 chunks before
        await watch.chunk()
        assert await watch.chunks(3) == await straight.chunks(3)  # 3 to 5, through the plan
        await it.becomes("b", "ready")


async def test_who_makes_others_late_is_moved_when_there_is_a_better_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingen_live.cluster.host.RELIEF_S", 0.0)
    async with running("a", "b", options=replace(OPTIONS, n_sessions=3)) as it:
        watches = [await Watch.open(it.host) for _ in range(4)]
        it.kill("b")
        for watch in watches[1::2]:
            assert (await watch.next(WorkerRestarted)).info.name == "fake"
        await it.becomes("b", "ready")
        assert sorted(watch.place or "" for watch in watches) == ["a", "a", "a", "b"]
        it.host.devices[0].capacity = 2  # as measured, from now on
        monkeypatch.setattr("lingen_live.engine.inprocess.InProcessHost.capacity", 2)
        assert [(await watch.chunk()).chunk_index for watch in watches]
        it.host._pump()
        async with asyncio.timeout(20):
            while sorted(watch.place or "" for watch in watches) != ["a", "a", "b", "b"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert [(move.source, move.target) for move in it.host.moves] == [("a", "b")]


async def test_a_drained_device_hands_over_all_of_its_streams_bit_for_bit(tiny: EngineOptions) -> None:
    async with running("a", "b", options=tiny, factory=make_tiny) as it:
        straight, watch = await Watch.open(it.host, "a meadow"), await Watch.open(it.host, "a meadow")
        for one in (straight, watch):
            await one.client.control(Steer(1, "night", 4))
            assert [index for index, _ in await one.chunks(2)] == [0, 1]
        await watch.client.request()
        await it.cluster.links["b"][-1].actor.drain()
        await watch.client.control(Steer(2, "a red desert", 2))  # after the request: it waits, and moves along
        last = await watch.next(ChunkReady)
        await it.becomes("b", "ended")
        assert watch.place == "a"
        assert [(move.source, move.target) for move in it.host.moves] == [("b", "a")]
        assert (await straight.chunk()).frames.tobytes() == last.frames.tobytes()
        await straight.client.control(Steer(2, "a red desert", 2))
        first = await watch.chunk()
        assert (first.chunk_index, first.is_fresh, first.applied_ids) == (3, False, (2,))
        assert len(first.timeline.moments) == 5  # all of its past came along
        assert (await straight.chunk()).frames.tobytes() == first.frames.tobytes()


async def test_what_kills_its_engine_kills_no_more_than_three() -> None:
    async with running("a", "b", factory=fake_engine.make_slow_fake) as it:
        poison = await Watch.open(it.host)
        await poison.client.request()
        for _ in range(3):
            device = poison.client.device
            assert device is not None
            it.kill(device.name)
            async with asyncio.timeout(20):
                while poison.client.device in (None, device) and not poison.client.is_closed:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.03)  # a chunk takes 0.1 s
        assert poison.client.is_closed
        assert (await (await Watch.open(it.host)).chunk()).chunk_index == 0


async def test_a_hanging_engine_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingen_live.cluster.actor.HEAR_S", 0.01)
    async with running("a", factory=fake_engine.make_slow_fake, hang_s=0.05) as it:
        watch = await Watch.open(it.host)
        await watch.client.request()
        assert "made no chunk within 0.05 s" in (await watch.next(WorkerDied)).reason


async def test_no_device_no_start_and_the_first_reason() -> None:
    wrong = replace(OPTIONS, checkpoint="missing")
    it = Running(LocalCluster(wrong, fake_engine.make_fake), ("a", "b"))
    with pytest.raises(LingenError, match=r"b: There is no checkpoint at 'missing'. \(on \S+\)"):
        await it.host.start(ignore_progress)
    await it.host.close()
    await it.cluster.close()


async def test_a_device_that_does_not_fit_is_left_out() -> None:
    it = Running(LocalCluster(OPTIONS, fake_engine.make_fake), ("a", "b"))
    it.cluster.wrong["a"] = replace(OPTIONS, checkpoint="missing")
    try:
        await it.host.start(ignore_progress)
        for name, state in (("a", "refused"), ("b", "ready")):
            await it.becomes(name, state)
        assert (await Watch.open(it.host)).place == "b"
    finally:
        await it.host.close()
        await it.cluster.close()


async def test_a_control_in_flight_is_refused_when_its_device_dies() -> None:
    async with running("a", factory=fake_engine.make_slow_fake) as it:
        watch = await Watch.open(it.host)
        await watch.client.request()
        await watch.client.control(Steer(3, "a night"))
        it.kill("a")
        refused = await watch.next(ControlRefused)
        assert refused.ids == (3,)
        assert "send it again" in refused.message
        with pytest.raises(EngineError, match="ask again"):
            await watch.client.save()
        assert not (await watch.next(WorkerRestarted)).is_resumed
        assert (await watch.next(ChunkReady)).chunk_index == 0  # still wanted
