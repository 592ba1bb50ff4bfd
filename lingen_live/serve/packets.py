"""Coded frames on their way to one receiver: few, and whole. Knows coded frames; knows no network.

A receiver that falls behind loses all that waits and everything up to the next keyframe, since frames in
between cannot be decoded without what was lost. Nobody else notices.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from lingen_live.serve.coded import CodedFrame

MAX_FRAMES = 8


class PacketQueue:
    """A bounded queue for one reader; it begins with a keyframe.

    Args:
        ask_for_keyframe: called when only a keyframe can make the receiver go on.
        max_frames: more than these are never waiting.
    """

    def __init__(self, ask_for_keyframe: Callable[[], None], max_frames: int = MAX_FRAMES) -> None:
        self._ask_for_keyframe = ask_for_keyframe
        self._max_frames = max_frames
        self._frames: deque[CodedFrame] = deque()
        self._has_news = asyncio.Event()
        self._needs_key = True
        self._has_begun = False
        self._is_closed = False
        self.n_dropped = 0  # of those after its first

    def __len__(self) -> int:
        return len(self._frames)

    def deliver(self, frame: CodedFrame) -> None:
        """Add `frame`, or drop it when the receiver could make nothing of it."""
        if self._is_closed:
            return
        if len(self._frames) >= self._max_frames:
            self.n_dropped += len(self._frames)
            self._frames.clear()
            self._needs_key = True
        if self._needs_key and not frame.is_key:
            self.n_dropped += self._has_begun
            self._ask_for_keyframe()
            return
        self._needs_key, self._has_begun = False, True
        self._frames.append(frame)
        self._has_news.set()

    async def next(self) -> CodedFrame | None:
        """The oldest frame, when there is one; None once it is closed."""
        while not self._frames and not self._is_closed:
            self._has_news.clear()
            await self._has_news.wait()
        return None if self._is_closed else self._frames.popleft()

    def close(self) -> None:
        """End whoever waits."""
        self._is_closed = True
        self._frames.clear()
        self._has_news.set()
