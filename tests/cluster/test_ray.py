"""The whole product on real Ray processes: served, steered, an engine killed, a device drained, ended by Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from live_server import LiveServer

from lingen_live.client.live import LiveClient, Refused
from lingen_live.cluster.connect import connected
from lingen_live.cluster.messages import DeviceStatus
from lingen_live.errors import ClusterError

TINY_CLUSTER = Path(__file__).parents[1] / "support" / "tiny_cluster.py"
SNAPSHOT_CHUNKS = 3


async def devices_when(holds: Callable[[list[DeviceStatus]], bool]) -> list[DeviceStatus]:
    from lingen_live.cluster.overview import all_devices

    async with asyncio.timeout(60):
        while not holds(devices := all_devices()):  # noqa: ASYNC110 (of other processes)
            await asyncio.sleep(0.05)
    return devices


async def steer(live: LiveClient, prompt: str) -> int:
    """The chunk with which it took effect; said again if the device died under it, as the refusal asks."""
    while True:
        try:
            return (await live.steer(prompt)).chunk_index
        except Refused as refused:
            if "send it again" not in refused.message:
                raise


def listeners_beyond_loopback(session_id: int) -> list[str]:
    """Addresses, as the kernel writes them, that processes of a session listen on over TCP, other than loopback."""
    sockets: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session_id:
                sockets.update(str(fd.readlink()) for fd in (process / "fd").iterdir())
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    assert listening
    loopback = ("0100007F:", "00000000000000000000000001000000:", "0000000000000000FFFF00000100007F:")
    return [address for address in listening if not address.startswith(loopback)]


async def test_a_session_outlives_its_engine_and_its_device(tiny_bundle: Path) -> None:
    server = LiveServer(
        *("--devices", "2", "--sessions", "2", "--checkpoint", str(tiny_bundle), "--dtype", "float32"),
        *("--prompt", "a meadow", "--snapshot-chunks", str(SNAPSHOT_CHUNKS), "--no-compile"),
        script=TINY_CLUSTER,
    )
    try:
        url = await asyncio.to_thread(lambda: server.url)
        async with LiveClient(url) as live:
            before = await steer(live, "night")
            async for frame in live.frames():
                assert frame.image.shape == (32, 32, 3)
                break
            with connected("auto"):
                from lingen_live.cluster.overview import all_devices, describe, drain

                assert listeners_beyond_loopback(server.process.pid) == []
                both = await devices_when(lambda them: [one.state for one in them] == ["ready", "ready"])
                busy = next(one for one in both if one.n_streams)
                os.kill(busy.pid, signal.SIGKILL)
                after = await steer(live, "a red desert")
                assert after >= before - SNAPSHOT_CHUNKS
                again = await devices_when(lambda them: [one.state for one in them] == ["ready", "ready"])
                assert busy.pid not in [one.pid for one in again]
                assert busy.name in describe(again)

                source = next(one for one in again if one.n_streams)
                said: list[str] = []
                await asyncio.to_thread(drain, source.name, said.append)
                assert said[-1] == f"{source.name}: drained"
                assert await steer(live, "night") > after
                (target,) = all_devices()
                assert (target.name != source.name, target.n_streams) == (True, 1)
                with pytest.raises(ClusterError, match=f"no device 'engine-9'; there are {target.name}"):
                    drain("engine-9", said.append)
        assert await asyncio.to_thread(server.interrupt) == 0
        assert server.leaves_nothing()
    finally:
        server.close()


@pytest.mark.parametrize("address", ["127.0.0.1:{free_port}", "nowhere", "127.0.0.1:port"])
def test_no_cluster_there_is_one_sentence(address: str) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = address.format(free_port=one.getsockname()[1])
        with pytest.raises(ClusterError, match=address), connected(address):
            pass
