"""Numbers that a page sends, or a client that says it is one. Pure; trusts nothing."""

from __future__ import annotations

import math

from lingen_live.engine.record import MAX_STEPS
from lingen_live.errors import ScenarioError

_MAX_SHOWN = 40


def read_number(cell: object, who: str, what: str) -> float | None:
    """A number, also as text; none in an empty cell.

    Raises:
        ScenarioError: it is something else; the message names `who` and `what`.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        number = float(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ScenarioError(f"{who} has {shown(cell)} for {what}; it must be a number.")
    return number


def check_steps(number: float, who: str) -> int:
    """Denoising steps of a chunk.

    Raises:
        ScenarioError: there are not so many, or it is no whole number; the message names `who`.
    """
    if number != number // 1 or not 1 <= number <= MAX_STEPS:
        raise ScenarioError(f"{who} has {number:g} steps; it must be a whole number of 1 to {MAX_STEPS}.")
    return int(number)


def shown(value: object) -> str:
    """What was got, shortly."""
    told = repr(value)
    return "no" if value is None else told if len(told) <= _MAX_SHOWN else f"{told[:_MAX_SHOWN]}..."
