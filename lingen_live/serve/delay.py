"""How long receivers shall hold frames back before they show them, as it rides along with every packet. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from lingen_live.errors import ConfigError

STEP_MS = 10
MAX_MS = 0xFFF * STEP_MS

_TEXT = re.compile(r"(\d{1,6})(?::(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class PlayoutDelay:
    """Bounds for the receiver's own choice; none and none shows every frame as soon as it can be decoded.

    Attributes:
        min_ms: at least, 0 to 40950 in steps of 10.
        max_ms: at most, likewise, not below `min_ms`.

    Raises:
        ConfigError: with both numbers.
    """

    min_ms: int = 0
    max_ms: int = 0

    def __post_init__(self) -> None:
        for value_ms in (self.min_ms, self.max_ms):
            if not 0 <= value_ms <= MAX_MS or value_ms % STEP_MS:
                raise ConfigError(f"A playout delay is {value_ms} ms; it must be 0 to {MAX_MS} in steps of {STEP_MS}.")
        if self.max_ms < self.min_ms:
            raise ConfigError(f"The playout delay is at least {self.min_ms} and at most {self.max_ms} ms; turn them.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `MIN` or `MIN:MAX`, milliseconds; `MIN` alone is both.

        Raises:
            ConfigError: it is neither.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ConfigError(f"The playout delay is {text[:40]!r}; it must be MIN or MIN:MAX in milliseconds.")
        return cls(int(match[1]), int(match[2] or match[1]))

    @property
    def data(self) -> bytes:
        """As in the header extension: 12 bits each, in steps of 10 ms."""
        return (self.min_ms // STEP_MS << 12 | self.max_ms // STEP_MS).to_bytes(3, "big")
