"""Which names a server answers to, and whose pages may act on it. Pure; knows no requests."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

TOKEN_BYTES = 18
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HostRule:
    """Which names this server answers to.

    Attributes:
        names: exact host names or addresses, lower case, without port or brackets.
        allows_any_address: whether every IP literal will do; an attacker cannot point those anywhere.
        page_names: hosts whose pages may act although they are not ours, such as a proxy's.
        token: what whoever comes must know; None where only this machine can come.
    """

    names: frozenset[str]
    allows_any_address: bool = False
    page_names: frozenset[str] = frozenset()
    token: str | None = None

    @classmethod
    def for_host(cls, host: str, extra: Iterable[str] = (), token: str | None = None) -> HostRule:
        """The rule for a server bound to `host`: loopback names always; beyond loopback, addresses and a token.

        `token` is wanted everywhere if it is given; else there is a new one beyond loopback.
        """
        extra_names = frozenset(name.lower().strip("[]") for name in extra)
        names = LOOPBACK_NAMES | extra_names | {host.lower().strip("[]")}
        if is_loopback(host):
            return cls(names, page_names=extra_names, token=token)
        token = token or secrets.token_urlsafe(TOKEN_BYTES)
        return cls(names, allows_any_address=True, page_names=extra_names, token=token)

    def allows(self, authority: str) -> bool:
        """Whether a request for `authority`, "name" or "name:port", is meant for this server."""
        name = _host_name(authority)
        return name is not None and (
            name in self.names or name.endswith(".localhost") or (self.allows_any_address and _is_address(name))
        )

    def knows_token(self, offered: str) -> bool:
        """Whether `offered` is the token; takes as long for any other of its length."""
        return self.token is not None and secrets.compare_digest(offered.encode(), self.token.encode())

    def allows_origin(self, origin: str, authority: str) -> bool:
        """Whether pages of `origin` may act on what they reached as `authority`."""
        try:
            page = urlsplit(origin).netloc
        except ValueError:
            return False
        return page.lower() == authority.lower() or _host_name(page) in self.page_names


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    name = host.lower().strip("[]")
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


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
