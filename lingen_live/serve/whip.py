"""WHIP as a client: an offer POSTed to a media server, its answer, and the good-bye.

Knows HTTP; does not know WebRTC. Requests run on a thread of their own that nobody waits for: a media server that
never answers must not keep a helper thread of ours, nor the end of the program.
"""

from __future__ import annotations

import asyncio
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from lingen_live.errors import ConfigError
from lingen_live.serve.errors import ServeError
from lingen_live.serve.ice import IceServer, from_links
from lingen_live.serve.offer import MAX_SDP_BYTES

SDP_TYPE = "application/sdp"
ANSWER_TIMEOUT_S = 10.0
GOODBYE_TIMEOUT_S = 1.0

_Exchanged = tuple[int, Message, bytes]


class PublishError(ServeError):
    """The media server does not take the stream."""

    code = "cannot_publish"


@dataclass(frozen=True, slots=True)
class WhipTarget:
    """Where the stream goes.

    Attributes:
        url: of the WHIP endpoint, http or https.
        token: sent as Bearer, to that host only.

    Raises:
        ConfigError: the URL is none.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if _origin(self.url) is None or not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise ConfigError(f"{self.url[:80]!r} is no WHIP endpoint; http://HOST/PATH or https://HOST/PATH is.")

    @property
    def name(self) -> str:
        """What may be shown: without query, in which some servers want a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"


@dataclass(frozen=True, slots=True)
class WhipAnswer:
    """What the media server said.

    Attributes:
        sdp: the answer.
        session_url: to DELETE; None if it named none.
        servers: ICE servers that it named.
    """

    sdp: str
    session_url: str | None
    servers: tuple[IceServer, ...]


async def post_offer(target: WhipTarget, offer_sdp: str) -> WhipAnswer:
    """Offer the stream.

    Raises:
        PublishError: with the reason in one sentence.
    """
    request = _request("POST", target.url, target, offer_sdp.encode())
    request.add_header("Content-Type", SDP_TYPE)
    status, headers, body = await _on_own_thread(lambda: _exchange(request, ANSWER_TIMEOUT_S))
    if status != 201:
        raise PublishError(f"{target.name} answered {status}; WHIP answers 201.")
    if len(body) > MAX_SDP_BYTES:
        raise PublishError(f"{target.name} answered more than {MAX_SDP_BYTES} bytes.")
    location = headers.get("Location")
    session_url = urljoin(target.url, location) if location else None
    if session_url is not None and _origin(session_url) is None:
        session_url = None
    return WhipAnswer(body.decode("utf-8", "replace"), session_url, from_links(headers.get_all("Link", [])))


async def say_goodbye(target: WhipTarget, session_url: str) -> None:
    """DELETE the session.

    Raises:
        PublishError: it did not work, with the reason.
    """
    request = _request("DELETE", session_url, target)
    await _on_own_thread(lambda: _exchange(request, GOODBYE_TIMEOUT_S))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would take the token along to wherever it is sent."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Go nowhere; the status is told."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _request(method: str, url: str, target: WhipTarget, body: bytes | None = None) -> urllib.request.Request:
    request = urllib.request.Request(url, body, method=method)
    if target.token is not None and _origin(url) == _origin(target.url):
        request.add_header("Authorization", f"Bearer {target.token}")
    return request


def _exchange(request: urllib.request.Request, timeout_s: float) -> _Exchanged:
    host = urlsplit(request.full_url).netloc
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            return response.status, response.headers, response.read(MAX_SDP_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, b""
    except (OSError, HTTPException) as error:
        raise PublishError(f"{host} cannot be reached: {error}.") from error


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None if it is no address for us."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.:_-]+", parts.hostname or ""):
        return None
    return None if "@" in parts.netloc else (parts.scheme, parts.hostname or "", port)


async def _on_own_thread(work: Callable[[], _Exchanged]) -> _Exchanged:
    loop = asyncio.get_running_loop()
    result: asyncio.Future[_Exchanged] = loop.create_future()

    def settle(exchanged: _Exchanged | PublishError) -> None:
        if result.done():  # nobody waits any more
            return
        if isinstance(exchanged, PublishError):
            result.set_exception(exchanged)
        else:
            result.set_result(exchanged)

    def run() -> None:
        try:
            exchanged: _Exchanged | PublishError = work()
        except PublishError as error:
            exchanged = error
        with suppress(RuntimeError):  # the loop is closed: the program ends
            loop.call_soon_threadsafe(settle, exchanged)

    threading.Thread(target=run, name="lingen-whip", daemon=True).start()
    return await result
