"""The last seconds of a channel, kept as they were coded: what "keep the last 30 s" is made of. Pure.

What was watched before a longer gap is forgotten, since a film of it would stand still for that long.

Costs the references to frames that exist anyway. A film can begin only with a keyframe, so one is asked for now and
then while somebody watches; nothing is encoded for the ring's sake.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.protocol import MAX_KEEP_S
from lingen_live.serve.ticks import CLOCK_RATE_HZ

KEYFRAME_EVERY_S = 5.0
MAX_GAP_S = 2.0
MAX_RING_BYTES = 16 * 2**20


class Ring:
    """Frames from a keyframe on, of at least the last `seconds` if so much came, and hardly more.

    Args:
        ask_for_keyframe: called when the last one is `KEYFRAME_EVERY_S` old.
        seconds: of media time.
        max_bytes: the oldest go first, also if less than `seconds` are left.
    """

    def __init__(
        self, ask_for_keyframe: Callable[[], None], seconds: float = MAX_KEEP_S, max_bytes: int = MAX_RING_BYTES
    ) -> None:
        self._ask_for_keyframe = ask_for_keyframe
        self._ticks = round(seconds * CLOCK_RATE_HZ)
        self._max_bytes = max_bytes
        self._stretches: deque[list[Sample]] = deque()  # each begins with a keyframe
        self.n_bytes = 0

    def deliver(self, frame: CodedFrame) -> None:
        """Keep `frame`."""
        if self._stretches and frame.pts - self._stretches[-1][-1].pts > MAX_GAP_S * CLOCK_RATE_HZ:
            self._stretches.clear()
            self.n_bytes = 0
        if frame.is_key:
            self._stretches.append([])
        elif not self._stretches:
            self._ask_for_keyframe()
            return
        stretch = self._stretches[-1]
        stretch.append(Sample(frame.data, frame.pts, frame.is_key))
        self.n_bytes += len(frame.data)
        if frame.pts - stretch[0].pts >= KEYFRAME_EVERY_S * CLOCK_RATE_HZ:
            self._ask_for_keyframe()
        while self._is_first_spare(frame.pts):
            self.n_bytes -= sum(len(sample.data) for sample in self._stretches.popleft())

    def last(self, seconds: float) -> list[Sample]:
        """The last `seconds`, and what is before them up to a keyframe; all if there is less, and maybe nothing."""
        if not self._stretches:
            return []
        begin_pts = self._stretches[-1][-1].pts - round(seconds * CLOCK_RATE_HZ)
        n_spare = sum(stretch[0].pts <= begin_pts for stretch in self._stretches)
        wanted = list(self._stretches)[max(n_spare - 1, 0) :]
        return [sample for stretch in wanted for sample in stretch]

    def _is_first_spare(self, newest_pts: int) -> bool:
        if self.n_bytes > self._max_bytes:
            return bool(self._stretches)  # even the only one: the next keyframe begins anew
        return len(self._stretches) > 1 and self._stretches[1][0].pts <= newest_pts - self._ticks
