"""A crowd that comes and goes, is killed, talks nonsense and never listens, while one viewer watches on in peace."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import crowd
import httpx
import pytest
from aiortc.mediastreams import MediaStreamError
from live_server import FAKE_LIVE, LiveServer
from served import Live, running_server
from whep_player import Player, player

# Two minutes of it were watched once (docs/performance.md); here, as many seconds as a test may take.
CROWD_S = float(os.environ.get("LINGEN_CROWD_S", "8"))
TICKS_A_SECOND, FREEZE_S = 90_000, 0.5
MORE_BYTES = 40 * 2**20

_KILLED = """
import asyncio, sys
from urllib.parse import urljoin
from lingen_live.client.watching import Watcher

async def main():
    async with Watcher(urljoin(sys.argv[1], "whep")) as watcher:
        await anext(watcher.frames())
        print("sees", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


class Held(NamedTuple):
    """What a process holds."""

    n_threads: int
    n_files: int
    n_viewers: int
    n_sessions: int

    def is_more_than(self, other: Held) -> bool:
        return any(mine > others for mine, others in zip(self, other, strict=True))

    @classmethod
    async def by(cls, server: LiveServer, http: httpx.AsyncClient) -> Held:
        told = await metrics(http)
        n_viewers, n_sessions = (int(float(gauge(told, name))) for name in ("viewers", "sessions"))
        folder = Path(f"/proc/{server.process.pid}")
        n_threads, n_files = (len(list((folder / name).iterdir())) for name in ("task", "fd"))
        return cls(n_threads, n_files, n_viewers, n_sessions)


def gauge(told: str, name: str) -> str:
    """A number of Prometheus' text."""
    match = re.search(rf"^lingen_{name} (\S+)$", told, re.MULTILINE)
    assert match, told
    return match[1]


async def metrics(http: httpx.AsyncClient) -> str:
    """All of it, as soon as the server answers this address again, from which the crowd comes too."""
    while (answer := await http.get("/metrics")).status_code == 429:  # noqa: ASYNC110 (of another process)
        await asyncio.sleep(0.2)
    return answer.text


def resident_bytes(server: LiveServer) -> int:
    return int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="utf-8").split()[1]) * 4096


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server in a process of its own, whose chunks take no time."""
    server = LiveServer("--prompt", "a day", script=FAKE_LIVE)
    yield server
    server.close()


async def watch_on(peer: Player, pts: list[int]) -> None:
    """Note the media time of every frame, until the other side hangs up."""
    with suppress(MediaStreamError):
        while True:
            frame = await peer.frame()
            assert frame.pts is not None
            pts.append(frame.pts)


async def run_crowd(url: str, seconds: float) -> list[int]:
    """Be invaded, from another process; how often each of them came."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = (sys.executable, crowd.__file__, url, str(seconds))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE, env=environment)
    said, _ = await process.communicate()
    assert process.returncode == 0
    n_times: list[int] = json.loads(said)
    return n_times


async def test_a_crowd_leaves_nothing_and_disturbs_nobody(server: LiveServer) -> None:
    url = await asyncio.to_thread(lambda: server.url)
    async with httpx.AsyncClient(base_url=url) as http, player() as reference:
        assert (await reference.play_on(http)).status_code == 201
        pts: list[int] = []
        watching = asyncio.create_task(watch_on(reference, pts))
        await run_crowd(url, 1)  # what is made once is made now
        await until(http, n_viewers=1)
        before, bytes_before, n_before = await Held.by(server, http), resident_bytes(server), len(pts)
        n_times = await run_crowd(url, CROWD_S)
        assert len(n_times) == crowd.N_VIEWERS
        assert min(n_times) >= 1
        await until(http, n_viewers=1)
        await until_no_more_than(before, server, http)
        assert resident_bytes(server) < bytes_before + MORE_BYTES
        seen = pts[n_before:]
        gaps_s = [(later - earlier) / TICKS_A_SECOND for earlier, later in itertools.pairwise(seen)]
        assert min(gaps_s) > 0
        assert max(gaps_s) < FREEZE_S
        watching.cancel()


async def until_no_more_than(before: Held, server: LiveServer, http: httpx.AsyncClient) -> None:
    """Wait until nothing is held that was not: aiortc and uvicorn let go of connections seconds later."""
    deadline_s = asyncio.get_running_loop().time() + 30
    while (held := await Held.by(server, http)).is_more_than(before):
        assert asyncio.get_running_loop().time() < deadline_s, (held, before)
        await asyncio.sleep(0.5)


async def until(http: httpx.AsyncClient, *, n_viewers: int) -> None:
    """Wait until so many are left."""
    async with asyncio.timeout(30):
        while int(float(gauge(await metrics(http), "viewers"))) != n_viewers:  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(0.1)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live:
        yield live


async def test_a_viewer_that_was_killed_is_noticed_and_let_go(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.3)  # of five seconds; after six silences it is over
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = (sys.executable, "-c", _KILLED, f"http://127.0.0.1:{live.port}/")
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE, env=environment)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"sees\n"
    assert len(live.viewers) == 1
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await until(live.http, n_viewers=0)
