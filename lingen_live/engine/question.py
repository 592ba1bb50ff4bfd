"""What can be asked of a stream between two chunks. Plain values, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SessionAt:
    """The session as it was at a kept moment, the one before chunk `chunk_index`."""

    chunk_index: int


Question = Literal["session", "scenario"] | SessionAt
