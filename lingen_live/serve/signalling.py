"""The HTTP side of WHEP and WHIP for those who call: offers, answers and good-byes. Blocks; knows no media."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from urllib.parse import urljoin

from lingen_live.errors import LingenError
from lingen_live.serve.ice import IceServer, from_links

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024


class SignallingError(LingenError):
    """The other side refuses, or cannot be reached."""

    code = "no_connection"


def bearing(token: str | None) -> dict[str, str]:
    """The header that shows a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def ask_servers(endpoint: str, headers: Mapping[str, str]) -> tuple[IceServer, ...]:
    """The ICE servers that an endpoint names; aiortc must know them before it makes an offer.

    Raises:
        SignallingError: with its reason.
    """
    _, answered = _request(urllib.request.Request(endpoint, headers=dict(headers), method="OPTIONS"))
    return from_links(answered.get_all("Link", []))


def post_offer(endpoint: str, offer: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """The SDP answer to an offer, and the address to delete.

    Raises:
        SignallingError: with the other side's reason.
    """
    headers = {"Content-Type": "application/sdp", **headers}
    body, answered = _request(urllib.request.Request(endpoint, offer.encode(), headers, method="POST"))
    location = answered["Location"]
    if location is None:
        raise SignallingError(f"{endpoint} answered without a Location.")
    return body, urljoin(endpoint, location)


def say_goodbye(url: str, headers: Mapping[str, str]) -> None:
    """DELETE; a server that is gone has nothing left to delete."""
    with suppress(OSError):
        request = urllib.request.Request(url, headers=dict(headers), method="DELETE")
        urllib.request.urlopen(request, timeout=TIMEOUT_S).close()


def _request(request: urllib.request.Request) -> tuple[str, Message]:
    """Body and headers of the answer."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.read(MAX_ANSWER_BYTES).decode("utf-8", "replace"), response.headers
    except urllib.error.HTTPError as error:
        with error:
            reason = error.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")[:300]
            raise SignallingError(f"{request.full_url} answered {error.code}: {reason}") from error
    except OSError as error:
        raise SignallingError(f"{request.full_url} cannot be reached: {error}.") from error
