"""A finished chunk on its way into the queue: its colours for encoders, its picture for the filmstrip, its times.

Knows chunks and the book of lives. Does not know when it plays, nor who watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lingen_live.engine.client import ChunkReady
from lingen_live.profile.lives import ChunkLife, LifeBook
from lingen_live.serve.archive import Archive
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.playout import ChunkInfo, Image, KeptImage


class Intake:
    """Takes chunks one after the other.

    Args:
        archive: keeps pictures.
        book: keeps times.
        clock: monotonic seconds.
    """

    def __init__(self, archive: Archive, book: LifeBook, clock: Callable[[], float]) -> None:
        self._archive = archive
        self._book = book
        self._clock = clock
        self._colour = ColourConverter()

    async def take(
        self, chunk: ChunkReady, requested_s: float | None, asked_s: float | None
    ) -> tuple[ChunkInfo, Sequence[Image]]:
        """What plays, and its images, of which those that stayed elsewhere are only named.

        Args:
            chunk: as it came.
            requested_s: when it was asked for; None if nobody did.
            asked_s: when the oldest control came that it is the first to obey; None if there is none.
        """
        now_s = self._clock()
        life = self._book.open(chunk.profile, now_s if requested_s is None else requested_s, now_s, asked_s)
        images: Sequence[Image]
        if chunk.kept is not None:
            images = [KeptImage(chunk.kept.key, index) for index in range(chunk.kept.n_frames)]
        else:
            # About two milliseconds of work, and not on the event loop.
            with self._timed(life, "colour"):
                images = await asyncio.to_thread(self._colour.to_yuv420p, chunk.frames)
        with self._timed(life, "archive"):
            await self._archive.keep(chunk)
        return ChunkInfo.of(chunk, life), images

    @contextmanager
    def _timed(self, life: ChunkLife, name: str) -> Iterator[None]:
        start_s = self._clock()
        yield
        self._book.add(life, name, start_s, self._clock() - start_s)
