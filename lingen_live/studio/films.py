"""Films of the desk over HTTP, below `films/`: parts of them too, so that players can seek.

Names are those that were given here; no path of a client is ever opened. Plain ASGI.
"""

from __future__ import annotations

import re

from starlette.responses import FileResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lingen_live.serve.files import SESSION_TYPE
from lingen_live.studio.desk import Desk

_PATH = re.compile(r"/films/([\w-]+)\.(mp4|json|[A-D]\.(?:json|lgs))")
_TYPES = {".mp4": "video/mp4", ".json": "application/json", ".lgs": SESSION_TYPE}
_HEADERS = {"Cache-Control": "private, no-cache"}


class Films:
    """ASGI middleware that answers for films."""

    def __init__(self, desk: Desk, app: ASGIApp) -> None:
        self._desk = desk
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A film, a scenario, or what else there is."""
        match = _PATH.fullmatch(scope["path"].removeprefix(scope.get("root_path", "")))
        if match is None:
            await self._app(scope, receive, send)
            return
        film, ending = self._desk.find(match[1]), match[2].replace("json", "scenario.json")
        path = None if film is None else self._desk.path(film, ending)
        if path is None:
            await PlainTextResponse("There is no such film, or it is not there yet.", 404)(scope, receive, send)
            return
        # Without a name to save it by: a player opens it where it is, and a link says by itself that it is to be kept.
        await FileResponse(path, headers=_HEADERS, media_type=_TYPES[path.suffix])(scope, receive, send)
