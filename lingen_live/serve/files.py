"""HTTP for what is too large for the control socket: session files, scenarios and thumbnails. Knows the house."""

from __future__ import annotations

import json
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from lingen_live.engine.limits import max_session_bytes
from lingen_live.errors import LingenError
from lingen_live.serve.errors import HttpError
from lingen_live.serve.house import House

SESSION_TYPE = "application/vnd.lingen-live.session"
_NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def files_router(house: House) -> APIRouter:
    """Routes to save and load a session: the query names it, the oldest if it does not."""
    router = APIRouter()

    @router.get("/session.lgs")
    async def save(session: str | None = None) -> Response:
        archive = house.room(session).session.archive
        try:
            data = await archive.save()
        except LingenError as error:
            raise HttpError(409, error.code, error.message) from error
        return Response(data, 200, {**_NOT_STORED, **_attachment(f"{archive.title}.lgs")}, SESSION_TYPE)

    @router.get("/scenario.json")
    async def tell(link: bool = False, session: str | None = None) -> Response:
        archive = house.room(session).session.archive
        try:
            scenario = await archive.scenario()
        except LingenError as error:
            raise HttpError(409, error.code, error.message) from error
        text = json.dumps(scenario.to_json(has_digests=not link), ensure_ascii=False, separators=(",", ":"))
        headers = _NOT_STORED if link else {**_NOT_STORED, **_attachment(f"{archive.title}.json")}
        return Response(text, 200, headers, "application/json")

    @router.post("/uploads")
    async def upload(request: Request, session: str | None = None) -> dict[str, str]:
        target = house.room(session).session
        info = target.info
        if info is None:
            raise HttpError(503, "warming", "The model is still warming up; /readyz says how far it is.", 1)
        return {"upload": target.archive.uploads.add(await _read_body(request, max_session_bytes(info.state_bytes)))}

    @router.get("/thumbnails/{key}.jpg")
    async def thumbnail(key: str) -> Response:
        found = (room.session.archive.thumbnails.find(key) for room in house.rooms)  # keys tell whose they are
        if (jpeg := next((one for one in found if one is not None), None)) is None:
            raise HttpError(404, "no_thumbnail", "There is no picture of that moment.")
        return Response(jpeg, 200, _FOR_EVER, "image/jpeg")

    return router


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


async def _read_body(request: Request, limit: int) -> bytes:
    """The body, refused before it is read if it says that it is too long, and else read no further than the limit."""
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > limit:
        raise HttpError(413, "too_large", f"The file has {said} bytes; a session of this model has at most {limit}.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise HttpError(413, "too_large", f"The file has more than {limit} bytes, the most that a session has.")
    return bytes(body)
