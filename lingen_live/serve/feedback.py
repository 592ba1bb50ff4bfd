"""What receivers say, and what an encoder that serves them all should do about it. Pure: time is given."""

from __future__ import annotations

from statistics import median_low

KEYFRAME_INTERVAL_S = 0.5

FLOOR_BPS, CEILING_BPS = 400_000, 3_000_000
STARTING_BPS = 1_000_000  # of 256 x 256 at 16 frames a second, and of anything smaller

_STEP = 0.7
_DOWN_AFTER_S, _UP_AFTER_S = 2.0, 15.0


class KeyframeRule:
    """Keyframes on request, but never two within `interval_s`: one lossy viewer must not blur the others."""

    def __init__(self, interval_s: float = KEYFRAME_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._is_wanted = False
        self._last_s: float | None = None

    def ask(self) -> None:
        """Somebody cannot go on without one."""
        self._is_wanted = True

    def is_due(self, now_s: float) -> bool:
        """Whether the next frame must be one."""
        return self._is_wanted and (self._last_s is None or now_s - self._last_s >= self._interval_s)

    def note(self, now_s: float) -> None:
        """One was made, asked for or not."""
        self._is_wanted = False
        self._last_s = now_s


def nominal_bps(width_px: int, height_px: int, fps: float) -> int:
    """What pictures of a size get when nothing is in the way: about a bit a pixel, within bounds."""
    return min(max(round(width_px * height_px * fps), STARTING_BPS), CEILING_BPS)


class BitrateRule:
    """One bitrate for many receivers.

    Receivers estimate what reaches them, and an estimate is at most one and a half times of what is sent; so one
    that is above what is sent says nothing. It is the middle one of several that counts: a single bad line must not
    blur the picture of all others. Steps are coarse and rare, because each makes a new encoder and a keyframe.

    Args:
        nominal_bps: the bitrate when nobody complains.
        now_s: monotonic.
    """

    def __init__(self, nominal_bps: int, now_s: float) -> None:
        self._nominal_bps = nominal_bps
        self._changed_s = now_s
        self._estimates_bps: dict[object, int] = {}
        self.bitrate_bps = nominal_bps

    def note(self, receiver: object, estimate_bps: int) -> None:
        """What `receiver` believes it can take."""
        self._estimates_bps[receiver] = estimate_bps

    def forget(self, receiver: object) -> None:
        """`receiver` left."""
        self._estimates_bps.pop(receiver, None)

    def update(self, sent_bps: float, now_s: float) -> int:
        """The bitrate from now on, given what was sent to each lately."""
        quiet_s = now_s - self._changed_s
        estimate_bps = median_low(self._estimates_bps.values()) if self._estimates_bps else self._nominal_bps
        if estimate_bps < 0.9 * sent_bps and quiet_s >= _DOWN_AFTER_S:
            self._set(self.bitrate_bps * _STEP, now_s)
        elif estimate_bps >= sent_bps and quiet_s >= _UP_AFTER_S:
            self._set(self.bitrate_bps / _STEP, now_s)
        return self.bitrate_bps

    def _set(self, bitrate_bps: float, now_s: float) -> None:
        wanted_bps = min(max(round(bitrate_bps), min(FLOOR_BPS, self._nominal_bps)), self._nominal_bps)
        if wanted_bps != self.bitrate_bps:
            self.bitrate_bps = wanted_bps
            self._changed_s = now_s
