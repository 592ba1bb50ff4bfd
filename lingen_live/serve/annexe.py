"""What is served beside the page and uses the same engine, such as the studio: how the server sees it. Pure.

The server knows nothing of what an annexe does; whoever starts the server brings it along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp

from lingen_live.engine.client import EngineHost
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.house import House


@dataclass(frozen=True, slots=True)
class Backstage:
    """What an annexe may use. All of it belongs to the event loop of the server.

    Attributes:
        host: opens streams; an annexe opens only such as nobody watches made (`is_background`).
        house: the sessions that are played.
        options: how the engine is built.
    """

    host: EngineHost
    house: House
    options: EngineOptions


class Annexe(Protocol):
    """An application below a path of its own. Light to make: it is made before anything is loaded."""

    @property
    def path(self) -> str:
        """Where it is served, such as "/studio"; the checks of Host, Origin and token come before it."""

    @property
    def n_streams(self) -> int:
        """How many streams it has open at a time."""

    def describe(self, url: str) -> str | None:
        """A line for the person at the terminal, who reaches the annexe at `url`; None if there is nothing to say."""

    def open(self, backstage: Backstage) -> ASGIApp:
        """The application; called once, on the event loop, before the server listens."""

    async def run(self) -> None:
        """What it does beside answering, until cancelled; lets go of all that it held."""
