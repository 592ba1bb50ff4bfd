"""One recording: the frames that viewers get, on their way into a film, off the event loop and bounded.

A disk that is slow or full ends the recording, with what was written, and nothing else. Knows films and channels;
does not know who asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.film import FilmFile
from lingen_live.serve.mp4 import Cutter, Fragment, Sample
from lingen_live.serve.ticks import CLOCK_RATE_HZ

FRAGMENT_S = 1.0
"""What a kill may cost."""
MAX_FRAGMENT_BYTES = 2**20
MAX_BACKLOG_BYTES = 8 * 2**20

Status = Literal["recording", "done", "failed"]


class Recording:
    """A film that is being made; a `CodedSink`.

    Args:
        name: that it is known by.
        film: to be written.
        max_s: its length at most, of media time.
        max_bytes: its size at most.
        fps: nominal: how long the last frame is shown.
        on_news: told whenever there is more of it.
    """

    def __init__(
        self,
        name: str,
        film: FilmFile,
        *,
        max_s: float,
        max_bytes: int,
        fps: float,
        on_news: Callable[[Recording], None],
    ) -> None:
        self.name, self.film = name, film
        self.status: Status = "recording"
        self.message: str | None = None
        self.n_bytes = 0
        self.has_script = False
        self._max_ticks, self._max_bytes = round(max_s * CLOCK_RATE_HZ), max_bytes
        self._frame_ticks = round(CLOCK_RATE_HZ / fps)
        self._on_news = on_news
        self._cutter = Cutter(round(FRAGMENT_S * CLOCK_RATE_HZ), MAX_FRAGMENT_BYTES)
        self._backlog: deque[Fragment] = deque()
        self._has_news = asyncio.Event()
        self._is_stopped = False
        self._first_pts: int | None = None
        self._last_pts = 0
        self._end_pts = 0

    @property
    def duration_s(self) -> float:
        """Of what is on disk."""
        begin_pts, end_pts = self.span_pts
        return max(0, end_pts - begin_pts) / CLOCK_RATE_HZ

    @property
    def span_pts(self) -> tuple[int, int]:
        """Begin and end of what is on disk, 90 kHz of the session's media time."""
        return (0, 0) if self._first_pts is None else (self._first_pts, self._end_pts)

    def deliver(self, frame: CodedFrame) -> None:
        """Take a frame of the channel; the first must be a keyframe, those before it are let pass."""
        self._take(Sample(frame.data, frame.pts, frame.is_key))

    def stop(self, message: str | None = None) -> None:
        """Take no more frames, for the reason in `message`; what waits is still written."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self.message = self.message or message
        self._put(self._cutter.rest(self._last_pts + self._frame_ticks))
        self._has_news.set()

    async def run(self, samples: Iterable[Sample] | None = None) -> None:
        """Write until stopped; or `samples`, if there are any, and nothing else."""
        executor = ThreadPoolExecutor(1, "lingen-film")
        loop = asyncio.get_running_loop()
        try:
            for sample in samples or ():
                self._take(sample)
                while self._backlog:  # these wait elsewhere: no disk is too slow for them
                    await self._write(executor, self._backlog.popleft())
            if samples is not None:
                self.stop()
            while fragment := await self._next():
                await self._write(executor, fragment)
            await loop.run_in_executor(executor, lambda: self.film.finish(is_whole=True))
            self._end(None if self._first_pts is not None else "No frame came.")
        except (OSError, ValueError) as error:  # the disk, or frames that no film can hold
            self._end(f"The recording broke off: {getattr(error, 'strerror', None) or error}.")
            executor.submit(self.film.finish, is_whole=False)
        finally:
            self._is_stopped = True
            executor.shutdown(wait=False)

    async def _write(self, executor: ThreadPoolExecutor, fragment: Fragment) -> None:
        await asyncio.get_running_loop().run_in_executor(executor, self.film.append, fragment)
        self._end_pts = fragment.end_pts
        self.n_bytes += fragment.n_bytes
        self._on_news(self)

    def _end(self, problem: str | None) -> None:
        self.status = "failed" if problem else "done"
        self.message = problem or self.message
        self._on_news(self)

    def _take(self, sample: Sample) -> None:
        if self._is_stopped or (self._first_pts is None and not sample.is_key):
            return
        if self._first_pts is None:
            self._first_pts = self._end_pts = sample.pts
        if sample.pts - self._first_pts >= self._max_ticks:
            self.stop(f"It reached {self._max_ticks / CLOCK_RATE_HZ:g} s, the most that a recording has.")
            return
        self._last_pts = sample.pts
        self._put(self._cutter.add(sample))

    def _put(self, fragment: Fragment | None) -> None:
        if fragment is None:
            return
        waiting = sum(one.n_bytes for one in self._backlog)
        if waiting + fragment.n_bytes > MAX_BACKLOG_BYTES:
            self.stop(f"The disk is too slow: {waiting} bytes waited, at most {MAX_BACKLOG_BYTES} may.")
            return
        if self.n_bytes + waiting + fragment.n_bytes > self._max_bytes:
            self.stop(f"It reached {self._max_bytes} bytes, the most that there is room for.")
            return
        self._backlog.append(fragment)
        self._has_news.set()

    async def _next(self) -> Fragment | None:
        while not self._backlog:
            if self._is_stopped:
                return None
            self._has_news.clear()
            await self._has_news.wait()
        return self._backlog.popleft()
