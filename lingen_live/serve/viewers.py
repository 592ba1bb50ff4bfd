"""All viewers of a session: let in, counted, let go. Knows the session and the booth that its video comes from.

Does not know HTTP, nor where the booth is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from lingen_live.engine.info import EngineInfo
from lingen_live.serve.booth import CONNECT_TIMEOUT_S, DEFAULT_OPTIONS, Booth, LocalBooth
from lingen_live.serve.errors import HttpError
from lingen_live.serve.ice import IceServer
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.offer import check_offer
from lingen_live.serve.packets import PacketQueue
from lingen_live.serve.protocol import MovingEvent
from lingen_live.serve.sessions import Session
from lingen_live.serve.trickle import Fragment, ufrag_of
from lingen_live.serve.viewer import Viewer

MAX_VIEWERS = 64
DEFAULT_FPS = 16.0


def etag_of(viewer_id: str) -> str:
    """The entity tag of a viewer's ICE session, of which there is one as long as the viewer stays."""
    return f'"{viewer_id[:8]}"'


@dataclass(frozen=True, slots=True)
class Seat:
    """A place for a viewer who gets frames by another way than WebRTC.

    Attributes:
        queue: what to send.
        described: codec and size of the frames, and the weights that made them, JSON-able.
        ask_for_keyframe: for a viewer who cannot go on.
    """

    queue: PacketQueue
    described: Mapping[str, Any]
    ask_for_keyframe: Callable[[], None]


@dataclass(slots=True)
class _Guest:
    """Who was let in over WebRTC.

    Attributes:
        ufrag: of its ICE session.
        is_counted: whether it watches; not while it is where the session has yet to come.
    """

    ufrag: str | None
    is_counted: bool = False


class Viewers:
    """The viewers of `session`.

    Args:
        session: whose frames they get.
        max_viewers: each costs a little; see docs/performance.md.
        connect_timeout_s: how long a viewer may take to connect, in a booth of this process.
        options: how the video reaches them.
        booth: from where; None for this process.

    Attributes:
        booth: as given, or this process.
    """

    def __init__(
        self,
        session: Session,
        max_viewers: int = MAX_VIEWERS,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        options: MediaOptions = DEFAULT_OPTIONS,
        booth: Booth | None = None,
    ) -> None:
        self._session = session
        self._options = options
        self._max_viewers = max_viewers
        self._guests: dict[str, _Guest] = {}
        self._outgoing: set[Viewer] = set()
        self._n_arriving = self._n_seated = 0
        self._n_dropped_by_gone = 0
        self.booth: Booth = booth or LocalBooth(
            lambda: session.info.fps if session.info else DEFAULT_FPS, connect_timeout_s, options
        )
        self.booth.serve(self)

    def __len__(self) -> int:
        n_guests = sum(guest.is_counted for guest in self._guests.values())
        return n_guests + len(self._outgoing) + self._n_arriving + self._n_seated

    @property
    def n_outgoing(self) -> int:
        """Those to whom we made the offer, among all: they stay whatever happens."""
        return len(self._outgoing)

    @property
    def n_dropped_frames(self) -> int:
        """Frames that viewers lost because they were slow, those that left included."""
        return self._n_dropped_by_gone + self.booth.n_dropped_frames

    async def admit(self, offer_sdp: str, place: str = "") -> tuple[str, str]:
        """Let a viewer in.

        Args:
            offer_sdp: of the viewer.
            place: where to, if the session is about to move; who goes there follows somebody who is counted.

        Returns:
            The viewer's id, which nobody can guess, and the SDP answer.

        Raises:
            HttpError: the engine is not warm, the house is full, or the offer cannot be taken.
        """
        if place == "":
            self._check_room()
        elif not self.booth.expects(place):
            raise HttpError(410, "no_place", "There is no such place, or not any more; connect without one.")
        check_offer(offer_sdp)
        viewer_id = secrets.token_urlsafe(16)
        guest = self._guests[viewer_id] = _Guest(ufrag_of(offer_sdp))
        self._n_arriving += place == ""
        try:
            answer, is_here = await self.booth.answer(viewer_id, offer_sdp, place)
        except BaseException:
            self._guests.pop(viewer_id, None)
            raise
        finally:
            self._n_arriving -= place == ""
        if is_here and viewer_id in self._guests:
            self._count(guest)
        return viewer_id, answer

    async def trickle(self, viewer_id: str, etag: str | None, fragment: Fragment) -> bool:
        """Give a viewer's late candidates to its connection; whether there is such a viewer.

        Raises:
            HttpError: they are for another ICE session than the one that there is.
        """
        guest = self._guests.get(viewer_id)
        if guest is None:
            return False
        if etag == "*" or (fragment.ufrag is not None and fragment.ufrag != guest.ufrag):
            message = "ICE is not restarted here; hang up with DELETE and POST a new offer."
            raise HttpError(422, "no_restart", message)
        if etag is not None and etag != etag_of(viewer_id):
            message = f"If-Match is {etag[:60]}; this session's is {etag_of(viewer_id)}."
            raise HttpError(412, "wrong_etag", message)
        await self.booth.trickle(viewer_id, fragment)
        return True

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """A place for as long as the body runs.

        Raises:
            HttpError: the engine is not warm, or the house is full.
        """
        info = self._check_room()
        outlet = self.booth.outlets["VP8"]
        queue = PacketQueue(outlet.ask_for_keyframe)
        size = {"width_px": info.width_px, "height_px": info.height_px, "fps": info.fps}
        described = {"codec": "vp8", **size, "weights": info.weights}
        self._n_seated += 1
        outlet.add(queue)
        self._session.add_viewer(self.booth)
        try:
            yield Seat(queue, described, outlet.ask_for_keyframe)
        finally:
            outlet.remove(queue)
            queue.close()
            self._n_dropped_by_gone += queue.n_dropped
            self._n_seated -= 1
            self._session.remove_viewer(self.booth)

    @asynccontextmanager
    async def outgoing(self, more_servers: tuple[IceServer, ...] = ()) -> AsyncIterator[Viewer]:
        """A place for a viewer to whom we make the offer, for as long as the body runs; the connection is of here.

        Raises:
            HttpError: the engine is not warm, or the house is full.
        """
        self._check_room()
        viewer = Viewer(self.booth.outlets, self._options, more_servers)
        self._outgoing.add(viewer)
        self._session.add_viewer(self.booth)
        try:
            yield viewer
        finally:
            self._outgoing.discard(viewer)
            self._session.remove_viewer(self.booth)
            self._n_dropped_by_gone += viewer.n_dropped_frames
            await viewer.close()

    async def dismiss(self, viewer_id: str) -> None:
        """Hang up on a viewer; nothing happens if there is no such viewer any more."""
        if viewer_id in self._guests:
            await self.booth.hang_up(viewer_id)
            self.hear_left(viewer_id)

    async def close(self) -> None:
        """Hang up on everybody."""
        await asyncio.gather(self.booth.close(), *(viewer.close() for viewer in list(self._outgoing)))

    # What the booth tells.

    def hear_here(self, viewer_id: str) -> None:
        """A viewer that came early watches now."""
        if (guest := self._guests.get(viewer_id)) is not None and not guest.is_counted:
            self._count(guest)

    def hear_left(self, viewer_id: str) -> None:
        """A viewer is gone; idempotent."""
        guest = self._guests.pop(viewer_id, None)
        if guest is not None and guest.is_counted:
            self._session.remove_viewer(self.booth)

    def hear_moving(self, place: str, *, is_gone: bool) -> None:
        """Viewers have to come anew."""
        self._session.broadcast(MovingEvent(place, is_gone))

    def hear_work(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        """Something was done to the image of `pts`."""
        self._session.book.observe(pts, name, start_s, duration_s)

    def _count(self, guest: _Guest) -> None:
        guest.is_counted = True
        self._session.add_viewer(self.booth)

    def _check_room(self) -> EngineInfo:
        info = self._session.info
        if info is None:
            raise HttpError(503, "warming", "The model is still warming up; /readyz says how far it is.", 1)
        if len(self) >= self._max_viewers:
            raise HttpError(503, "full", f"{len(self)} viewers are watching; at most {self._max_viewers} can.", 10)
        return info
