"""`Device`: a place for an engine, as the gateway sees it; the engine is started, listened to, and started again.

Of one event loop. Knows lives of an engine by their links. Does not know streams, nor what they are for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from lingen_live.cluster.counts import DeviceCounts
from lingen_live.cluster.link import Link, LinkGoneError
from lingen_live.cluster.media import Worked
from lingen_live.cluster.messages import Facts, Heard, Leave, ToDevice, Want
from lingen_live.cluster.placement import Kind
from lingen_live.engine.client import ChunkReady
from lingen_live.engine.messages import Failed, Progress

MAX_RETRY_S = 10.0
SILENCE_S = 15.0
"""An engine that says nothing for so long, not even that nothing happened, is given up."""

State = Literal["waiting", "starting", "ready", "draining", "gone", "refused", "ended"]

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears of devices, on the event loop."""

    def hear_progress(self, device: Device, stage: str, fraction: float) -> None:
        """How far building has come."""

    def hear_ready(self, device: Device) -> None:
        """The engine is warm: for the first time, or again."""

    def hear_event(self, device: Device, heard: Heard) -> None:
        """Something happened to a stream there."""

    def hear_leaving(self, device: Device) -> None:
        """Somebody asked that it be drained."""

    def hear_gone(self, device: Device, reason: str, retry_in_s: float) -> None:
        """The engine is gone, with all streams there; another comes."""

    def hear_refused(self, device: Device, failed: Failed) -> None:
        """There will be no engine."""


class Device:
    """A device, from `run` to `end`.

    Args:
        name: that people know it by.
        connect: begins another life of its engine.
        listener: hears of it.
        first_retry_s: pause before the first restart; doubles up to `MAX_RETRY_S` until a chunk is made.
        hang_s: chunks that take longer than this count as a death.

    Attributes:
        state: how it is.
        facts: of the present life, once the engine is warm.
        capacity: streams that it makes as fast as they play; None while nothing was measured.
        counts: of all lives of its engine.
        is_running: whether `run` has not ended.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Link],
        listener: Listener,
        *,
        first_retry_s: float = 0.5,
        hang_s: float = 120.0,
    ) -> None:
        self.name = name
        self.state: State = "waiting"
        self.facts: Facts | None = None
        self.capacity: int | None = None
        self.counts = DeviceCounts()
        self.is_running = False
        self._connect = connect
        self._listener = listener
        self._first_retry_s = first_retry_s
        self._hang_s = hang_s
        self._link: Link | None = None
        self._to_tell: list[ToDevice] = []
        self._has_orders = asyncio.Event()
        self._expected_s: dict[int, float] = {}
        self._due_s: dict[int, float] = {}
        self._has_made_chunk = False

    @property
    def kind(self) -> Kind | None:
        """Of its engine, once that is warm."""
        return Kind(self.facts.info.checkpoint_digest, self.facts.info.dtype) if self.facts else None

    @property
    def n_in_time(self) -> int:
        """How many streams it plays as fast as needed."""
        n_slots = self.facts.n_slots if self.facts else 0
        return min(n_slots, self.capacity or n_slots)

    @property
    def link(self) -> Link:
        """The present life of its engine.

        Raises:
            LinkGoneError: there is none.
        """
        if self._link is None or self.facts is None:
            raise LinkGoneError(f"The engine of {self.name} is not running.")
        return self._link

    def tell(self, message: ToDevice) -> None:
        """Have a message taken after all that were told before; forgotten if the engine goes first."""
        self._to_tell.append(message)
        self._has_orders.set()
        if isinstance(message, Want):
            now_s = time.monotonic()
            self._expected_s[message.number] = now_s + self._hang_s
            if message.ready_s > 0:  # else it is late already, or makes stale what is still there: no deadline
                self._due_s[message.number] = now_s + message.ready_s
        elif isinstance(message, Leave):
            self._forget(message.number)

    def end(self) -> None:
        """End the engine for good; `run` ends soon."""
        self.state = "ended"
        if self._link is not None:
            self._link.end()

    async def run(self) -> None:
        """Keep an engine running until `end`, or until it is known that there cannot be one; not twice at a time."""
        self.is_running = True
        try:
            await self._run()
        finally:
            self.is_running = False

    async def _run(self) -> None:
        retry_s = self._first_retry_s / 2
        while self.state != "ended":
            reason = await self._live()
            if self.state in ("ended", "refused"):
                break
            retry_s = self._first_retry_s if self._has_made_chunk else min(2 * retry_s, MAX_RETRY_S)
            self.state = "gone"
            self.counts.n_failures += 1
            self._listener.hear_gone(self, reason, retry_s)
            await asyncio.sleep(retry_s)

    async def _live(self) -> str:
        """One life of the engine: how it ended."""
        self.state, self.facts, self.capacity, self._has_made_chunk = "starting", None, None, False
        self._to_tell, self._expected_s, self._due_s = [], {}, {}
        link = self._link = self._connect()
        tasks = [asyncio.create_task(self._attend(link)), asyncio.create_task(self._send(link))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task.result() for task in done)
        except LinkGoneError as error:
            return str(error)
        except TimeoutError:
            return f"The engine of {self.name} has not been heard of for {SILENCE_S:g} s."
        except Exception as error:  # the boundary of the task: whatever it is, the streams there must hear of it
            logger.exception("The engine of %s cannot be looked after", self.name)
            return f"The engine of {self.name} failed: {error}"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._link = None
            link.end()

    async def _attend(self, link: Link) -> str:
        """Pass on what the engine says; returns how it ended, unless that is raised."""
        starting = asyncio.create_task(link.start())
        try:
            while not starting.done():
                hearing = asyncio.create_task(self._hear(link))
                await asyncio.wait((starting, hearing), return_when=asyncio.FIRST_COMPLETED)
                await hearing
            started = starting.result()
        finally:
            starting.cancel()
        if isinstance(started, Failed):
            return self._refuse(started)
        self.facts, self.state = started, "ready"
        self._listener.hear_ready(self)
        while True:
            async with asyncio.timeout(SILENCE_S):
                await self._hear(link)
            if self._expected_s and time.monotonic() > min(self._expected_s.values()):
                return f"The engine of {self.name} made no chunk within {self._hang_s:g} s."

    async def _hear(self, link: Link) -> None:
        news = await link.hear()
        self.capacity = news.capacity
        for one in news.said:
            if isinstance(one, Progress):
                self._listener.hear_progress(self, one.stage, one.fraction)
                continue
            self._listener.hear_event(self, self._signed(one, time.monotonic() - news.now_s))
        if news.is_leaving and self.state == "ready":
            self.state = "draining"
            self._listener.hear_leaving(self)

    def _signed(self, heard: Heard, ahead_s: float) -> Heard:
        """A chunk that says who made it, counted; times by the clock here, which is ahead; any other event as it is."""
        if isinstance(work := heard.event, Worked):
            return replace(heard, event=replace(work, start_s=work.start_s + ahead_s))
        if not isinstance(chunk := heard.event, ChunkReady):
            return heard
        due_s = self._due_s.get(heard.number)
        self._forget(heard.number)
        self._has_made_chunk = True
        self.counts.n_chunks += 1
        self.counts.making_s += chunk.profile.total_s
        self.counts.n_missed += due_s is not None and time.monotonic() > due_s
        return replace(heard, event=replace(chunk, profile=replace(chunk.profile, device=self.name)))

    def _forget(self, number: int) -> None:
        """Expect no chunk of a stream any more."""
        self._expected_s.pop(number, None)
        self._due_s.pop(number, None)

    async def _send(self, link: Link) -> str:
        """One call after the other, so that nothing overtakes."""
        while True:
            await self._has_orders.wait()
            self._has_orders.clear()
            messages, self._to_tell = self._to_tell, []
            await link.tell(messages)

    def _refuse(self, failed: Failed) -> str:
        if failed.details:
            logger.error("The engine of %s failed:\n%s", self.name, failed.details)
        self.state = "refused"
        self._listener.hear_refused(self, Failed(failed.code, f"{self.name}: {failed.message}", ""))
        return failed.message
