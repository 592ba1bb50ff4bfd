"""A session's images in one codec: encoded once, on a thread of their own, and handed to whoever takes part.

Runs only while somebody does. Knows the encoder and the rules of `feedback`; does not know peers, sockets or HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from lingen_live.serve.coded import Codec, CodedFrame
from lingen_live.serve.encoder import VideoEncoder
from lingen_live.serve.feedback import BitrateRule, KeyframeRule, nominal_bps
from lingen_live.serve.h264 import SOFTWARE
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.ring import Ring
from lingen_live.serve.ticks import to_pts

RATE_WINDOW_S = 2.0

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]


class CodedSink(Protocol):
    """Where coded frames go; must not block."""

    def deliver(self, frame: CodedFrame) -> None:
        """Take `frame`."""


class FrameObserver(Protocol):
    """Told what became of an image."""

    def __call__(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        """`name` was done to the image of `pts` at `start_s` of the monotonic clock."""


def ignore(pts: int, name: str, start_s: float, duration_s: float) -> None:
    """An observer that does not look."""


class Channel:
    """One encoder and its sinks.

    Args:
        codec: how images are encoded.
        fps: asked when an encoder is made: nominal frames a second.
        observe: told how long encoding took.
        clock: monotonic seconds.
        h264: which encoder makes H.264; should it fail, software does from then on.
    """

    def __init__(
        self,
        codec: Codec,
        fps: Callable[[], float],
        observe: FrameObserver = ignore,
        clock: Callable[[], float] = time.monotonic,
        h264: str = SOFTWARE,
    ) -> None:
        self._codec = codec
        self._fps = fps
        self._observe = observe
        self._clock = clock
        self._h264 = h264
        self._sinks: set[CodedSink] = set()
        self._offered: tuple[Image, int] | None = None
        self._last_pts = -1
        self._has_news = asyncio.Event()
        self._keyframes = KeyframeRule()
        self._bitrate: BitrateRule | None = None
        self._sent: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.ring = Ring(self.ask_for_keyframe)
        self.n_frames = self.n_keyframes = self.n_bytes = 0

    @property
    def bitrate_bps(self) -> int:
        """What the encoder aims at; 0 when nothing is encoded."""
        return self._bitrate.bitrate_bps if self._bitrate and self._task else 0

    @property
    def encoder_name(self) -> str:
        """What encodes, as FFmpeg calls it."""
        return "libvpx" if self._codec == "VP8" else self._h264

    def __len__(self) -> int:
        return len(self._sinks)

    def publish(self, image: Image, media_time_s: float) -> None:
        """Offer yuv420p `image` (3 H / 2, W); it replaces one that was not taken yet, so an encoder never lags.

        Time that does not advance is ignored: a decoder would freeze on it.
        """
        pts = to_pts(media_time_s)
        if self._sinks and pts > self._last_pts:
            self._offered = (image, pts)
            self._has_news.set()

    def add(self, sink: CodedSink) -> None:
        """Give `sink` every frame from now on; it is made sure that a keyframe comes."""
        self._sinks.add(sink)
        self._keyframes.ask()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove(self, sink: CodedSink) -> None:
        """Give `sink` nothing more; idempotent."""
        self._sinks.discard(sink)
        if self._bitrate:
            self._bitrate.forget(sink)
        if not self._sinks and self._task is not None:
            self._task.cancel()
            self._task = None

    def ask_for_keyframe(self) -> None:
        """Somebody lost too much to go on."""
        self._keyframes.ask()

    def note_estimate(self, sink: CodedSink, estimate_bps: int) -> None:
        """What the receiver behind `sink` believes that it can take."""
        if self._bitrate and sink in self._sinks:
            self._bitrate.note(sink, estimate_bps)

    async def last(self, seconds: float) -> list[Sample]:
        """The last `seconds` that were encoded, from a keyframe on; less or nothing, if there is no more."""
        return self.ring.last(seconds)

    async def _run(self) -> None:
        # Of its own: what else waits for a helper thread must not wait for encoders, nor they for it.
        executor = ThreadPoolExecutor(1, f"lingen-{self._codec.lower()}")
        try:
            await self._encode_all(executor)
        finally:
            executor.shutdown(wait=False)

    async def _encode_all(self, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        encoder: VideoEncoder | None = None
        while True:
            image, pts = await self._next()
            start_s = self._clock()
            is_key = self._keyframes.is_due(start_s)
            try:
                encoder = self._fit(encoder, image, start_s)
                frame = await loop.run_in_executor(executor, partial(encoder.encode, image, pts, is_key=is_key))
            except (av.FFmpegError, ValueError) as error:  # a foreign library: the next frame finds a new encoder
                logger.warning("The encoder %s failed and is made anew: %s", self.encoder_name, error)
                encoder, self._h264 = None, SOFTWARE
                continue
            if frame is not None:
                self._hand_out(frame, start_s)

    async def _next(self) -> tuple[Image, int]:
        while self._offered is None:
            self._has_news.clear()
            await self._has_news.wait()
        image, pts = self._offered
        self._offered, self._last_pts = None, pts
        return image, pts

    def _fit(self, encoder: VideoEncoder | None, image: Image, now_s: float) -> VideoEncoder:
        """`encoder`, or another one if the image or the network asks for it."""
        height_px, width_px = image.shape[0] * 2 // 3, image.shape[1]
        is_same_size = encoder is not None and (encoder.width_px, encoder.height_px) == (width_px, height_px)
        if self._bitrate is None or not is_same_size:
            self._bitrate = BitrateRule(nominal_bps(width_px, height_px, self._fps()), now_s)
        bitrate_bps = self._bitrate.update(self._sent_bps(now_s), now_s)
        if encoder is not None and is_same_size and encoder.bitrate_bps == bitrate_bps:
            return encoder
        return VideoEncoder(self._codec, width_px, height_px, self._fps(), bitrate_bps, self._h264)

    def _hand_out(self, frame: CodedFrame, start_s: float) -> None:
        coded_s = self._clock()
        self._observe(frame.pts, "encode", start_s, coded_s - start_s)
        if frame.is_key:
            self._keyframes.note(coded_s)
            self.n_keyframes += 1
        self.n_frames += 1
        self.n_bytes += len(frame.data)
        self._sent.append((coded_s, len(frame.data)))
        self.ring.deliver(frame)
        for sink in list(self._sinks):
            sink.deliver(frame)
        self._observe(frame.pts, "hand out", coded_s, self._clock() - coded_s)

    def _sent_bps(self, now_s: float) -> float:
        while self._sent and now_s - self._sent[0][0] > RATE_WINDOW_S:
            self._sent.popleft()
        return 8 * sum(n_bytes for _, n_bytes in self._sent) / RATE_WINDOW_S
