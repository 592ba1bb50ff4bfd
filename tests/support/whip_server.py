"""A media server that takes streams over WHIP, made of aiortc, for tests of whoever publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame
from fastapi import FastAPI, Request, Response

from lingen_live.serve.listen import bind


class WhipServer:
    """Takes one stream after another.

    Attributes:
        url: the endpoint.
        frames: of all streams, as they come.
        n_goodbyes: streams that were deleted.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self.url = ""
        self.frames: asyncio.Queue[VideoFrame] = asyncio.Queue(64)
        self.n_goodbyes = 0
        self.peers: list[RTCPeerConnection] = []
        self._readers: set[asyncio.Task[None]] = set()
        self.app = FastAPI()
        self.app.add_api_route("/whip", self._take, methods=["POST"])
        self.app.add_api_route("/whip/{number}", self._end, methods=["DELETE"])

    async def _take(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Response("who are you?", 401)
        assert request.headers["content-type"] == "application/sdp"
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        peer.on("track", self._read)
        await peer.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": f"/whip/{len(self.peers)}"}
        return Response(peer.localDescription.sdp, 201, headers, "application/sdp")

    async def _end(self, number: int) -> Response:
        self.n_goodbyes += 1
        await self.peers[number - 1].close()
        return Response(status_code=200)

    def _read(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._keep(track))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _keep(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, VideoFrame)
                if self.frames.full():
                    self.frames.get_nowait()
                self.frames.put_nowait(frame)


@asynccontextmanager
async def whip_server(token: str) -> AsyncIterator[WhipServer]:
    """One on a free port."""
    server = WhipServer(token)
    with bind("127.0.0.1", 0) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/whip"
        config = uvicorn.Config(server.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running._serve([listener]))
        yield server
        await asyncio.gather(*(peer.close() for peer in server.peers))
        running.should_exit = True
        await serving
