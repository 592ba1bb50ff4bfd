"""A WHEP player for programs: frames as numpy arrays. Knows aiortc and HTTP; knows no controls and no page."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame
from numpy.typing import NDArray

from lingen_live.config import Weights
from lingen_live.errors import LingenError
from lingen_live.serve.ice import IceServer, from_links
from lingen_live.serve.peer import configuration

MAX_WAITING = 16
ANSWER_TIMEOUT_S = 10.0


class WatchError(LingenError):
    """The video cannot be watched."""

    code = "cannot_watch"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame as it arrived.

    Attributes:
        image: uint8 RGB, (H, W, 3).
        rtp: its RTP timestamp, 90 kHz from an origin of the connection's own.
        weights: "random" if it is no picture, as the server says; None where it was not asked.
    """

    image: NDArray[np.uint8]
    rtp: int
    weights: Weights | None = None


class Watcher:
    """Watches from `async with` on; `frames()` gives what comes.

    Args:
        endpoint: URL of the WHEP endpoint, such as http://127.0.0.1:8000/whep.
        token: what a server that is open to other machines asks for.
    """

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        self._endpoint = endpoint
        self._headers = bearing(token)
        self._peer: RTCPeerConnection | None = None
        self._session_url: str | None = None
        self._reader: asyncio.Task[None] | None = None
        # Who reads slowly misses frames, and does not fall behind.
        self._waiting: deque[VideoFrame] = deque(maxlen=MAX_WAITING)
        self._has_news = asyncio.Event()
        self._is_over = False

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            WatchError: the server refuses, with its reason.
        """
        servers = await asyncio.to_thread(_ask_servers, self._endpoint, self._headers)
        peer = self._peer = RTCPeerConnection(configuration(servers))
        peer.on("track", self._take)
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        try:
            answer, location = await asyncio.to_thread(_post, self._endpoint, peer.localDescription.sdp, self._headers)
        except WatchError:
            await peer.close()
            raise
        self._session_url = urljoin(self._endpoint, location)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        if self._session_url is not None:
            await asyncio.to_thread(_delete, self._session_url, self._headers)
        if self._peer is not None:
            await self._peer.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames as they come, until the server hangs up."""
        while True:
            while not self._waiting and not self._is_over:
                self._has_news.clear()
                await self._has_news.wait()
            if not self._waiting:
                return
            frame = self._waiting.popleft()
            yield Frame(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), frame.pts or 0)

    def stop(self) -> None:
        """No more frames come; `frames()` ends."""
        self._is_over = True
        self._waiting.clear()
        self._has_news.set()

    def _take(self, track: MediaStreamTrack) -> None:
        self._reader = asyncio.create_task(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, VideoFrame)
                self._waiting.append(frame)
                self._has_news.set()
        except MediaStreamError:
            pass  # the server hung up
        finally:
            self._is_over = True
            self._has_news.set()


def token_of(url: str) -> str | None:
    """The token in an address as the server printed it."""
    return parse_qs(urlsplit(url).query).get("token", [None])[0]


def bearing(token: str | None) -> dict[str, str]:
    """The header that shows a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _ask_servers(endpoint: str, headers: dict[str, str]) -> tuple[IceServer, ...]:
    """The ICE servers that the endpoint names; aiortc must know them before it makes an offer."""
    _, answered = _request(urllib.request.Request(endpoint, headers=headers, method="OPTIONS"))
    return from_links(answered.get_all("Link", []))


def _post(endpoint: str, offer: str, headers: dict[str, str]) -> tuple[str, str]:
    """The answer and the place to delete."""
    headers = {"Content-Type": "application/sdp", **headers}
    body, answered = _request(urllib.request.Request(endpoint, offer.encode(), headers, method="POST"))
    return body, answered["Location"]


def _request(request: urllib.request.Request) -> tuple[str, Message]:
    """Body and headers of the answer."""
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as response:
            return response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        with error:
            raise WatchError(f"{request.full_url} answered {error.code}: {error.read().decode()[:300]}") from error
    except OSError as error:
        raise WatchError(f"{request.full_url} cannot be reached: {error}.") from error


def _delete(url: str, headers: dict[str, str]) -> None:
    # A server that is gone has nothing left to delete.
    with suppress(OSError):
        request = urllib.request.Request(url, headers=headers, method="DELETE")
        urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S).close()
