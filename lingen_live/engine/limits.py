"""How large a session file may be; beside the code that reads one, because a server checks it without a model."""

from __future__ import annotations

_SPARE_BYTES = 4 * 2**20  # words, prompts and digests, generously


def max_session_bytes(state_bytes: int) -> int:
    """The most bytes that a session file of a model has."""
    return state_bytes + _SPARE_BYTES
