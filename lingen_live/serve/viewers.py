"""All viewers of a session: let in, looked after, let go. Knows peers, the session and its coded video.

Does not know HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from lingen_live.engine.info import EngineInfo
from lingen_live.serve.broadcast import Broadcast
from lingen_live.serve.channel import Channel
from lingen_live.serve.coded import Codec
from lingen_live.serve.errors import HttpError
from lingen_live.serve.ice import IceServer
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.offer import check_offer
from lingen_live.serve.packets import PacketQueue
from lingen_live.serve.peer import Peer
from lingen_live.serve.sessions import Session
from lingen_live.serve.track import ViewerTrack
from lingen_live.serve.trickle import Fragment, ufrag_of

MAX_VIEWERS = 64
CONNECT_TIMEOUT_S = 10.0
DEFAULT_FPS = 16.0
DEFAULT_OPTIONS = MediaOptions()

logger = logging.getLogger(__name__)


class Viewer:
    """A viewer who was let in, but gets nothing until connected.

    Args:
        broadcast: what it may watch.
        options: how the video reaches it.
        more_servers: ICE servers that it named itself; they come first.
    """

    def __init__(self, broadcast: Broadcast, options: MediaOptions, more_servers: tuple[IceServer, ...] = ()) -> None:
        self.id = secrets.token_urlsafe(16)
        self._broadcast = broadcast
        self._channel: Channel | None = None
        self.track = ViewerTrack(self._ask_for_keyframe)
        # The only clock here that is not monotonic: it is what TURN servers read in a credential.
        servers = (*more_servers, *options.ice.servers(time.time()))
        self.peer = Peer(
            self.track,
            self._ask_for_keyframe,
            self._note_estimate,
            servers=servers,
            delay=options.delay,
            preferred=options.preferred,
        )
        self.codec: Codec = "VP8"
        self.ufrag: str | None = None

    async def answer(self, offer_sdp: str) -> str:
        """The SDP answer; raises what aiortc raises."""
        self.ufrag = ufrag_of(offer_sdp)
        answer, self.codec = await self.peer.answer(offer_sdp)
        return answer

    async def offer(self) -> str:
        """An SDP offer, for who does not make one."""
        return await self.peer.offer()

    async def accept(self, answer_sdp: str) -> None:
        """Take the answer to `offer`; raises what aiortc raises."""
        self.codec = await self.peer.accept(answer_sdp)

    @property
    def n_dropped_frames(self) -> int:
        """Frames that it lost because it was slow."""
        return self.track.queue.n_dropped

    def join(self) -> None:
        """Get frames from now on."""
        self._channel = self._broadcast.channels[self.codec]
        self._channel.add(self.track.queue)

    async def close(self) -> None:
        """Get nothing more, and hang up; idempotent."""
        if self._channel is not None:
            self._channel.remove(self.track.queue)
        await self.peer.close()

    def _ask_for_keyframe(self) -> None:
        if self._channel is not None:
            self._channel.ask_for_keyframe()

    def _note_estimate(self, estimate_bps: int) -> None:
        if self._channel is not None:
            self._channel.note_estimate(self.track.queue, estimate_bps)


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


class Viewers:
    """The viewers of `session`.

    Args:
        session: whose frames they get.
        max_viewers: each costs a little; see docs/performance.md.
        connect_timeout_s: aiortc may stay "connecting" for ever, so patience is ours.
        options: how the video reaches them.
    """

    def __init__(
        self,
        session: Session,
        max_viewers: int = MAX_VIEWERS,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        options: MediaOptions = DEFAULT_OPTIONS,
    ) -> None:
        self._session = session
        self._options = options
        self._max_viewers = max_viewers
        self._connect_timeout_s = connect_timeout_s
        self._viewers: dict[str, Viewer] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._outgoing: set[Viewer] = set()
        self._n_arriving = self._n_seated = 0
        self._n_dropped_by_gone = 0
        self.broadcast = Broadcast(
            lambda: session.info.fps if session.info else DEFAULT_FPS, session.book.observe, options.h264
        )

    def __len__(self) -> int:
        return len(self._viewers) + len(self._outgoing) + self._n_arriving + self._n_seated

    @property
    def n_outgoing(self) -> int:
        """Those to whom we made the offer, among all: they stay whatever happens."""
        return len(self._outgoing)

    @property
    def n_dropped_frames(self) -> int:
        """Frames that viewers lost because they were slow, those that left included."""
        return self._n_dropped_by_gone + sum(viewer.n_dropped_frames for viewer in self._viewers.values())

    async def admit(self, offer_sdp: str) -> tuple[str, str]:
        """Let a viewer in.

        Returns:
            The viewer's id, which nobody can guess, and the SDP answer.

        Raises:
            HttpError: the engine is not warm, the house is full, or the offer cannot be taken.
        """
        self._check_room()
        check_offer(offer_sdp)
        self._n_arriving += 1
        try:
            viewer = Viewer(self.broadcast, self._options)
            answer = await self._answer(viewer, offer_sdp)
            self._viewers[viewer.id] = viewer
            self._keepers[viewer.id] = asyncio.create_task(self._keep(viewer))
        finally:
            self._n_arriving -= 1
        self._session.add_viewer(self.broadcast)
        return viewer.id, answer

    async def trickle(self, viewer_id: str, etag: str | None, fragment: Fragment) -> bool:
        """Give a viewer's late candidates to its connection; whether there is such a viewer.

        Raises:
            HttpError: they are for another ICE session than the one that there is.
        """
        viewer = self._viewers.get(viewer_id)
        if viewer is None:
            return False
        if etag == "*" or (fragment.ufrag is not None and fragment.ufrag != viewer.ufrag):
            message = "ICE is not restarted here; hang up with DELETE and POST a new offer."
            raise HttpError(422, "no_restart", message)
        if etag is not None and etag != etag_of(viewer_id):
            message = f"If-Match is {etag[:60]}; this session's is {etag_of(viewer_id)}."
            raise HttpError(412, "wrong_etag", message)
        await viewer.peer.add(fragment)
        return True

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """A place for as long as the body runs.

        Raises:
            HttpError: the engine is not warm, or the house is full.
        """
        info = self._check_room()
        channel = self.broadcast.channels["VP8"]
        queue = PacketQueue(channel.ask_for_keyframe)
        size = {"width_px": info.width_px, "height_px": info.height_px, "fps": info.fps}
        described = {"codec": "vp8", **size, "weights": info.weights}
        self._n_seated += 1
        self._session.add_viewer(self.broadcast)
        channel.add(queue)
        try:
            yield Seat(queue, described, channel.ask_for_keyframe)
        finally:
            channel.remove(queue)
            queue.close()
            self._n_dropped_by_gone += queue.n_dropped
            self._n_seated -= 1
            self._session.remove_viewer(self.broadcast)

    @asynccontextmanager
    async def outgoing(self, more_servers: tuple[IceServer, ...] = ()) -> AsyncIterator[Viewer]:
        """A place for a viewer to whom we make the offer, for as long as the body runs.

        Raises:
            HttpError: the engine is not warm, or the house is full.
        """
        self._check_room()
        viewer = Viewer(self.broadcast, self._options, more_servers)
        self._outgoing.add(viewer)
        self._session.add_viewer(self.broadcast)
        try:
            yield viewer
        finally:
            self._outgoing.discard(viewer)
            self._session.remove_viewer(self.broadcast)
            self._n_dropped_by_gone += viewer.n_dropped_frames
            await viewer.close()

    async def dismiss(self, viewer_id: str) -> None:
        """Hang up on a viewer; nothing happens if there is no such viewer any more."""
        viewer = self._viewers.get(viewer_id)
        keeper = self._keepers.get(viewer_id)
        if viewer and keeper:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await self._let_go(viewer)  # the keeper may never have begun

    async def close(self) -> None:
        """Hang up on everybody."""
        await asyncio.gather(
            *(self.dismiss(viewer_id) for viewer_id in list(self._viewers)),
            *(viewer.close() for viewer in list(self._outgoing)),
        )

    def _check_room(self) -> EngineInfo:
        info = self._session.info
        if info is None:
            raise HttpError(503, "warming", "The model is still warming up; /readyz says how far it is.", 1)
        if len(self) >= self._max_viewers:
            raise HttpError(503, "full", f"{len(self)} viewers are watching; at most {self._max_viewers} can.", 10)
        return info

    async def _answer(self, viewer: Viewer, offer_sdp: str) -> str:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await viewer.answer(offer_sdp)
        except asyncio.CancelledError:
            await viewer.close()
            raise
        except TimeoutError as error:
            await viewer.close()
            raise HttpError(503, "slow", "No answer could be made in time; try again.", 1) from error
        except Exception as error:  # a stranger's SDP went through a foreign parser: anything can come out
            await viewer.close()
            logger.info("An SDP offer was refused: %r", error)
            raise HttpError(
                400,
                "bad_sdp",
                f"The SDP offer cannot be taken ({error}); a video section with VP8 or H264 can.",
            ) from error

    async def _keep(self, viewer: Viewer) -> None:
        """Stay with `viewer` until the connection ends, or was not made in time."""
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await viewer.peer.connected.wait()
            viewer.join()
            await viewer.peer.ended.wait()
        except TimeoutError:
            logger.info("A viewer did not connect within %g s.", self._connect_timeout_s)
        finally:
            await self._let_go(viewer)

    async def _let_go(self, viewer: Viewer) -> None:
        """Forget `viewer` and free what it held; idempotent."""
        if self._viewers.pop(viewer.id, None) is not None:
            self._session.remove_viewer(self.broadcast)
            self._n_dropped_by_gone += viewer.n_dropped_frames
        self._keepers.pop(viewer.id, None)
        await viewer.close()
