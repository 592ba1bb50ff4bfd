"""The films of one session: begun, ended, kept after the fact, and told about. Knows outlets, films and controls.

A recorder takes part in an outlet like a viewer, so nothing is encoded twice; it is no person, so it holds no session
open. Does not know HTTP or sockets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lingen_live.errors import LingenError
from lingen_live.serve.booth import Booth
from lingen_live.serve.coded import Codec
from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.film import FilmFile
from lingen_live.serve.film_messages import KeepControl, RecordControl, RecordingEvent
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import MAX_KEEP_S, AppliedEvent, ReceivedEvent
from lingen_live.serve.recording import Recording
from lingen_live.serve.sessions import Session
from lingen_live.serve.shelf import MAX_AT_WORK, MAX_FILM_BYTES, MAX_FILMS, Shelf
from lingen_live.serve.ticks import to_pts
from lingen_live.serve.viewer import Outlet

CLOSE_S = 2.0


class Recorder:
    """All films of `session`.

    Args:
        session: whose frames they show.
        booth: where its video is coded.
        shelf: where they lie.
    """

    def __init__(self, session: Session, booth: Booth, shelf: Shelf) -> None:
        self._session, self._booth, self._shelf = session, booth, shelf
        self._films: dict[str, Recording] = {}
        self._running: tuple[Recording, Outlet] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def control(self, control: RecordControl | KeepControl, outbox: Outbox) -> None:
        """Begin, end or keep.

        Raises:
            ProtocolError: it cannot be done now.
        """
        outbox.post(ReceivedEvent(control.id))
        if isinstance(control, KeepControl):
            await self._keep(control.seconds or MAX_KEEP_S, control.id)
        elif control.action == "start":
            self._start(control.id)
        else:
            self._stop(control.id)
        outbox.post(AppliedEvent(control.id, self._session.chunk_index, to_pts(self._session.media_time_s)))

    def events(self) -> list[RecordingEvent]:
        """What a newcomer is told."""
        return [self._event(film) for film in self._films.values()]

    def find(self, name: str) -> Path | None:
        """The file of a film."""
        return self._films[name].film.path if name in self._films else None

    async def close(self) -> None:
        """End what runs, wait a moment for the disk, and forget all."""
        if self._running is not None:
            self._running[0].stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=CLOSE_S)
        for task in self._tasks.values():
            task.cancel()
        for film in self._films.values():
            self._shelf.drop(film.film.path)
        self._films = {}

    def _start(self, id: int) -> None:
        if self._running is not None:
            raise ProtocolError("already_recording", "A recording runs already; one runs at a time.", id)
        outlets = self._booth.outlets
        # Whatever is encoded for viewers anyway; H.264 if both or neither are, since more programs play it.
        codec: Codec = "VP8" if len(outlets["VP8"]) and not len(outlets["H264"]) else "H264"
        recording = self._open(codec, id)
        self._running = (recording, outlets[codec])
        outlets[codec].add(recording)
        self._session.add_viewer(self._booth, is_person=False)
        self._go(recording)

    def _stop(self, id: int) -> None:
        if self._running is None:
            raise ProtocolError("not_recording", "No recording runs.", id)
        self._running[0].stop()

    async def _keep(self, seconds: int, id: int) -> None:
        rings = {codec: await outlet.last(seconds) for codec, outlet in self._booth.outlets.items()}
        # The one that somebody watched last; of two, the one that has more.
        codec = max(rings, key=lambda one: (rings[one][-1].pts, len(rings[one])) if rings[one] else (-1, 0))
        if not rings[codec]:
            raise ProtocolError("nothing_kept", "Nothing has been watched yet, so there is nothing to keep.", id)
        recording = self._open(codec, id)
        self._go(recording, rings[codec])

    def _open(self, codec: Codec, id: int) -> Recording:
        info, shelf = self._session.info, self._shelf
        if info is None:
            raise ProtocolError("warming", "The model is still warming up; there is nothing to record.", id)
        if shelf.n_at_work >= MAX_AT_WORK:
            message = f"{shelf.n_at_work} films are being written here; at most {MAX_AT_WORK} can be."
            raise ProtocolError("too_many_recordings", message, id)
        finished = [name for name in self._films if name not in self._tasks]
        while finished and (len(self._films) >= MAX_FILMS or (shelf.room_bytes <= 0 and not shelf.is_kept)):
            shelf.drop(self._films.pop(finished.pop(0)).film.path)
        max_bytes = min(MAX_FILM_BYTES, shelf.room_bytes)
        if max_bytes <= 0:
            message = f"Films fill all {shelf.max_bytes} bytes that there are for them."
            raise ProtocolError("no_room", message, id)
        try:
            path = shelf.new_path(max_bytes)
        except OSError as error:
            raise ProtocolError("no_room", f"There is nowhere to write: {error.strerror}.", id) from error
        film = FilmFile(path, codec, info.width_px, info.height_px)
        return Recording(path.stem, film, max_s=shelf.max_s, max_bytes=max_bytes, fps=info.fps, on_news=self._tell)

    def _go(self, recording: Recording, samples: Iterable[Sample] | None = None) -> None:
        self._films[recording.name] = recording
        self._shelf.n_at_work += 1
        task = asyncio.create_task(self._run(recording, samples))
        self._tasks[recording.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(recording.name))
        self._tell(recording)

    async def _run(self, recording: Recording, samples: Iterable[Sample] | None) -> None:
        try:
            await recording.run(samples)
            recording.has_script = await self._write_script(recording)
        finally:
            self._let_go(recording)
            self._tell(recording)

    def _let_go(self, recording: Recording) -> None:
        self._shelf.n_at_work -= 1
        self._shelf.settle(recording.film.path, recording.n_bytes)
        if self._running is not None and self._running[0] is recording:
            self._running[1].remove(recording)
            self._session.remove_viewer(self._booth, is_person=False)
            self._running = None

    async def _write_script(self, film: Recording) -> bool:
        """What leads to the film, beside it; whether it is there."""
        with suppress(LingenError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                scenario = await self._session.archive.scenario_of(*film.span_pts)
            text = json.dumps(scenario.to_json(), ensure_ascii=False, separators=(",", ":"))
            await asyncio.to_thread(film.film.path.with_suffix(".json").write_text, text, encoding="utf-8")
            return True
        return False

    def _event(self, film: Recording) -> RecordingEvent:
        return RecordingEvent(
            film.name, film.status, round(1000 * film.duration_s), film.n_bytes, film.has_script, film.message
        )

    def _tell(self, film: Recording) -> None:
        self._session.broadcast(self._event(film))
