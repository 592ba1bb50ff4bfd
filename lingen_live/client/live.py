"""`LiveClient`: steer a live stream from a program, and watch it. Knows the protocol; knows no engine and no page."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from lingen_live.client.watching import Frame, Watcher, WatchError, bearing, token_of
from lingen_live.errors import LingenError
from lingen_live.serve.protocol import VERSION

RECEIPT_TIMEOUT_S = 30.0


class Refused(LingenError):  # noqa: N818 (an answer, not a fault)
    """The server did not do what it was asked, and says why; `code` is its word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Applied:
    """A control took effect: `pts` (90 kHz, the session's media time) is that of the first frame made under it."""

    chunk_index: int
    pts: int


class LiveClient:
    """A control socket, and video on request.

    Args:
        url: as the server printed it, such as http://127.0.0.1:8000/, with its token if it has one.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = token_of(url)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Applied]] = {}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._has_state = asyncio.Event()
        self._watcher: Watcher | None = None
        self._place: str | None = None
        self.state: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        """Connect and wait for the first state.

        Raises:
            Refused: the server does not speak this version, or is full.
        """
        parts = urlsplit(urljoin(self._url, "ws"))
        scheme = {"http": "ws", "https": "wss"}[parts.scheme]
        self._socket = await connect(urlunsplit(parts._replace(scheme=scheme)), additional_headers=bearing(self._token))
        await self._socket.send(json.dumps({"type": "hello", "version": VERSION}))
        self._reader = asyncio.create_task(self._read(self._socket))
        is_there = asyncio.create_task(self._has_state.wait())
        await asyncio.wait({is_there, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        is_there.cancel()
        if self._reader.done() and not self._has_state.is_set():
            self._reader.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        assert self._socket is not None
        assert self._reader is not None
        await self._socket.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def steer(self, prompt: str, chunks: int | None = None) -> Applied:
        """Bend the stream to `prompt` over `chunks` chunks; see `control`."""
        return await self.control("steer", prompt=prompt, **({} if chunks is None else {"chunks": chunks}))

    async def cut(self, prompt: str) -> Applied:
        """Begin a new scene with `prompt`; see `control`."""
        return await self.control("cut", prompt=prompt)

    async def control(self, verb: str, **fields: object) -> Applied:
        """Say any control of the protocol (docs/protocol.md) and wait until it takes effect.

        Raises:
            Refused: the server says no.
            TimeoutError: nothing came of it within `RECEIPT_TIMEOUT_S`.
            ConnectionClosed: there is no connection any more.
        """
        assert self._socket is not None
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"type": verb, "id": number, **fields}))
            async with asyncio.timeout(RECEIPT_TIMEOUT_S):
                return await self._waiting[number]
        finally:
            del self._waiting[number]

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Watch this session: frames as they come, each with what weights made it, until the server hangs up.

        A session of a cluster may move to another machine: then it is watched by another connection, after a moment
        without frames, and their RTP timestamps count from another origin.

        Raises:
            WatchError: the server refuses.
        """
        self._place = ""
        while (place := self._place) is not None:
            self._place = None
            watcher = self._watcher = await self._connect(place)
            try:
                async for frame in watcher.frames():
                    yield replace(frame, weights=self.state.get("weights"))
            finally:
                self._watcher = None
                await watcher.__aexit__(None, None, None)

    async def _connect(self, place: str) -> Watcher:
        """A watcher at `place`, or where the session is if that place is not any more."""
        whep = urljoin(self._url, "whep") + "?session=" + self.state["session"]
        if place:
            with suppress(WatchError):
                return await Watcher(f"{whep}&place={place}", self._token).__aenter__()
        return await Watcher(whep, self._token).__aenter__()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._hear(json.loads(await socket.recv()))
        except ConnectionClosed as error:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(error)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "state":
                self.state = message
                self._has_state.set()
            case "applied" if future := self._open(message.get("id")):
                future.set_result(Applied(message["chunk_index"], message["pts"]))
            case "moving":
                self._place = message["place"]  # also for one that is just connecting: it is hung up on soon
                if self._watcher is not None:
                    self._watcher.stop()
            case "error":
                refusal = Refused(message["code"], message["message"])
                if future := self._open(message.get("id")):
                    future.set_exception(refusal)
                elif not self._has_state.is_set():
                    raise refusal

    def _open(self, number: int | None) -> asyncio.Future[Applied] | None:
        future = self._waiting.get(number) if number is not None else None
        return future if future is not None and not future.done() else None
