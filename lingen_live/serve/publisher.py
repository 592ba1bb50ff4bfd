"""Keeps the first session's stream going to a media server (WHIP), whatever that server does.

It takes part like any viewer: the same encoded frames, and nothing waits for it. Knows the house and WHIP; does not
know what is streamed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from lingen_live.profile.prometheus import Metric
from lingen_live.serve.booth import CONNECT_TIMEOUT_S
from lingen_live.serve.errors import HttpError
from lingen_live.serve.house import House
from lingen_live.serve.ice import IceServer
from lingen_live.serve.viewer import Viewer
from lingen_live.serve.whip import PublishError, WhipAnswer, WhipTarget, post_offer, say_goodbye

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0

logger = logging.getLogger(__name__)


class Publisher:
    """Pushes the oldest session of `house` to `target`.

    Args:
        house: whose.
        target: where.
        say: told in a sentence when it begins, ends or cannot be; the same reason once.
        first_wait_s: before the second try; doubled each time, to half a minute.
    """

    def __init__(
        self, house: House, target: WhipTarget, say: Callable[[str], None], first_wait_s: float = FIRST_WAIT_S
    ) -> None:
        self._house = house
        self._target = target
        self._say = say
        self._first_wait_s = first_wait_s
        self._servers: tuple[IceServer, ...] = ()
        self._said = ""
        self.is_connected = False
        self.n_connections = self.n_failures = 0

    async def run(self) -> None:
        """Until cancelled; says good-bye then."""
        wait_s = self._first_wait_s
        while True:
            n_before = self.n_connections
            try:
                await self._publish()
                reason = "the connection ended"
            except HttpError as error:  # our own: warming up, or full
                reason = error.message
                if error.code == "warming":
                    await asyncio.sleep(self._first_wait_s)
                    continue
                self.n_failures += 1
            except PublishError as error:
                self.n_failures += 1
                reason = error.message
            except Exception as error:  # whatever it is, those who watch shall not notice
                logger.exception("Publishing failed.")
                self.n_failures += 1
                reason = repr(error)
            if self.n_connections > n_before:
                wait_s = self._first_wait_s
            self._tell(f"The stream does not reach {self._target.name}: {reason.rstrip('.')}. It is tried again.")
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def metrics(self) -> list[Metric]:
        """How it fares."""
        return [
            Metric("publish_connected", "gauge", "Whether WHIP has the stream.", [({}, int(self.is_connected))]),
            Metric("publish_connections_total", "counter", "Connections to WHIP.", [({}, self.n_connections)]),
            Metric("publish_failures_total", "counter", "Tries that failed.", [({}, self.n_failures)]),
        ]

    async def _publish(self) -> None:
        """One connection, to its end.

        Raises:
            PublishError: there was none.
            HttpError: the session cannot take one more viewer now.
        """
        room = self._house.room(None)
        self._house.check_viewers()
        async with room.viewers.outgoing(self._servers) as viewer:
            answer = await post_offer(self._target, await viewer.offer())
            # aiortc must know servers before it makes an offer: the next one is made with these.
            self._servers = answer.servers
            try:
                await self._connect(viewer, answer)
                viewer.join()
                self.is_connected = True
                self.n_connections += 1
                self._tell(f"The stream goes to {self._target.name}.")
                await viewer.peer.ended.wait()
            finally:
                self.is_connected = False
                if answer.session_url is not None:
                    with suppress(PublishError):  # whoever is gone needs no good-bye
                        await say_goodbye(self._target, answer.session_url)

    async def _connect(self, viewer: Viewer, answer: WhipAnswer) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await viewer.accept(answer.sdp)
                await viewer.peer.connected.wait()
        except TimeoutError as error:
            raise PublishError(f"no connection within {CONNECT_TIMEOUT_S:g} s") from error
        except Exception as error:  # a stranger's SDP went through a foreign parser: anything can come out
            logger.info("An SDP answer was refused: %r", error)
            raise PublishError(f"its answer cannot be taken ({error})") from error

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(text)
