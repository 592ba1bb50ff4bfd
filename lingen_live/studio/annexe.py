"""The studio as the server sees it: at `/studio`, made when somebody first asks for it. Light; imports no Gradio.

Where Gradio is missing, a plain page says how to get it.
"""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lingen_live.serve.annexe import Backstage
    from lingen_live.studio.context import StudioContext

N_STREAMS = 1
"""Made in the background at a time; whoever wants another waits."""


class Studio:
    """An `Annexe`."""

    path = "/studio"

    def __init__(self) -> None:
        self._has_gradio = importlib.util.find_spec("gradio") is not None
        self._context: StudioContext | None = None

    @property
    def n_streams(self) -> int:
        """How many streams it has open at a time."""
        return N_STREAMS if self._has_gradio else 0

    def describe(self, url: str) -> str | None:
        """Where it is."""
        return f"The studio, where films are made, is at {url}." if self._has_gradio else None

    def open(self, backstage: Backstage) -> ASGIApp:
        """The application; Gradio is imported with the first request."""
        if not self._has_gradio:
            from lingen_live.studio.missing import missing_page

            return missing_page
        from lingen_live.studio.context import StudioContext
        from lingen_live.studio.films import Films
        from lingen_live.studio.gate import Gate
        from lingen_live.studio.lazy import Lazy

        context = self._context = StudioContext.of(backstage)

        def make() -> ASGIApp:
            from lingen_live.studio.mount import make_app

            return make_app(context)

        return Gate(Films(context.desk, Lazy(make)))

    async def run(self) -> None:
        """Make films until cancelled."""
        if self._context is None:
            await asyncio.Event().wait()
            return
        try:
            await self._context.desk.run()
        finally:
            await self._context.evaluation.cancel()
