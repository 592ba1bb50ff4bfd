"""The video over a WebSocket, `/media`, for networks that let no UDP through: the same coded frames as over WebRTC.

First a text that says what they are, then one binary message a frame: a byte of flags (1 a keyframe, 2 made with random
weights), the pts (90 kHz, 8 bytes, big endian), and the frame. The viewer may say {"type": "keyframe"} when it cannot
go on. Knows Starlette's WebSocket and `Viewers`. Does not know controls.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from fastapi import WebSocket, WebSocketDisconnect

from lingen_live.config import Weights
from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.errors import HttpError
from lingen_live.serve.tasks import first_of
from lingen_live.serve.viewers import Seat, Viewers

VERSION = 1
PATIENCE_S = 10.0
HEADER = struct.Struct(">BQ")
KEYFRAME = 1
RANDOM_WEIGHTS = 2

CLOSE_BAD_MESSAGE = 4400
CLOSE_STUCK = 4408
CLOSE_FULL = 4503

_WISH = {"type": "keyframe"}
_MAX_WISH_CHARS = 64

logger = logging.getLogger(__name__)


class BadMessageError(Exception):
    """A viewer said what it may not."""


def pack(frame: CodedFrame, weights: Weights) -> bytes:
    """A frame as one binary message, which says what weights made it."""
    flags = (KEYFRAME if frame.is_key else 0) | (RANDOM_WEIGHTS if weights == "random" else 0)
    return HEADER.pack(flags, frame.pts) + frame.data


class MediaSockets:
    """All who watch over a WebSocket.

    Args:
        find: the viewers of the session of an id, or of the one that is meant without; raises HttpError.
        patience_s: a viewer that takes nothing for so long is given up.
    """

    def __init__(self, find: Callable[[str | None], Viewers], patience_s: float = PATIENCE_S) -> None:
        self._find = find
        self._patience_s = patience_s

    async def handle(self, socket: WebSocket) -> None:
        """Serve one viewer to its end."""
        await socket.accept()
        try:
            with self._find(socket.query_params.get("session")).seat() as seat:
                await socket.send_text(json.dumps({"type": "media", "version": VERSION, **seat.described}))
                await first_of(partial(self._show, socket, seat), partial(_listen, socket, seat.ask_for_keyframe))
        except WebSocketDisconnect:
            pass  # the usual way to leave
        except HttpError as error:
            await socket.close(CLOSE_FULL, error.code)
        except BadMessageError:
            await socket.close(CLOSE_BAD_MESSAGE, "only a wish for a keyframe is understood")
        except TimeoutError:
            logger.info("A viewer who took no frame for %g s is given up.", self._patience_s)
            # Its way is full, so the farewell may not get through either.
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await socket.close(CLOSE_STUCK, "frames were not read")

    async def _show(self, socket: WebSocket, seat: Seat) -> None:
        while (frame := await seat.queue.next()) is not None:
            async with asyncio.timeout(self._patience_s):
                await socket.send_bytes(pack(frame, seat.described["weights"]))


async def _listen(socket: WebSocket, ask_for_keyframe: Callable[[], None]) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        if not _is_wish(message.get("text")):
            raise BadMessageError
        ask_for_keyframe()


def _is_wish(text: object) -> bool:
    """Whether a viewer asks for a keyframe; nothing else can be asked for here."""
    if not isinstance(text, str) or len(text) > _MAX_WISH_CHARS:
        return False
    try:
        return bool(json.loads(text) == _WISH)
    except ValueError:
        return False
