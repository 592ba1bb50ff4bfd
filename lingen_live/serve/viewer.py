"""One viewer: a peer connection and what is sent on it. Knows outlets. Does not know who else watches, nor HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from lingen_live.serve.channel import CodedSink
from lingen_live.serve.coded import Codec
from lingen_live.serve.ice import IceServer
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.peer import Peer
from lingen_live.serve.track import ViewerTrack


class Outlet(Protocol):
    """A session's video in one codec, as those see it who take part; it is encoded here or on another machine."""

    @property
    def n_frames(self) -> int:
        """That were encoded."""

    @property
    def n_keyframes(self) -> int:
        """Among them."""

    @property
    def n_bytes(self) -> int:
        """Their size."""

    @property
    def bitrate_bps(self) -> int:
        """What the encoder aims at; 0 when nothing is encoded."""

    @property
    def encoder_name(self) -> str:
        """What encodes, as FFmpeg calls it."""

    def __len__(self) -> int:
        """How many take part."""

    def add(self, sink: CodedSink) -> None:
        """Give `sink` every frame from now on; it is made sure that a keyframe comes."""

    def remove(self, sink: CodedSink) -> None:
        """Give `sink` nothing more; idempotent."""

    def ask_for_keyframe(self) -> None:
        """Somebody lost too much to go on."""

    def note_estimate(self, sink: CodedSink, estimate_bps: int) -> None:
        """What the receiver behind `sink` believes that it can take."""

    async def last(self, seconds: float) -> list[Sample]:
        """The last `seconds` that were encoded, from a keyframe on; less or nothing, if there is no more."""


class Viewer:
    """A viewer who was let in, but gets nothing until connected.

    Args:
        outlets: what it may watch.
        options: how the video reaches it.
        more_servers: ICE servers that it named itself; they come first.
    """

    def __init__(
        self, outlets: Mapping[Codec, Outlet], options: MediaOptions, more_servers: tuple[IceServer, ...] = ()
    ) -> None:
        self._outlets = outlets
        self._outlet: Outlet | None = None
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

    async def answer(self, offer_sdp: str) -> str:
        """The SDP answer; raises what aiortc raises."""
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
        self._outlet = self._outlets[self.codec]
        self._outlet.add(self.track.queue)

    async def close(self) -> None:
        """Get nothing more, and hang up; idempotent."""
        if self._outlet is not None:
            self._outlet.remove(self.track.queue)
        await self.peer.close()

    def _ask_for_keyframe(self) -> None:
        if self._outlet is not None:
            self._outlet.ask_for_keyframe()

    def _note_estimate(self, estimate_bps: int) -> None:
        if self._outlet is not None:
            self._outlet.note_estimate(self.track.queue, estimate_bps)
