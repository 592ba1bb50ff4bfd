"""One WebRTC peer connection that only sends: offer in, answer out, and word when it connects and ends.

The only file that touches aiortc's insides, each time with the measured reason. Does not know HTTP or
sessions.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs import HEADER_EXTENSIONS, h264, vpx
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, pack_header_extensions, unpack_header_extensions

# aiortc begins blurred and takes 25 s to sharpen; small pictures cost little from the start.
MIN_BITRATE_BPS = 400_000
DEFAULT_BITRATE_BPS = 1_000_000
MAX_BITRATE_BPS = 3_000_000

PLAYOUT_DELAY_URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
_SENDER_EXTENSIONS = "_RTCRtpSender__rtp_header_extensions_map"


class PlayoutDelayExtensions(HeaderExtensionsMap):
    """aiortc's header extensions and "play without delay", which took 27 of 37 ms off the latency."""

    def __init__(self) -> None:
        super().__init__()
        self._playout_delay_id: int | None = None

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Learn the ids that were negotiated."""
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == PLAYOUT_DELAY_URI:
                self._playout_delay_id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """Serialize `values` and the playout delay: minimum 0, maximum 0, 12 bits each."""
        profile, value = super().set(values)
        if self._playout_delay_id is None:
            return profile, value
        others: list[tuple[int, Any]] = unpack_header_extensions(profile, value)
        return pack_header_extensions([*others, (self._playout_delay_id, b"\0\0\0")])


def tune_aiortc() -> None:
    """Raise the bitrates that encoders begin with, and let answers accept the playout delay; idempotent."""
    for codec in (vpx, h264):
        setattr(codec, "MIN_BITRATE", MIN_BITRATE_BPS)  # noqa: B010 (constants in the eyes of a type checker)
        setattr(codec, "DEFAULT_BITRATE", DEFAULT_BITRATE_BPS)  # noqa: B010
        setattr(codec, "MAX_BITRATE", MAX_BITRATE_BPS)  # noqa: B010
    if all(extension.uri != PLAYOUT_DELAY_URI for extension in HEADER_EXTENSIONS["video"]):
        HEADER_EXTENSIONS["video"].append(RTCRtpHeaderExtensionParameters(id=12, uri=PLAYOUT_DELAY_URI))


class Peer:
    """A viewer's connection; `connected` and `ended` are set as they happen."""

    def __init__(self, track: MediaStreamTrack) -> None:
        tune_aiortc()
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        # Without this, aiortc would ask a public STUN server where we are.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._follow)
        # Before the offer is set: afterwards, preferences are ignored.
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences(sorted(codecs, key=lambda codec: codec.mimeType != "video/VP8"))
        if not hasattr(transceiver.sender, _SENDER_EXTENSIONS):
            raise RuntimeError("This version of aiortc keeps its header extensions elsewhere.")
        setattr(transceiver.sender, _SENDER_EXTENSIONS, PlayoutDelayExtensions())

    async def answer(self, offer_sdp: str) -> str:
        """The SDP answer to `offer_sdp`, with all candidates of this side.

        Raises:
            Exception: whatever aiortc raises on an offer that it cannot take.
        """
        await self._connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return self._connection.localDescription.sdp

    async def close(self) -> None:
        """Hang up; idempotent."""
        await self._connection.close()
        self.ended.set()

    def _follow(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self.connected.set()
            case "failed" | "closed":
                self.ended.set()
