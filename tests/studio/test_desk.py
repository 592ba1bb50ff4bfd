"""Films one after the other, whatever becomes of each. What makes them is a stand-in that a test holds by the hand."""

from __future__ import annotations

import asyncio
import errno
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import fake_engine
import pytest

from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError
from lingen_live.studio.board import shoot, to_board
from lingen_live.studio.desk import MAX_FILMS, MAX_PICTURES, MAX_WAITING, Desk, Film, Work
from lingen_live.studio.film_view import show_films, show_player
from lingen_live.studio.reel import Reel

INFO = fake_engine.FakeEngine(EngineOptions()).info


class Maker:
    """Makes films when it is told to."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.told: asyncio.Queue[int | Exception] = asyncio.Queue()
        self.n_cancelled = 0
        self.now_s = 0.0

    async def __call__(self, work: Work, reel: Reel, on_chunk: Callable[[int, bytes | None], object]) -> int:
        scenario = work
        assert isinstance(scenario, Scenario)
        reel.open(scenario)
        self.begun.put_nowait(scenario.start.asked[0][0].prompt)
        n_made = 0
        try:
            while n_made < scenario.n_chunks:
                told = await self.told.get()
                if isinstance(told, Exception):
                    raise told
                for _ in range(told):
                    n_made += 1
                    self.now_s += 0.1
                    on_chunk(n_made, b"%d" % n_made)
        except asyncio.CancelledError:
            self.n_cancelled += 1
            raise
        reel.film.write_bytes(b"film")
        reel.told.write_bytes(b"told")
        reel.discard()
        return 8 * n_made


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def desk(maker: Maker) -> AsyncIterator[Desk]:
    desk = Desk(maker, lambda: maker.now_s)
    running = asyncio.create_task(desk.run())
    yield desk
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def submit(desk: Desk, prompt: str, length_s: float = 2) -> Film:
    return desk.submit(*shoot(to_board([["0", prompt]], 0, length_s), INFO))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.001)


async def over(film: Film) -> Film:
    await until(lambda: film.is_over)
    return film


def folder(desk: Desk) -> Path:
    assert desk._folder is not None
    return desk._folder


async def test_films_are_made_in_turn_and_lie_there_until_the_end(desk: Desk, maker: Maker) -> None:
    one, other = submit(desk, "<one> & more"), submit(desk, "other")
    assert await maker.begun.get() == "<one> & more"
    assert (one.status, other.status, desk.place(other)) == ("rendering", "waiting", 1)
    maker.told.put_nowait(2)
    await until(lambda: one.n_made == 2)
    assert one.left_s == pytest.approx(0.2)
    shown = show_films(desk.films, [desk.place(film) for film in desk.films])
    assert "1.0 of 2 s, 5.0 times playback, 0:00 left" in shown
    assert "waits for 1 other" in shown
    assert "&lt;one&gt; &amp; more" in shown
    assert desk.path(one) is None
    assert show_player(one) == ""
    maker.told.put_nowait(2)
    assert (await over(one)).status == "done"
    path = desk.path(one)
    assert path is not None
    assert path.read_bytes() == b"film"
    assert path.name.startswith(one.id)
    assert f'src="films/{one.id}.mp4"' in show_player(one)
    assert await maker.begun.get() == "other"
    maker.told.put_nowait(4)
    assert (await over(other)).status == "done"


async def test_one_that_is_cancelled_or_fails_leaves_nothing_and_the_next_is_made(desk: Desk, maker: Maker) -> None:
    films = [submit(desk, prompt) for prompt in ("cancelled", "never begun", "fails", "breaks")]
    await maker.begun.get()
    films.append(submit(desk, "whole"))
    desk.cancel(films[1])
    desk.cancel(films[0])
    maker.told.put_nowait(EngineError("It cannot be."))
    maker.told.put_nowait(OSError(28, "No space left on device"))
    maker.told.put_nowait(4)
    await over(films[-1])
    assert [film.status for film in films] == ["cancelled", "cancelled", "failed", "failed", "done"]
    assert [film.problem for film in films[2:4]] == [
        "It cannot be.",
        "The film cannot be written: No space left on device.",
    ]
    assert maker.n_cancelled == 1
    assert {path.name.partition(".")[0] for path in folder(desk).iterdir()} == {films[-1].id}
    desk.cancel(films[-1])
    assert films[-1].status == "done"


async def test_so_many_wait_and_so_many_are_kept(desk: Desk, maker: Maker) -> None:
    first = submit(desk, "first")
    await maker.begun.get()
    for _ in range(MAX_WAITING):
        submit(desk, "waits")
    with pytest.raises(EngineError, match=f"{MAX_WAITING} films wait to be made; at most {MAX_WAITING} may"):
        submit(desk, "one more")
    maker.told.put_nowait(4)
    await over(first)
    for _ in range(MAX_FILMS):
        for film in desk.films:
            desk.cancel(film)
        await over(desk.films[-1])
        submit(desk, "more")
    assert desk.find(first.id) is None
    assert not (folder(desk) / f"{first.id}.mp4").exists()
    assert len(desk.films) == MAX_FILMS


async def test_at_the_end_nothing_is_left(maker: Maker) -> None:
    desk = Desk(maker)
    running = asyncio.create_task(desk.run())
    submit(desk, "a")
    await maker.begun.get()
    assert folder(desk).is_dir()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert maker.n_cancelled == 1
    assert not folder(desk).exists()


def test_pictures_are_few_and_spread() -> None:
    scenario, chunk_s = shoot(to_board([["0", "a"]], 0, 3600), INFO)
    film = Film("id", "a", scenario, chunk_s)
    for n_made in range(1, scenario.n_chunks + 1):
        film.hear(n_made, b"%d" % n_made, float(n_made))
        assert len(film.pictures) <= MAX_PICTURES
    numbers = [int(picture) for picture in film.pictures]
    gaps = {b - a for a, b in itertools.pairwise(numbers)}
    assert (numbers[0], gaps) == (1, {512})
    assert len(numbers) >= MAX_PICTURES // 2


async def test_a_disk_without_room_costs_a_film_and_nothing_else(
    desk: Desk, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**kind: str) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("tempfile.mkdtemp", refuse)
        film = submit(desk, "a sea")
        await until(lambda: film.is_over)
    assert (film.status, film.problem) == ("failed", "The film cannot be written: No space left on device.")
    other = submit(desk, "a meadow")
    maker.told.put_nowait(4)
    await until(lambda: other.status == "done")
