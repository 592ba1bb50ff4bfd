"""Variants of one moment: alike bit for bit where they are alike, from a stream of their own or from a live one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from tiny_engine import make_tiny

from lingen_live.engine.client import ChunkReady, EngineClient
from lingen_live.engine.control import Steer
from lingen_live.engine.engine import Engine
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.replay import replay
from lingen_live.engine.scenario import read_scenario
from lingen_live.errors import EngineError
from lingen_live.studio.comparing import compare_beside
from lingen_live.studio.reel import Reel
from lingen_live.studio.storyboard import Grid
from lingen_live.studio.variants import Cells, Comparison, Opening, Taken, compare, read_variants

MakeEngine = Callable[..., Engine]
OPENING = Opening("a meadow", 5, 4)


def note(begun: asyncio.Event, n_made: int, picture: bytes | None) -> None:
    begun.set()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
async def host(tiny_bundle: Path) -> AsyncIterator[InProcessHost]:
    host = InProcessHost(EngineOptions(str(tiny_bundle), n_sessions=1, n_background=1), make_tiny)
    await host.start(lambda stage, fraction: None)
    yield host
    await host.close()


def plan(host: InProcessHost, origin: Opening | Taken, *cells: Cells, n_shown: int = 3) -> Comparison:
    assert host._engine is not None
    grid = Grid.of(host._engine.info)
    return compare(origin, read_variants(cells, grid), n_shown, grid.chunk_s)


async def make(host: InProcessHost, comparison: Comparison, folder: Path) -> list[int]:
    told: list[int] = []
    reel = Reel(folder / "film.mp4")
    n_frames = await compare_beside(host, comparison, reel, lambda n, picture: told.append(n))
    assert n_frames == 8 * comparison.n_shown
    return told


async def chunks(client: EngineClient, n_chunks: int) -> list[ChunkReady]:
    made: list[ChunkReady] = []
    events = client.events()
    while len(made) < n_chunks:
        await client.request()
        event = await anext(events)
        while not isinstance(event, ChunkReady):
            event = await anext(events)
        made.append(event)
    return made


async def test_what_is_alike_is_alike_bit_for_bit_and_each_replays(
    host: InProcessHost, make_engine: MakeEngine, tmp_path: Path
) -> None:
    night: Cells = ("night", "soft", 1, None)
    comparison = plan(host, OPENING, night, night, ("night", "soft", 1, 5), ("a sea\nice * 2", "blend", None, None))
    told = await make(host, comparison, tmp_path)
    assert told == list(range(1, comparison.n_chunks + 1)) == list(range(1, 4 + 4 * 3 + 1))
    a, b, c, d = comparison.results
    assert a.digest == b.digest
    assert len({a.digest, c.digest, d.digest}) == 3
    assert [one.n_steps for one in comparison.results] == [2, 2, 5, 2]
    assert all(one.chunk_s > 0 and one.has_scenario for one in comparison.results)
    names = {f"film.{name}.{ending}" for name in "ABCD" for ending in ("lgs", "scenario.json")}
    assert names_in(tmp_path) == {"film.mp4", *names}
    for name in "AC":
        scenario = read_scenario(tmp_path / f"film.{name}.scenario.json")
        assert scenario.shows == (4, 3)
        assert len(list(replay(make_engine(), scenario, verify=True))) == 3
    with av.open(str(tmp_path / "film.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert {picture.shape for picture in pictures} == {(32, 4 * 32, 3)}
    first, second, third = (np.stack([p[:, k * 32 : k * 32 + 32] for p in pictures]) for k in range(3))
    assert np.abs(first - second).mean() < np.abs(first - third).mean()


async def test_from_a_live_stream_each_goes_on_as_that_would_have(
    host: InProcessHost, make_engine: MakeEngine, tmp_path: Path
) -> None:
    live = host.open(prompt="a meadow", seed=7)
    await live.start(lambda stage, fraction: None)
    await chunks(live, 4)
    await live.control(Steer(1, "a sea", 2))
    await chunks(live, 2)
    # From the moment before chunk 4, when nothing was said yet; a re-anchor needs the one before that.
    taken = Taken(await live.save(3), 3, 4, "session 1")
    comparison = plan(host, taken, ("", "soft", None, None), ("night", "re-anchor", 0.5, None), n_shown=2)
    await make(host, comparison, tmp_path)
    engine = make_engine(seed=7)
    for _ in range(4):
        engine.tick()
    before = engine.mark()
    for name, prompt in (("A", ""), ("B", "night")):
        engine.restore(before)
        if prompt:
            engine.reanchor(prompt, 1)
        expected = [engine.tick().digest for _ in range(2)]
        record = read_scenario(tmp_path / f"film.{name}.scenario.json").record
        assert [record.digest(index) for index in (4, 5)] == expected
        again = make_engine(seed=1)
        again.load_session((tmp_path / f"film.{name}.lgs").read_bytes())
        assert again.tick().digest == engine.tick().digest  # live from there
        assert again.timeline.current.name == f"variant {name}"
    assert [chunk.chunk_index for chunk in await chunks(live, 1)] == [6]  # nobody disturbed it


async def test_what_the_engine_refuses_is_told_of_its_variant(host: InProcessHost, tmp_path: Path) -> None:
    live = host.open(prompt="a meadow", seed=7)
    await live.start(lambda stage, fraction: None)
    await chunks(live, 1)
    taken = Taken(await live.save(), 1, 1, "session 1")
    comparison = plan(host, taken, ("", "soft", None, None), ("night", "re-anchor", 0.5, None))
    with pytest.raises(EngineError, match=r"^Variant B: 1 chunks cannot be told anew"):
        await make(host, comparison, tmp_path)
    assert len(comparison.results) == 1


async def test_one_that_is_cancelled_lets_go_of_its_stream(host: InProcessHost, tmp_path: Path) -> None:
    for _ in range(2):  # there is room for one
        begun = asyncio.Event()
        comparison = plan(host, OPENING, ("", "soft", None, None), ("night", "cut", None, None), n_shown=16)
        reel = Reel(tmp_path / "film.mp4")
        making = asyncio.create_task(compare_beside(host, comparison, reel, partial(note, begun)))
        async with asyncio.timeout(60):
            await begun.wait()
        making.cancel()
        with suppress(asyncio.CancelledError):
            await making
        reel.discard()
    assert names_in(tmp_path) == set()
