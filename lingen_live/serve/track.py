"""The video track of one viewer: the newest image of the session, stamped for RTP.

The only file that knows 90 kHz. Does not know who watches, nor when frames are due: it is fed.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame
from numpy.typing import NDArray

CLOCK_RATE_HZ = 90000
TIME_BASE = Fraction(1, CLOCK_RATE_HZ)


def to_pts(media_time_s: float) -> int:
    """Media time in ticks of 90 kHz."""
    return round(media_time_s * CLOCK_RATE_HZ)


class ViewerTrack(MediaStreamTrack):
    """Holds one image at most: an encoder that falls behind skips, and never lags."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._offered: tuple[NDArray[np.uint8], int] | None = None
        self._has_news = asyncio.Event()
        self._last_pts = -1

    def publish(self, image: NDArray[np.uint8], media_time_s: float) -> None:
        """Offer yuv420p `image` (3 H / 2, W); it replaces one that was not taken yet.

        Time that does not advance is ignored: a decoder would freeze on it.
        """
        pts = to_pts(media_time_s)
        if pts > self._last_pts:
            self._offered = (image, pts)
            self._has_news.set()

    async def recv(self) -> VideoFrame:
        """The next frame to encode, when there is one.

        Raises:
            MediaStreamError: the track was stopped.
        """
        while self.readyState == "live" and self._offered is None:
            self._has_news.clear()
            await self._has_news.wait()
        if self.readyState != "live" or self._offered is None:
            raise MediaStreamError
        image, self._last_pts = self._offered
        self._offered = None
        # A new frame object each time, also for the same image: the encoder marks the one it gets.
        frame = VideoFrame.from_numpy_buffer(image, format="yuv420p")
        frame.pts = self._last_pts
        frame.time_base = TIME_BASE
        return frame

    def stop(self) -> None:
        """End the track and whoever waits for its next frame."""
        super().stop()
        self._offered = None
        self._has_news.set()
