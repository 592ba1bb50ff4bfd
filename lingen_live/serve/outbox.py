"""Events on their way to one socket: bounded, and choosy about what is lost when the socket is slow.

A `state`, `timeline`, `line` or `recording` (of one name) replaces an older one that was not sent yet, old `chunk`
events go first when there is
"""

from __future__ import annotations

import asyncio
from collections import deque

from lingen_live.serve.film_messages import RecordingEvent
from lingen_live.serve.protocol import ChunkEvent, Event, LineEvent, StateEvent, TimelineEvent

MAX_EVENTS = 128


class Outbox:
    """A queue for one reader."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._events: deque[Event] = deque()
        self._has_news = asyncio.Event()
        self._stuck = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    def post(self, event: Event) -> None:
        """Add `event`, or note that the reader is stuck when there is no room even without chunks."""
        if isinstance(event, StateEvent | TimelineEvent | LineEvent):
            self._drop_first(type(event))
        if isinstance(event, RecordingEvent):
            self._drop_recording(event.name)
        if len(self._events) >= self._max_events and not self._drop_first(ChunkEvent):
            if isinstance(event, ChunkEvent):
                return
            self._stuck.set()
            return
        self._events.append(event)
        self._has_news.set()

    async def next(self) -> Event:
        """The oldest event, when there is one."""
        while not self._events:
            self._has_news.clear()
            await self._has_news.wait()
        return self._events.popleft()

    @property
    def is_stuck(self) -> bool:
        """Whether something had to be lost that may not be: the reader must be given up."""
        return self._stuck.is_set()

    async def until_stuck(self) -> None:
        """Wait until it `is_stuck`."""
        await self._stuck.wait()

    def _drop_recording(self, name: str) -> None:
        for event in self._events:
            if isinstance(event, RecordingEvent) and event.name == name:
                self._events.remove(event)
                return

    def _drop_first(self, kind: type[Event]) -> bool:
        for event in self._events:
            if isinstance(event, kind):
                self._events.remove(event)
                return True
        return False
