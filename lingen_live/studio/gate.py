"""What of Gradio may be reached at all: a list of routes, bounded bodies, and no word about files or other machines.

Gradio has routes that open paths, fetch addresses and take uploads. None of them is needed, so none passes; files that
a person picks are read by their browser and come as text. Plain ASGI, behind the server's checks of Host, Origin and
token.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 4 * 2**20
MAX_STREAMS = 64
"""Answers that go on at a time: one by which a page is known to be there, and one while it waits for a button."""

HEADERS = {
    "Content-Security-Policy": (
        # Gradio's page starts by scripts of its own text, and its templates are made into functions.
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_STREAM = r"gradio_api/(?:queue/data|heartbeat/\w+)"
_NAME = r"[\w@-][\w.@-]*"  # no name begins with a dot: none of them leads upwards
_READ = re.compile(
    rf"(?:|config|theme\.css|gradio_api/theme\.css|gradio_api/startup-events|{_STREAM}"
    rf"|films/[\w-]+\.(?:mp4|json|[A-D]\.(?:json|lgs))|(?:assets|static|svelte)(?:/{_NAME})+)"
)
_WRITE = re.compile(r"gradio_api/(?:queue/join|cancel)")
_FILE_KEYS = frozenset({"path", "url", "is_stream", "orig_name"})
"""A value with one of these would be a file to Gradio, which would look for it, or fetch it."""


class Gate:
    """ASGI middleware before Gradio."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._n_streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is on the list; the rest is answered here."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "no_socket"})
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        if scope["method"] in ("GET", "HEAD") and _READ.fullmatch(path):
            await self._read(re.fullmatch(_STREAM, path) is not None, _inner(scope), receive, _guarded(send))
        elif scope["method"] == "POST" and _WRITE.fullmatch(path):
            await self._write(_inner(scope), receive, _guarded(send))
        else:
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)

    async def _read(self, is_stream: bool, scope: Scope, receive: Receive, send: Send) -> None:
        if is_stream and self._n_streams >= MAX_STREAMS:
            message = f"{self._n_streams} answers of the studio go on; at most {MAX_STREAMS} may. Try again later."
            await PlainTextResponse(message, 503, {"Retry-After": "5"})(scope, receive, send)
            return
        self._n_streams += is_stream
        try:
            await self._app(scope, receive, send)
        finally:
            self._n_streams -= is_stream

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            message = f"The request has more than {MAX_BODY_BYTES} bytes, which is the most that is accepted."
            await PlainTextResponse(message, 413, {"Connection": "close"})(scope, receive, send)
        elif problem := _problem(body):
            await PlainTextResponse(problem, 400)(scope, receive, send)
        else:
            await self._app(scope, _again(body, receive), send)


async def _body(receive: Receive) -> bytes | None:
    """All of it; None if it is too long. It is bounded while it comes, whatever its length was said to be."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Receive `body`, then what comes after it."""
    is_told = False

    async def receive_again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _problem(body: bytes) -> str | None:
    """Why it cannot be passed on."""
    try:
        waiting: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):
        return "The request is not JSON."
    while waiting:
        match waiting.pop():
            case dict() as fields if _FILE_KEYS & fields.keys():
                return "The request names a file or an address; the studio opens neither for a client."
            case dict() as fields:
                waiting.extend(fields.values())
            case list() as items:
                waiting.extend(items)
    return None


def _inner(scope: Scope) -> Scope:
    """The request without its Origin, which was judged already: Gradio would let other pages of this machine read."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}


def _guarded(send: Send) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return send_guarded
