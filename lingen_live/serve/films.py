"""Films over HTTP, `/recordings/NAME.mp4` and `.json`: parts of them too, so that players can seek. Knows the house.

Names are those that were given here; no path of a client is ever opened.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from lingen_live.serve.errors import HttpError
from lingen_live.serve.house import House

_TYPES = {"mp4": "video/mp4", "json": "application/json"}
_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}


def films_router(house: House) -> APIRouter:
    """Routes to what was recorded: a name is known to those who were told it, and nobody can guess it."""
    router = APIRouter()

    @router.get("/recordings/{name}.{kind}")
    async def film(name: str, kind: str) -> Response:
        path = next((path for room in house.rooms if (path := room.recorder.find(name))), None)
        if path is None or kind not in _TYPES:
            raise HttpError(404, "no_recording", "There is no such recording, or it went with its session.")
        path = path.with_suffix(f".{kind}")
        if not path.is_file():
            raise HttpError(404, "no_recording", f"That recording has no {kind} yet.")
        return FileResponse(path, headers=_HEADERS, media_type=_TYPES[kind], filename=f"lingen live {name}.{kind}")

    return router
