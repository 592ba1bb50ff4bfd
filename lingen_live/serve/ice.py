"""STUN and TURN servers: which may be named, credentials that run out, and how WHEP tells of both.

Pure: time is given. Knows no network, no HTTP framework and no WebRTC stack.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lingen_live.errors import ConfigError

MAX_SERVERS = 8
DEFAULT_LIFETIME_S = 3600
LIFETIMES_S = (60, 7 * 24 * 3600)

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>\d{1,5}))?"
_STUN = re.compile(rf"stun:{_HOST}")
_TURN = re.compile(rf"turns?:{_HOST}(?:\?transport=(?:udp|tcp))?")
# RFC 8288: <target>; name="value"; name=value
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LINK = re.compile(rf'<([^<>]*)>((?:\s*;\s*[\w-]+(?:\s*=\s*(?:{_QUOTED}|[^\s;,"]+))?)*)')
_PARAMETER = re.compile(rf";\s*([\w-]+)\s*=\s*({_QUOTED}|[^\s;,\"]+)")


@dataclass(frozen=True, slots=True)
class IceServer:
    """A server that helps two sides to find a way to each other, or carries their packets.

    Attributes:
        url: `stun:`, `turn:` or `turns:`.
        username: of a TURN server.
        credential: that goes with it.
    """

    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IcePlan:
    """Which servers both sides may use; none by default, so that nobody else is asked anything.

    Attributes:
        stun: URLs.
        turn: URLs of servers that share `secret` with us (coturn's `use-auth-secret`).
        secret: of which credentials are made.
        lifetime_s: how long a credential opens a connection.

    Raises:
        ConfigError: a URL that is none, TURN without a secret or the other way round, or a lifetime out of range.
    """

    stun: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)
    lifetime_s: int = DEFAULT_LIFETIME_S

    def __post_init__(self) -> None:
        for url in self.stun:
            _check_url(url, _STUN, "a STUN server is stun:HOST or stun:HOST:PORT")
        for url in self.turn:
            _check_url(url, _TURN, "a TURN server is turn:HOST:PORT?transport=udp, or turns: and tcp")
        if (n_servers := len(self.stun) + len(self.turn)) > MAX_SERVERS:
            raise ConfigError(f"{n_servers} ICE servers are named; at most {MAX_SERVERS} may be.")
        if self.turn and self.secret is None:
            raise ConfigError("--turn needs --turn-secret, which the TURN server knows as static-auth-secret.")
        if self.secret is not None and not self.turn:
            raise ConfigError("--turn-secret is of no use without --turn.")
        least_s, most_s = LIFETIMES_S
        if not least_s <= self.lifetime_s <= most_s:
            raise ConfigError(f"The TURN lifetime is {self.lifetime_s} s; it must be {least_s} to {most_s} s.")

    def servers(self, now_s: float) -> tuple[IceServer, ...]:
        """All of them, TURN with credentials that are good until `lifetime_s` after `now_s` (Unix time)."""
        if self.secret is None:
            return tuple(map(IceServer, self.stun))
        # A name of its own for everybody, or a TURN server's quota a user would count them as one.
        username, credential = credentials(self.secret, secrets.token_hex(4), round(now_s) + self.lifetime_s)
        return (*map(IceServer, self.stun), *(IceServer(url, username, credential) for url in self.turn))


def credentials(secret: str, name: str, expires_s: int) -> tuple[str, str]:
    """User name and credential for `name`, good until `expires_s` (Unix time).

    As draft-uberti-behave-turn-rest-00 has it: `expiry:name`, and base64 of HMAC-SHA1 of that under the secret.
    """
    username = f"{expires_s}:{name}"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return username, base64.b64encode(digest).decode()


def to_links(servers: Iterable[IceServer]) -> list[str]:
    """A `Link` header for each server (RFC 9725, section 4.6)."""
    links = []
    for server in servers:
        link = f'<{server.url}>; rel="ice-server"'
        if server.username is not None and server.credential is not None:
            link += f'; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
        links.append(link)
    return links


def from_links(headers: Iterable[str]) -> tuple[IceServer, ...]:
    """The servers that `Link` headers of somebody else name; what is no server that we could use is left out."""
    return tuple(server for header in headers for server in _parse(header))[:MAX_SERVERS]


def _parse(header: str) -> Iterator[IceServer]:
    for url, rest in _LINK.findall(header):
        parameters = {name.lower(): _unquote(value) for name, value in _PARAMETER.findall(rest)}
        if parameters.get("rel") != "ice-server" or not (_is_url(url, _STUN) or _is_url(url, _TURN)):
            continue
        if parameters.get("credential-type", "password") == "password":
            yield IceServer(url, parameters.get("username"), parameters.get("credential"))


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _check_url(url: str, pattern: re.Pattern[str], words: str) -> None:
    if not _is_url(url, pattern):
        raise ConfigError(f"{url[:80]!r} is no ICE server; {words} (1 to 65535, a name or an IPv4 address).")


def _is_url(url: str, pattern: re.Pattern[str]) -> bool:
    match = pattern.fullmatch(url)
    return match is not None and 1 <= int(match["port"] or 3478) <= 65535
