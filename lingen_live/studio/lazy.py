"""An application that is made when somebody first asks for it, on a thread of its own, for that takes seconds.

Knows ASGI. Does not know what is made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)


class Lazy:
    """The application that `make` makes; it is tried again if that fails."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._making: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the request answered by what is made."""
        if self._making is None:
            self._making = asyncio.create_task(self._make_elsewhere())
        try:
            # Shielded: who goes away while it is made takes it from nobody else.
            app = await asyncio.shield(self._making)
        except Exception:  # an installation that does not fit: the live page is not harmed by it
            if self._making is not None and self._making.done():
                self._making = None
                logger.exception("The studio cannot be made")
            answer = PlainTextResponse("The studio cannot be made; the terminal of the server says why.", 500)
            await answer(scope, receive, send)
            return
        await app(scope, receive, send)

    async def _make_elsewhere(self) -> ASGIApp:
        # Not one of the helper threads, which have pictures to convert meanwhile.
        executor = ThreadPoolExecutor(1, "lingen-studio")
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, self._make)
        finally:
            executor.shutdown(wait=False)
