"""Which kept moments go first when memory is short: pure, of chunk indices alone.

Old moments are kept sparsely and young ones densely: a moment is worth the gap that it fills, in proportion to
its age. So gaps grow with age, and a budget that never grows still reaches back to the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence

N_RECENT = 6
"""Moments up to where the stream is that always stay: a stream may turn back before what was not shown yet."""


def protected(indices: Sequence[int], here: int | None) -> set[int]:
    """Moments of a branch that always stay: the first, the last, and the most recent.

    Args:
        indices: rising, one or more.
        here: where the stream is; None on a branch where it is not.
    """
    recent = [] if here is None else [index for index in indices if index <= here][-N_RECENT:]
    return {indices[0], indices[-1], *recent}


def worth(indices: Sequence[int], position: int) -> float:
    """What the moment at a position inside of `indices` is worth, above 0."""
    gap = indices[position + 1] - indices[position - 1]
    return gap / (1 + indices[-1] - indices[position])
