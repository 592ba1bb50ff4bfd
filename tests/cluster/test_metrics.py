"""What a gateway tells of its devices: metrics by device, and the device of every chunk, in a session that moves."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import fake_engine
import pytest
from cluster_watch import Watch, ignore_progress
from local_link import LocalCluster
from served import Talk, running_server

from lingen_live.cluster.host import ClusterHost
from lingen_live.engine.client import ChunkReady, WorkerDied
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.options import EngineOptions
from lingen_live.profile.prometheus import to_text
from lingen_live.profile.read import read_profile
from lingen_live.serve.web import find_web_directory

OPTIONS = EngineOptions(prompt="a day", seed=7, dtype="float32", n_sessions=2)


@asynccontextmanager
async def two_devices(
    factory: EngineFactory = fake_engine.make_fake, hang_s: float = 120.0
) -> AsyncIterator[tuple[ClusterHost, LocalCluster]]:
    """A gateway over "a" and "b"; whoever uses it starts and closes it."""
    cluster = LocalCluster(OPTIONS, factory)
    yield ClusterHost(("a", "b"), cluster.connect, dtype="float32", first_retry_s=0.02, hang_s=hang_s), cluster
    await cluster.close()


async def becomes(host: ClusterHost, *states: str) -> None:
    async with asyncio.timeout(20):
        while tuple(device.state for device in host.devices) != states:  # noqa: ASYNC110 (as of other machines)
            await asyncio.sleep(0.01)


def values(text: str) -> dict[str, float]:
    """Samples by name and labels, the project's prefix left out."""
    lines = [line.removeprefix("lingen_") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_a_session_that_moved_says_who_made_which_chunk_and_metrics_count_it() -> None:
    async with two_devices() as (host, cluster), running_server(find_web_directory(), host=host) as live:
        await becomes(host, "ready", "ready")
        async with live.socket() as socket:
            talk = Talk(socket)
            await talk.say(type="hello", version=1)
            source = (await talk.hear("chunk"))["device"]
            target = {"a": "b", "b": "a"}[source]
            await cluster.links[source][-1].actor.drain()
            while (await talk.hear("chunk"))["device"] != target:
                pass
            lines = await live.http.get("/profile.jsonl")
            trace = await live.http.get("/trace.json")
            told = values((await live.http.get("/metrics")).text)
        devices = [json.loads(line)["device"] for line in lines.text.splitlines()]
        assert re.fullmatch("s+t+", "".join({source: "s", target: "t"}[device] for device in devices))
        traced = [life.device for life in read_profile(trace.content).lives]
        assert traced[: len(devices)] == devices
        for name, moved in ((source, ("out", "in")), (target, ("in", "out"))):
            assert told[f'device_migrations_{moved[0]}_total{{device="{name}"}}'] == 1
            assert told[f'device_migrations_{moved[1]}_total{{device="{name}"}}'] == 0
        assert told[f'device_chunks_total{{device="{source}"}}'] == devices.count(source)
        assert told[f'device_migration_seconds_total{{device="{target}"}}'] > 0
        assert told[f'device_free_places{{device="{target}"}}'] == 1
        assert told[f'device_sessions{{device="{source}"}}'] == told[f'device_failures_total{{device="{source}"}}'] == 0
        assert (told["waiting_visitors"], told["homeless_sessions"]) == (0, 0)


async def test_deaths_and_deadlines_are_counted_where_they_happen() -> None:
    async with two_devices(fake_engine.make_slow_fake) as (host, cluster):
        await host.start(ignore_progress)
        await becomes(host, "ready", "ready")
        first, second = await Watch.open(host), await Watch.open(host)
        assert (first.place, second.place) == ("a", "b")
        for ready_s in (0.0, 5.0, 0.001):  # no deadline, one that is kept, one that is missed: a chunk takes 0.1 s
            await first.client.request(ready_s)
            await first.next(ChunkReady)
        cluster.links["b"][-1].end()
        await second.next(WorkerDied)
        assert (await second.chunk()).profile.device == "a"
        told = values(to_text(host.metrics()))
        await host.close()
    assert {device: told[f'device_missed_deadlines_total{{device="{device}"}}'] for device in "ab"} == {"a": 1, "b": 0}
    assert {device: told[f'device_failures_total{{device="{device}"}}'] for device in "ab"} == {"a": 0, "b": 1}
    assert {device: told[f'device_lost_sessions_total{{device="{device}"}}'] for device in "ab"} == {"a": 0, "b": 1}
    assert {device: told[f'device_failovers_total{{device="{device}"}}'] for device in "ab"} == {"a": 1, "b": 0}
    assert told['device_chunks_total{device="a"}'] == 4
    assert 0.35 < told['device_chunk_seconds_total{device="a"}'] < 10  # a tenth each, or more on a busy machine
    assert all(re.search(r'device="[ab]"', name) for name in told if name.startswith("device_"))  # bounded labels


async def test_who_leaves_while_a_chunk_is_made_does_not_pass_for_an_engine_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lingen_live.cluster.actor.HEAR_S", 0.01)
    async with two_devices(fake_engine.make_slow_fake, hang_s=0.3) as (host, _):
        await host.start(ignore_progress)
        watch = await Watch.open(host)
        await watch.client.request(0.05)
        await watch.client.close()
        await asyncio.sleep(0.5)
        assert [device.counts.n_failures for device in host.devices] == [0, 0]
        await host.close()
