"""A WHEP player made of aiortc, for tests of whoever serves one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame
from served import Live

SDP = {"Content-Type": "application/sdp"}


class Player:
    """A WHEP player."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.peer.on("track", self.track.set_result)
        self.peer.addTransceiver("video", direction="recvonly")
        self.path = ""
        self.answer = ""

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def play(self, live: Live) -> httpx.Response:
        return await self.play_on(live.http)

    async def play_on(self, http: httpx.AsyncClient, **query: str) -> httpx.Response:
        response = await http.post("/whep", params=query, content=await self.offer(), headers=SDP)
        if response.status_code == 201:
            self.path, self.answer = response.headers["location"], response.text
            await self.peer.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        return response

    async def end(self) -> None:
        """Read until the other side hangs up."""
        with suppress(MediaStreamError):
            while True:
                await self.frame()

    async def frame(self) -> VideoFrame:
        async with asyncio.timeout(10):
            frame = await (await self.track).recv()
        assert isinstance(frame, VideoFrame)
        return frame


@asynccontextmanager
async def player() -> AsyncIterator[Player]:
    it = Player()
    yield it
    await it.peer.close()
