"""The line of those for whom there is no room yet. Pure; knows an order, and nothing of who stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """First come, first served."""

    def __init__(self) -> None:
        self._waiting: dict[T, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, one: T) -> None:
        """Stand at the end; whoever stands already stays where they are."""
        self._waiting.setdefault(one)

    def leave(self, one: T) -> None:
        """Stand in it no more; idempotent."""
        self._waiting.pop(one, None)

    def next(self) -> T:
        """Take the first out.

        Raises:
            LookupError: nobody waits.
        """
        if not self._waiting:
            raise LookupError("nobody waits")
        first = next(iter(self._waiting))
        del self._waiting[first]
        return first

    def places(self) -> Iterator[tuple[T, int]]:
        """Everybody with their place, from 1."""
        return ((one, place) for place, one in enumerate(tuple(self._waiting), 1))
