"""Who may talk to this server: checks of Host and Origin, for HTTP and WebSocket alike.

A page of another site must not steer (its Origin is foreign), and a name that an attacker points at this
machine must not pass for it (its Host is foreign). Plain ASGI; knows no routes.
"""

from __future__ import annotations

import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lingen_live.serve.hosts import HostRule


class Guard:
    """ASGI middleware that turns away what `rule` does not allow."""

    def __init__(self, app: ASGIApp, rule: HostRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if problem := self._problem(scope, headers.getlist("host"), headers.getlist("origin")):
            await _forbid(scope, receive, send, *problem)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope, hosts: list[str], origins: list[str]) -> tuple[str, str] | None:
        if len(hosts) != 1 or not self._rule.allows(hosts[0]):
            got = hosts[0][:80] if len(hosts) == 1 else f"{len(hosts)} times"
            return "foreign_host", f"The Host is {got!r}; this server is not known by it (see --allow-host)."
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if is_read or not origins:
            return None  # reading answers a foreign page nothing that it could see; no Origin, no browser
        if len(origins) == 1 and self._rule.allows_origin(origins[0], hosts[0]):
            return None
        return "foreign_origin", f"The Origin is {origins[0][:80]!r}; only pages of {hosts[0]!r} may do this."


async def _forbid(scope: Scope, receive: Receive, send: Send, code: str, message: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    body = json.dumps({"code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
