"""Turns away requests that change something when they come too thick, all clients together. Plain ASGI."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lingen_live.serve.rate import TokenBucket

RATE_HZ, BURST = 50.0, 200
_FREE = ("GET", "HEAD", "OPTIONS")


class Throttle:
    """ASGI middleware.

    Args:
        app: what is protected.
        bucket: of tokens, one a request.
        clock: monotonic seconds.
    """

    def __init__(
        self, app: ASGIApp, bucket: TokenBucket | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._bucket = bucket or TokenBucket(RATE_HZ, BURST)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 429."""
        if scope["type"] == "http" and scope["method"] not in _FREE and not self._bucket.take(self._clock()):
            message = "More requests come than can be answered; try again in a second."
            answer = JSONResponse({"code": "too_many", "message": message}, 429, {"Retry-After": "1"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)
