"""`House`: all sessions of a server. Lets visitors in while there is capacity, lines up the others, clears up.

A visitor gets a session of their own, or joins the one whose id they name: so a reloaded page comes back, and so
friends watch together. A session that everybody left is kept for a while, then ended. Knows rooms, visitors and the
engine's host. Does not know HTTP, sockets or frames.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from lingen_live.engine.client import EngineHost, Returning
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import MAX_SEED
from lingen_live.serve.booth import DEFAULT_OPTIONS, OpenBooth
from lingen_live.serve.errors import HttpError, ProtocolError
from lingen_live.serve.line import Line
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import Control, ErrorEvent, LineEvent
from lingen_live.serve.room import Room
from lingen_live.serve.shelf import Shelf
from lingen_live.serve.viewers import MAX_VIEWERS
from lingen_live.serve.waiting import Stays, estimate_s

LEASE_S = 30.0
"""How long a session waits for somebody to come back: a reload, or a network that was gone."""
RELOAD_S = 5.0
"""How long it does when somebody else waits for its place."""
MAX_WAITING = 64
TEND_S = 0.5
_NEWS_SHARE = 0.25
"""By how much an estimate changes before those in line are told again."""

logger = logging.getLogger(__name__)


class Visitor:
    """Somebody with a control socket, who reads `outbox`; `room` is None while they wait in line."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.room: Room | None = None

    async def control(self, control: Control) -> None:
        """Take `control`.

        Raises:
            ProtocolError: there are too many of them, or no session yet.
        """
        if self.room is None:
            raise ProtocolError("in_line", "You wait in line; there is no session to steer yet.", control.id)
        await self.room.control(control, self.outbox)


class House:
    """The sessions of `host`.

    Args:
        host: a fresh one; is started and closed here.
        prompt: words that every session begins with.
        seed: of the first session; later ones count on.
        transition_chunks: over how many chunks a steer blends, if it does not say.
        max_sessions: the most at a time, if so many can be made as fast as they play.
        max_viewers: of all sessions; each costs a little.
        lease_s: how long an empty session is kept.
        media: how video leaves this machine.
        open_booth: from where the video of a stream leaves; None for this process.
        shelf: where films lie; by default a private directory.
        clock: monotonic seconds.

    Attributes:
        media: as given.
        info: facts about the engine as it was when it was warm; None before.
    """

    def __init__(
        self,
        host: EngineHost,
        *,
        prompt: str,
        seed: int,
        transition_chunks: int,
        max_sessions: int,
        max_viewers: int = MAX_VIEWERS,
        lease_s: float = LEASE_S,
        media: MediaOptions = DEFAULT_OPTIONS,
        shelf: Shelf | None = None,
        open_booth: OpenBooth | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._prompt = prompt
        self._seed = seed
        self._transition_chunks = transition_chunks
        self._max_sessions = max_sessions
        self._max_viewers = max_viewers
        self._lease_s = lease_s
        self.media = media
        self._open_booth = open_booth
        self._shelf = shelf or Shelf()
        self._clock = clock
        self._rooms: dict[str, Room] = {}
        self._visitors: set[Visitor] = set()
        self._line: Line[Visitor] = Line()
        self._stays = Stays()
        self._tended_s = clock()
        self._told_s: float | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._n_opened = 0
        self._capacity: int | None = None
        self.info: EngineInfo | None = None
        self._is_closed = False

    # What others may ask.

    @property
    def rooms(self) -> tuple[Room, ...]:
        """All, oldest first."""
        return tuple(self._rooms.values())

    @property
    def n_waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def n_viewers(self) -> int:
        """Of all sessions."""
        return sum(len(room.viewers) for room in self.rooms)

    @property
    def n_places(self) -> int:
        """How many sessions there may be now."""
        if self.info is None:
            return 1
        self._capacity = self._host.capacity or self._capacity
        return min(self._max_sessions, self._capacity or self._max_sessions)

    def room(self, session_id: str | None) -> Room:
        """The room of a session; of the oldest, if none is named.

        Raises:
            HttpError: there is no such session, or none at all yet.
        """
        if session_id is None and not self._rooms:
            raise HttpError(503, "warming", "There is no session yet; try again in a moment.", 1)
        if session_id is None:
            return self.rooms[0]
        if session_id not in self._rooms:
            raise HttpError(404, "no_session", "There is no such session, or it has ended.")
        return self._rooms[session_id]

    def check_viewers(self) -> None:
        """Refuse one more viewer if there are too many in all.

        Raises:
            HttpError: with both numbers.
        """
        if self.n_viewers >= self._max_viewers:
            raise HttpError(503, "full", f"{self.n_viewers} viewers are watching; at most {self._max_viewers} can.", 10)

    # Those who come and go.

    def enter(self, session_id: str | None, outbox: Outbox) -> Visitor:
        """Let somebody in: to the session they name, or to one of their own, or into the line.

        Raises:
            ProtocolError: the line is full.
        """
        visitor = Visitor(outbox)
        if session_id is not None and session_id in self._rooms:
            self._visitors.add(visitor)
            self._admit(visitor, self._rooms[session_id])
            return visitor
        if len(self._line) >= MAX_WAITING:
            raise ProtocolError("full", f"{len(self._line)} visitors wait in line; at most {MAX_WAITING} may.")
        self._visitors.add(visitor)
        self._line.join(visitor)
        self._admit_all()
        if visitor.room is None:
            self._tell_places()
        return visitor

    def leave(self, visitor: Visitor) -> None:
        """Somebody is gone; idempotent."""
        self._visitors.discard(visitor)
        if visitor.room is not None:
            visitor.room.remove(visitor.outbox)
        else:
            self._line.leave(visitor)
            self._tell_places()

    # The life of the house.

    async def run(self, on_progress: Callable[[str, float], None], on_ready: Callable[[EngineInfo], None]) -> None:
        """Start the engine, open the first session, and look after all until cancelled.

        Args:
            on_progress: told the stage of building and the fraction of it that is done.
            on_ready: told once, when the engine is warm.

        Raises:
            LingenError: the engine cannot be built.
        """
        starting = asyncio.create_task(self._host.start(on_progress))
        try:
            await asyncio.sleep(0)  # it has begun: streams may be opened
            for one in self._host.returning:
                self._open(one)
            if not self._rooms:
                self._open()  # so that whoever comes first sees a picture at once
            info = await starting
        finally:
            starting.cancel()  # who ends this before it waits for the engine leaves nobody to hear how that ended
        self.info = info
        for room in self.rooms:
            room.expect()  # pages of sessions that came back found nobody here for as long as it took
        on_ready(info)
        while True:
            self._tend()
            await asyncio.sleep(TEND_S)

    async def close(self) -> None:
        """End all sessions and the engine; idempotent."""
        self._is_closed = True
        rooms, self._rooms = self.rooms, {}
        await asyncio.gather(*(room.close() for room in rooms), *self._closing)
        await self._host.close()
        self._shelf.clear()

    def _tend(self) -> None:
        """End what nobody came back to, and let in whoever there is room for."""
        now_s = self._clock()
        self._stays.play(self._n_claimed, now_s - self._tended_s)
        self._tended_s = now_s
        for room in self.rooms:
            is_needed = len(self._line) > len(self._closing)
            lease_s = min(self._lease_s, RELOAD_S) if is_needed else self._lease_s
            if not room.is_claimed or room.left_for_s(now_s) <= lease_s:
                continue
            if room.viewers.n_outgoing:
                room.is_claimed = False  # what is published goes on, and belongs to whoever comes next
                self._stays.end()
            else:
                self._end(room)
        if not self._rooms and not self._closing:
            self._open()
        self._admit_all()
        if len(self._line) and _is_news(self._told_s, self._estimate_s(1)):
            self._tell_places()

    def _admit_all(self) -> None:
        n_before = len(self._line)
        while len(self._line) and (room := self._free_room()):
            self._admit(self._line.next(), room)
        if len(self._line) != n_before:
            self._tell_places()

    def _free_room(self) -> Room | None:
        """One that nobody has claimed, or a new one if there may be one more."""
        free = [room for room in self.rooms if not room.is_claimed]
        # One that is being closed has its place until the engine has let go of it.
        if free or len(self._rooms) + len(self._closing) >= self.n_places:
            return free[0] if free else None
        return self._open()

    def _admit(self, visitor: Visitor, room: Room) -> None:
        visitor.room = room
        room.add(visitor.outbox)

    def _open(self, returning: Returning | None = None) -> Room:
        seed = (self._seed + self._n_opened) % (MAX_SEED + 1)
        room = Room(
            self._host,
            prompt=returning.prompt if returning else self._prompt,
            seed=returning.seed if returning else seed,
            id=returning.name if returning else None,
            transition_chunks=self._transition_chunks,
            shelf=self._shelf,
            clock=self._clock,
            on_end=self._hear_end,
            media=self.media,
            open_booth=self._open_booth,
        )
        self._n_opened += 1
        self._rooms[room.id] = room
        return room

    def _end(self, room: Room) -> None:
        self._rooms.pop(room.id, None)
        if room.is_claimed:
            self._stays.end()
        self._host.forget(room.id)
        task = asyncio.create_task(room.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _hear_end(self, room: Room, reason: BaseException | None) -> None:
        """A session ended by itself: those in it are told, and stand in line for another."""
        if self._is_closed or room.id not in self._rooms:
            return
        if self.info is not None:
            logger.warning("A session ended: %s", reason)
        for visitor in [one for one in self._visitors if one.room is room]:
            visitor.outbox.post(ErrorEvent("session_ended", f"The session has ended: {reason}"))
            room.remove(visitor.outbox)
            visitor.room = None
            self._line.join(visitor)
        self._end(room)
        self._tell_places()

    @property
    def _n_claimed(self) -> int:
        return sum(room.is_claimed for room in self.rooms)

    def _estimate_s(self, place: int) -> float | None:
        mean_s = self._stays.mean_s
        return None if mean_s is None else estimate_s(place, self._n_claimed, mean_s)

    def _tell_places(self) -> None:
        self._told_s = self._estimate_s(1)
        for visitor, place in self._line.places():
            wait_s = self._estimate_s(place)
            wait_ms = None if wait_s is None else round(1000 * wait_s)
            visitor.outbox.post(LineEvent(place, len(self._line), self.n_places, wait_ms))


def _is_news(told_s: float | None, now_s: float | None) -> bool:
    """Whether an estimate is another one than was told: numbers that move all the time tell nobody anything."""
    if told_s is None or now_s is None:
        return told_s is not now_s
    return abs(now_s - told_s) > _NEWS_SHARE * told_s
