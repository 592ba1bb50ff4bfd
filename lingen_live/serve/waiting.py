"""How long those in line will wait, from how often sessions have ended so far. Pure; knows seconds, no clock.

What is counted is time: seconds that sessions played in all, over ends that were seen. The mean length of those that
have ended would promise too much at first, for these are the short ones.
"""

from __future__ import annotations

MIN_ENDED = 3
"""Ends before which nothing is told: of one, a guess is easily off by three times."""
_MAX_ENDED = 128
"""Ends at which all that was counted is halved, so that the evening is not judged by the morning."""


class Stays:
    """How long sessions hold their places."""

    def __init__(self) -> None:
        self._played_s = 0.0
        self._n_ended = 0.0

    def play(self, n_playing: int, span_s: float) -> None:
        """So many sessions held their places for so long."""
        self._played_s += n_playing * span_s

    def end(self) -> None:
        """One of them ended."""
        if self._n_ended >= _MAX_ENDED:
            self._n_ended, self._played_s = self._n_ended / 2, self._played_s / 2
        self._n_ended += 1

    @property
    def mean_s(self) -> float | None:
        """How long sessions last in the mean; None while too little is known."""
        return self._played_s / self._n_ended if self._n_ended >= MIN_ENDED else None


def estimate_s(place_in_line: int, n_playing: int, mean_session_s: float) -> float | None:
    """How long somebody will wait about: `place_in_line` sessions have to end first.

    Args:
        place_in_line: from 1.
        n_playing: sessions that hold a place.
        mean_session_s: how long sessions last in the mean.

    Returns:
        Seconds; None if nobody plays, so that nobody can go.
    """
    return place_in_line * mean_session_s / n_playing if n_playing else None
