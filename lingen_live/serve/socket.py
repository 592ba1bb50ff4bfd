"""The control socket `/ws`: hello, then controls in and events out, until one side leaves.

Knows Starlette's WebSocket, the protocol and the house. Does not know media.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.house import House, Visitor
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.parse import parse_control, parse_hello
from lingen_live.serve.protocol import ErrorEvent, Hello, encode
from lingen_live.serve.rate import TokenBucket
from lingen_live.serve.tasks import first_of

HELLO_TIMEOUT_S = 10.0
FAREWELL_TIMEOUT_S = 1.0
MAX_SOCKETS = 64
CONTROLS_HZ, CONTROLS_BURST = 30.0, 120
"""Of one socket: no person, and no script that waits for receipts, comes near it."""

CLOSE_BAD_HELLO = 4400
CLOSE_STUCK = 4408
CLOSE_FULL = 4503

logger = logging.getLogger(__name__)


class ControlSockets:
    """All control sockets of `house`."""

    def __init__(self, house: House, max_sockets: int = MAX_SOCKETS, hello_timeout_s: float = HELLO_TIMEOUT_S) -> None:
        self._house = house
        self._max_sockets = max_sockets
        self._hello_timeout_s = hello_timeout_s
        self._n_open = 0

    async def handle(self, socket: WebSocket) -> None:
        """Serve one socket to its end."""
        await socket.accept()
        if self._n_open >= self._max_sockets:
            message = f"{self._n_open} control sockets are open; at most {self._max_sockets} may be."
            await _refuse(socket, ProtocolError("full", message), CLOSE_FULL)
            return
        self._n_open += 1
        try:
            if hello := await self._greet(socket):
                await self._converse(socket, hello.session)
        except WebSocketDisconnect:
            pass  # the usual way to leave
        finally:
            self._n_open -= 1

    async def _greet(self, socket: WebSocket) -> Hello | None:
        """Wait for the hello; a socket without one is closed."""
        try:
            async with asyncio.timeout(self._hello_timeout_s):
                return parse_hello(await _receive_text(socket))
        except ProtocolError as error:
            await _refuse(socket, error, CLOSE_BAD_HELLO)
        except TimeoutError:
            message = f"No hello came within {self._hello_timeout_s:g} s; it must be the first message."
            await _refuse(socket, ProtocolError("hello_first", message), CLOSE_BAD_HELLO)
        return None

    async def _converse(self, socket: WebSocket, session_id: str | None) -> None:
        outbox = Outbox()
        try:
            visitor = self._house.enter(session_id, outbox)
        except ProtocolError as error:
            await _refuse(socket, error, CLOSE_FULL)
            return
        try:
            await first_of(lambda: _listen(socket, visitor), lambda: _speak(socket, outbox), outbox.until_stuck)
        finally:
            self._house.leave(visitor)
        # Only a stuck one gets here; its way is full, so the farewell may not get through either.
        logger.info("A control socket that does not drain is closed.")
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_TIMEOUT_S):
                await socket.close(CLOSE_STUCK, "events were not read")


async def _listen(socket: WebSocket, visitor: Visitor) -> None:
    bucket = TokenBucket(CONTROLS_HZ, CONTROLS_BURST)
    while True:
        try:
            text = await _receive_text(socket)
            # Nothing is dropped: whoever talks too fast is read more slowly, and the newest words still count.
            await asyncio.sleep(bucket.reserve(time.monotonic()))
            await visitor.control(parse_control(text))
        except ProtocolError as error:
            visitor.outbox.post(ErrorEvent(error.code, error.message, error.id))


async def _speak(socket: WebSocket, outbox: Outbox) -> None:
    while True:
        await socket.send_text(encode(await outbox.next()))


async def _receive_text(socket: WebSocket) -> str:
    """The next message.

    Raises:
        ProtocolError: it is binary.
        WebSocketDisconnect: the other side left.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    text = message.get("text")
    if not isinstance(text, str):
        n_bytes = len(message.get("bytes") or b"")
        raise ProtocolError("bad_message", f"The message is binary, {n_bytes} bytes; it must be JSON text.")
    return text


async def _refuse(socket: WebSocket, error: ProtocolError, close_code: int) -> None:
    await socket.send_text(encode(ErrorEvent(error.code, error.message, error.id)))
    await socket.close(close_code, error.code)
