"""How many devices have an engine: by the rule, and with engines in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import fake_engine
import pytest
from cluster_watch import Watch, ignore_progress
from local_link import LocalCluster

from lingen_live.cluster.host import ClusterHost
from lingen_live.cluster.scaling import Scaling, ScalingPlan
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import ClusterError

OPTIONS = EngineOptions(prompt="a day", seed=7, dtype="float32", n_sessions=2)


def test_more_at_once_and_fewer_after_a_calm_time() -> None:
    scaling = Scaling(ScalingPlan(1, 4, n_spare=1, calm_s=60))
    looks = [
        (0, 0, 1),
        (10, 1, 1),
        (20, 2, 2),  # both places are taken, and one is to be free
        (30, 30, 4),  # no more than there may be
        (40, 3, 4),
        (90, 5, 4),  # still not calm for long enough, and three were needed meanwhile
        (100, 1, 3),
        (110, 1, 3),
        (150, 0, 3),
        (170, 0, 1),
    ]
    assert [scaling.wanted(now_s, n_sessions, 2) for now_s, n_sessions, _ in looks] == [wanted for *_, wanted in looks]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 4, 1), "least-devices is 0; it must be 1 to the number of devices, 4"),
        ((5, 4, 1), "least-devices is 5; it must be 1 to the number of devices, 4"),
        ((1, 4, -1), "spare is -1; it must be 0 or more"),
    ],
)
def test_a_plan_that_cannot_be(numbers: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        ScalingPlan(*numbers)


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClusterHost]:
    """Up to three devices of two places, one of which always works."""
    monkeypatch.setattr("lingen_live.cluster.scaling.LOOK_S", 0.01)
    cluster = LocalCluster(OPTIONS, fake_engine.make_fake)
    plan = ScalingPlan(1, 3, n_spare=1, calm_s=0.1)
    it = ClusterHost(("a", "b", "c"), cluster.connect, dtype="float32", scaling=plan, first_retry_s=0.02)
    await it.start(ignore_progress)
    yield it
    await it.close()
    await cluster.close()


async def become(host: ClusterHost, *states: str) -> None:
    async with asyncio.timeout(20):
        while tuple(device.state for device in host.devices) != states:  # noqa: ASYNC110 (as of other machines)
            await asyncio.sleep(0.01)


async def test_devices_come_with_sessions_and_go_with_them(host: ClusterHost) -> None:
    await become(host, "ready", "waiting", "waiting")
    first = await Watch.open(host)
    assert (await first.chunk()).profile.device == "a"
    second = await Watch.open(host)
    await become(host, "ready", "ready", "waiting")
    third, fourth = await Watch.open(host), await Watch.open(host)
    await become(host, "ready", "ready", "ready")
    for watch in (second, third):
        await watch.client.close()
    await become(host, "ready", "ready", "ended")
    await first.client.close()
    # Whoever is left goes on where there is an engine, and the others end theirs.
    async with asyncio.timeout(20):
        while sum(device.state == "ready" for device in host.devices) != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert fourth.client.device is not None
    assert fourth.client.device.state == "ready"
    assert (await fourth.chunk()).chunk_index == 0
    again = await Watch.open(host)
    async with asyncio.timeout(20):
        while sum(device.state == "ready" for device in host.devices) != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await again.chunk()).chunk_index == 0


async def test_one_that_was_drained_by_hand_is_not_started_again(host: ClusterHost) -> None:
    await become(host, "ready", "waiting", "waiting")
    watches = [await Watch.open(host) for _ in range(2)]
    await become(host, "ready", "ready", "waiting")
    host.devices[1].state = "draining"
    host.hear_leaving(host.devices[1])
    await become(host, "ready", "ended", "ready")
    assert [(await watch.chunk()).chunk_index for watch in watches] == [0, 0]
    assert [device.state for device in host.devices] == ["ready", "ended", "ready"]


async def test_one_is_not_started_again_before_its_last_engine_is_gone(host: ClusterHost) -> None:
    await become(host, "ready", "waiting", "waiting")
    spare = host.devices[1]
    watches = [await Watch.open(host) for _ in range(2)]
    await become(host, "ready", "ready", "waiting")
    host._scaler.resting.add(spare)
    spare.end()
    host._scaler.look(0.0, 2)  # at once: its engine is still there, and another device has to do
    assert (spare.state, spare.is_running) == ("ended", True)
    await become(host, "ready", "ended", "ready")
    watches += [await Watch.open(host) for _ in range(2)]
    await become(host, "ready", "ready", "ready")
    assert spare.counts.n_failures == 0
    assert [(await watch.chunk()).chunk_index for watch in watches] == [0, 0, 0, 0]
