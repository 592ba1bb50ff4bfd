"""Pushes the oldest session to a media server over WHIP (RFC 9725), and again after every end, until it is closed.

The same coded frames as all viewers get; to the session it is one more of them, so it plays without a page. Knows
houses and signalling. Does not know options.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

from lingen_live.errors import LingenError
from lingen_live.serve.destination import Destination
from lingen_live.serve.house import House
from lingen_live.serve.signalling import bearing, post_offer, say_goodbye
from lingen_live.serve.viewers import CONNECT_TIMEOUT_S, Viewer

PAUSES_S = (1.0, 30.0)

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Publisher:
    """From `start` to `close`.

    Args:
        house: whose oldest session is pushed.
        destination: where to.
        say: told when it begins, and why it ended.
        pauses_s: before the second try, and the longest after many.
    """

    def __init__(
        self,
        house: House,
        destination: Destination,
        say: Callable[[str], None],
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        self._house = house
        self._to = destination
        self._headers = bearing(destination.token)
        self._say = say
        self._pauses_s = pauses_s
        self._pause_s = pauses_s[0]
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Push from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Say good-bye; idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with self._house.room(None).viewers.pushing() as viewer:
                    await self._push(viewer)
                reason = "the connection ended"
            except LingenError as error:
                reason = error.message
            except TimeoutError:
                reason = f"no connection came about within {CONNECT_TIMEOUT_S:g} s"
            except Exception as error:  # a stranger's answer went through a foreign parser: anything can come out
                logger.debug("Publishing failed.", exc_info=True)
                reason = f"its answer cannot be taken ({error})"
            self._say(f"Not published to {self._to.url}: {reason}. Next try in {self._pause_s:g} s.")
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, self._pauses_s[1])

    async def _push(self, viewer: Viewer) -> None:
        """One connection, from the offer to its end."""
        offer = await viewer.peer.offer()
        answer, url = await elsewhere(lambda: post_offer(self._to.url, offer, self._headers))
        try:
            codec = await viewer.peer.accept(answer)
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await viewer.peer.connected.wait()
            viewer.join(codec)
            self._pause_s = self._pauses_s[0]
            self._say(f"Published to {self._to.url} as {codec}.")
            await viewer.peer.ended.wait()
        finally:
            await asyncio.shield(elsewhere(lambda: say_goodbye(url, self._headers)))


def elsewhere(work: Callable[[], T]) -> asyncio.Future[T]:
    """Do blocking work in a thread of its own, that nobody waits for in the end: a media server may never answer."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(cast("T", result))
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            told: tuple[T | None, BaseException | None] = work(), None
        except Exception as error:
            told = None, error
        with suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(settle, *told)

    threading.Thread(target=run, name="lingen-publish", daemon=True).start()
    return future
