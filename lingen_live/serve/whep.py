"""WHEP: POST an SDP offer, get 201 with the answer and the place to DELETE. Knows HTTP and who watches what."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from lingen_live.serve.errors import HttpError
from lingen_live.serve.house import House
from lingen_live.serve.offer import MAX_SDP_BYTES

SDP_TYPE = "application/sdp"


def whep_router(house: House) -> APIRouter:
    """Routes under /whep: the query names a session, the oldest if it does not."""
    router = APIRouter(prefix="/whep")

    @router.post("")
    async def start(request: Request, session: str | None = None) -> Response:
        content_type = request.headers.get("content-type", "")
        if content_type.split(";")[0].strip().lower() != SDP_TYPE:
            raise HttpError(415, "wrong_type", f"The content type is {content_type[:80]!r}; it must be {SDP_TYPE}.")
        offer = _decode(await _read_body(request))
        room = house.room(session)
        house.check_viewers()
        viewer_id, answer = await room.viewers.admit(offer)
        return Response(answer, 201, {"Location": f"/whep/{viewer_id}"}, SDP_TYPE)

    @router.options("")
    async def describe() -> Response:
        return Response(status_code=204, headers={"Accept-Post": SDP_TYPE, "Allow": "POST, OPTIONS"})

    @router.patch("/{viewer_id}")
    async def trickle(viewer_id: str) -> Response:
        message = "PATCH is not supported; all candidates belong into the offer, and the answer holds all of ours."
        body = {"code": "no_trickle", "message": message}
        return JSONResponse(body, 405, {"Allow": "DELETE"})

    @router.delete("/{viewer_id}")
    async def stop(viewer_id: str) -> Response:
        for room in house.rooms:
            await room.viewers.dismiss(viewer_id)
        return Response(status_code=200)

    return router


async def _read_body(request: Request) -> bytes:
    """The body, read no further than the limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_SDP_BYTES:
            raise HttpError(
                413,
                "too_large",
                f"The offer has more than {MAX_SDP_BYTES} bytes, which is the most that is accepted.",
            )
    return bytes(body)


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HttpError(
            400, "bad_sdp", f"The offer is not UTF-8 (byte {error.start} of {len(body)}); SDP is text."
        ) from error
