"""`Booth`: where a session's images are coded, and from where its viewers get them; `LocalBooth`: this process.

Knows peers and coded video. Does not know the session, who may watch, nor HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from lingen_live.engine.client import EngineClient
from lingen_live.serve.broadcast import Broadcast
from lingen_live.serve.coded import Codec
from lingen_live.serve.errors import HttpError
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.playout import Image
from lingen_live.serve.trickle import Fragment
from lingen_live.serve.viewer import Outlet, Viewer

CONNECT_TIMEOUT_S = 10.0
DEFAULT_OPTIONS = MediaOptions()

logger = logging.getLogger(__name__)


class Desk(Protocol):
    """Hears of viewers, on the event loop."""

    def hear_here(self, viewer_id: str) -> None:
        """A viewer that came early, to where the session was not yet, is now where it is."""

    def hear_left(self, viewer_id: str) -> None:
        """A viewer is gone; may be said of one who was never known."""

    def hear_moving(self, place: str, *, is_gone: bool) -> None:
        """Viewers have to come anew; see `MovingEvent`."""

    def hear_work(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        """Something was done to the image of `pts`; see `FrameObserver`."""


class Booth(Protocol):
    """Of one session; all methods belong to one event loop. A `FrameSink`."""

    @property
    def outlets(self) -> Mapping[Codec, Outlet]:
        """What leaves here, by codec."""

    @property
    def n_dropped_frames(self) -> int:
        """Frames that viewers lost because they were slow, those that left included."""

    def serve(self, desk: Desk) -> None:
        """Tell `desk` of viewers, from before the first one comes."""

    def publish(self, image: Image, media_time_s: float) -> None:
        """Offer an image, to be shown at `media_time_s`, to all who take part."""

    def expects(self, place: str) -> bool:
        """Whether viewers may come to a place; the empty one is where the session is."""

    async def answer(self, viewer_id: str, offer_sdp: str, place: str = "") -> tuple[str, bool]:
        """Let a viewer in, under an id of its own.

        Returns:
            The SDP answer, and whether it came to where the session is; if not, `Desk.hear_here` may follow.

        Raises:
            HttpError: the offer cannot be taken, or not now.
        """

    async def trickle(self, viewer_id: str, fragment: Fragment) -> None:
        """Late candidates of a viewer; nothing happens if it is gone."""

    async def hang_up(self, viewer_id: str) -> None:
        """Let a viewer go; idempotent."""

    async def close(self) -> None:
        """Let all go; idempotent."""


OpenBooth = Callable[[EngineClient], Booth]
"""The booth of a stream."""


class LocalBooth(Broadcast):
    """Peers of this process.

    Args:
        fps: asked when an encoder is made: nominal frames a second.
        connect_timeout_s: aiortc may stay "connecting" for ever, so patience is ours.
        options: how the video reaches viewers.
        on_connected: told of viewers as they get frames.
    """

    def __init__(
        self,
        fps: Callable[[], float],
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        options: MediaOptions = DEFAULT_OPTIONS,
        on_connected: Callable[[str], None] = lambda viewer_id: None,
    ) -> None:
        super().__init__(fps, self._observe, options.h264)
        self.connect_timeout_s = connect_timeout_s
        self._options = options
        self._on_connected = on_connected
        self._desk: Desk | None = None
        self._viewers: dict[str, Viewer] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._n_dropped_by_gone = 0

    @property
    def outlets(self) -> Mapping[Codec, Outlet]:
        """The channels."""
        return self.channels

    @property
    def n_dropped_frames(self) -> int:
        """Frames that viewers lost because they were slow, those that left included."""
        return self._n_dropped_by_gone + sum(viewer.n_dropped_frames for viewer in self._viewers.values())

    def serve(self, desk: Desk) -> None:
        """Tell `desk` of viewers."""
        self._desk = desk

    def publish(self, image: Image, media_time_s: float) -> None:
        """Offer yuv420p `image` (3 H / 2, W)."""
        assert isinstance(image, np.ndarray), "frames that were kept elsewhere are shown elsewhere"
        super().publish(image, media_time_s)

    def expects(self, place: str) -> bool:
        """Only where the session always is."""
        return place == ""

    async def answer(self, viewer_id: str, offer_sdp: str, place: str = "") -> tuple[str, bool]:
        """Let a viewer in.

        Raises:
            HttpError: the offer cannot be taken.
        """
        viewer = Viewer(self.channels, self._options)
        answer = await self._answer(viewer, offer_sdp)
        self._viewers[viewer_id] = viewer
        self._keepers[viewer_id] = asyncio.create_task(self._keep(viewer_id, viewer))
        return answer, True

    async def trickle(self, viewer_id: str, fragment: Fragment) -> None:
        """Late candidates of a viewer."""
        if (viewer := self._viewers.get(viewer_id)) is not None:
            await viewer.peer.add(fragment)

    async def hang_up(self, viewer_id: str) -> None:
        """Let a viewer go."""
        viewer = self._viewers.get(viewer_id)
        keeper = self._keepers.get(viewer_id)
        if viewer and keeper:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await self._let_go(viewer_id, viewer)  # the keeper may never have begun

    async def close(self) -> None:
        """Let all go."""
        await asyncio.gather(*(self.hang_up(viewer_id) for viewer_id in list(self._viewers)))

    async def _answer(self, viewer: Viewer, offer_sdp: str) -> str:
        try:
            async with asyncio.timeout(self.connect_timeout_s):
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

    async def _keep(self, viewer_id: str, viewer: Viewer) -> None:
        """Stay with `viewer` until the connection ends, or was not made in time."""
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                await viewer.peer.connected.wait()
            viewer.join()
            self._on_connected(viewer_id)
            await viewer.peer.ended.wait()
        except TimeoutError:
            logger.info("A viewer did not connect within %g s.", self.connect_timeout_s)
        finally:
            await self._let_go(viewer_id, viewer)

    async def _let_go(self, viewer_id: str, viewer: Viewer) -> None:
        """Forget `viewer` and free what it held; idempotent."""
        if self._viewers.pop(viewer_id, None) is not None:
            self._n_dropped_by_gone += viewer.n_dropped_frames
            if self._desk is not None:
                self._desk.hear_left(viewer_id)
        self._keepers.pop(viewer_id, None)
        await viewer.close()

    def _observe(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        if self._desk is not None:
            self._desk.hear_work(pts, name, start_s, duration_s)
