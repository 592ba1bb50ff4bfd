"""A media server that takes the stream. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to.

    Attributes:
        url: the WHIP endpoint.
        token: that it asks for.
    """

    url: str
    token: str | None = field(default=None, repr=False)
