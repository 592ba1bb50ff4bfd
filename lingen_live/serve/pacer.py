"""When the next frame plays, and when the next chunk must be asked for. Pure: time is given.

Media time is wall time since the first frame, counted in whole frame slots. So it never goes backwards and
never drifts from the clock, whatever happens: a late chunk fills its slots with repeats of the last frame, a
pause skips most slots, and a stall of this process skips those it slept through.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum

IDLE_FPS = 2.0
PATIENCE_S = 1.0


class Action(Enum):
    """What to do now."""

    SEND = "send"
    REPEAT = "repeat"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and until when nothing else is to be done.

    Attributes:
        action: send the next frame, repeat the last one, or neither.
        media_time_s: of the frame sent or repeated; 0 when waiting.
        wait_s: from now to the next slot.
        is_late: a frame was due and none was there.
    """

    action: Action
    media_time_s: float
    wait_s: float
    is_late: bool = False


class Pacer:
    """Decides slot by slot; feed it a monotonic clock.

    Args:
        fps: frame slots a second.
        idle_fps: repeats a second while paused or starved, so that whoever joins sees a picture.
        patience_s: a chunk that is later than this makes the stream starved.
    """

    def __init__(self, fps: float, idle_fps: float = IDLE_FPS, patience_s: float = PATIENCE_S) -> None:
        self._fps = fps
        self._idle_slots = max(1, round(fps / idle_fps))
        self._patience_slots = math.ceil(patience_s * fps)
        self._origin_s: float | None = None
        self._next_slot = 0
        self._last_sent_slot = 0
        self._last_new_slot = 0

    def decide(self, now_s: float, n_queued: int, is_paused: bool) -> Decision:
        """What to do at `now_s` with `n_queued` frames waiting; call again after `wait_s`."""
        if self._origin_s is None:
            if n_queued == 0 or is_paused:
                return Decision(Action.WAIT, 0.0, 1 / self._fps)
            self._origin_s = now_s
        # A hair's breadth forgives the rounding of a wake-up at exactly the right time.
        slot = math.floor((now_s - self._origin_s) * self._fps + 1e-6)
        if slot < self._next_slot:
            return Decision(Action.WAIT, 0.0, self._until(self._next_slot, now_s))
        self._next_slot = slot + 1
        wait_s = self._until(self._next_slot, now_s)
        if n_queued > 0 and not is_paused:
            self._last_sent_slot = self._last_new_slot = slot
            return Decision(Action.SEND, slot / self._fps, wait_s)
        if is_paused:
            self._last_new_slot = slot  # patience begins anew with the resume
        is_idle = is_paused or slot - self._last_new_slot > self._patience_slots
        if is_idle and slot - self._last_sent_slot < self._idle_slots:
            return Decision(Action.WAIT, 0.0, wait_s)
        self._last_sent_slot = slot
        return Decision(Action.REPEAT, slot / self._fps, wait_s, is_late=not is_paused)

    def media_time_s(self, now_s: float) -> float:
        """Media time of the slot at `now_s`; 0 before the first frame."""
        if self._origin_s is None:
            return 0.0
        return math.floor((now_s - self._origin_s) * self._fps + 1e-6) / self._fps

    def _until(self, slot: int, now_s: float) -> float:
        assert self._origin_s is not None
        return max(0.0, self._origin_s + slot / self._fps - now_s)


class LeadTime:
    """How much media time must be left in the queue when the next chunk is asked for.

    The later a chunk is begun, the newer are the words that it obeys; but it must be there in time. So the
    lead follows the slowest of the last few chunks, with a margin, and is never more than a chunk: then there
    is one chunk playing and at most one waiting.

    Args:
        chunk_s: media time of a chunk.
        window: how many of the last chunks count.
        stretch: factor on the slowest of them.
        margin_s: added to it.
    """

    def __init__(self, chunk_s: float, window: int = 8, stretch: float = 1.25, margin_s: float = 0.1) -> None:
        self._chunk_s = chunk_s
        self._stretch = stretch
        self._margin_s = margin_s
        self._durations_s: deque[float] = deque(maxlen=window)
        self._urgent_s: deque[float] = deque(maxlen=window)

    def observe(self, duration_s: float, deferred_s: float = 0.0) -> None:
        """A chunk took `duration_s` from being asked for to being there, `deferred_s` of it because it could wait."""
        self._durations_s.append(duration_s)
        self._urgent_s.append(max(0.0, duration_s - deferred_s))

    @property
    def expected_s(self) -> float:
        """How long an urgent chunk takes, as the slowest of the last ones would have; a whole chunk until one did."""
        return max(self._urgent_s, default=self._chunk_s)

    @property
    def lead_s(self) -> float:
        """In (0, chunk_s]; a whole chunk until the first was observed."""
        if not self._durations_s:
            return self._chunk_s
        return min(self._chunk_s, self._stretch * max(self._durations_s) + self._margin_s)
