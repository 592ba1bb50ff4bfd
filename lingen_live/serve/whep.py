"""WHEP: POST an SDP offer, get 201 with the answer and the place to PATCH late candidates to, and to DELETE.

Knows HTTP and who watches what. How far it follows the draft is in docs/networks.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from lingen_live.serve.errors import HttpError
from lingen_live.serve.house import House
from lingen_live.serve.ice import to_links
from lingen_live.serve.offer import MAX_SDP_BYTES
from lingen_live.serve.trickle import parse_fragment
from lingen_live.serve.viewers import etag_of

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
_HEADERS = {"Accept-Post": SDP_TYPE, "Accept-Patch": FRAGMENT_TYPE, "Allow": "GET, HEAD, POST, OPTIONS"}
_VIEWER_HEADERS = {"Accept-Post": SDP_TYPE, "Accept-Patch": FRAGMENT_TYPE, "Allow": "DELETE, PATCH, OPTIONS"}


def whep_router(house: House) -> APIRouter:
    """Routes under /whep: the query names a session, the oldest if it does not."""
    router = APIRouter(prefix="/whep")

    def naming_servers(status: int, headers: Mapping[str, str], body: str | None = None) -> Response:
        response = Response(body, status, headers, None if body is None else SDP_TYPE)
        if house.media.ice.secret is not None:
            response.headers["Cache-Control"] = "no-store"  # credentials
        for link in to_links(house.media.ice.servers(time.time())):
            response.headers.append("Link", link)
        return response

    @router.post("")
    async def start(request: Request, session: str | None = None, place: str = "") -> Response:
        _check_type(request, SDP_TYPE)
        offer = _decode(await _read_body(request))
        room = house.room(session)
        if place == "":  # else it is the same viewer once more, for whom the session moves
            house.check_viewers()
        viewer_id, answer = await room.viewers.admit(offer, place)
        return naming_servers(201, {"Location": f"/whep/{viewer_id}", "ETag": etag_of(viewer_id)}, answer)

    @router.options("")
    async def describe() -> Response:
        return naming_servers(200, _HEADERS)

    @router.get("")
    @router.head("")
    async def look() -> Response:
        return Response(status_code=200, headers=_HEADERS, media_type=SDP_TYPE)

    @router.patch("/{viewer_id}")
    async def trickle(viewer_id: str, request: Request) -> Response:
        _check_type(request, FRAGMENT_TYPE)
        fragment = parse_fragment(_decode(await _read_body(request)))
        # Players in use send no If-Match, so that none is demanded; a wrong one is refused.
        for room in house.rooms:
            if await room.viewers.trickle(viewer_id, request.headers.get("if-match"), fragment):
                return Response(status_code=204)
        raise HttpError(404, "no_viewer", "There is no such viewer, or it was hung up on.")

    @router.delete("/{viewer_id}")
    async def stop(viewer_id: str) -> Response:
        for room in house.rooms:
            await room.viewers.dismiss(viewer_id)
        return Response(status_code=200)

    @router.options("/{viewer_id}")
    async def describe_viewer() -> Response:
        return Response(status_code=200, headers=_VIEWER_HEADERS)

    @router.api_route("/{viewer_id}", methods=["GET", "HEAD", "POST", "PUT"])
    async def refuse() -> Response:
        # Else the files of the page would answer, with 404.
        return Response(status_code=405, headers=_VIEWER_HEADERS)

    return router


def _check_type(request: Request, wanted: str) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.split(";")[0].strip().lower() != wanted:
        raise HttpError(415, "wrong_type", f"The content type is {content_type[:80]!r}; it must be {wanted}.")


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
