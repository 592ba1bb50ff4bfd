"""Who may talk to this server: checks of Host and Origin, for HTTP and WebSocket alike.

A page of another site must not steer (its Origin is foreign), and a name that an attacker points at this
machine must not pass for it (its Host is foreign). Plain ASGI; knows no routes.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HostRule:
    """Which names this server answers to.

    Attributes:
        names: exact host names or addresses, lower case, without port or brackets.
        allows_any_address: whether every IP literal will do; an attacker cannot point those anywhere.
        page_names: hosts whose pages may act although they are not ours, such as a proxy's.
    """

    names: frozenset[str]
    allows_any_address: bool = False
    page_names: frozenset[str] = frozenset()

    @classmethod
    def for_host(cls, host: str, extra: Iterable[str] = ()) -> HostRule:
        """The rule for a server bound to `host`: loopback names always, addresses only beyond loopback."""
        extra_names = frozenset(name.lower().strip("[]") for name in extra)
        names = LOOPBACK_NAMES | extra_names | {host.lower().strip("[]")}
        return cls(names, allows_any_address=not is_loopback(host), page_names=extra_names)

    def allows(self, authority: str) -> bool:
        """Whether a request for `authority`, "name" or "name:port", is meant for this server."""
        name = _host_name(authority)
        return name is not None and (
            name in self.names
            or name.endswith(".localhost")
            or (self.allows_any_address and _is_address(name))
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    name = host.lower().strip("[]")
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


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
        if len(origins) == 1 and self._is_own(origins[0], hosts[0]):
            return None
        return "foreign_origin", f"The Origin is {origins[0][:80]!r}; only pages of {hosts[0]!r} may do this."

    def _is_own(self, origin: str, host: str) -> bool:
        authority = _authority(origin)
        if authority is None:
            return False
        return authority.lower() == host.lower() or _host_name(authority) in self._rule.page_names


async def _forbid(scope: Scope, receive: Receive, send: Send, code: str, message: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    body = json.dumps({"code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _host_name(authority: str) -> str | None:
    """The name in "name:port", lower case, without brackets; None if it is malformed."""
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
