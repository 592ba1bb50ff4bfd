"""A media server that takes one stream by WHIP, made of aiortc, for tests of whoever publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from fastapi import FastAPI, Request, Response

from lingen_live.serve.listen import bind


class WhipReceiver:
    """What was asked of it, and what it got."""

    def __init__(self) -> None:
        self.url = ""
        self.n_refusals_left = 0
        self.tokens: list[str | None] = []
        self.offers: list[str] = []
        self.deleted: list[str] = []
        self.n_frames = 0
        self.sizes: set[tuple[int, int]] = set()
        self.peers: list[RTCPeerConnection] = []
        self._has_news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    async def receive(self, n_more_frames: int) -> None:
        """Wait until so many more frames were decoded."""
        wanted = self.n_frames + n_more_frames
        async with asyncio.timeout(20):
            while self.n_frames < wanted:
                self._has_news.clear()
                await self._has_news.wait()

    async def post(self, request: Request) -> Response:
        self.tokens.append(request.headers.get("authorization"))
        if self.n_refusals_left:
            self.n_refusals_left -= 1
            return Response("busy", 503)
        offer = (await request.body()).decode()
        self.offers.append(offer)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        peer.on("track", lambda track: self._readers.append(asyncio.create_task(self._read(track))))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": f"sessions/{len(self.peers)}", "Link": '<stun:127.0.0.1:9>; rel="ice-server"'}
        return Response(peer.localDescription.sdp, 201, headers, "application/sdp")

    async def delete(self, request: Request) -> Response:
        self.deleted.append(request.url.path)
        self.tokens.append(request.headers.get("authorization"))
        return Response(status_code=200)

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self.peers), *self._readers)

    async def _read(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.n_frames += 1
                self._has_news.set()
                self.sizes.add((frame.width, frame.height))  # type: ignore[union-attr]


@asynccontextmanager
async def whip_receiver() -> AsyncIterator[WhipReceiver]:
    """One on a free port of this machine."""
    receiver = WhipReceiver()
    app = FastAPI()
    app.add_api_route("/whip/stream", receiver.post, methods=["POST"], response_model=None)
    app.add_api_route("/whip/sessions/{name}", receiver.delete, methods=["DELETE"], response_model=None)
    with bind("127.0.0.1", 0) as listener:
        receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/whip/stream"
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield receiver
        await receiver.close()
        server.should_exit = True
        await serving
