"""`Stage`: the video of one stream in its engine's process: the frames that may be shown, encoders, and viewers.

The gateway says when which image is shown, and who is let in. Knows booths. Does not know engines, Ray, nor HTTP.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from lingen_live.cluster.media import (
    Arrived,
    Counted,
    Estimate,
    FromStage,
    HangUp,
    Left,
    Met,
    OutletCounts,
    Show,
    Tap,
    Tapped,
    ToStage,
    Trickle,
    WantKeyframe,
    Worked,
)
from lingen_live.engine.client import ChunkReady, KeptFrames
from lingen_live.profile.spans import Span
from lingen_live.serve.booth import LocalBooth
from lingen_live.serve.coded import Codec, CodedFrame
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.errors import HttpError
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.mp4 import Sample

MAX_KEPT_CHUNKS = 8
"""What plays and what waits are three at most; a chunk that was dropped from the middle is kept for nothing."""


class _Tap:
    """A sink whose frames go to the gateway."""

    def __init__(self, codec: Codec, say: Callable[[FromStage], None]) -> None:
        self._codec = codec
        self._say = say

    def deliver(self, frame: CodedFrame) -> None:
        self._say(Tapped(self._codec, frame))


class Stage:
    """The video of one stream. A `Desk` of its booth.

    Args:
        fps: nominal frames a second.
        options: how video leaves this machine.
        say: told what the gateway is to know; `Worked` can wait for other news.
    """

    def __init__(self, fps: float, options: MediaOptions, say: Callable[[FromStage], None]) -> None:
        self._say = say
        self._booth = LocalBooth(lambda: fps, options=options, on_connected=lambda id: say(Arrived(id)))
        self._booth.serve(self)
        self._colour = ColourConverter()
        self._images: OrderedDict[str, tuple[NDArray[np.uint8], ...]] = OrderedDict()
        self._taps: dict[Codec, _Tap] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._counted = self._count()

    async def keep(self, chunk: ChunkReady) -> ChunkReady:
        """Keep the frames of a chunk here; the chunk without them, and with the time that it took."""
        start_s = time.monotonic()
        # About two milliseconds of work, and not on the event loop.
        images = await asyncio.to_thread(self._colour.to_yuv420p, chunk.frames)
        key = secrets.token_hex(8)  # unique in all machines: what was shown elsewhere is not to be mistaken for this
        self._put(key, tuple(images))
        profile = chunk.profile
        colour = Span("colour", profile.total_s, time.monotonic() - start_s)
        profile = replace(profile, spans=(*profile.spans, colour))
        return replace(chunk, frames=chunk.frames[:0], kept=KeptFrames(key, len(images)), profile=profile)

    @property
    def images(self) -> Mapping[str, tuple[NDArray[np.uint8], ...]]:
        """What may still be shown, by the keys of the chunks."""
        return dict(self._images)

    def adopt(self, images: Mapping[str, tuple[NDArray[np.uint8], ...]]) -> None:
        """Take over what may still be shown from another machine."""
        for key, of_chunk in images.items():
            self._put(key, of_chunk)

    async def meet(self, viewer_id: str, offer_sdp: str) -> Met:
        """Let a viewer in."""
        try:
            return Met((await self._booth.answer(viewer_id, offer_sdp))[0])
        except HttpError as error:
            return Met("", error.status, error.code, error.message, error.retry_after_s)

    def take(self, message: ToStage) -> None:
        """Do what the gateway says, and wait for nothing; what is not there any more is passed over."""
        match message:
            case Show():
                if (images := self._images.get(message.key)) and message.index < len(images):
                    self._booth.publish(images[message.index], message.media_time_s)
            case Trickle():
                self._spawn(self._booth.trickle(message.viewer_id, message.fragment))
            case HangUp():
                self._spawn(self._booth.hang_up(message.viewer_id))
            case Tap():
                self._set_tap(message.codec, is_open=message.is_open)
            case WantKeyframe():
                self._booth.channels[message.codec].ask_for_keyframe()
            case Estimate():
                if (tap := self._taps.get(message.codec)) is not None:
                    self._booth.channels[message.codec].note_estimate(tap, message.bitrate_bps)
            case _:
                assert_never(message)

    async def last(self, codec: Codec, seconds: float) -> list[Sample]:
        """See `Outlet`."""
        return await self._booth.channels[codec].last(seconds)

    def tell_counts(self) -> None:
        """Tell how it fares, if that is news."""
        counted = self._count()
        if counted != self._counted:
            self._counted = counted
            self._say(counted)

    async def close(self) -> None:
        """Let all go."""
        for codec in list(self._taps):
            self._set_tap(codec, is_open=False)
        await self._booth.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._images.clear()

    # What the booth tells.

    def hear_here(self, viewer_id: str) -> None:
        """Everybody comes to where the booth is."""

    def hear_left(self, viewer_id: str) -> None:
        """A viewer is gone."""
        self._say(Left(viewer_id))

    def hear_moving(self, place: str, *, is_gone: bool) -> None:
        """A booth of this process does not move."""

    def hear_work(self, pts: int, name: str, start_s: float, duration_s: float) -> None:
        """Something was done to an image."""
        self._say(Worked(pts, name, start_s, duration_s))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _put(self, key: str, images: tuple[NDArray[np.uint8], ...]) -> None:
        self._images[key] = images
        while len(self._images) > MAX_KEPT_CHUNKS:
            self._images.popitem(last=False)

    def _set_tap(self, codec: Codec, *, is_open: bool) -> None:
        if is_open and codec not in self._taps:
            tap = self._taps[codec] = _Tap(codec, self._say)
            self._booth.channels[codec].add(tap)
        elif not is_open and (found := self._taps.pop(codec, None)) is not None:
            self._booth.channels[codec].remove(found)

    def _count(self) -> Counted:
        outlets = {
            codec: OutletCounts(
                channel.n_frames,
                channel.n_keyframes,
                channel.n_bytes,
                channel.bitrate_bps,
                len(channel),
                channel.encoder_name,
            )
            for codec, channel in self._booth.channels.items()
        }
        return Counted(outlets, self._booth.n_dropped_frames)
