"""What is changed inside aiortc."""

from __future__ import annotations

import asyncio
import re

import pytest
from aioice.mdns import MDnsProtocol
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, unpack_header_extensions

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.delay import PlayoutDelay
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.peer import PLAYOUT_DELAY_URI, CodedPacker, Peer, PlayoutDelayExtensions, tune_aiortc
from lingen_live.serve.track import ViewerTrack

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"


def parameters(*uris: str) -> RTCRtpParameters:
    extensions = [RTCRtpHeaderExtensionParameters(id=i + 4, uri=uri) for i, uri in enumerate(uris)]
    return RTCRtpParameters(headerExtensions=extensions)


def test_the_delay_rides_along_when_agreed() -> None:
    for delay, data in ((PlayoutDelay(), b"\0\0\0"), (PlayoutDelay(100, 400), b"\x00\xa0\x28")):
        extensions = PlayoutDelayExtensions(delay)
        extensions.configure(parameters(MID_URI, PLAYOUT_DELAY_URI))
        assert unpack_header_extensions(*extensions.set(HeaderExtensions(mid="0"))) == [(4, b"0"), (5, data)]


def test_the_delay_stays_away_when_not_agreed() -> None:
    extensions = PlayoutDelayExtensions(PlayoutDelay())
    extensions.configure(parameters(MID_URI))
    assert unpack_header_extensions(*extensions.set(HeaderExtensions(mid="0"))) == [(4, b"0")]


def test_tuning_is_idempotent() -> None:
    tune_aiortc()
    tune_aiortc()
    assert [extension.uri for extension in HEADER_EXTENSIONS["video"]].count(PLAYOUT_DELAY_URI) == 1
    ids = [extension.id for kind in HEADER_EXTENSIONS.values() for extension in kind if extension.uri != MID_URI]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("h264", "takes", "codec"),
    [("libx264", "VP8 H264", "VP8"), ("h264_nvenc", "VP8 H264", "H264"), ("h264_nvenc", "VP8", "VP8")],
)
async def test_hardware_makes_what_is_sent_to_who_takes_it(h264: str, takes: str, codec: str) -> None:
    viewer = RTCPeerConnection()
    offered = RTCRtpReceiver.getCapabilities("video")
    assert offered is not None
    wanted = [one for one in offered.codecs if one.mimeType.removeprefix("video/") in takes.split()]
    viewer.addTransceiver("video", direction="recvonly").setCodecPreferences(wanted)
    await viewer.setLocalDescription(await viewer.createOffer())
    peer = Peer(ViewerTrack(lambda: None), lambda: None, lambda _: None, preferred=MediaOptions(h264=h264).preferred)
    _, agreed = await peer.answer(viewer.localDescription.sdp)
    assert agreed == codec
    await peer.close()
    await viewer.close()


async def test_closing_twice_is_fine() -> None:
    peer = Peer(ViewerTrack(lambda: None), lambda: None, lambda _: None)
    await peer.close()
    await peer.close()
    async with asyncio.timeout(1):
        await peer.ended.wait()
    assert not peer.connected.is_set()


async def test_an_offer_after_the_end_is_an_error() -> None:
    peer = Peer(ViewerTrack(lambda: None), lambda: None, lambda _: None)
    await peer.close()
    with pytest.raises(Exception, match="closed"):
        await peer.answer("v=0\r\n")


def test_the_packer_sends_what_was_cut_before_and_passes_estimates_on() -> None:
    heard: list[int] = []
    packer = CodedPacker(heard.append)
    assert packer.pack(CodedFrame(b"ab", 9000, True, (b"a", b"b"))) == ([b"a", b"b"], 9000)
    assert packer.target_bitrate == 0
    packer.target_bitrate = 700_000
    assert (packer.target_bitrate, heard) == (700_000, [700_000])


async def test_a_browsers_hidden_address_holds_up_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for behind the answer's back, and taken when somebody says it."""
    asked, found = asyncio.Event(), asyncio.Event()

    async def resolve(self: MDnsProtocol, hostname: str, **options: object) -> str | None:
        asked.set()
        await found.wait()
        return "127.0.0.1"

    monkeypatch.setattr(MDnsProtocol, "resolve", resolve)
    viewer, peer = RTCPeerConnection(), Peer(ViewerTrack(lambda: None), lambda: None, lambda _: None)
    viewer.addTransceiver("video", direction="recvonly")
    await viewer.setLocalDescription(await viewer.createOffer())
    name = "0b1c6b1e-9f2d-4b0a-8f0e-0123456789ab.local"
    offer = re.sub(r"(?m)^(a=candidate:\S+ \d \S+ \d+) \S+", rf"\1 {name}", viewer.localDescription.sdp)
    assert name in offer
    async with asyncio.timeout(5):
        answer, _ = await peer.answer(offer)
        assert "a=candidate" in answer
        await asked.wait()
        found.set()
        await viewer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await peer.connected.wait()
    await peer.close()
    await viewer.close()
