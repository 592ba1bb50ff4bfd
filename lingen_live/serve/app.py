"""The ASGI application: routes to what serves them, errors to answers. Knows FastAPI; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp

from lingen_live.profile.prometheus import Metric
from lingen_live.serve.cors import Cors
from lingen_live.serve.errors import HttpError
from lingen_live.serve.files import files_router
from lingen_live.serve.films import films_router
from lingen_live.serve.guard import Guard
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.house import House
from lingen_live.serve.measured import measured_router
from lingen_live.serve.media_socket import MediaSockets
from lingen_live.serve.sessions import Session
from lingen_live.serve.socket import ControlSockets
from lingen_live.serve.throttle import Throttle
from lingen_live.serve.viewers import Viewers
from lingen_live.serve.web import WebFiles
from lingen_live.serve.whep import whep_router


def create_app(
    house: House,
    web_directory: Path,
    rule: HostRule,
    more_metrics: Callable[[], list[Metric]] = list,
    mounts: Mapping[str, ASGIApp] | None = None,
) -> FastAPI:
    """Everything that is served.

    Args:
        house: the sessions; running them is its owner's business.
        web_directory: of the browser client.
        rule: which names this server answers to.
        more_metrics: asked whenever somebody asks for metrics.
        mounts: applications by the path that they are below, behind the same checks as all else.
    """
    app = FastAPI(title="lingen live", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Throttle)
    app.add_middleware(Guard, rule=rule)
    app.add_middleware(Cors, rule=rule)  # outside of the guard: the last that is added comes first
    app.add_exception_handler(HttpError, _answer_error)
    sockets = ControlSockets(house)

    def find(session_id: str | None) -> tuple[Session, Viewers]:
        room = house.room(session_id)
        return room.session, room.viewers

    def find_place(session_id: str | None) -> Viewers:
        house.check_viewers()
        return house.room(session_id).viewers

    media = MediaSockets(find_place)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        readiness = _readiness(house)
        return JSONResponse(readiness, 200 if readiness["status"] in ("running", "paused") else 503)

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await sockets.handle(socket)

    @app.websocket("/media")
    async def media_socket(socket: WebSocket) -> None:
        await media.handle(socket)

    app.include_router(whep_router(house))
    app.include_router(files_router(house))
    app.include_router(films_router(house))
    app.include_router(
        measured_router(
            find,
            lambda: [(room.session, room.viewers) for room in house.rooms],
            lambda: [*_house_metrics(house), *more_metrics()],
        )
    )
    _mount(app, {**(mounts or {}), "/": WebFiles(web_directory)})
    return app


def _mount(app: FastAPI, mounts: Mapping[str, ASGIApp]) -> None:
    for path, mounted in mounts.items():
        if path != "/":
            app.add_route(path, _add_slash, ["GET"])
        app.mount(path, mounted)


def _house_metrics(house: House) -> list[Metric]:
    return [
        Metric("places", "gauge", "Sessions that are made as fast as they play.", [({}, house.n_places)]),
        Metric("waiting_visitors", "gauge", "Visitors in line for a session.", [({}, house.n_waiting)]),
    ]


def _readiness(house: House) -> dict[str, Any]:
    sessions = [room.session for room in house.rooms]
    statuses = {session.status for session in sessions}
    found = [status for status in ("warming", "restarting", "running", "paused") if status in statuses]
    progress = next((session.progress for session in sessions if session.progress), None)
    return {
        "status": found[0] if found else "warming",
        "progress": {"stage": progress[0], "fraction": progress[1]} if progress else None,
        "n_sessions": len(sessions),
        "max_sessions": house.n_places,
        "n_waiting": house.n_waiting,
        "n_viewers": house.n_viewers,
        "n_late_frames": sum(session.n_late_frames for session in sessions),
    }


async def _add_slash(request: Request) -> Response:
    # Relative, so that it also holds below a proxy's path.
    return RedirectResponse(f"./{request.url.path.rpartition('/')[2]}/")


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)  # what the handler is registered for
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return JSONResponse({"code": error.code, "message": error.message}, error.status, headers)
