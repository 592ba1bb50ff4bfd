"""Numbers that a page sends, or a client that says it is one. Pure; trusts nothing."""

from __future__ import annotations

import math

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


def shown(value: object) -> str:
    """What was got, shortly."""
    return "no" if value is None else repr(value)[:_MAX_SHOWN]
