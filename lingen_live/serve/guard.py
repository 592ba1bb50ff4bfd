"""Who may talk to this server: checks of Host, Origin and token, for HTTP and WebSocket alike.

A page of another site must not steer (its Origin is foreign), and a name that an attacker points at this
machine must not pass for it (its Host is foreign). Where other machines can come, they must bring the token that was
printed at the start: as `Authorization: Bearer`, or once as `?token=`, after which a cookie has it. Plain ASGI; knows
no routes but that of the health check.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lingen_live.serve.hosts import HostRule

COOKIE = "lingen_live_token"
OPEN_PATH = "/healthz"


class Guard:
    """ASGI middleware that turns away what `rule` does not allow."""

    def __init__(self, app: ASGIApp, rule: HostRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401 or 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if problem := self._problem(scope, headers.getlist("host"), headers.getlist("origin")):
            await _forbid(scope, receive, send, 403, *problem)
        elif self._rule.token is None or scope["path"] == OPEN_PATH or self._has_token(headers):
            await self._app(scope, receive, send)
        elif self._rule.knows_token(_in_query(scope)):
            await self._remember(scope, receive, send)
        else:
            message = "A token is needed: open the address that was printed at the start, or send it as a bearer token."
            await _forbid(scope, receive, send, 401, "no_token", message)

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._rule.knows_token(bearer.strip()):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        return self._rule.knows_token(cookies.get(COOKIE, ""))

    async def _remember(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the token out of the address, where history and screenshots would show it, into a cookie.

        Of a WebSocket it is taken as it is: programs keep no cookies.
        """
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        rest = urlencode([pair for pair in parse_qsl(scope["query_string"].decode("latin-1")) if pair[0] != "token"])
        # Relative, so that it also holds below a proxy's path; and never "//", which would be another host.
        location = f"?{rest}" if rest else f"./{scope['path'].rpartition('/')[2]}"
        response = RedirectResponse(location, 303)
        # Lax, because the address is often clicked in a chat; what changes anything is guarded by the Origin.
        response.set_cookie(COOKIE, self._rule.token or "", httponly=True, samesite="lax")
        await response(scope, receive, send)

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


def _in_query(scope: Scope) -> str:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token", "")


async def _forbid(scope: Scope, receive: Receive, send: Send, status: int, code: str, message: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    body = json.dumps({"code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
