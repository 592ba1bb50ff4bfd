"""`Room`: a session with all that belongs to it: its stream, its viewers, and those who hold it open.

Knows sessions and who is there. Does not know HTTP, sockets or other rooms.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from lingen_live.engine.client import EngineHost
from lingen_live.serve.booth import OpenBooth
from lingen_live.serve.film_messages import FilmControl
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import Control
from lingen_live.serve.recorder import Recorder
from lingen_live.serve.sessions import Session
from lingen_live.serve.shelf import Shelf
from lingen_live.serve.viewers import Viewers


class Room:
    """One session and everybody in it.

    Args:
        host: makes the stream.
        prompt: words that it begins with.
        seed: that it begins with.
        id: of a session that comes back, and belongs to those who know it; None for a new one.
        transition_chunks: over how many chunks a steer blends, if it does not say.
        shelf: where films lie.
        clock: monotonic seconds.
        on_end: called when the session ends by itself, with the reason.
        media: how its video leaves.
        open_booth: from where it does; None for this process.
    """

    def __init__(
        self,
        host: EngineHost,
        *,
        prompt: str,
        seed: int,
        transition_chunks: int,
        shelf: Shelf,
        clock: Callable[[], float],
        on_end: Callable[[Room, BaseException | None], None],
        media: MediaOptions,
        id: str | None = None,
        open_booth: OpenBooth | None = None,
    ) -> None:
        self.id = id or secrets.token_urlsafe(12)
        self.is_claimed = id is not None
        self._clock = clock
        self._left_s = clock()
        self._client = host.open(prompt=prompt, seed=seed, name=self.id)
        self.session = Session(
            self._client, id=self.id, prompt=prompt, seed=seed, transition_chunks=transition_chunks, clock=clock
        )
        booth = open_booth(self._client) if open_booth else None
        self.viewers = Viewers(self.session, options=media, booth=booth)
        self.recorder = Recorder(self.session, self.viewers.booth, shelf)
        self._outboxes: set[Outbox] = set()
        self._is_closed = False
        self._running = asyncio.create_task(self.session.run(lambda stage, fraction: None, lambda info: None))
        self._running.add_done_callback(lambda task: self._hear_end(task, on_end))

    def add(self, outbox: Outbox) -> None:
        """Somebody is there, who reads `outbox`."""
        self.is_claimed = True
        self._outboxes.add(outbox)
        self.session.add_socket(outbox)
        for event in self.recorder.events():
            outbox.post(event)

    def remove(self, outbox: Outbox) -> None:
        """Somebody left; idempotent."""
        if outbox in self._outboxes:
            self._left_s = self._clock()
            self._outboxes.discard(outbox)
            self.session.remove_socket(outbox)

    async def control(self, control: Control, outbox: Outbox) -> None:
        """Take `control`, whose sender reads `outbox`.

        Raises:
            ProtocolError: it cannot be taken now.
        """
        if isinstance(control, FilmControl):
            await self.recorder.control(control, outbox)
        else:
            await self.session.control(control, outbox)

    def expect(self) -> None:
        """From now on is counted how long nobody has been there."""
        self._left_s = self._clock()

    def left_for_s(self, now_s: float) -> float:
        """How long nobody has been there: neither a socket nor a viewer who came."""
        if self._outboxes or len(self.viewers) > self.viewers.n_outgoing:
            self._left_s = now_s
        return now_s - self._left_s

    async def close(self) -> None:
        """End the session, hang up on everybody, and let go of the stream."""
        self._is_closed = True
        await self.recorder.close()  # while the engine can still tell what was said
        self._running.cancel()
        await asyncio.gather(self.viewers.close(), self._client.close(), return_exceptions=True)
        await asyncio.gather(self._running, return_exceptions=True)

    def _hear_end(self, task: asyncio.Task[None], on_end: Callable[[Room, BaseException | None], None]) -> None:
        reason = None if task.cancelled() else task.exception()
        if not self._is_closed:
            on_end(self, reason)
