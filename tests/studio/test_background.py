"""Films of a stream in the background: the same as on the shell, byte for byte; one that is cancelled lets go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tiny_engine import make_tiny

from lingen_live.engine.client import ChunkReady
from lingen_live.engine.control import Steer
from lingen_live.engine.engine import Engine
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.replay import replay
from lingen_live.engine.scenario import read_scenario
from lingen_live.studio.background import render_beside
from lingen_live.studio.board import shoot, to_board
from lingen_live.studio.reel import PART_CHUNKS, Reel
from lingen_live.studio.render import render

MakeEngine = Callable[..., Engine]

CELLS = [["0", "a meadow"], [2, "night", "soft", 1], ["", "a sea", "", "", 2], [6, "ice", "cut"], [8, "a", "re-anchor"]]
LENGTH_S = PART_CHUNKS / 2 + 1  # two parts


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
async def host(tiny_bundle: Path) -> AsyncIterator[InProcessHost]:
    host = InProcessHost(EngineOptions(str(tiny_bundle), n_sessions=1, n_background=1), make_tiny)
    await host.start(lambda stage, fraction: None)
    yield host
    await host.close()


async def test_a_film_beside_a_live_stream_is_that_of_the_shell_and_replays_bit_for_bit(
    host: InProcessHost, make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine()
    scenario, _ = shoot(to_board(CELLS, 5, LENGTH_S, 3), engine.info)
    told: list[int] = []

    async def watch() -> None:
        live = host.open(prompt="somebody else", seed=1)
        await live.start(lambda stage, fraction: None)
        await live.request()
        async for event in live.events():
            if isinstance(event, ChunkReady):
                await live.control(Steer(event.chunk_index, "night" if event.chunk_index % 2 else "day"))
                if event.chunk_index < 10:
                    await live.request(0.0)  # as urgent as can be: the film's chunks are abandoned for it

    live = asyncio.create_task(watch())
    beside = Reel(tmp_path / "beside.mp4")

    def hear(n_made: int, picture: bytes | None) -> None:
        told.append(n_made)
        assert picture is not None
        assert picture.startswith(b"\xff\xd8")  # JPEG

    n_frames = await render_beside(host, scenario, beside, hear)
    live.cancel()
    alone = Reel(tmp_path / "alone.mp4")
    assert render(engine, scenario, alone, lambda n: None) == n_frames == 8 * scenario.n_chunks
    assert told == list(range(1, scenario.n_chunks + 1))
    assert beside.film.read_bytes() == alone.film.read_bytes()
    recorded = read_scenario(beside.told)
    assert replace(recorded, record=scenario.record) == replace(scenario, made_with=engine.made_with)
    assert len(list(replay(make_engine(), recorded, verify=True))) == scenario.n_chunks


async def test_one_that_is_cancelled_lets_go_of_its_stream(host: InProcessHost, tmp_path: Path) -> None:
    assert host._engine is not None
    scenario, _ = shoot(to_board(CELLS, 5, 60), host._engine.info)
    for _ in range(2):  # there is room for one
        told: asyncio.Queue[int] = asyncio.Queue()
        reel = Reel(tmp_path / "film.mp4")
        say = partial(lambda told, n_made, picture: told.put_nowait(n_made), told)
        film = asyncio.create_task(render_beside(host, scenario, reel, say))
        async with asyncio.timeout(60):
            assert await told.get() == 1
        film.cancel()
        with suppress(asyncio.CancelledError):
            await film
        assert film.cancelled()
        reel.discard()
    assert names_in(tmp_path) == []
