"""90 kHz, the clock of RTP video. Knows nothing else."""

from __future__ import annotations

from fractions import Fraction

CLOCK_RATE_HZ = 90000
TIME_BASE = Fraction(1, CLOCK_RATE_HZ)


def to_pts(media_time_s: float) -> int:
    """Media time in ticks of 90 kHz."""
    return round(media_time_s * CLOCK_RATE_HZ)
