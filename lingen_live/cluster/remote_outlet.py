"""`RemoteOutlet`: a session's video in one codec, encoded on the engine's machine, as the gateway sees it.

Coded frames come to the gateway only while somebody takes part here: over the WebSocket, as a film, or to publish them.
Does not know where the stream is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lingen_live.cluster.media import Estimate, OutletCounts, Tap, ToStage, WantKeyframe
from lingen_live.serve.channel import CodedSink
from lingen_live.serve.coded import Codec, CodedFrame
from lingen_live.serve.h264 import SOFTWARE
from lingen_live.serve.mp4 import Sample


class RemoteOutlet:
    """An `Outlet` of the stream `number`.

    Args:
        number: of the stream.
        codec: of the frames.
        tell: tells the device where the stream is; nothing happens while it is nowhere.
        ask_last: asks it for the last seconds.
    """

    def __init__(
        self,
        number: int,
        codec: Codec,
        tell: Callable[[ToStage], None],
        ask_last: Callable[[Codec, float], Awaitable[list[Sample]]],
    ) -> None:
        self._number = number
        self._codec = codec
        self._tell = tell
        self._ask_last = ask_last
        self._sinks: set[CodedSink] = set()
        self._before = self._now = self._nothing = OutletCounts(0, 0, 0, 0, 0, "libvpx" if codec == "VP8" else SOFTWARE)

    @property
    def n_frames(self) -> int:
        """That were encoded, wherever the stream was."""
        return self._before.n_frames + self._now.n_frames

    @property
    def n_keyframes(self) -> int:
        """Among them."""
        return self._before.n_keyframes + self._now.n_keyframes

    @property
    def n_bytes(self) -> int:
        """Their size."""
        return self._before.n_bytes + self._now.n_bytes

    @property
    def bitrate_bps(self) -> int:
        """What the encoder aims at; 0 when nothing is encoded."""
        return self._now.bitrate_bps

    @property
    def encoder_name(self) -> str:
        """What encodes, as FFmpeg calls it."""
        return self._now.encoder_name

    def __len__(self) -> int:
        """How many take part: there, as it was told last; here, if nothing was told since they came."""
        return max(self._now.n_sinks, len(self._sinks))

    def add(self, sink: CodedSink) -> None:
        """Give `sink` every frame from now on."""
        self._sinks.add(sink)
        self._tell(Tap(self._number, self._codec, is_open=True))

    def remove(self, sink: CodedSink) -> None:
        """Give `sink` nothing more; idempotent."""
        if sink in self._sinks:
            self._sinks.discard(sink)
            if not self._sinks:
                self._tell(Tap(self._number, self._codec, is_open=False))

    def ask_for_keyframe(self) -> None:
        """Somebody lost too much to go on."""
        self._tell(WantKeyframe(self._number, self._codec))

    def note_estimate(self, sink: CodedSink, estimate_bps: int) -> None:
        """What a receiver here believes that it can take; the last one that says so stands for all of here."""
        self._tell(Estimate(self._number, self._codec, estimate_bps))

    async def last(self, seconds: float) -> list[Sample]:
        """The last `seconds`; nothing from before the stream came to where it is."""
        return await self._ask_last(self._codec, seconds)

    # What the booth does with it.

    def deliver(self, frame: CodedFrame) -> None:
        """A frame came."""
        for sink in list(self._sinks):
            sink.deliver(frame)

    def note(self, counts: OutletCounts) -> None:
        """How it fares where the stream is."""
        self._now = counts

    def move(self) -> None:
        """The stream is somewhere else now, where all counts begin anew."""
        self._before = OutletCounts(self.n_frames, self.n_keyframes, self.n_bytes, 0, 0, "")
        self._now = self._nothing
        if self._sinks:
            self._tell(Tap(self._number, self._codec, is_open=True))
