"""Players on pages of other hosts: lets browsers show them what WHEP answers, if they were allowed by `--allow-host`.

Plain ASGI, outside of `Guard`: a browser asks beforehand without the token (a preflight); that answer tells nothing.
Which origins may act is the host rule's business.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lingen_live.serve.hosts import HostRule

PATH = "/whep"
_PREFLIGHT = {
    "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST",
    "access-control-allow-headers": "Authorization, Content-Type, If-Match",
    "access-control-max-age": "600",
}
_EXPOSED = "Accept-Patch, Accept-Post, Allow, ETag, Link, Location, Retry-After"


class Cors:
    """ASGI middleware for pages that `rule` allows although they are not ours."""

    def __init__(self, app: ASGIApp, rule: HostRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and let the page see the answer, or answer a preflight."""
        origin = self._page_of(scope)
        if origin is None:
            await self._app(scope, receive, send)
            return
        opened = {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED, "vary": "Origin"}
        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            headers = [(name.encode(), value.encode()) for name, value in {**opened, **_PREFLIGHT}.items()]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_opened(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(opened)
            await send(message)

        await self._app(scope, receive, send_opened)

    def _page_of(self, scope: Scope) -> str | None:
        """The origin of a page that may use WHEP here; None if it is not about that."""
        if scope["type"] != "http" or not (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")):
            return None
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or len(origins) != 1 or not self._rule.allows(hosts[0]):
            return None
        return origins[0] if self._rule.allows_origin(origins[0], hosts[0]) else None
