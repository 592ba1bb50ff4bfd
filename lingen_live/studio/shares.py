"""Shares of right answers with what their number leaves open. Pure."""

from __future__ import annotations

import math

_Z = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


def interval(n_right: int, n_judged: int) -> tuple[float, float]:
    """Where the true share lies with 95 % confidence (Wilson 1927), in [0, 1].

    Raises:
        ValueError: nothing was judged.
    """
    if n_judged < 1:
        raise ValueError(f"{n_judged} were judged; an interval takes 1 or more.")
    share, z2 = n_right / n_judged, _Z**2
    middle = (share + z2 / (2 * n_judged)) / (1 + z2 / n_judged)
    half = _Z / (1 + z2 / n_judged) * math.sqrt(share * (1 - share) / n_judged + z2 / (4 * n_judged**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def told(n_right: int, n_judged: int) -> str:
    """A share with its counts and its interval, for people."""
    if not n_judged:
        return "not judged"
    low, high = interval(n_right, n_judged)
    return f"{100 * n_right / n_judged:.0f} % ({n_right}/{n_judged}; {100 * low:.0f} to {100 * high:.0f})"
