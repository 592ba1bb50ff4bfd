"""`Desk`: films that are being made, one after the other, and those that are there. All visitors share it.

A film belongs to no page: a reload, or a closed laptop, does not end it. Bounded. Knows films and time. Does not know
pages, nor how a film is made.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError, LingenError
from lingen_live.studio.reel import Reel
from lingen_live.studio.variants import Comparison

Status = Literal["waiting", "rendering", "done", "failed", "cancelled"]
Work = Scenario | Comparison
Make = Callable[[Work, Reel, Callable[[int, bytes | None], object]], Awaitable[int]]

MAX_WAITING = 4
MAX_FILMS = 12
"""Kept, whatever became of them; the oldest that is not being made goes when another comes."""
MAX_PICTURES = 24
_RECENT = 20

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Film:
    """One that somebody asked for.

    Attributes:
        id: that nobody can guess.
        title: its first words.
        work: what is said when, or what is compared.
        chunk_s: media time of a chunk.
        status: what became of it.
        n_made: chunks that there are.
        pictures: of moments of it, JPEG, evenly spread, the newest last.
        problem: why it failed.
        made_at_s: when the last chunks were there.
    """

    id: str
    title: str
    work: Work
    chunk_s: float
    status: Status = "waiting"
    n_made: int = 0
    pictures: list[bytes] = field(default_factory=list)
    problem: str = ""
    made_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _stride: int = 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in ("done", "failed", "cancelled")

    @property
    def chunk_cost_s(self) -> float | None:
        """How long a chunk takes to be made, of late; None before the second."""
        n = len(self.made_at_s) - 1
        return (self.made_at_s[-1] - self.made_at_s[0]) / n if n > 0 else None

    @property
    def left_s(self) -> float | None:
        """How long it will take; None if nobody knows."""
        cost_s = self.chunk_cost_s
        return None if cost_s is None else cost_s * (self.work.n_chunks - self.n_made)

    def hear(self, n_made: int, picture: bytes | None, now_s: float) -> None:
        """One more chunk is there."""
        self.n_made = n_made
        self.made_at_s.append(now_s)
        if picture is None or (n_made - 1) % self._stride:
            return
        self.pictures.append(picture)
        if len(self.pictures) > MAX_PICTURES:
            del self.pictures[1::2]
            self._stride *= 2


class Desk:
    """The films of a studio.

    Args:
        make: makes one; is cancelled if it is not wanted any more.
        clock: monotonic seconds.
    """

    def __init__(self, make: Make, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._films: dict[str, Film] = {}
        self._folder: Path | None = None
        self._has_work = asyncio.Event()
        self._task: asyncio.Task[int] | None = None
        self._at_work: Film | None = None

    @property
    def films(self) -> tuple[Film, ...]:
        """All, oldest first."""
        return tuple(self._films.values())

    def find(self, film_id: str) -> Film | None:
        """One by its id."""
        return self._films.get(film_id)

    def path(self, film: Film, ending: str = "mp4") -> Path | None:
        """Where the film is, or what else of it has that ending; None if it is not there."""
        if film.status != "done" or self._folder is None:
            return None
        path = self._folder / f"{film.id}.{ending}"
        return path if path.is_file() else None

    def place(self, film: Film) -> int:
        """How many others are made before a film that waits."""
        before = [one for one in self.films if not one.is_over]
        return before.index(film) if film in before else 0

    def submit(self, work: Work, chunk_s: float) -> Film:
        """Have a film made, after those that were asked for before.

        Raises:
            EngineError: too many wait already; with both numbers.
        """
        self.check_room()
        title = work.title if isinstance(work, Comparison) else work.start.asked[0][0].prompt
        film = Film(secrets.token_urlsafe(12), title, work, chunk_s)
        self._films[film.id] = film
        self._forget()
        self._has_work.set()
        return film

    def check_room(self) -> None:
        """Refuse one more film; what is asked before anything is fetched for one.

        Raises:
            EngineError: too many wait already; with both numbers.
        """
        n_waiting = sum(film.status == "waiting" for film in self.films)
        if n_waiting >= MAX_WAITING:
            raise EngineError(f"{n_waiting} films wait to be made; at most {MAX_WAITING} may. Try again later.")

    def cancel(self, film: Film) -> None:
        """Have a film not made; nothing if it is over."""
        if film is self._at_work and self._task is not None:
            self._task.cancel()
        elif film.status == "waiting":
            film.status = "cancelled"
            _spend(film)

    async def run(self) -> None:
        """Make films until cancelled; then all of them are gone."""
        try:
            while True:
                self._has_work.clear()
                film = next((one for one in self.films if one.status == "waiting"), None)
                if film is None:
                    await self._has_work.wait()
                else:
                    await self._work(film)
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    async def _work(self, film: Film) -> None:
        film.status, self._at_work = "rendering", film
        self._task = asyncio.create_task(self._shoot(film))
        try:
            await asyncio.wait([self._task])
            film.status, film.problem = _fate(self._task)
        finally:
            if self._task.done():
                self._at_work = self._task = None
                _spend(film)

    async def _shoot(self, film: Film) -> int:
        """Whatever goes wrong with a film, the disk included, is its own misfortune."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lingen-live-studio-"))
        reel, is_made = self._reel(film), False
        try:
            n_frames = await self._make(
                film.work, reel, lambda n_made, picture: film.hear(n_made, picture, self._clock())
            )
            is_made = True
            return n_frames
        finally:
            if not is_made:
                await asyncio.to_thread(reel.discard)

    def _reel(self, film: Film) -> Reel:
        assert self._folder is not None
        return Reel(self._folder / f"{film.id}.mp4")

    def _forget(self) -> None:
        """The oldest that are over, if there are too many."""
        over = [film for film in self.films if film.is_over]
        for film in over[: max(0, len(self._films) - MAX_FILMS)]:
            if self._folder is not None:
                for path in self._folder.glob(f"{film.id}.*"):
                    path.unlink(missing_ok=True)
            del self._films[film.id]


def _spend(film: Film) -> None:
    """It is over: what it was made of may hold megabytes."""
    if isinstance(film.work, Comparison):
        film.work.spend()


def _fate(task: asyncio.Task[int]) -> tuple[Status, str]:
    if task.cancelled():
        return "cancelled", ""
    match error := task.exception():
        case None:
            return "done", ""
        case LingenError():
            return "failed", error.message
        case OSError():
            return "failed", f"The film cannot be written: {error.strerror or error}."
        case _:  # the boundary of a film: the others are made all the same
            logger.error("A film failed", exc_info=error)
            return "failed", "The film could not be made; the terminal of the server says why."
