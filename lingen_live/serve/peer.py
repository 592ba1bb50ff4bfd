"""One WebRTC peer connection that only sends, whoever makes the offer, and word of what the viewer says back.

The only file, with the encoder, that touches aiortc's insides, each time with the reason. Does not know HTTP or
sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, pack_header_extensions, unpack_header_extensions

from lingen_live.serve.coded import Codec, CodedFrame
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.ice import IceServer
from lingen_live.serve.offer import choice_of, codec_of
from lingen_live.serve.track import ViewerTrack
from lingen_live.serve.trickle import Fragment, without_names

PLAYOUT_DELAY_URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
_SENDER_EXTENSIONS = "_RTCRtpSender__rtp_header_extensions_map"
_SENDER_ENCODER = "_RTCRtpSender__encoder"
NO_DELAY = PlayoutDelay()


class PlayoutDelayExtensions(HeaderExtensionsMap):
    """aiortc's header extensions and the playout delay; "none" took 27 of 37 ms off the latency.

    Args:
        delay: what receivers are told.
    """

    def __init__(self, delay: PlayoutDelay) -> None:
        super().__init__()
        self._data = delay.data
        self._playout_delay_id: int | None = None

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Learn the ids that were negotiated."""
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == PLAYOUT_DELAY_URI:
                self._playout_delay_id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """Serialize `values` and the playout delay."""
        profile, value = super().set(values)
        if self._playout_delay_id is None:
            return profile, value
        others: list[tuple[int, Any]] = unpack_header_extensions(profile, value)
        return pack_header_extensions([*others, (self._playout_delay_id, self._data)])


def tune_aiortc() -> None:
    """Let answers accept the playout delay; idempotent."""
    if all(extension.uri != PLAYOUT_DELAY_URI for extension in HEADER_EXTENSIONS["video"]):
        HEADER_EXTENSIONS["video"].append(RTCRtpHeaderExtensionParameters(id=12, uri=PLAYOUT_DELAY_URI))


def configuration(servers: Iterable[IceServer]) -> RTCConfiguration:
    """`servers`, of which aiortc takes the first for STUN and the first for TURN.

    An empty list is not nothing: without one, aiortc would ask a public STUN server where we are.
    """
    return RTCConfiguration([RTCIceServer(each.url, each.username, each.credential) for each in servers])


class CodedPacker:
    """In the place of aiortc's encoder, which would encode once more for every viewer.

    Args:
        on_estimate: told what the viewer believes it can take, bits a second.
    """

    def __init__(self, on_estimate: Callable[[int], None]) -> None:
        self._on_estimate = on_estimate
        self._bitrate_bps = 0

    def pack(self, frame: CodedFrame) -> tuple[list[bytes], int]:
        """RTP payloads and timestamp; they were cut once for all viewers."""
        return list(frame.payloads), frame.pts

    @property
    def target_bitrate(self) -> int:
        """The newest estimate; 0 before the first."""
        return self._bitrate_bps

    @target_bitrate.setter
    def target_bitrate(self, bitrate_bps: int) -> None:
        # This is all that aiortc does with a REMB message.
        self._bitrate_bps = bitrate_bps
        self._on_estimate(bitrate_bps)


class Peer:
    """A viewer's connection; `connected` and `ended` are set as they happen.

    Args:
        track: what is sent.
        on_keyframe_request: called when the viewer lost its picture (PLI, FIR).
        on_estimate: told what the viewer believes it can take, bits a second.
        servers: that help to find a way to it.
        delay: how long it shall hold frames back.
        preferred: of two codecs that the viewer takes.
    """

    def __init__(
        self,
        track: ViewerTrack,
        on_keyframe_request: Callable[[], None],
        on_estimate: Callable[[int], None],
        *,
        servers: Iterable[IceServer] = (),
        delay: PlayoutDelay = NO_DELAY,
        preferred: Codec = "VP8",
    ) -> None:
        tune_aiortc()
        self._preferred = preferred
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        self._resolving: asyncio.Task[None] | None = None
        self._connection = RTCPeerConnection(configuration(servers))
        self._connection.on("connectionstatechange", self._follow)
        # Before the offer is set: afterwards, preferences are ignored.
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences(sorted(codecs, key=lambda codec: codec.mimeType != f"video/{preferred}"))
        for name in (_SENDER_EXTENSIONS, _SENDER_ENCODER, "_send_keyframe"):
            if not hasattr(transceiver.sender, name):
                raise RuntimeError(f"This version of aiortc has no {name} in its sender.")
        setattr(transceiver.sender, _SENDER_EXTENSIONS, PlayoutDelayExtensions(delay))
        setattr(transceiver.sender, _SENDER_ENCODER, CodedPacker(on_estimate))
        # aiortc would tell its own encoder, which nobody asks any more.
        setattr(transceiver.sender, "_send_keyframe", on_keyframe_request)  # noqa: B010 (else a type checker objects)

    async def answer(self, offer_sdp: str) -> tuple[str, Codec]:
        """The SDP answer to `offer_sdp`, with all candidates of this side, and the codec that was agreed on.

        Raises:
            Exception: whatever aiortc raises on an offer that it cannot take.
        """
        offer_sdp, named = without_names(offer_sdp)
        await self._connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        if named is not None:
            self._resolving = asyncio.create_task(self.add(named))
        sdp: str = self._connection.localDescription.sdp
        return sdp, codec_of(sdp)

    async def offer(self) -> str:
        """An SDP offer with all candidates of this side."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        sdp: str = self._connection.localDescription.sdp
        return sdp

    async def accept(self, answer_sdp: str) -> Codec:
        """Take the answer to `offer`; the codec that is sent.

        Raises:
            Exception: whatever aiortc raises on an answer that it cannot take.
        """
        codec = choice_of(answer_sdp, self._preferred)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer_sdp, "answer"))
        return codec

    async def add(self, fragment: Fragment) -> None:
        """Take candidates that the viewer found after its offer."""
        # Together: a name that nobody answers for takes a second.
        await asyncio.gather(*(self._connection.addIceCandidate(candidate) for candidate in fragment.candidates))
        if fragment.is_last:
            await self._connection.addIceCandidate(None)

    async def close(self) -> None:
        """Hang up; idempotent."""
        if self._resolving is not None:
            self._resolving.cancel()
        await self._connection.close()
        self.ended.set()

    def _follow(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self.connected.set()
            case "failed" | "closed":
                self.ended.set()
