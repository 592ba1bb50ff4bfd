"""How often somebody may ask: a bucket of tokens that fills by itself. Pure; time is passed in."""

from __future__ import annotations


class TokenBucket:
    """Full at first.

    Args:
        rate_hz: tokens that come a second.
        burst: tokens that it holds.
    """

    def __init__(self, rate_hz: float, burst: int) -> None:
        self._rate_hz, self._burst = rate_hz, burst
        self._n_tokens, self._at_s = float(burst), 0.0

    def take(self, now_s: float) -> bool:
        """Take a token, if there is one now (monotonic seconds)."""
        self._fill(now_s)
        if self._n_tokens < 1:
            return False
        self._n_tokens -= 1
        return True

    def reserve(self, now_s: float) -> float:
        """Take a token even if it has yet to come; how many seconds until then."""
        self._fill(now_s)
        self._n_tokens -= 1
        return max(0.0, -self._n_tokens / self._rate_hz)

    def _fill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        self._at_s = max(self._at_s, now_s)
        self._n_tokens = min(self._burst, self._n_tokens + passed_s * self._rate_hz)
